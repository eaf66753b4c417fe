//! System and library calls that only monitors of background domains and their clients need.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

/// Gives memory that is free back to the kernel (malloc_trim(3)): a monitor sleeps for months on what one
/// start needed for a moment. Nothing to give back is no failure, and other C libraries have no such call.
pub fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim takes a number and keeps every block that is in use where it is.
    let _released: i32 = unsafe { libc::malloc_trim(0) };
}

/// Rows and columns of the terminal `fd` (ioctl_tty(2), TIOCGWINSZ).
///
/// # Errors
/// ENOTTY where `fd` is no terminal.
pub fn window_size(fd: BorrowedFd<'_>) -> Result<(u16, u16), Errno> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ fills one winsize, which lives through the call.
    let ret = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    if ret == -1 { Err(Errno::last()) } else { Ok((size.ws_row, size.ws_col)) }
}

/// Sets rows and columns of the terminal `fd`; its foreground processes get SIGWINCH.
///
/// # Errors
/// ENOTTY where `fd` is no terminal.
pub fn set_window_size(fd: BorrowedFd<'_>, rows: u16, columns: u16) -> Result<(), Errno> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCSWINSZ reads one winsize, which lives through the call.
    let ret = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    if ret == -1 { Err(Errno::last()) } else { Ok(()) }
}

/// A pidfd of the process at the other end of a socket (unix(7), SO_PEERPIDFD).
///
/// # Errors
/// ENOPROTOOPT before Linux 6.5; ESRCH or EINVAL where the process is gone.
pub fn peer_pidfd(socket: &impl AsFd) -> Result<OwnedFd, Errno> {
    /// Of asm-generic/socket.h; not in libc for every target.
    const SO_PEERPIDFD: libc::c_int = 77;
    let mut fd: RawFd = -1;
    let mut length = size_of::<RawFd>() as libc::socklen_t;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel writes one descriptor's number into `fd`, whose size `length` is; both live through the call.
    let ret = unsafe {
        libc::getsockopt(socket, libc::SOL_SOCKET, SO_PEERPIDFD, (&raw mut fd).cast(), &raw mut length)
    };
    if ret == -1 { Err(Errno::last()) } else { Ok(super::adopt(fd)) }
}
