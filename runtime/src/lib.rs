//! A container start as one value: plan it, print it, run it.
//!
//! **Invariants.** [`plan::plan`] does no I/O. The child between clone and exec does not allocate, lock,
//! panic or decide ([`exec`]). Only [`sys`] has `unsafe` in it. Host paths are resolved once, by
//! [`survey`], and paths of the container never leave its root. What cannot be applied stops the start.
#![deny(unsafe_code)]

pub mod advice;
pub mod base;
pub(crate) mod beneath;
pub mod device_policy;
mod ended;
pub mod error;
pub mod exec;
pub mod foreign;
pub mod fresh;
pub mod given;
mod headers;
pub mod host;
pub mod idmap;
pub mod launch;
pub mod locks;
pub mod net;
pub mod own;
pub mod path;
pub mod pid1;
pub mod plan;
pub mod problem;
pub mod process;
pub mod survey;
pub mod sys;
pub mod targets;

/// The text of a file of procfs or sysfs that fits in a page: three calls, where reading to the end of a
/// file without a size takes a dozen, and musl's open(3) asks for close-on-exec twice.
pub(crate) fn small_file(path: &str) -> std::io::Result<String> {
    beginning_of::<4096>(path)
}

/// The same of what is in the first `BYTES` of a file: a buffer that is no larger writes no page of the stack
/// that nobody needs.
pub(crate) fn beginning_of<const BYTES: usize>(path: &str) -> std::io::Result<String> {
    use std::os::fd::AsRawFd;
    let mut buffer = [0_u8; BYTES];
    let file = sys::open(&path::c_string(path), nix::libc::O_RDONLY)?;
    let length = sys::read(file.as_raw_fd(), &mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// The errno of an error of the standard library.
#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub fn errno_of(error: std::io::Error) -> nix::errno::Errno {
    error.raw_os_error().map_or(nix::errno::Errno::EIO, nix::errno::Errno::from_raw)
}

/// For a result that changes nothing; the line above each use says why.
pub(crate) fn disregard<T>(_result: T) {}
