//! What an outer container forbids: found out by trying, since capabilities tell of no filter and of no mount option.

use nix::errno::Errno;
use nix::libc;

use crate::sys::{self, context};

/// Whether a system call filter is on (PR_GET_SECCOMP); one that ends who asks is not survived, and none is known.
pub(super) fn filtered() -> bool {
    sys::prctl(libc::PR_GET_SECCOMP, 0, 0, 0, 0).is_ok_and(|mode| mode != 0)
}

/// Whether keyctl(2) is refused as a whole, as the default filters of containers do.
pub(super) fn refuses_keyrings() -> bool {
    matches!(context::session_keyring(), Err(Errno::EPERM | Errno::ENOSYS))
}

/// CAP_MKNOD (linux/capability.h).
const CAP_MKNOD: u64 = 1 << 27;

/// Whether mknod(2) makes a device node. Tried only where something speaks against it.
pub(super) fn makes_nodes(filtered: bool) -> bool {
    let may = sys::capget().is_ok_and(|sets| sets.effective & CAP_MKNOD != 0);
    let plain = may && !filtered && sys::administers_machine();
    plain || try_node().is_ok()
}

/// A null device in a file system that nobody else sees; what cannot be tried is taken as possible, and said by the
/// step that fails.
fn try_node() -> Result<(), Errno> {
    let Ok(mount) = sys::detached_mount(c"tmpfs", &[(c"size", c"64k")], 0) else { return Ok(()) };
    let null = libc::makedev(1, 3);
    sys::mknodat(std::os::fd::AsRawFd::as_raw_fd(&mount), c"node", libc::S_IFCHR | 0o600, null)
}

/// Where a plain user's namespaces are forbidden: a file, what it says then, and the way out.
const FORBID: [(&str, &str, &str); 3] = [
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "an AppArmor profile with `userns,`, or sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

/// Why user namespaces are refused to this process, and what to do about it.
pub(crate) fn user_namespaces() -> String {
    let says = |(path, forbids, _): &&(&str, &str, &str)| {
        crate::small_file(path).is_ok_and(|text| text.trim() == *forbids)
    };
    let found: Vec<&str> = FORBID.iter().filter(says).map(|(.., out)| *out).collect();
    if !found.is_empty() {
        return format!(
            "this machine forbids user namespaces to plain users: {}; or start as root",
            found.join("; ")
        );
    }
    let filter = if filtered() {
        "a system call filter around this process forbids it"
    } else {
        "a security module, or a \
        limit of namespaces, forbids it"
    };
    format!(
        "the settings of this machine allow user namespaces, and {filter}: an outer container has to be started with less \
         of it (docker: --security-opt seccomp=unconfined, or a profile that allows unshare(2) and mount(2)), or start as root"
    )
}
