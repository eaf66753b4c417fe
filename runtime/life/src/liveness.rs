//! Whether a domain's monitor lives: told by what is so in every PID, time and mount namespace.
//!
//! A lock that is held, a socket that answers, the lock of a control group and whether anybody is in it. Numbers and
//! start times of processes are those of one namespace and tell nothing in another. What cannot be judged is
//! unknown, and unknown is never dead: it is left alone, and said.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use browndog_runtime::exec::tree::{self, Need};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::sys::stat::Mode;

use crate::layout::Layout;
use crate::lock::{self, Holding};
use crate::record::{Made, Record};

/// Whether a monitor lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It does.
    Alive,
    /// It certainly does not: nobody holds its lock and nobody answers.
    Dead,
    /// It cannot be said: why.
    Unknown(String),
}

/// Looks whether the monitor of a domain lives; changes nothing.
pub fn of(layout: &Layout, name: &str, record: Option<&Record>) -> Life {
    match lock::look(&layout.alive(name)) {
        Holding::Held => Life::Alive,
        // The file may have been exchanged under a monitor that lives.
        Holding::Free => match answers(&layout.socket(name)) {
            Answer::Lives => Life::Alive,
            Answer::Nobody | Answer::NoSocket => Life::Dead,
            Answer::Unknown(errno) => {
                Life::Unknown(format!("its monitor cannot be asked ({})", errno.desc()))
            }
        },
        Holding::Missing => match answers(&layout.socket(name)) {
            Answer::Lives => Life::Alive,
            Answer::Nobody => Life::Dead,
            Answer::NoSocket => by_groups(record, "the lock of its monitor is gone"),
            Answer::Unknown(errno) => {
                by_groups(record, &format!("the lock of its monitor is gone ({})", errno.desc()))
            }
        },
        Holding::Unknown(why) => match answers(&layout.socket(name)) {
            Answer::Lives => Life::Alive,
            _ => Life::Unknown(why),
        },
    }
}

/// Without a lock to ask for.
fn by_groups(record: Option<&Record>, why: &str) -> Life {
    // Before anything is made, there is a record of it.
    let Some(record) = record else { return Life::Dead };
    let groups: Vec<PathBuf> = groups_of(record);
    let mut known = !groups.is_empty();
    for group in groups {
        match tree::need(&group) {
            Need::Held => return Life::Alive,
            Need::Populated => {
                return Life::Unknown(format!("{why}, and processes are in {}", group.display()));
            }
            Need::Unknown(_) => known = false,
            Need::Gone | Need::Empty(_) => {}
        }
    }
    let other_boot = !crate::process::boot_id().is_empty() && record.boot != crate::process::boot_id();
    if known || other_boot { Life::Dead } else { Life::Unknown(why.to_owned()) }
}

/// Every group of a domain alone.
pub fn groups_of(record: &Record) -> Vec<PathBuf> {
    let made = record.made.iter().filter_map(|made| match made {
        Made::Group { path, shared: false } => Some(path.clone()),
        _ => None,
    });
    let mut all: Vec<PathBuf> = record.groups.iter().map(|group| group.path.clone()).chain(made).collect();
    all.sort();
    all.dedup();
    all
}

enum Answer {
    Lives,
    /// There is a socket, and nobody listens.
    Nobody,
    NoSocket,
    Unknown(Errno),
}

/// Whether somebody listens at a socket; never waits.
fn answers(path: &Path) -> Answer {
    match try_connect(path) {
        // Too many are waiting for it: it listens.
        Ok(()) | Err(Errno::EAGAIN) => Answer::Lives,
        Err(Errno::ECONNREFUSED) => Answer::Nobody,
        Err(Errno::ENOENT) => Answer::NoSocket,
        Err(errno) => Answer::Unknown(errno),
    }
}

fn try_connect(path: &Path) -> Result<(), Errno> {
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        return Err(Errno::ENOENT);
    }
    // An address has 108 bytes: the directory is named by a descriptor, however long its path is.
    let dir: OwnedFd = open(
        path.parent().unwrap_or(Path::new("/")),
        OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW,
        Mode::empty(),
    )?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    let address = UnixAddr::new(format!("/proc/self/fd/{}/socket", dir.as_raw_fd()).as_str())?;
    match connect(fd.as_raw_fd(), &address) {
        // Without /proc nothing is there.
        Err(Errno::ENOENT) => connect(fd.as_raw_fd(), &UnixAddr::new(path)?),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        crate::layout::make_dir(&layout.domain("web")).unwrap();
        (dir, layout)
    }

    #[test]
    fn a_lock_that_cannot_be_asked_for_is_no_dead_monitor() {
        let (_dir, layout) = layout();
        let record = Record::starting("web", "u");
        std::os::unix::fs::symlink("nowhere", layout.alive("web")).unwrap();
        assert!(matches!(of(&layout, "web", Some(&record)), Life::Unknown(_)));
        std::fs::remove_file(layout.alive("web")).unwrap();
        nix::unistd::mkfifo(&layout.alive("web"), Mode::S_IRWXU).unwrap();
        assert!(matches!(of(&layout, "web", Some(&record)), Life::Unknown(_)));
    }

    #[test]
    fn without_its_lock_a_monitor_is_known_by_its_socket() {
        let (_dir, layout) = layout();
        let record = Record::starting("web", "u");
        assert!(matches!(of(&layout, "web", Some(&record)), Life::Unknown(_)), "nothing tells");
        assert_eq!(of(&layout, "web", None), Life::Dead, "nothing was made without a record");
        let listener = crate::protocol::listen(&layout, "web").unwrap();
        assert_eq!(of(&layout, "web", Some(&record)), Life::Alive);
        // The file was exchanged: another one that nobody locks.
        std::fs::write(layout.alive("web"), "").unwrap();
        assert_eq!(of(&layout, "web", Some(&record)), Life::Alive);
        drop(listener);
        assert_eq!(of(&layout, "web", Some(&record)), Life::Dead);
        std::fs::remove_file(layout.alive("web")).unwrap();
        assert_eq!(of(&layout, "web", Some(&record)), Life::Dead);
    }

    #[test]
    fn a_lock_that_is_held_is_alive_whoever_holds_it() {
        let (_dir, layout) = layout();
        let file = crate::files::open(&layout.alive("web"), OFlag::O_RDWR | OFlag::O_CREAT).unwrap();
        lock::live(&file).unwrap();
        assert_eq!(of(&layout, "web", None), Life::Alive);
        drop(file);
        assert_eq!(of(&layout, "web", None), Life::Dead);
    }
}
