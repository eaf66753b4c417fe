//! Where a step's path is: from the descriptor that holds its beginning.
//!
//! Places of the container's own /proc, /sys and /dev, and trees that are held, are reached from their mounts, and no
//! link is followed there. Everything else is the image's or a volume's: links are followed beneath the root, and what
//! leads into a file system of the kernel's is refused. Used between clone and exec, so nothing here allocates.

use std::ffi::CStr;
use std::os::fd::{IntoRawFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use super::child::Context;
use super::walk::Walk;
use crate::beneath::{self, Fd, Making};
use crate::path::RESOLVE_IN_ROOT;
use crate::plan::step::{Beneath, Kernel, Place, TargetKind};
use crate::sys;
use crate::sys::identity;

/// From a held descriptor, by names that are no links.
pub(super) const HELD: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS;

/// Which RESOLVE_* a place below a held one is looked up with.
fn resolve(place: Place, rest: &CStr) -> u64 {
    match place {
        // procfs's own link to the process that asks, in the same procfs.
        Place::Within(Kernel::Proc) if rest.to_bytes().starts_with(b"self/") => {
            libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS | libc::RESOLVE_NO_XDEV
        }
        Place::Within(_) => HELD | libc::RESOLVE_NO_XDEV,
        _ => HELD,
    }
}

/// A place: a descriptor, and the one name that is left to be looked up from it, or none.
pub(super) struct At<'a> {
    pub fd: RawFd,
    pub name: &'a CStr,
    /// Closed when this is dropped.
    owned: Option<Fd>,
}

impl At<'_> {
    fn held(fd: RawFd) -> Self {
        At { fd, name: c"", owned: None }
    }

    fn opened(fd: RawFd) -> Self {
        At { fd, name: c"", owned: Some(Fd(fd)) }
    }

    /// The descriptor, which nobody closes any more; EBADF where it is another's.
    pub(super) fn keep(self) -> Result<RawFd, Errno> {
        self.owned.map(Fd::keep).ok_or(Errno::EBADF)
    }
}

impl Context<'_> {
    /// The mount of a file system of the kernel's, once it is made.
    pub(super) fn kernel(&self, kernel: Kernel) -> Option<RawFd> {
        let slot = self.plan.kernel.get(kernel as usize)?;
        Some(self.fd(*slot)).filter(|fd| *fd >= 0)
    }

    /// `path` itself.
    pub(super) fn place<'a>(&self, path: &'a Beneath) -> Result<At<'a>, Errno> {
        let rest = path.rest();
        let base = match path.place() {
            Place::Root => return self.beneath_root(path.as_c_str()).map(At::opened),
            Place::Loose => {
                return sys::openat2(self.root(), path.as_c_str(), libc::O_PATH, 0, RESOLVE_IN_ROOT)
                    .map(At::opened);
            }
            Place::On(kernel) => match self.kernel(kernel) {
                Some(held) => held,
                None => return self.kernel_mount_point(path),
            },
            Place::Tree(slot) => self.fd(slot),
            Place::Below(kernel) | Place::Within(kernel) => self.kernel(kernel).ok_or(Errno::EBADF)?,
        };
        if rest.is_empty() || matches!(path.place(), Place::On(_)) {
            return Ok(At::held(base));
        }
        // For one name no call is needed: those who use it follow no link either.
        if matches!(path.place(), Place::Within(_)) && !rest.to_bytes().contains(&b'/') {
            return Ok(At { fd: base, name: rest, owned: None });
        }
        sys::openat2(base, rest, libc::O_PATH, 0, resolve(path.place(), rest)).map(At::opened)
    }

    /// What a mount goes onto: a mount point of the kernel's is looked up also where its mount is there to be attached.
    pub(super) fn mount_point<'a>(&self, path: &'a Beneath) -> Result<At<'a>, Errno> {
        match path.place() {
            Place::On(_) => self.kernel_mount_point(path),
            Place::Root => self.place(path).and_then(|at| self.beside_root(at)),
            _ => self.place(path),
        }
    }

    /// Not the root itself: what is mounted there is by no path what stands below it, and hides all of it. A link of the
    /// image can lead there. EBUSY, as of whatever else is done to a root (rmdir(2), rename(2)).
    fn beside_root<'a>(&self, at: At<'a>) -> Result<At<'a>, Errno> {
        let root = identity::look(self.root())?.identity;
        if identity::look(at.fd)?.identity == root { Err(Errno::EBUSY) } else { Ok(at) }
    }

    /// An ordinary directory of the root.
    fn kernel_mount_point(&self, path: &Beneath) -> Result<At<'static>, Errno> {
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let resolve = RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS;
        sys::openat2(self.root(), path.as_c_str(), flags, 0, resolve).map(At::opened)
    }

    /// `path`, open: the descriptor means it and nothing else.
    pub(super) fn open<'a>(&self, path: &'a Beneath) -> Result<At<'a>, Errno> {
        let at = self.place(path)?;
        if at.name.is_empty() {
            return Ok(at);
        }
        sys::openat2(at.fd, at.name, libc::O_PATH, 0, resolve(path.place(), path.rest())).map(At::opened)
    }

    /// The directory that `path` stands in, for something new of its name.
    pub(super) fn dir<'a>(&self, path: &'a Beneath) -> Result<At<'a>, Errno> {
        let (base, rest, resolve) = match path.place() {
            Place::Below(kernel) | Place::Within(kernel) => {
                (self.kernel(kernel).ok_or(Errno::EBADF)?, path.dir_rest(), HELD | libc::RESOLVE_NO_XDEV)
            }
            Place::Tree(slot) => (self.fd(slot), path.dir_rest(), HELD),
            Place::Loose => (self.root(), path.dir(), RESOLVE_IN_ROOT),
            Place::On(_) | Place::Root => return self.beneath_root(path.dir()).map(At::opened),
        };
        if rest.is_empty() {
            return Ok(At::held(base));
        }
        sys::openat2(base, rest, libc::O_PATH | libc::O_DIRECTORY, 0, resolve).map(At::opened)
    }

    /// A file of the kernel's, opened to be written.
    pub(super) fn open_to_write(&self, path: &Beneath) -> Result<Fd, Errno> {
        let (base, rest, resolve) = match path.place() {
            Place::Below(kernel) | Place::Within(kernel) => {
                let rest = path.rest();
                (self.kernel(kernel).ok_or(Errno::EBADF)?, rest, resolve(path.place(), rest))
            }
            Place::Loose => (self.root(), path.as_c_str(), RESOLVE_IN_ROOT),
            Place::Root | Place::On(_) | Place::Tree(_) => return Err(Errno::EBADF),
        };
        sys::openat2(base, rest, libc::O_WRONLY, 0, resolve).map(Fd)
    }

    /// Makes what is missing of `path`, and nothing in a file system of the kernel's to which a link leads.
    pub(super) fn make(&self, path: &Beneath, kind: TargetKind) -> Result<(), Errno> {
        let (base, rest, resolve) = match path.place() {
            Place::Below(kernel) | Place::Within(kernel) => {
                (self.kernel(kernel).ok_or(Errno::EBADF)?, path.rest(), HELD)
            }
            _ => (self.root(), path.as_c_str(), RESOLVE_IN_ROOT),
        };
        let how = Making { resolve, kind, mark: 0 };
        let may = |dir| match self.walk()? {
            Some(walk) if path.place() == Place::Root => walk.stands_free(dir),
            _ => Ok(()),
        };
        beneath::make(base, rest, how, may, |_| ())
    }

    /// How a path that leaves the root's own mount is judged; not before the kernel's mounts are there.
    fn walk(&self) -> Result<Option<Walk>, Errno> {
        if Kernel::ALL.iter().all(|kernel| self.kernel(*kernel).is_none()) {
            return Ok(None);
        }
        let root = self.root();
        let mut mounts = [0; 3];
        for (mount, kernel) in mounts.iter_mut().zip(Kernel::ALL) {
            if let Some(held) = self.kernel(kernel) {
                *mount = identity::look(held)?.identity.mount;
            }
        }
        Ok(Some(Walk { root, top: identity::look(root)?.identity.mount, mounts }))
    }

    /// A path of the image or of a volume. What is reached without leaving the root's own mount is in no other; of what
    /// is not, it is looked where it is.
    fn beneath_root(&self, path: &CStr) -> Result<RawFd, Errno> {
        let root = self.root();
        if Kernel::ALL.iter().all(|kernel| self.kernel(*kernel).is_none()) {
            return sys::openat2(root, path, libc::O_PATH, 0, RESOLVE_IN_ROOT);
        }
        let within = RESOLVE_IN_ROOT | libc::RESOLVE_NO_XDEV;
        match sys::openat2(root, path, libc::O_PATH, 0, within) {
            Err(Errno::EXDEV) => self.walk()?.ok_or(Errno::EXDEV)?.open(path),
            done => done,
        }
    }
}

/// Makes the file system of a step by fsmount(2): where it stands cannot change what it is.
pub(super) fn detached(fstype: &'static CStr, flags: u64, data: Option<&CStr>) -> Result<RawFd, Errno> {
    // MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC are the same bits as MOUNT_ATTR_*.
    const SAME: u64 = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    const MOUNT_ATTR_STRICTATIME: u32 = 0x20;
    let strict = if flags & libc::MS_STRICTATIME != 0 { MOUNT_ATTR_STRICTATIME } else { 0 };
    let mut text = [0_u8; 256];
    let data = data.map_or(&b""[..], CStr::to_bytes);
    // A NUL stays at the end.
    text[..255].get_mut(..data.len()).ok_or(Errno::E2BIG)?.copy_from_slice(data);
    text.iter_mut().filter(|byte| matches!(**byte, b',' | b'=')).for_each(|byte| *byte = 0);
    let mut options = [(c"source", fstype); 6];
    let mut count = 1;
    let mut rest = text.as_slice();
    while let Ok(key) = CStr::from_bytes_until_nul(rest) {
        let Some(after) = rest.get(key.count_bytes() + 1..).filter(|_| !key.is_empty()) else { break };
        let value = CStr::from_bytes_until_nul(after).map_err(|_| Errno::EINVAL)?;
        *options.get_mut(count).ok_or(Errno::E2BIG)? = (key, value);
        count += 1;
        rest = after.get(value.count_bytes() + 1..).unwrap_or_default();
    }
    if flags & libc::MS_RDONLY != 0 {
        *options.get_mut(count).ok_or(Errno::E2BIG)? = (c"ro", c"");
        count += 1;
    }
    let mount = sys::detached_mount(fstype, &options[..count], (flags & SAME) as u32 | strict)?;
    Ok(mount.into_raw_fd())
}
