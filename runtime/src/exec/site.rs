//! Places in a container that runs: met by descriptor and identity, since its processes rename, link and mount
//! meanwhile as they like.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, fstat};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, TMPFS_MAGIC, fstatfs};

use super::table::{HostProc, Line};
use super::tree;
use crate::path::RESOLVE_IN_ROOT;
use crate::plan::step::{Beneath, TargetKind};
use crate::sys;
use crate::sys::mount_id::standing;

/// RESOLVE_IN_ROOT and no link at all on the way.
const NO_LINKS: u64 = RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS;

/// The same, and no mount either.
const NO_WAY_OUT: u64 =
    libc::RESOLVE_BENEATH | libc::RESOLVE_NO_SYMLINKS | libc::RESOLVE_NO_MAGICLINKS | libc::RESOLVE_NO_XDEV;

/// How often a way is tried again that is changed meanwhile (openat2(2), EAGAIN).
pub(super) const TRIES: usize = 100;

/// SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC, DEVPTS_SUPER_MAGIC, SELINUX_MAGIC,
/// BINFMTFS_MAGIC, EFIVARFS_MAGIC, PSTOREFS_MAGIC (linux/magic.h).
const KERNELS: [i64; 10] = [
    0x6265_6572,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x1cd1,
    0xf97c_ff8c,
    0x4249_4e4d,
    0xde5e_81e4,
    0x6165_676c,
];

/// What a path meant when it was looked up last.
#[derive(Debug)]
pub(super) struct Parent {
    pub dir: OwnedFd,
    pub name: CString,
}

/// Something that was made for a mount or a device.
#[derive(Debug)]
pub(super) struct Made {
    pub dir: OwnedFd,
    pub name: CString,
    device: u64,
    inode: u64,
}

impl Made {
    /// What has just been made as `name` in `dir`.
    pub fn note(dir: &OwnedFd, name: &CString) -> Result<Self, Errno> {
        let dir = dir.try_clone().map_err(crate::errno_of)?;
        let found = look(&dir, name)?;
        Ok(Self { dir, name: name.clone(), device: found.st_dev, inode: found.st_ino })
    }

    /// Takes it away again, if it still is what was made; a directory only when it is empty.
    pub fn remove(&self) -> Result<(), Errno> {
        match look(&self.dir, &self.name) {
            Ok(found) if (found.st_dev, found.st_ino) == (self.device, self.inode) => {}
            // The container's own doing.
            Ok(_) | Err(Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(errno),
        }
        match sys::unlinkat(self.dir.as_raw_fd(), &self.name, 0) {
            Err(Errno::EISDIR) => sys::unlinkat(self.dir.as_raw_fd(), &self.name, libc::AT_REMOVEDIR),
            other => other,
        }
    }
}

/// What stands as `name` in `dir`: a link is looked at itself, and no mount is entered.
pub(super) fn look(dir: &OwnedFd, name: &CString) -> Result<FileStat, Errno> {
    fstat(open(dir.as_raw_fd(), name, libc::O_PATH | libc::O_NOFOLLOW, NO_WAY_OUT)?)
}

/// Opens what stands as `name` in `dir`, unless it is a link.
fn open_name(dir: &OwnedFd, name: &CString, resolve: u64) -> Result<OwnedFd, Errno> {
    let found = open(dir.as_raw_fd(), name, libc::O_PATH | libc::O_NOFOLLOW, resolve)?;
    if fstat(&found)?.st_mode & libc::S_IFMT == libc::S_IFLNK { Err(Errno::ELOOP) } else { Ok(found) }
}

/// openat2(2), again where something was renamed at that moment.
fn open(dir: RawFd, path: &std::ffi::CStr, flags: i32, resolve: u64) -> Result<OwnedFd, Errno> {
    for _ in 0..TRIES {
        match sys::openat2(dir, path, flags, 0, resolve) {
            Err(Errno::EAGAIN) => std::thread::yield_now(),
            other => return other.map(sys::adopt),
        }
    }
    Err(Errno::EAGAIN)
}

/// The container as a thread sees it that has entered its mount namespace.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// The init's root.
    root: &'a OwnedFd,
    /// The namespace's root, from which its mount table counts.
    top: OwnedFd,
    pub proc: &'a HostProc,
}

impl<'a> Site<'a> {
    /// For the calling thread, which is in there.
    pub fn new(root: &'a OwnedFd, proc: &'a HostProc) -> Result<Self, Errno> {
        let top = sys::open(c"/", libc::O_PATH | libc::O_DIRECTORY)?;
        Ok(Self { root, top, proc })
    }

    /// The container's own `/dev`: the one tmpfs of its own that was mounted there at its start, and nothing on it.
    ///
    /// # Errors
    /// ESTALE where it is not.
    pub fn dev(&self) -> Result<OwnedFd, Errno> {
        let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let dev = open(self.root.as_raw_fd(), c"dev", flags, NO_LINKS).map_err(stale)?;
        let found = standing(dev.as_raw_fd())?;
        let table = self.proc.table()?;
        // With an id map and on the host's tree the host's own and the stage lie below it, locked.
        let is_stage = |line: &Line| line.source.as_bytes() == super::stage::SOURCE.to_bytes();
        let is_own = |line: &&Line| line.point == "/dev" && line.fstype == "tmpfs" && !is_stage(line);
        let mut there = table.iter().filter(is_own);
        let is_ours = |line: &Line| line.number == found.mount.number && line.root == "/";
        let alone = there.next().is_some_and(is_ours) && there.next().is_none();
        // One of the host's that the container can reach, put there by a root that may mount.
        let host = self.proc.table_of(std::process::id() as i32)?;
        let hosts = host.iter().any(|line| line.device == found.mount.device);
        if found.is_root && alone && !hosts && fstatfs(&dev)?.filesystem_type() == TMPFS_MAGIC {
            Ok(dev)
        } else {
            Err(Errno::ESTALE)
        }
    }

    /// Where a target below `/dev` stands; the directories on the way are made by us where they are missing,
    /// and noted in `made`. Nobody's link leads away from there, and no mount.
    pub fn in_dev(&self, target: &Beneath, made: Option<&mut Vec<Made>>) -> Result<Parent, Errno> {
        let mut dir = self.dev()?;
        let mut parts = parts(target)?;
        let name = parts.pop().ok_or(Errno::EINVAL)?;
        let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let mut made = made;
        for part in parts.into_iter().skip(1) {
            let next = open(dir.as_raw_fd(), &part, flags, NO_WAY_OUT);
            dir = match (next, &mut made) {
                (Err(Errno::ENOENT), Some(made)) => {
                    make_dir(&dir, &part)?;
                    made.push(Made::note(&dir, &part)?);
                    open(dir.as_raw_fd(), &part, flags, NO_WAY_OUT).map_err(stale)?
                }
                (Err(Errno::ENOENT), None) => return Err(Errno::ENOENT),
                (next, _) => next.map_err(stale)?,
            };
        }
        Ok(Parent { dir, name })
    }

    /// Opens what a target of the document means now, to be mounted on. What is missing of it is made, if `kind`
    /// says what it is to be, and noted.
    ///
    /// # Errors
    /// ESTALE where a link of the container's leads to a file system of the kernel's, to its `/dev`, or to its root.
    pub fn open_target(
        &self,
        target: &Beneath,
        kind: Option<TargetKind>,
        made: &mut Vec<Made>,
    ) -> Result<OwnedFd, Errno> {
        let Some(kind) = kind else {
            return match kernel_place(target) {
                Some("dev") => {
                    let Parent { dir, name } = self.in_dev(target, None)?;
                    open_name(&dir, &name, NO_WAY_OUT).map_err(stale)
                }
                Some(_) => {
                    open(self.root.as_raw_fd(), target.as_c_str(), libc::O_PATH, NO_LINKS).map_err(stale)
                }
                None => self.beside_root(self.guarded(self.open_any(target)?)?),
            };
        };
        if kernel_place(target) == Some("dev") {
            let Parent { dir, name } = self.in_dev(target, Some(made))?;
            return make_and_open(dir, &name, kind, made);
        }
        self.make_target(target, kind, made)
    }

    fn make_target(
        &self,
        target: &Beneath,
        kind: TargetKind,
        made: &mut Vec<Made>,
    ) -> Result<OwnedFd, Errno> {
        let resolve = if kernel_place(target).is_some() { NO_LINKS } else { RESOLVE_IN_ROOT };
        let mut whole = Vec::new();
        let mut dir = open(self.root.as_raw_fd(), c".", libc::O_PATH | libc::O_DIRECTORY, resolve)?;
        let parts = parts(target)?;
        let last = parts.len().saturating_sub(1);
        let mut missing = false;
        for (at, part) in parts.iter().enumerate() {
            whole.extend_from_slice(part.to_bytes());
            let path = CString::new(whole.clone()).map_err(|_| Errno::EINVAL)?;
            whole.push(b'/');
            if !missing {
                match open(self.root.as_raw_fd(), &path, libc::O_PATH, resolve) {
                    Ok(found) => {
                        dir = self.guarded_unless(kernel_place(target).is_some(), found)?;
                        continue;
                    }
                    Err(Errno::ENOENT) => missing = true,
                    Err(errno) => return Err(errno),
                }
            }
            let kind = if at == last { kind } else { TargetKind::Directory };
            dir = make_and_open(dir, part, kind, made)?;
        }
        Ok(dir)
    }

    fn guarded_unless(&self, literal: bool, fd: OwnedFd) -> Result<OwnedFd, Errno> {
        if literal { Ok(fd) } else { self.guarded(fd) }
    }

    /// What a link led to: no file system of the kernel's, and not the container's `/dev`.
    fn guarded(&self, fd: OwnedFd) -> Result<OwnedFd, Errno> {
        let kernels = is_kernels(fstatfs(&fd)?.filesystem_type());
        let dev = open(self.root.as_raw_fd(), c"dev", libc::O_PATH | libc::O_NOFOLLOW, NO_LINKS);
        let in_dev = match dev {
            Ok(dev) => fstat(&dev)?.st_dev == fstat(&fd)?.st_dev && standing(dev.as_raw_fd())?.is_root,
            Err(_) => false,
        };
        if kernels || in_dev { Err(Errno::ESTALE) } else { Ok(fd) }
    }

    /// What is mounted on the root itself is by no path what is below it, and hides all of it.
    fn beside_root(&self, fd: OwnedFd) -> Result<OwnedFd, Errno> {
        let [root, found] = [self.root, &fd].map(|fd| sys::identity::look(fd.as_raw_fd()));
        if found?.identity == root?.identity { Err(Errno::ESTALE) } else { Ok(fd) }
    }

    /// Opens a target wherever it leads, to be looked at.
    pub fn open_any(&self, target: &Beneath) -> Result<OwnedFd, Errno> {
        open(self.root.as_raw_fd(), target.as_c_str(), libc::O_PATH, RESOLVE_IN_ROOT)
    }

    /// Opens what a document's `<source dir>` in the container means now, to be copied.
    ///
    /// # Errors
    /// ESTALE where a link of the container's leads to a file system of the kernel's, or to its `/dev`.
    pub fn open_source(&self, source: &Beneath) -> Result<OwnedFd, Errno> {
        self.guarded(self.open_any(source)?)
    }

    /// Where the mount at `point` of the namespace's table stands.
    pub fn parent_of(&self, point: &str) -> Result<Parent, Errno> {
        let point = Beneath::new(point);
        let flags = libc::O_PATH | libc::O_DIRECTORY;
        let dir = open(self.top.as_raw_fd(), point.dir(), flags, NO_LINKS)?;
        Ok(Parent { dir, name: point.name().to_owned() })
    }
}

impl Parent {
    /// What stands there, with what is mounted on it; a link is not followed.
    pub fn open(&self) -> Result<OwnedFd, Errno> {
        open_name(&self.dir, &self.name, NO_LINKS)
    }
}

fn make_dir(dir: &OwnedFd, name: &CString) -> Result<(), Errno> {
    match sys::mkdirat(dir.as_raw_fd(), name, 0o755) {
        // Somebody else made it meanwhile: it is looked at next, whatever it is.
        Err(Errno::EEXIST) => Ok(()),
        other => other,
    }
}

/// Makes an empty file or a directory, unless there is one, and opens it as it stands there.
fn make_and_open(
    dir: OwnedFd,
    name: &CString,
    kind: TargetKind,
    made: &mut Vec<Made>,
) -> Result<OwnedFd, Errno> {
    let done = match kind {
        TargetKind::Directory => sys::mkdirat(dir.as_raw_fd(), name, 0o755),
        // S_IFREG makes an empty file, and never follows or opens anything.
        TargetKind::File => sys::mknodat(dir.as_raw_fd(), name, libc::S_IFREG | 0o644, 0),
    };
    match done {
        Ok(()) => made.push(Made::note(&dir, name)?),
        Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    open_name(&dir, name, NO_WAY_OUT).map_err(stale)
}

/// A link, a mount or a file in the place of a directory is the container's doing.
fn stale(errno: Errno) -> Errno {
    match errno {
        Errno::ELOOP | Errno::EXDEV | Errno::ENOTDIR | Errno::ENOENT | Errno::EAGAIN => Errno::ESTALE,
        other => other,
    }
}

/// Which of the container's kernel file systems a target names literally: there no link is followed.
pub(super) fn kernel_place(target: &Beneath) -> Option<&'static str> {
    let path = target.as_c_str().to_str().ok()?;
    let (first, _) = path.split_once('/')?;
    ["dev", "proc", "sys"].into_iter().find(|name| *name == first)
}

fn is_kernels(magic: FsType) -> bool {
    magic == PROC_SUPER_MAGIC
        || tree::is_hierarchy(magic)
        || KERNELS.iter().any(|kernels| FsType(*kernels as _) == magic)
}

fn parts(target: &Beneath) -> Result<Vec<CString>, Errno> {
    let path = target.as_c_str().to_bytes();
    let named = |part: &&[u8]| !part.is_empty() && **part != *b".";
    let parts = path.split(|byte| *byte == b'/').filter(named);
    let parts: Result<Vec<CString>, Errno> =
        parts.map(|part| CString::new(part).map_err(|_| Errno::EINVAL)).collect();
    let parts = parts?;
    // No document has such a target: its paths are held to have none.
    if parts.iter().any(|part| part.as_bytes() == b"..") { Err(Errno::EINVAL) } else { Ok(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_names_a_kernel_file_system_only_by_its_first_part() {
        let place = |path: &str| kernel_place(&Beneath::new(path));
        assert_eq!(place("/dev/net/tun"), Some("dev"));
        assert_eq!(place("/proc/cpuinfo"), Some("proc"));
        assert_eq!((place("/srv/dev/x"), place("/device/x"), place("/srv")), (None, None, None));
    }

    #[test]
    fn parts_of_a_path_have_no_way_up() {
        let names = |path: &str| parts(&Beneath::new(path));
        assert_eq!(names("/a//b/./c").map(|parts| parts.len()), Ok(3));
        assert_eq!(names("/a/../b"), Err(Errno::EINVAL));
    }

    #[test]
    fn what_was_made_is_removed_unless_it_is_something_else_by_now() {
        let dir = tempfile::tempdir().expect("a directory");
        let fd = OwnedFd::from(std::fs::File::open(dir.path()).expect("it is there"));
        let mut made = Vec::new();
        let name = c"there".to_owned();
        let other = fd.try_clone().expect("a descriptor");
        let opened = make_and_open(other, &name, TargetKind::Directory, &mut made).expect("made");
        assert!(fstat(&opened).is_ok() && made.len() == 1);
        std::fs::rename(dir.path().join("there"), dir.path().join("moved")).expect("renamed");
        std::os::unix::fs::symlink("/etc", dir.path().join("there")).expect("a link");
        assert_eq!(made[0].remove(), Ok(()));
        assert!(dir.path().join("there").is_symlink(), "it is the container's");
        std::fs::remove_file(dir.path().join("there")).expect("removed");
        std::fs::rename(dir.path().join("moved"), dir.path().join("there")).expect("renamed");
        assert_eq!(made[0].remove(), Ok(()));
        assert!(!dir.path().join("there").exists());
    }
}
