//! Pseudo-terminals of a devpts instance that is mounted nowhere yet.

use std::ffi::c_int;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::libc;

use super::{Result, adopt, check, openat2, owned};

/// Whether `fd` is a terminal: isatty(3).
pub fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: isatty(3) takes a number.
    unsafe { libc::isatty(fd) == 1 }
}

/// Opens a new terminal of the instance `pts`: its master and its slave side (pts(4)).
pub fn open(pts: RawFd) -> Result<(OwnedFd, OwnedFd)> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    let master = adopt(openat2(pts, c"ptmx", flags, 0, 0)?);
    unlock(master.as_fd())?;
    let slave = open_pty_peer(master.as_fd())?;
    Ok((master, slave))
}

/// Unlocks the slave side of the terminal `master`: TIOCSPTLCK (ioctl_tty(2)).
///
/// # Errors
/// ENOTTY where `master` is none.
pub fn unlock(master: BorrowedFd<'_>) -> Result<()> {
    let unlocked: c_int = 0;
    // SAFETY: TIOCSPTLCK reads one int, which lives through the call.
    let ret = unsafe {
        libc::syscall(libc::SYS_ioctl, master.as_raw_fd(), libc::TIOCSPTLCK, std::ptr::from_ref(&unlocked))
    };
    check(ret).map(drop)
}

/// The slave side of a terminal, opened from its master: TIOCGPTPEER (ioctl_tty(2)).
pub fn open_pty_peer(master: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes open flags as a number.
    owned(unsafe { libc::syscall(libc::SYS_ioctl, master.as_raw_fd(), libc::TIOCGPTPEER, flags) })
}
