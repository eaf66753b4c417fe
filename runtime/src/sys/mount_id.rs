//! Which mount a descriptor stands on (statx(2)): known again whatever the paths to it mean meanwhile.

use std::os::fd::{OwnedFd, RawFd};

use nix::libc;
use serde::{Deserialize, Serialize};

use super::{Result, identity, owned};

/// A mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountId {
    /// The number that no other mount of this boot gets (STATX_MNT_ID_UNIQUE, Linux 6.8).
    pub unique: Option<u64>,
    /// Its number in proc_pid_mountinfo(5), which another mount may get once this one is gone.
    pub number: u64,
    /// Major and minor number of its file system.
    pub device: (u32, u32),
    /// The inode that was looked at; of a mount's root, the same for as long as it is mounted.
    pub inode: u64,
}

impl MountId {
    /// Whether both are the same mount. Without unique numbers: all that statx(2) tells is the same.
    pub fn is(&self, other: &Self) -> bool {
        match (self.unique, other.unique) {
            (Some(own), Some(others)) => own == others,
            _ => (self.number, self.device, self.inode) == (other.number, other.device, other.inode),
        }
    }
}

/// Where a descriptor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// On which mount.
    pub mount: MountId,
    /// Whether it is the root of that mount (STATX_ATTR_MOUNT_ROOT).
    pub is_root: bool,
}

/// STATX_MNT_ID, STATX_MNT_ID_UNIQUE, STATX_ATTR_MOUNT_ROOT (statx(2)).
const MNT_ID: u32 = 0x1000;
const MNT_ID_UNIQUE: u32 = 0x4000;
const ATTR_MOUNT_ROOT: u64 = 0x2000;

/// Where `fd` stands.
pub fn standing(fd: RawFd) -> Result<Standing> {
    let unique = statx(fd, MNT_ID_UNIQUE)?;
    let found = statx(fd, libc::STATX_INO | MNT_ID)?;
    let mount = MountId {
        unique: (unique.stx_mask & MNT_ID_UNIQUE != 0).then_some(unique.stx_mnt_id),
        number: if found.stx_mask & MNT_ID == 0 { 0 } else { found.stx_mnt_id },
        device: (found.stx_dev_major, found.stx_dev_minor),
        inode: found.stx_ino,
    };
    Ok(Standing { mount, is_root: found.stx_attributes & ATTR_MOUNT_ROOT != 0 })
}

/// Another descriptor of the same open file (fcntl(2), F_DUPFD_CLOEXEC).
pub fn duplicate(fd: RawFd) -> Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes numbers.
    owned(unsafe { libc::syscall(libc::SYS_fcntl, fd, libc::F_DUPFD_CLOEXEC, 3) })
}

fn statx(fd: RawFd, mask: u32) -> Result<libc::statx> {
    identity::statx(fd, c"", libc::AT_EMPTY_PATH | libc::AT_NO_AUTOMOUNT, mask)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn of(path: &str) -> Standing {
        let file = std::fs::File::open(path).expect("it is there");
        standing(file.as_raw_fd()).expect("a statx")
    }

    #[test]
    fn a_mount_is_told_from_what_is_on_it_and_from_others() {
        let (proc, below, root) = (of("/proc"), of("/proc/self"), of("/"));
        assert!(proc.is_root && !below.is_root && root.is_root);
        assert!(proc.mount.is(&of("/proc").mount));
        assert!(!proc.mount.is(&root.mount));
        assert_eq!(proc.mount.number, below.mount.number);
    }

    #[test]
    fn a_number_that_was_given_again_is_another_mount_where_the_kernel_tells() {
        let old = MountId { unique: Some(7), number: 3, device: (0, 1), inode: 2 };
        assert!(!old.is(&MountId { unique: Some(8), ..old }));
        let without = MountId { unique: None, ..old };
        assert!(without.is(&without) && !without.is(&MountId { inode: 9, ..without }));
    }
}
