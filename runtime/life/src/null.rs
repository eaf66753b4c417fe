//! A null device that nobody else has.
//!
//! A program in a container that is not connected to anything gets it as 0, 1 and 2. The container's own could be
//! anything by now, and of the host's, root inside could change owner and mode.

use std::os::fd::{AsRawFd, OwnedFd};

use browndog_runtime::sys;
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::fstat;

/// MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC (mount_setattr(2)).
const ATTRIBUTES: u32 = 0x2 | 0x8;

/// Opens it.
///
/// # Errors
/// The errno of the call that failed; ENODEV where the host's own is not null(4).
pub(crate) fn open() -> Result<OwnedFd, Errno> {
    match made() {
        // Only root of the machine makes devices. A plain user's container cannot change the host's either.
        Err(Errno::EPERM | Errno::EACCES) => hosts(),
        other => other,
    }
}

/// On a file system of its own, which is in no mount namespace.
fn made() -> Result<OwnedFd, Errno> {
    let options = [(c"size", c"4k"), (c"nr_inodes", c"2"), (c"mode", c"0755")];
    let mount = sys::detached_mount(c"tmpfs", &options, ATTRIBUTES)?;
    let mask = sys::umask(0)? as u32;
    let made = sys::mknodat(mount.as_raw_fd(), c"null", libc::S_IFCHR | 0o666, libc::makedev(1, 3));
    crate::disregard(sys::umask(mask));
    made?;
    let flags = libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NOCTTY;
    checked(sys::adopt(sys::openat2(mount.as_raw_fd(), c"null", flags, 0, 0)?))
}

fn hosts() -> Result<OwnedFd, Errno> {
    checked(sys::open(c"/dev/null", libc::O_RDWR | libc::O_NOFOLLOW | libc::O_NOCTTY | libc::O_NONBLOCK)?)
}

fn checked(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    let found = fstat(&fd)?;
    let is_null = found.st_mode & libc::S_IFMT == libc::S_IFCHR && found.st_rdev == libc::makedev(1, 3);
    if is_null { Ok(fd) } else { Err(Errno::ENODEV) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_everything_has_nothing_and_is_not_the_hosts() {
        for fd in [open(), hosts()] {
            let fd = fd.unwrap();
            assert_eq!(sys::write(fd.as_raw_fd(), b"word"), Ok(4));
            assert_eq!(sys::read(fd.as_raw_fd(), &mut [0; 8]), Ok(0));
        }
        if nix::unistd::geteuid().is_root() {
            let device = |fd: &OwnedFd| fstat(fd).unwrap().st_dev;
            assert_ne!(device(&open().unwrap()), device(&hosts().unwrap()));
        }
    }
}
