//! A process named so that no later one can be taken for it: number, start time, boot.

use std::os::fd::OwnedFd;

use browndog_runtime::process::Stat;
use browndog_runtime::sys;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// A process of this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number (getpid(2)).
    pub pid: i32,
    /// When it started: field 22 of proc_pid_stat(5), clock ticks since boot.
    pub start: u64,
}

impl ProcessId {
    /// The process that has this number now.
    pub fn of(pid: i32) -> Option<Self> {
        Some(Self { pid, start: start_of(pid)? })
    }

    /// This process.
    pub fn own() -> Self {
        let pid = std::process::id() as i32;
        Self { pid, start: start_of(pid).unwrap_or(0) }
    }

    /// The name of what it starts ([`browndog_runtime::launch::instance`]), always the same: it was there when it
    /// began. Who looks at a running domain finds its groups by the record of its monitor.
    pub fn instance(self) -> String {
        format!("{}-{}", self.pid, self.start)
    }

    /// Holds it: the descriptor is of this very process, or there is none any more.
    pub fn open(self) -> Option<OwnedFd> {
        let fd = sys::pidfd_open(self.pid, 0).ok()?;
        let fd = sys::adopt(fd as i32);
        // Looked at while it is held: a number given to another process meanwhile has another start.
        (start_of(self.pid) == Some(self.start)).then_some(fd)
    }

    /// Whether it is still there, and no zombie.
    pub fn lives(self) -> bool {
        living(self.pid) == Some(self.start)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// ESRCH where it is gone.
    pub fn signal(self, signal: i32) -> Result<(), Errno> {
        use std::os::fd::AsRawFd;
        let fd = self.open().ok_or(Errno::ESRCH)?;
        sys::pidfd_send_signal(fd.as_raw_fd(), signal, 0, 0).map(drop)
    }
}

/// The namespaces in which numbers and start times of processes are these: proc(5) shows those of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    /// The PID namespace's inode.
    pub pid: u64,
    /// The time namespace's, where the kernel has them.
    pub time: Option<u64>,
}

impl ProcessView {
    /// This process's; `None` where /proc does not say.
    pub fn own() -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let inode = |name: &str| Some(std::fs::metadata(format!("/proc/self/ns/{name}")).ok()?.ino());
        Some(Self { pid: inode("pid")?, time: inode("time") })
    }
}

/// When the process of this number started.
fn start_of(pid: i32) -> Option<u64> {
    Stat::read(pid).map(|stat| stat.start)
}

/// The same of one that is no zombie.
fn living(pid: i32) -> Option<u64> {
    Stat::read(pid).filter(Stat::lives).map(|stat| stat.start)
}

/// Which boot this is (proc_sys_kernel(5)).
pub fn boot_id() -> &'static str {
    static ID: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ID.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        text.trim().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_another_start_is_another_process() {
        let own = ProcessId::own();
        assert!(own.lives());
        assert!(own.open().is_some());
        let other = ProcessId { start: own.start + 1, ..own };
        assert!(!other.lives());
        assert!(other.open().is_none());
        assert_eq!(other.signal(0), Err(Errno::ESRCH));
    }

    #[test]
    fn numbers_are_of_a_namespace() {
        let own = ProcessView::own().unwrap();
        assert_eq!(ProcessView::own(), Some(own));
        assert_ne!(ProcessView { pid: own.pid + 1, ..own }, own);
    }
}
