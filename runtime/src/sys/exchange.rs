//! renameat2(2), which not every C library has.

use std::ffi::CStr;

use nix::libc;

use super::{Result, check};

/// Puts each of two files in the other's place, at one moment: `renameat2(…, RENAME_EXCHANGE)`, rename(2).
pub fn exchange(one: &CStr, other: &CStr) -> Result<()> {
    let here = libc::AT_FDCWD;
    // SAFETY: both strings live through the call.
    check(unsafe {
        libc::syscall(libc::SYS_renameat2, here, one.as_ptr(), here, other.as_ptr(), libc::RENAME_EXCHANGE)
    })
    .map(drop)
}
