//! The caller's descriptors 0, 1 and 2, and which of them a container may have.
//!
//! A descriptor in a container is more than what can be read from or written to it: `/proc/self/fd/N` opens
//! what stands behind it anew, with whatever rights its owner has. A file that was opened to be read can be
//! written, a terminal that was only written to gives what its user types. So files, directories, devices and
//! terminals stay outside, and a pipe of the launcher's is inside.
//!
//! Pipes and sockets pass, since they are what they are: a socket cannot be opened anew, and a pipe has no name,
//! no contents but what passes, and two ends. Root of a container without an id map can nevertheless open the
//! other end of a pipe (its owner is root of the host): it may write into its own input, which matters where
//! somebody else reads from the same pipe, such as the shell that has its commands from there. A relay would be
//! no way out: it reads ahead, and the commands would be gone. [`shared_with_parent`] tells, so that it is said.

use std::os::fd::RawFd;

use nix::libc;
use nix::sys::stat::{FileStat, fstat, stat};
use nix::sys::statfs::{FsType, fstatfs};

use crate::sys;

/// PIPEFS_MAGIC (linux/magic.h): a pipe that has no name.
const PIPEFS: FsType = FsType(0x5049_5045);

/// Devices that give everybody the same: null, zero, full, random, urandom (major 1; mem(4), random(4)).
const HARMLESS: [libc::dev_t; 5] =
    [libc::makedev(1, 3), libc::makedev(1, 5), libc::makedev(1, 7), libc::makedev(1, 8), libc::makedev(1, 9)];

fn look(fd: RawFd) -> Option<FileStat> {
    fstat(sys::standard(fd)).ok()
}

/// Whether who has descriptor `fd` has more than passes through it.
pub fn gives_more(fd: RawFd) -> bool {
    // Closed: it gives nothing.
    let Some(stat) = look(fd) else { return false };
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFIFO => !fstatfs(sys::standard(fd)).is_ok_and(|found| found.filesystem_type() == PIPEFS),
        libc::S_IFSOCK => false,
        libc::S_IFCHR => !HARMLESS.contains(&stat.st_rdev),
        _ => true,
    }
}

/// Which of 0, 1 and 2 a container may not have.
pub fn relayed() -> [bool; 3] {
    [0, 1, 2].map(gives_more)
}

/// Whether two descriptors are the same file: what is written to both keeps its order in one pipe.
pub(super) fn same(one: RawFd, other: RawFd) -> bool {
    let (Some(one), Some(other)) = (look(one), look(other)) else { return false };
    (one.st_dev, one.st_ino, one.st_rdev) == (other.st_dev, other.st_ino, other.st_rdev)
}

/// What is said where it is so.
pub const SHARED: &str = "note: standard input is a pipe that the calling process reads from too, and root of this container can write into it\n   = help: if commands come from there, give the container another input, such as < /dev/null; <idmap> keeps it from writing";

/// Whether standard input is a pipe from which the parent has its own: `sh < commands`, `ssh HOST sh`.
pub fn shared_with_parent() -> bool {
    let pipe = look(libc::STDIN_FILENO).filter(|found| found.st_mode & libc::S_IFMT == libc::S_IFIFO);
    let Some(pipe) = pipe else { return false };
    let parent = nix::unistd::getppid();
    // A parent of another user's tells nothing, and runs no commands of the caller's.
    let theirs = stat(format!("/proc/{parent}/fd/0").as_str());
    theirs.is_ok_and(|theirs| (theirs.st_dev, theirs.st_ino) == (pipe.st_dev, pipe.st_ino))
}
