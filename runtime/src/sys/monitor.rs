//! System and library calls that only monitors of background domains and their clients need.

use std::os::fd::{AsRawFd, BorrowedFd};

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
