//! Waiting for a key.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use browndog_runtime::sys;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The next byte typed within `delay`; `None` where none was, and at the end of the input.
///
/// # Errors
/// The errno of poll(2) or read(2).
pub fn key_within(fd: BorrowedFd<'_>, delay: Duration) -> Result<Option<u8>, Errno> {
    let timeout = PollTimeout::try_from(delay).unwrap_or(PollTimeout::MAX);
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    match poll(&mut fds, timeout) {
        Ok(0) | Err(Errno::EINTR) => return Ok(None),
        Ok(_) => {}
        Err(errno) => return Err(errno),
    }
    let mut byte = [0_u8];
    Ok((sys::read(fd.as_raw_fd(), &mut byte)? == 1).then_some(byte[0]))
}
