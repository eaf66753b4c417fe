//! Whose a source is, in the numbers of the host.

use std::os::fd::OwnedFd;

use nix::sys::stat::fstat;
use nix::sys::statfs::{FsType, fstatfs};
use nix::sys::statvfs::FsFlags;

use super::reach;

/// Owner of a source, in the numbers of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// `f_type` of its file system (statfs(2)).
    pub magic: FsType,
    /// Whether every user of the host can reach it, and programs there run with the rights of who owns them: no
    /// directory on the way is closed to others, and its mount is not nosuid.
    pub open: bool,
}

/// The owner of what is open as `fd`, which was opened by `path`.
pub(super) fn owner_of(fd: &OwnedFd, path: &str) -> Option<Owner> {
    let stat = fstat(fd).ok()?;
    let system = fstatfs(fd).ok()?;
    let magic = system.filesystem_type();
    let open = !system.flags().contains(FsFlags::ST_NOSUID) && reach::others_reach(path);
    // Inside a user namespace the kernel says the numbers of that namespace.
    let here = crate::idmap::current();
    let outside = |map: &[[u32; 3]], id: u32| {
        let holds = |[inside, _, count]: &&[u32; 3]| id >= *inside && id - inside < *count;
        map.iter().find(holds).map_or(id, |[inside, outside, _]| outside + (id - inside))
    };
    Some(Owner { uid: outside(&here.uid, stat.st_uid), gid: outside(&here.gid, stat.st_gid), magic, open })
}
