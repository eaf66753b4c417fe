//! Which file a path or a descriptor is, and by which mount it is reached (statx(2)).

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use nix::libc;

use super::{Result, check};

/// A file as it is reached by one mount. On a kernel before 5.8, which does not number mounts, all are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Major and minor number of its file system's device.
    pub device: (u32, u32),
    /// Inode.
    pub inode: u64,
    /// The number of the mount, as the first field of /proc/PID/mountinfo.
    pub mount: u64,
}

/// What an open file is.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Which.
    pub identity: Identity,
    /// S_IFMT of its mode.
    pub kind: u32,
    /// Whether its mode lets everybody read it.
    pub by_all: bool,
    /// The device that it stands for, where it is a device.
    pub number: u64,
}

/// STATX_MNT_ID (statx(2)).
const STATX_MNT_ID: u32 = 0x1000;

/// What `path` leads to, beneath the caller's root; links are followed.
pub fn identity(path: &CStr) -> Result<Identity> {
    looked(libc::AT_FDCWD, path, 0).map(|look| look.identity)
}

/// What is open as `fd`, also with O_PATH.
pub fn look(fd: RawFd) -> Result<Look> {
    looked(fd, c"", libc::AT_EMPTY_PATH)
}

/// The number of the mount by which `fd` was reached; 0 on a kernel before 5.8, which does not number them.
pub fn mount_of(fd: RawFd) -> Result<u64> {
    look(fd).map(|found| found.identity.mount)
}

/// statx(2).
pub(super) fn statx(dir: RawFd, path: &CStr, flags: libc::c_int, mask: u32) -> Result<libc::statx> {
    let mut found = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the string lives through the call, and the kernel fills one statx, which does too.
    let ret = unsafe { libc::syscall(libc::SYS_statx, dir, path.as_ptr(), flags, mask, found.as_mut_ptr()) };
    let _zero = check(ret)?;
    // SAFETY: a statx of numbers, all of it zeroed before the kernel has filled it.
    Ok(unsafe { found.assume_init() })
}

fn looked(dir: RawFd, path: &CStr, flags: libc::c_int) -> Result<Look> {
    let mask = libc::STATX_TYPE | libc::STATX_MODE | libc::STATX_INO | STATX_MNT_ID;
    let found = statx(dir, path, flags, mask)?;
    let mount = if found.stx_mask & STATX_MNT_ID == 0 { 0 } else { found.stx_mnt_id };
    let identity =
        Identity { device: (found.stx_dev_major, found.stx_dev_minor), inode: found.stx_ino, mount };
    let number = libc::makedev(found.stx_rdev_major, found.stx_rdev_minor);
    let mode = u32::from(found.stx_mode);
    Ok(Look { identity, kind: mode & libc::S_IFMT, by_all: mode & 0o444 == 0o444, number })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_file_is_itself_by_every_path() {
        let own = identity(c"/proc/self/exe").expect("it is there");
        assert_eq!(identity(c"/proc/thread-self/exe"), Ok(own));
        assert_ne!(identity(c"/proc/self/maps"), Ok(own));
        assert!(identity(c"/no/such/file").is_err());
    }

    #[test]
    fn a_descriptor_says_what_it_is() {
        let null = std::fs::File::open("/dev/null").expect("it is there");
        let found = look(null.as_raw_fd()).expect("it is open");
        assert_eq!((found.kind, found.number), (libc::S_IFCHR, libc::makedev(1, 3)));
        assert_eq!(identity(c"/dev/null"), Ok(found.identity));
    }

    #[test]
    fn a_mount_has_a_number_of_its_own() {
        let mount = |path: &str| mount_of(std::fs::File::open(path).expect("it is there").as_raw_fd());
        assert_eq!(mount("/proc/version"), mount("/proc"));
        // Without a number, on an old kernel, all are one.
        let root = mount("/");
        assert!(root == Ok(0) || root != mount("/proc"), "{root:?}");
    }
}
