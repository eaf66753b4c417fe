//! Terminals: what the caller has, and pseudo-terminals of a container's own.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::libc;

use super::{Result, check, owned};

/// Whether `fd` is a terminal: isatty(3).
pub fn is_terminal(fd: RawFd) -> bool {
    // SAFETY: isatty(3) takes a number.
    unsafe { libc::isatty(fd) == 1 }
}

/// Whether `fd` is the caller's controlling terminal, and another process group has it: a shell's job that runs
/// in the background. Who reads from the terminal then, or changes its mode, is stopped (credentials(7)).
pub fn in_background(fd: RawFd) -> bool {
    // SAFETY: tcgetpgrp(3) takes a number; what is not the caller's terminal gives -1.
    let foreground = unsafe { libc::tcgetpgrp(fd) };
    // SAFETY: getpgrp(2) takes nothing.
    foreground > 0 && foreground != unsafe { libc::getpgrp() }
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

/// Bytes that wait in a pipe or terminal to be read: FIONREAD (ioctl_tty(2)).
///
/// # Errors
/// ENOTTY for what has no such number.
pub fn unread(fd: BorrowedFd<'_>) -> Result<usize> {
    let mut count: c_int = 0;
    // SAFETY: FIONREAD fills one int, which lives through the call.
    let _zero =
        check(unsafe { libc::syscall(libc::SYS_ioctl, fd.as_raw_fd(), libc::FIONREAD, &raw mut count) })?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// A message's one control part: a descriptor (cmsg(3)).
#[repr(C, align(8))]
struct Passed {
    header: libc::cmsghdr,
    fd: c_int,
}

/// Sends a descriptor over a socket, without waiting: sendmsg(2), SCM_RIGHTS of unix(7). Allocates nothing.
pub fn send_fd(socket: RawFd, fd: RawFd) -> Result<()> {
    let mut byte = [0_u8];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: byte.len() };
    // SAFETY: all zero is a cmsghdr without contents.
    let mut passed = Passed { header: unsafe { std::mem::zeroed() }, fd };
    passed.header.cmsg_level = libc::SOL_SOCKET;
    passed.header.cmsg_type = libc::SCM_RIGHTS;
    passed.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<c_int>()) as _;
    // SAFETY: all zero is an empty msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut passed).cast();
    message.msg_controllen = size_of::<Passed>() as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: everything that the message points to lives through the call.
    check(unsafe { libc::syscall(libc::SYS_sendmsg, socket, &raw const message, flags) }).map(drop)
}
