//! Loop devices (loop(4)).

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

use super::{Result, check, open};

const LOOP_CTL_GET_FREE: u64 = 0x4C82;
const LOOP_CONFIGURE: u64 = 0x4C0A;
const LOOP_GET_STATUS64: u64 = 0x4C05;

const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
const LO_FLAGS_DIRECT_IO: u32 = 16;

/// `struct loop_info64`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Info {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    sizelimit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` (Linux 5.8).
#[repr(C)]
struct Config {
    fd: u32,
    block_size: u32,
    info: Info,
    reserved: [u64; 8],
}

const fn info(flags: u32) -> Info {
    Info {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        sizelimit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags,
        file_name: [0; 64],
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    }
}

/// The number of a loop device that nobody uses now: LOOP_CTL_GET_FREE.
pub fn free_loop_device() -> Result<u32> {
    let control = open(c"/dev/loop-control", libc::O_RDWR)?;
    // SAFETY: LOOP_CTL_GET_FREE takes no argument.
    check(unsafe { libc::syscall(libc::SYS_ioctl, control.as_raw_fd(), LOOP_CTL_GET_FREE) })
        .map(|number| number as u32)
}

/// Puts `image` behind the loop device `device`: LOOP_CONFIGURE with LO_FLAGS_AUTOCLEAR, so that the
/// kernel takes it away with the last user, whoever is killed. Direct I/O where the file system has it.
///
/// Says EROFS's opposite as ENOTRECOVERABLE: what was asked to be read-only has to be.
pub fn configure_loop(device: BorrowedFd<'_>, image: BorrowedFd<'_>, readonly: bool) -> Result<()> {
    let flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO | if readonly { LO_FLAGS_READ_ONLY } else { 0 };
    let config = Config { fd: image.as_raw_fd() as u32, block_size: 0, info: info(flags), reserved: [0; 8] };
    let device = device.as_raw_fd();
    // SAFETY: the kernel reads one loop_config, which lives through the call.
    let _zero = check(unsafe {
        libc::syscall(libc::SYS_ioctl, device, LOOP_CONFIGURE, std::ptr::from_ref(&config))
    })?;
    let mut status = info(0);
    // SAFETY: the kernel fills one loop_info64, which lives through the call.
    let _zero = check(unsafe {
        libc::syscall(libc::SYS_ioctl, device, LOOP_GET_STATUS64, std::ptr::from_mut(&mut status))
    })?;
    let wanted = LO_FLAGS_AUTOCLEAR | if readonly { LO_FLAGS_READ_ONLY } else { 0 };
    if status.flags & wanted == wanted { Ok(()) } else { Err(Errno::ENOTRECOVERABLE) }
}
