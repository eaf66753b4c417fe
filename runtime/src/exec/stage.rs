//! Where the launcher is for a while. The stage: a mount namespace of the launcher's, from which a
//! container with an id map gets its trees.
//!
//! What root of a user namespace mounts itself, it may mount again without its restrictions; what it
//! gets from a namespace of the host's has its flags locked (mount_namespaces(7)). So the trees are
//! mounted here, and reach the child, whose table was copied from this one, by propagation.
//!
//! At last the whole of what the child has mounted comes here and back to it, in the same way: what arrives is
//! one unit, of which root of the container can unmount, and so uncover, nothing.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use crate::plan::step::{STAGE, TargetKind, c_string};
use crate::sys;

/// Name of the child's mounts on the stage.
const LOCKED: &CStr = c"locked";

/// The namespace, root and directory to go back to, and the stage.
#[derive(Debug)]
pub(super) struct Stage {
    namespace: OwnedFd,
    root: OwnedFd,
    dir: OwnedFd,
    /// The stage's namespace, and the shared mount in it; empty until they are made.
    own: Option<(OwnedFd, OwnedFd)>,
    /// The child's mount namespace.
    child: Option<OwnedFd>,
    /// Whether the launcher is on the host.
    away: bool,
}

impl Stage {
    /// Leaves the host's mount namespace for a copy of it, with an empty shared mount at [`STAGE`].
    pub fn enter() -> Result<Self, Errno> {
        let directory = libc::O_PATH | libc::O_DIRECTORY;
        let mut stage = Self {
            namespace: sys::open(NAMESPACE, libc::O_RDONLY)?,
            root: sys::open(c"/", directory)?,
            dir: sys::open(c".", directory)?,
            own: None,
            child: None,
            away: false,
        };
        // From here on dropping it leads back.
        sys::unshare(libc::CLONE_NEWNS).map(drop)?;
        sys::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
        let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        let path = c_string(STAGE);
        sys::mount(Some(SOURCE), &path, Some(c"tmpfs"), flags, Some(c"size=64k,mode=0755"))?;
        sys::mount(None, &path, None, libc::MS_SHARED, None)?;
        stage.own = Some((sys::open(NAMESPACE, libc::O_RDONLY)?, sys::open(&path, directory)?));
        Ok(stage)
    }

    /// Back to the host; the stage stays until this is dropped. What leads to the mounts of the child `pid` is opened
    /// now: once it has become root of its namespace, a launcher without root may not look at it any more.
    pub fn leave_with(&mut self, pid: i32) -> Result<(), Errno> {
        self.leave()?;
        self.child = Some(sys::open(&c_string(&format!("/proc/{pid}/ns/mnt")), libc::O_RDONLY)?);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Errno> {
        self.return_to_host()?;
        self.away = true;
        Ok(())
    }

    /// Shows the child what it has mounted itself, as one unit: a copy of the whole tree of its mount number
    /// `mount`, attached here, from where it reaches the child by propagation.
    pub fn lock(&mut self, mount: u64) -> Result<(), Errno> {
        let (Some((own, place)), Some(child)) = (&self.own, &self.child) else { return Err(Errno::ENOENT) };
        self.away = false;
        sys::setns(child.as_raw_fd(), libc::CLONE_NEWNS).map(drop)?;
        // Whoever enters a mount namespace stands on what is mounted last on its root.
        let top = sys::open(c"/", libc::O_PATH | libc::O_DIRECTORY)?;
        if sys::identity::mount_of(top.as_raw_fd())? != mount {
            return Err(Errno::ESTALE);
        }
        let tree = sys::adopt(sys::open_tree(top.as_raw_fd(), c"", super::child::CLONE_TREE)?);
        sys::setns(own.as_raw_fd(), libc::CLONE_NEWNS).map(drop)?;
        sys::mkdirat(place.as_raw_fd(), LOCKED, 0o755)?;
        sys::move_mount(tree.as_raw_fd(), c"", place.as_raw_fd(), LOCKED, FROM_FD)?;
        self.leave()
    }

    /// Mounts a detached tree; the child's copy of the stage gets it too.
    pub fn show(tree: RawFd, name: &str, kind: TargetKind) -> Result<(), Errno> {
        let path = c_string(name);
        match kind {
            TargetKind::Directory => sys::mkdirat(libc::AT_FDCWD, &path, 0o755)?,
            TargetKind::File => sys::mknodat(libc::AT_FDCWD, &path, libc::S_IFREG | 0o644, 0)?,
        }
        sys::move_mount(tree, c"", libc::AT_FDCWD, &path, FROM_FD)
    }

    /// Adds to the flags of a mount on the stage.
    pub fn restrict(at: &str, flags: u64) -> Result<(), Errno> {
        let path = c_string(at);
        let mount = sys::open(&path, libc::O_PATH)?;
        let flags = flags | super::child::kept_flags(mount.as_raw_fd())?;
        sys::mount(None, &path, None, libc::MS_REMOUNT | libc::MS_BIND | flags, None)
    }

    fn return_to_host(&self) -> Result<(), Errno> {
        sys::setns(self.namespace.as_raw_fd(), libc::CLONE_NEWNS).map(drop)?;
        sys::fchdir(self.root.as_raw_fd()).map(drop)?;
        sys::chroot(c".")?;
        sys::fchdir(self.dir.as_raw_fd()).map(drop)
    }
}

/// MOVE_MOUNT_F_EMPTY_PATH (move_mount(2)).
const FROM_FD: u32 = 0x4;

/// How the tmpfs of a stage is named in mount tables.
pub(super) const SOURCE: &CStr = c"stage";

/// The launcher's mount namespace.
const NAMESPACE: &CStr = c"/proc/thread-self/ns/mnt";

/// Namespaces of the launcher's own, to go back to.
#[derive(Debug, Default)]
pub(super) struct Visit {
    left: Vec<(OwnedFd, i32)>,
}

impl Visit {
    /// Leaves one's own namespace of this kind, where there is a way back: root of a user namespace may enter what
    /// is its own, and not return to what is not.
    pub fn enter(&mut self, of: RawFd, kind: i32) -> Result<(), Errno> {
        let own = match kind {
            libc::CLONE_NEWNET => c"/proc/thread-self/ns/net",
            libc::CLONE_NEWIPC => c"/proc/thread-self/ns/ipc",
            _ => c"/proc/thread-self/ns/uts",
        };
        let own = sys::open(own, libc::O_RDONLY)?;
        sys::setns(own.as_raw_fd(), kind).map(drop)?;
        sys::setns(of, kind).map(drop)?;
        self.left.push((own, kind));
        Ok(())
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        for (own, kind) in &self.left {
            if let Err(errno) = sys::setns(own.as_raw_fd(), *kind) {
                eprintln!("browndog: cannot return to the launcher's own namespaces: {errno}");
                sys::exit_now(125);
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.away {
            return;
        }
        if let Err(errno) = self.return_to_host() {
            // What follows would be done in the wrong namespace: nothing may follow.
            eprintln!("browndog: cannot return to the host's mount namespace: {errno}");
            sys::exit_now(125);
        }
    }
}
