//! Which file a path is, and by which mount it is reached (statx(2)).

use std::ffi::CStr;
use std::mem::MaybeUninit;

use nix::libc;

use super::{Result, check};

/// A file as it is reached by one mount. On a kernel before 5.8, which does not number mounts, all are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: (u32, u32),
    inode: u64,
    mount: u64,
}

/// STATX_MNT_ID (statx(2)).
const STATX_MNT_ID: u32 = 0x1000;

/// What `path` leads to, beneath the caller's root; links are followed.
pub fn identity(path: &CStr) -> Result<Identity> {
    let mut found = MaybeUninit::<libc::statx>::zeroed();
    let mask = libc::STATX_INO | STATX_MNT_ID;
    // SAFETY: the string lives through the call, and the kernel fills one statx, which does too.
    let ret =
        unsafe { libc::syscall(libc::SYS_statx, libc::AT_FDCWD, path.as_ptr(), 0, mask, found.as_mut_ptr()) };
    let _zero = check(ret)?;
    // SAFETY: a statx of numbers, all of it zeroed before the kernel has filled it.
    let found = unsafe { found.assume_init() };
    let mount = if found.stx_mask & STATX_MNT_ID == 0 { 0 } else { found.stx_mnt_id };
    Ok(Identity { device: (found.stx_dev_major, found.stx_dev_minor), inode: found.stx_ino, mount })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_itself_by_every_path() {
        let own = identity(c"/proc/self/exe").expect("it is there");
        assert_eq!(identity(c"/proc/thread-self/exe"), Ok(own));
        assert_ne!(identity(c"/proc/self/maps"), Ok(own));
        assert!(identity(c"/no/such/file").is_err());
    }
}
