//! Paths beneath a root descriptor: opened and made without ever leaving it (openat2(2)).
//!
//! Used by the launcher and by the child, so nothing here allocates.

use std::ffi::CStr;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, fstat};

use crate::plan::step::{Beneath, TargetKind};
use crate::survey::RESOLVE_IN_ROOT;
use crate::sys;

/// Descriptor that closes itself; no more than a number, so that the child may use it.
#[derive(Debug)]
pub(crate) struct Fd(pub RawFd);

impl Fd {
    /// The number, which nobody closes any more.
    pub(crate) fn keep(self) -> RawFd {
        let fd = self.0;
        std::mem::forget(self);
        fd
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // A failing close of an O_PATH descriptor loses nothing, and there is nobody to tell.
        crate::disregard(sys::close(self.0));
    }
}

/// Opens `path` beneath `root` with O_PATH.
pub(crate) fn open(root: RawFd, path: &CStr, flags: i32) -> Result<Fd, Errno> {
    sys::openat2(root, path, libc::O_PATH | flags, 0, RESOLVE_IN_ROOT).map(Fd)
}

/// What `name` in the directory `dir` is itself, a link not followed.
pub(crate) fn stat(dir: RawFd, name: &CStr) -> Result<FileStat, Errno> {
    let fd = sys::adopt(sys::openat2(dir, name, libc::O_PATH | libc::O_NOFOLLOW, 0, 0)?);
    fstat(&fd)
}

/// Longest path, with its NUL (PATH_MAX).
const PATH_MAX: usize = libc::PATH_MAX as usize;

/// Makes `target` and the directories above it, where they are missing, with `mark` among their mode's
/// bits. Calls `made` with the length of the path that was made, for an undo.
pub(crate) fn make(
    root: RawFd,
    target: &Beneath,
    kind: TargetKind,
    mark: u32,
    made: impl FnMut(usize),
) -> Result<(), Errno> {
    make_from(root, target.as_c_str(), RESOLVE_IN_ROOT, kind, mark, made)
}

/// The same from any directory, and looked up with any RESOLVE_*.
pub(crate) fn make_from(
    base: RawFd,
    path: &CStr,
    resolve: u64,
    kind: TargetKind,
    mark: u32,
    mut made: impl FnMut(usize),
) -> Result<(), Errno> {
    let path = path.to_bytes();
    let open = |path: &CStr, flags| sys::openat2(base, path, libc::O_PATH | flags, 0, resolve).map(Fd);
    if path.len() >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    let mut buffer = [0_u8; PATH_MAX];
    buffer[..path.len()].copy_from_slice(path);
    let mut parent = open(c".", libc::O_DIRECTORY)?;
    let mut start = 0;
    while start < path.len() {
        let end = path[start..].iter().position(|&byte| byte == b'/').map_or(path.len(), |at| start + at);
        let last = end == path.len();
        buffer[end] = 0;
        let whole = c_str(&buffer[..=end])?;
        let directory = !last || kind == TargetKind::Directory;
        match open(whole, if last { 0 } else { libc::O_DIRECTORY }) {
            Ok(fd) => parent = fd,
            Err(Errno::ENOENT) => {
                make_one(parent.0, c_str(&buffer[start..=end])?, directory, mark)?;
                made(end);
                parent = open(whole, 0)?;
            }
            Err(errno) => return Err(errno),
        }
        if !last {
            buffer[end] = b'/';
        }
        start = end + 1;
    }
    Ok(())
}

fn make_one(parent: RawFd, name: &CStr, directory: bool, mark: u32) -> Result<(), Errno> {
    let done = if directory {
        sys::mkdirat(parent, name, mark | 0o755)
    } else {
        // S_IFREG makes an empty file, and never follows or opens anything.
        sys::mknodat(parent, name, libc::S_IFREG | mark | 0o644, 0)
    };
    // Somebody else made it meanwhile: it is opened beneath the root next, whatever it is.
    if done == Err(Errno::EEXIST) { Ok(()) } else { done }
}

fn c_str(bytes: &[u8]) -> Result<&CStr, Errno> {
    CStr::from_bytes_with_nul(bytes).map_err(|_| Errno::EINVAL)
}
