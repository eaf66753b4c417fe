//! Work of ours in the mount namespace of a container that runs.
//!
//! It is done by a thread that has entered that namespace and nothing else: no process of the container
//! sees it, and it ends with its work. Paths are resolved beneath the container's root, as at a start.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

use super::attach::Container;
use super::beneath;
use super::child;
use crate::plan::step::{Beneath, ChildStep, Kernel, TargetKind};
use crate::survey::RESOLVE_IN_ROOT;
use crate::sys;

/// Something made in the container.
#[derive(Debug)]
pub(super) enum Inside {
    /// A directory, a node, or an empty file to mount on; relative to the root.
    Made(CString),
    /// A mount.
    Mounted(Beneath),
}

/// Runs `work` in the container's mount namespace, on a thread that has directories and mask of its own.
pub(super) fn inside<T: Send>(container: &Container, work: impl FnOnce() -> T + Send) -> Result<T, Errno> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            sys::unshare(libc::CLONE_FS).map(drop)?;
            sys::setns(container.pidfd.as_raw_fd(), libc::CLONE_NEWNS).map(drop)?;
            sys::umask(0).map(drop)?;
            // What root of a container with an id map could not own, the kernel would not make.
            sys::setfsgid(container.owner.1).map(drop)?;
            sys::setfsuid(container.owner.0).map(drop)?;
            Ok(work())
        });
        thread.join().unwrap_or(Err(Errno::ECANCELED))
    })
}

/// A file system of the kernel's, as the container has it: its mount point is no link.
pub(super) fn hold_kernel(container: &Container, kernel: Kernel) -> Result<OwnedFd, Errno> {
    let flags = libc::O_PATH | libc::O_DIRECTORY;
    let resolve = RESOLVE_IN_ROOT | libc::RESOLVE_NO_SYMLINKS;
    let path = Beneath::new(kernel.path());
    sys::openat2(container.root.as_raw_fd(), path.as_c_str(), flags, 0, resolve).map(sys::adopt)
}

pub(super) fn perform(
    step: &ChildStep,
    context: &child::Context<'_>,
    root: i32,
    made: &mut Vec<Inside>,
) -> Result<(), Errno> {
    let target = match step {
        ChildStep::MakeTarget { target, kind } => return make(root, target, *kind, made),
        ChildStep::MakeNode { target, .. } => {
            child::perform(step, context)?;
            made.push(Inside::Made(target.as_c_str().to_owned()));
            return Ok(());
        }
        ChildStep::Attach { target, .. } | ChildStep::MountNew { target, .. } => target,
        other => return child::perform(other, context),
    };
    child::perform(step, context)?;
    made.push(Inside::Mounted(target.clone()));
    Ok(())
}

/// Makes a mount point, and notes what of it was missing.
fn make(root: i32, target: &Beneath, kind: TargetKind, made: &mut Vec<Inside>) -> Result<(), Errno> {
    let path = target.as_c_str().to_bytes();
    let mut lengths = Vec::new();
    let done = beneath::make(root, target, kind, 0, |length| lengths.push(length));
    for length in lengths {
        made.push(Inside::Made(CString::new(&path[..length]).map_err(|_| Errno::EINVAL)?));
    }
    done
}

/// Takes it away again.
pub(super) fn undo(container: &Container, made: &Inside) -> Result<(), Errno> {
    let root = container.root.as_raw_fd();
    match made {
        Inside::Made(path) => {
            let target = Beneath::new(&path.to_string_lossy());
            let dir = beneath::open(root, target.dir(), libc::O_DIRECTORY)?;
            match sys::unlinkat(dir.0, target.name(), 0) {
                Err(Errno::EISDIR) => sys::unlinkat(dir.0, target.name(), libc::AT_REMOVEDIR),
                other => other,
            }
        }
        Inside::Mounted(target) => unmount(root, target, libc::MNT_DETACH),
    }
}

/// Unmounts what is mounted last at `target`.
pub(super) fn unmount(root: i32, target: &Beneath, flags: i32) -> Result<(), Errno> {
    let dir = beneath::open(root, target.dir(), libc::O_DIRECTORY)?;
    sys::fchdir(dir.0).map(drop)?;
    sys::umount2(target.name(), flags | libc::UMOUNT_NOFOLLOW)
}
