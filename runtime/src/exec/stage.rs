//! Where the launcher is for a while. The stage: a mount namespace of the launcher's, from which a
//! container with an id map gets its trees.
//!
//! What root of a user namespace mounts itself, it may mount again without its restrictions; what it
//! gets from a namespace of the host's has its flags locked (mount_namespaces(7)). So the trees are
//! mounted here, and reach the child, whose table was copied from this one, by propagation.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::libc;

use crate::plan::step::{STAGE, TargetKind, c_string};
use crate::sys;

/// The namespace, root and directory to go back to.
#[derive(Debug)]
pub(super) struct Stage {
    namespace: OwnedFd,
    root: OwnedFd,
    dir: OwnedFd,
}

impl Stage {
    /// Leaves the host's mount namespace for a copy of it, with an empty shared mount at [`STAGE`].
    pub fn enter() -> Result<Self, Errno> {
        let directory = libc::O_PATH | libc::O_DIRECTORY;
        let stage = Self {
            namespace: sys::open(c"/proc/thread-self/ns/mnt", libc::O_RDONLY)?,
            root: sys::open(c"/", directory)?,
            dir: sys::open(c".", directory)?,
        };
        // From here on dropping it leads back.
        sys::unshare(libc::CLONE_NEWNS).map(drop)?;
        sys::mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
        let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        let path = c_string(STAGE);
        sys::mount(Some(c"stage"), &path, Some(c"tmpfs"), flags, Some(c"size=64k,mode=0755"))?;
        sys::mount(None, &path, None, libc::MS_SHARED, None)?;
        Ok(stage)
    }

    /// Mounts a detached tree; the child's copy of the stage gets it too.
    pub fn show(tree: RawFd, name: &str, kind: TargetKind) -> Result<(), Errno> {
        /// MOVE_MOUNT_F_EMPTY_PATH (move_mount(2)).
        const FROM_FD: u32 = 0x4;
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

    fn leave(&self) -> Result<(), Errno> {
        sys::setns(self.namespace.as_raw_fd(), libc::CLONE_NEWNS).map(drop)?;
        sys::fchdir(self.root.as_raw_fd()).map(drop)?;
        sys::chroot(c".")?;
        sys::fchdir(self.dir.as_raw_fd()).map(drop)
    }
}

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
        if let Err(errno) = self.leave() {
            // What follows would be done in the wrong namespace: nothing may follow.
            eprintln!("browndog: cannot return to the host's mount namespace: {errno}");
            sys::exit_now(125);
        }
    }
}
