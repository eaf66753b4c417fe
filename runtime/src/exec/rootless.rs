//! Started without root: the caller becomes root of a user namespace of its own, with a mount
//! namespace of its own, and starts the container from in there (user_namespaces(7)).

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{getegid, geteuid};

use super::host_steps::errno_of;
use crate::error::StartError;
use crate::sys;

/// Enters the namespaces: the caller's uid and gid become 0.
///
/// Must be called while the process has one thread.
///
/// # Errors
/// Says which call the kernel refused; the caller is then as before.
pub fn enter() -> Result<(), StartError> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let failed = |what: &str, errno| StartError::Rootless { uid, what: what.to_owned(), errno };
    let unshared = sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS);
    unshared.map(drop).map_err(|errno| failed("unshare(CLONE_NEWUSER|CLONE_NEWNS)", errno))?;
    let write = |file: &str, text: String| {
        let path = format!("/proc/self/{file}");
        std::fs::write(&path, text).map_err(|error| failed(&format!("write({path})"), errno_of(&error)))
    };
    // Without privilege a group may be mapped only when dropping groups is given up.
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("0 {uid} 1\n"))?;
    write("gid_map", format!("0 {gid} 1\n"))
}

/// Whether the caller needs [`enter`] to start a container.
///
/// # Errors
/// The errno of capget(2).
pub fn needed() -> Result<bool, Errno> {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    Ok(sys::capget()?.effective & CAP_SYS_ADMIN == 0)
}
