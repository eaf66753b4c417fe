//! Work of ours in the mount namespace of a container that runs.
//!
//! It is done by a thread that has entered that namespace and nothing else: no process of the container
//! sees it, and it ends with its work. A place is looked up once, and a mount is the one that its descriptor
//! stands on from then on: the container may rename, link and mount beside it as it likes.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::libc;

use super::attach::Container;
use super::child::{CLONE_TREE, TREE, kept_flags};
use super::site::{Made, Site};
use super::table::{HostProc, line_of};
use crate::plan::step::{Beneath, ChildStep, Slot};
use crate::sys;
use crate::sys::mount_id::{MountId, duplicate, standing};

/// Something made in the container.
#[derive(Debug)]
pub(super) enum Inside {
    /// A directory, a node, or an empty file to mount on.
    Made(Made),
    /// A mount, by a descriptor of it.
    Mounted(Mounted),
}

/// A mount that was attached.
#[derive(Debug)]
pub(super) struct Mounted {
    /// Where the document wants it.
    pub target: Beneath,
    pub id: MountId,
    tree: OwnedFd,
}

/// Runs `work` in the container's mount namespace, on a thread that has directories and mask of its own.
pub(super) fn inside<T: Send>(
    container: &Container,
    work: impl FnOnce(&Site<'_>) -> Result<T, Errno> + Send,
) -> Result<T, Errno> {
    let proc = HostProc::open()?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            sys::unshare(libc::CLONE_FS).map(drop)?;
            sys::setns(container.pidfd.as_raw_fd(), libc::CLONE_NEWNS).map(drop)?;
            sys::umask(0).map(drop)?;
            // What root of a container with an id map could not own, the kernel would not make.
            sys::setfsgid(container.owner.1).map(drop)?;
            sys::setfsuid(container.owner.0).map(drop)?;
            work(&Site::new(&container.root, &proc)?)
        });
        thread.join().unwrap_or(Err(Errno::ECANCELED))
    })
}

/// Performs steps of a plan in the container.
pub(super) struct Worker<'a> {
    pub site: &'a Site<'a>,
    pub slots: &'a [AtomicI32],
    pub made: &'a mut Vec<Inside>,
}

/// MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH (move_mount(2)).
const FROM_FD_TO_FD: u32 = 0x4 | 0x40;

/// MS_* of mount(2) and what mount_setattr(2) calls the same.
const ATTRIBUTES: [(u64, u32); 6] = [
    (libc::MS_RDONLY, 0x1),
    (libc::MS_NOSUID, 0x2),
    (libc::MS_NODEV, 0x4),
    (libc::MS_NOEXEC, 0x8),
    (libc::MS_NOATIME, 0x10),
    (libc::MS_NODIRATIME, 0x80),
];

impl Worker<'_> {
    fn fd(&self, slot: Slot) -> RawFd {
        self.slots.get(usize::from(slot.0)).map_or(-1, |fd| fd.load(Ordering::Relaxed))
    }

    pub fn perform(&mut self, step: &ChildStep) -> Result<(), Errno> {
        match step {
            ChildStep::MakeTarget { target, kind } => {
                let mut made = Vec::new();
                let done = self.site.open_target(target, Some(*kind), &mut made).map(drop);
                self.made.extend(made.into_iter().map(Inside::Made));
                done
            }
            ChildStep::MakeNode { target, mode, device } => self.make_node(target, *mode, *device),
            ChildStep::CloneTree { source, into } => {
                let from = self.site.open_source(source)?;
                let tree = sys::open_tree(from.as_raw_fd(), c"", CLONE_TREE)?;
                if let Some(place) = self.slots.get(usize::from(into.0)) {
                    place.store(tree, Ordering::Relaxed);
                }
                Ok(())
            }
            ChildStep::Restrict { tree, attr } => sys::mount_setattr(self.fd(*tree), c"", TREE, attr),
            ChildStep::Attach { tree, target } => {
                let tree = duplicate(self.fd(*tree))?;
                self.attach(tree, target)
            }
            ChildStep::MountNew { fstype, target, flags, data, .. } => {
                let attrs =
                    ATTRIBUTES.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, attr)| attr).sum();
                let tree = new_mount(fstype, data.as_deref(), attrs)?;
                self.attach(tree, target)
            }
            other => self.change_mount(other),
        }
    }

    fn make_node(&mut self, target: &Beneath, mode: u32, device: u64) -> Result<(), Errno> {
        let mut made = Vec::new();
        let parent = self.site.in_dev(target, Some(&mut made));
        self.made.extend(made.into_iter().map(Inside::Made));
        let parent = parent?;
        sys::mknodat(parent.dir.as_raw_fd(), &parent.name, mode, device)?;
        self.made.push(Inside::Made(Made::note(&parent.dir, &parent.name)?));
        Ok(())
    }

    fn attach(&mut self, tree: OwnedFd, target: &Beneath) -> Result<(), Errno> {
        let at = self.site.open_target(target, None, &mut Vec::new())?;
        sys::move_mount(tree.as_raw_fd(), c"", at.as_raw_fd(), c"", FROM_FD_TO_FD)?;
        let id = standing(tree.as_raw_fd())?.mount;
        self.made.push(Inside::Mounted(Mounted { target: target.clone(), id, tree }));
        Ok(())
    }

    /// Steps on a mount that was attached before them.
    fn change_mount(&self, step: &ChildStep) -> Result<(), Errno> {
        let (ChildStep::SetAttr { target, .. }
        | ChildStep::Remount { target, .. }
        | ChildStep::Sever { target }
        | ChildStep::Verify { target, .. }) = step
        else {
            return Err(Errno::ENOSYS);
        };
        // Below it, where a kernel has to restrict each mount by itself: looked up from the mount itself.
        let (tree, rest) = self.mounted(target).ok_or(Errno::ESTALE)?;
        let at = if rest.as_bytes().is_empty() {
            tree.try_clone().map_err(crate::errno_of)?
        } else {
            sys::adopt(sys::openat2(tree.as_raw_fd(), &rest, libc::O_PATH, 0, crate::path::RESOLVE_IN_ROOT)?)
        };
        let at = at.as_raw_fd();
        match step {
            ChildStep::SetAttr { attr, recursive, .. } => {
                let flags = if *recursive { TREE } else { libc::AT_EMPTY_PATH as u32 };
                sys::mount_setattr(at, c"", flags, attr)
            }
            ChildStep::Remount { flags, .. } => {
                let flags = libc::MS_REMOUNT | libc::MS_BIND | *flags | kept_flags(at)?;
                self.site.proc.on(at, |path| sys::mount(None, path, None, flags, None))
            }
            ChildStep::Sever { .. } => {
                let flags = libc::MS_REC | libc::MS_PRIVATE;
                self.site.proc.on(at, |path| sys::mount(None, path, None, flags, None))
            }
            ChildStep::Verify { flags, .. } => {
                // Not an errno of the kernel: the error message names the step, which says what it means.
                if sys::mount_flags(at)? & flags == *flags { Ok(()) } else { Err(Errno::ENOTRECOVERABLE) }
            }
            _ => Err(Errno::ENOSYS),
        }
    }

    /// The mount that `target` is, or is below, and the rest of the path.
    fn mounted(&self, target: &Beneath) -> Option<(&OwnedFd, CString)> {
        let path = target.as_c_str().to_bytes();
        self.made.iter().rev().find_map(|made| {
            let Inside::Mounted(mounted) = made else { return None };
            let rest = path.strip_prefix(mounted.target.as_c_str().to_bytes())?;
            match rest.strip_prefix(b"/") {
                Some(rest) => Some((&mounted.tree, CString::new(rest).ok()?)),
                None => rest.is_empty().then(|| (&mounted.tree, CString::default())),
            }
        })
    }
}

/// A detached mount of a file system without a source; `options` as mount(8) has them.
fn new_mount(fstype: &CStr, options: Option<&CStr>, attrs: u32) -> Result<OwnedFd, Errno> {
    let text = options.map(CStr::to_string_lossy).unwrap_or_default();
    let pairs = text.split(',').filter_map(|option| option.split_once('='));
    let pairs: Vec<(CString, CString)> = pairs
        .map(|(key, value)| (crate::plan::step::c_string(key), crate::plan::step::c_string(value)))
        .collect();
    let pairs: Vec<(&CStr, &CStr)> =
        pairs.iter().map(|(key, value)| (key.as_c_str(), value.as_c_str())).collect();
    sys::detached_mount(fstype, &pairs, attrs)
}

/// Takes it away again: a mount by its descriptor, the rest where it was made and if it still is that.
pub(super) fn undo(site: &Site<'_>, made: &Inside) -> Result<(), Errno> {
    match made {
        Inside::Made(made) => made.remove(),
        Inside::Mounted(mounted) => detach_now(site, &mounted.tree),
    }
}

/// Takes the very mount away that `at` is the root of, whoever uses it.
///
/// # Errors
/// EINVAL where it is locked to others (mount_namespaces(7)).
pub(super) fn detach_now(site: &Site<'_>, at: &OwnedFd) -> Result<(), Errno> {
    match site.proc.on(at.as_raw_fd(), |path| sys::umount2(path, libc::MNT_DETACH)) {
        // Not of this namespace any more: the container has unmounted it.
        Err(Errno::EINVAL) if line_of(&site.proc.table()?, &standing(at.as_raw_fd())?.mount).is_none() => {
            Ok(())
        }
        other => other,
    }
}
