//! File systems of block devices and images, mounted without a place (fsopen(2), loop(4)).

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use crate::plan::step::c_string;
use crate::sys;

/// Others look for a free loop device at the same time, and the first to configure it has it.
const TRIES: u32 = 100;

fn reopen(fd: RawFd, flags: i32) -> Result<OwnedFd, Errno> {
    let path = c_string(&format!("/proc/self/fd/{fd}"));
    sys::open(&path, flags)
}

/// A loop device over the image, which goes when it is closed and unmounted, whoever is killed.
pub(super) fn attach_loop(image: RawFd, readonly: bool) -> Result<OwnedFd, Errno> {
    let flags = if readonly { libc::O_RDONLY } else { libc::O_RDWR };
    let image = reopen(image, flags)?;
    for _ in 0..TRIES {
        let number = sys::free_loop_device()?;
        let path = c_string(&format!("/dev/loop{number}"));
        let device = sys::open(&path, flags)?;
        match sys::configure_loop(device.as_fd(), image.as_fd(), readonly) {
            Ok(()) => return Ok(device),
            Err(Errno::EBUSY) => {}
            Err(errno) => return Err(errno),
        }
    }
    Err(Errno::EBUSY)
}

/// The device's file system as a detached tree.
pub(super) fn mount(
    device: RawFd,
    fstype: &CStr,
    readonly: bool,
    options: &[(&CStr, &CStr)],
    attrs: u64,
) -> Result<OwnedFd, Errno> {
    let source = c_string(&format!("/proc/self/fd/{device}"));
    let attrs = u32::try_from(attrs).map_err(|_| Errno::EINVAL)?;
    sys::mount_device(fstype, &source, readonly, options, attrs)
}
