//! Paths of the image and of volumes that leave the root's own mount: followed, and then judged by where they lead.
//!
//! Used between clone and exec, so nothing here allocates.

use std::ffi::CStr;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc;

use super::place::HELD;
use crate::beneath::{Fd, LINKS, PATH_MAX, follow};
use crate::path::RESOLVE_IN_ROOT;
use crate::sys;
use crate::sys::identity;

/// As many directories as a path may have.
const DEPTH: usize = PATH_MAX / 2;

/// A path is followed, and then it is looked from where it leads up to the root: if on the way there is a mount of the
/// kernel's, the path is refused (EXDEV). Whoever renames directories on the host can move what a path means, but not
/// what is mounted on what.
pub(super) struct Walk {
    pub root: RawFd,
    /// The mount of the root.
    pub top: u64,
    /// The kernel's mounts.
    pub mounts: [u64; 3],
}

impl Walk {
    /// Opens `path` beneath the root with O_PATH.
    pub(super) fn open(&self, path: &CStr) -> Result<RawFd, Errno> {
        let mut text = [0_u8; PATH_MAX];
        let mut length = path.count_bytes();
        text.get_mut(..length).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(path.to_bytes());
        for _ in 0..LINKS {
            *text.get_mut(length).ok_or(Errno::ENAMETOOLONG)? = 0;
            let whole = CStr::from_bytes_until_nul(&text).map_err(|_| Errno::EINVAL)?;
            let flags = libc::O_PATH | libc::O_NOFOLLOW;
            let found = Fd(sys::openat2(self.root, whole, flags, 0, RESOLVE_IN_ROOT)?);
            match identity::look(found.0)?.kind {
                libc::S_IFDIR => {
                    self.stands_free(found.0)?;
                    return Ok(found.keep());
                }
                libc::S_IFLNK => {
                    let slash = whole.to_bytes().iter().rposition(|byte| *byte == b'/');
                    let start = slash.map_or(0, |slash| slash + 1);
                    length = follow(found.0, &mut text, start, length, length)?;
                }
                _ => return self.file(whole),
            }
        }
        Err(Errno::ELOOP)
    }

    /// From a file no path leads up: from its directory one does, and the file is opened from there.
    fn file(&self, path: &CStr) -> Result<RawFd, Errno> {
        let bytes = path.to_bytes();
        let slash = bytes.iter().rposition(|byte| *byte == b'/');
        let mut dir = [0_u8; PATH_MAX];
        let length = slash.unwrap_or(0);
        dir.get_mut(..length).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(&bytes[..length]);
        if length == 0 {
            dir[0] = b'.';
        }
        let dir = CStr::from_bytes_until_nul(&dir).map_err(|_| Errno::ENAMETOOLONG)?;
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let dir = Fd(sys::openat2(self.root, dir, flags, 0, RESOLVE_IN_ROOT)?);
        self.stands_free(dir.0)?;
        let name = &path.to_bytes_with_nul()[slash.map_or(0, |slash| slash + 1)..];
        let name = CStr::from_bytes_until_nul(name).map_err(|_| Errno::EINVAL)?;
        sys::openat2(dir.0, name, libc::O_PATH, 0, HELD)
    }

    /// EXDEV where the directory `dir` is on a mount of the kernel's, or below one.
    pub(super) fn stands_free(&self, dir: RawFd) -> Result<(), Errno> {
        let mut up: Option<Fd> = None;
        for _ in 0..DEPTH {
            let at = up.as_ref().map_or(dir, |fd| fd.0);
            let mount = identity::look(at)?.identity.mount;
            if self.mounts.contains(&mount) {
                return Err(Errno::EXDEV);
            }
            if mount == self.top {
                return Ok(());
            }
            let flags = libc::O_PATH | libc::O_DIRECTORY;
            up = Some(Fd(sys::openat2(at, c"..", flags, 0, libc::RESOLVE_NO_SYMLINKS)?));
        }
        Err(Errno::EXDEV)
    }
}
