//! What was made on the host, and is removed again, newest first, whatever happens.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::{Id, WaitPidFlag, waitid};

use crate::{sys, targets};

/// One thing made.
#[derive(Debug)]
pub(super) enum Made {
    /// A group's directory; `shared`: a partition, which stays while others use it. The lock says, in every
    /// namespace, that its launcher lives.
    Cgroup { path: String, shared: bool, _hold: Option<super::tree::Hold> },
    /// A directory or an empty file beneath the root, as a mount point.
    Target { root: OwnedFd, path: std::ffi::CString },
    /// What a link left on the host.
    Link(crate::net::Left),
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct Undo {
    made: Vec<Made>,
    kill_group: Option<String>,
    child: Option<(i32, Arc<OwnedFd>)>,
    life: Option<OwnedFd>,
    hold: Option<targets::Hold>,
}

impl Undo {
    pub fn new(kill_group: Option<String>, hold: Option<targets::Hold>) -> Self {
        Self { made: Vec::new(), kill_group, child: None, life: None, hold }
    }

    /// The group that everybody of the container is in, where there is one of version 2.
    pub fn kill_group(&self) -> Option<&str> {
        self.kill_group.as_deref()
    }

    pub fn push(&mut self, made: Made) {
        self.made.push(made);
    }

    /// The pipe whose other end tells the child that the launcher lives.
    pub fn keep_alive(&mut self, life: OwnedFd) {
        self.life = Some(life);
    }

    pub fn child(&mut self, pid: i32, pidfd: Arc<OwnedFd>) {
        self.child = Some((pid, pidfd));
    }

    pub fn child_is_gone(&mut self) {
        self.child = None;
    }

    /// Takes over what another list has to undo.
    pub fn adopt(&mut self, other: &mut Self) {
        self.made.append(&mut other.made);
        self.hold = self.hold.take().or(other.hold.take());
    }

    /// What was made stays: it is somebody else's to remove.
    pub fn forget(&mut self) {
        self.made.clear();
    }

    /// Names of the links whose ends are on the host.
    pub fn links(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for made in &self.made {
            if let Made::Link(crate::net::Left::HostEnd { name }) = made {
                names.push(name.as_str());
            }
        }
        names
    }

    /// Kills what still runs and removes what was made; returns what could not be removed.
    pub fn run(&mut self) -> Vec<String> {
        self.end_child();
        self.life = None;
        let mut left = Vec::new();
        while let Some(made) = self.made.pop() {
            if let Err(message) = self.remove(&made) {
                left.push(message);
            }
        }
        left
    }

    /// SIGKILL to a namespace's process 1 ends every process of it (pid_namespaces(7)).
    fn end_child(&mut self) {
        let Some((_, pidfd)) = self.child.take() else { return };
        // ESRCH: it has ended by itself.
        crate::disregard(sys::pidfd_send_signal(pidfd.as_raw_fd(), libc::SIGKILL, 0, 0));
        while waitid(Id::PIDFd(std::os::fd::AsFd::as_fd(&pidfd)), WaitPidFlag::WEXITED) == Err(Errno::EINTR) {
        }
    }

    fn remove(&self, made: &Made) -> Result<(), String> {
        match made {
            Made::Cgroup { path, shared, .. } => {
                super::cgroup::remove(path, *shared, self.kill_group.as_deref())
            }
            Made::Target { root, path } => {
                // Others stand on it: the last of them removes it.
                if self.hold.as_ref().is_some_and(|hold| !targets::alone(hold)) {
                    return Ok(());
                }
                let removed = targets::remove(root.as_raw_fd(), path).map(drop);
                removed.map_err(|errno| {
                    format!("cannot remove the mount point /{}: {errno}", path.to_string_lossy())
                })
            }
            Made::Link(left) => left.undo(),
        }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        for message in self.run() {
            eprintln!("browndog: {message}");
        }
    }
}
