//! The root, the kernel's file systems, and what the document mounts.

use std::collections::HashSet;
use std::ffi::CStr;

use browndog_xml::domain::{Filesystem, FilesystemSource, Origin};
use browndog_xml::value::RAM_MODE;
use nix::errno::Errno;
use nix::libc;

use super::build::Builder;
use super::classic;
use super::contents;
use super::cover::{Masks, Moment};
use super::step::{Beneath, ChildStep, HostStep, Kernel, Slot, TargetKind, c_string};
use crate::survey::targets::RESOLV_CONF;
use crate::survey::{Kind, Purpose, has_contents, is_root};
use crate::sys::MountAttr;

/// MOUNT_ATTR_* of mount_setattr(2).
pub(super) const ATTR_RDONLY: u64 = 0x1;
pub(super) const ATTR_NOSUID: u64 = 0x2;
pub(super) const ATTR_NODEV: u64 = 0x4;
pub(super) const ATTR_NOEXEC: u64 = 0x8;

pub(super) const NO_SUID_DEV_EXEC: u64 = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;

pub(super) const DETACHED: &str = "a detached copy: nobody can reach it before it is restricted and attached";
pub(super) const RESTRICT: &str =
    "before the tree is attached, so that there is no moment at which it is open";
const NODEV: Origin = Origin::Default("device nodes work in /dev only");
const KERNEL_FS: Origin = Origin::Default("every container gets its own /proc and /sys");

pub(super) fn root_filesystem<'a>(b: &Builder<'a>) -> Option<&'a Filesystem> {
    b.domain.filesystems.iter().find(|filesystem| is_root(filesystem))
}

/// Whether the container stands on the host's own tree.
fn shares_root(b: &Builder<'_>) -> bool {
    b.shares_root()
}

/// Opens, copies and restricts every source, on the host.
pub(super) fn prepare(b: &mut Builder<'_>) {
    let (origin, readonly) = match root_filesystem(b) {
        Some(filesystem) => (filesystem.origin, filesystem.readonly),
        None => (KEEP_TREE, None),
    };
    let source = b.source(Purpose::Root).expect("the survey always looks for a root");
    make_targets(b, source);
    let tree = b.slot("root");
    b.set_root(tree);
    if let Some(filesystem) = root_filesystem(b).filter(|filesystem| has_contents(filesystem)) {
        contents::mount(b, Purpose::Root, filesystem, tree);
    } else if !shares_root(b) {
        b.host_step("clone-tree:/", HostStep::CloneTree { source, into: tree }, origin, DETACHED);
        restrict(b, "/", tree, readonly, origin);
    }
    for (index, filesystem) in b.domain.filesystems.iter().enumerate().filter(|(_, fs)| !is_root(fs)) {
        match &filesystem.source {
            FilesystemSource::Host(_) => prepare_host_source(b, index, filesystem),
            FilesystemSource::Block(_) | FilesystemSource::Image { .. } => {
                let into = b.new_tree(index);
                contents::mount(b, Purpose::Filesystem(index), filesystem, into);
            }
            FilesystemSource::Container(_) | FilesystemSource::Ram { .. } => {}
        }
    }
}

const KEEP_TREE: Origin =
    Origin::Default("no root file system is given: the host's tree, with private mounts on top");

fn prepare_host_source(b: &mut Builder<'_>, index: usize, filesystem: &Filesystem) {
    let Some(source) = b.source(Purpose::Filesystem(index)) else { return };
    if b.left_out(Purpose::Filesystem(index)).is_some() {
        return;
    }
    let target = filesystem.target.value.as_str();
    let into = b.new_tree(index);
    b.host_step(("clone-tree", target), HostStep::CloneTree { source, into }, filesystem.origin, DETACHED);
    restrict(b, target, into, filesystem.readonly, filesystem.origin);
}

fn restrict(b: &mut Builder<'_>, target: &str, tree: Slot, readonly: Option<Origin>, origin: Origin) {
    if b.host.at_least(5, 12) {
        let (mut attr, asked) = restriction(readonly, origin);
        // Its root makes files there of whatever owner and mode: none gives more than it has, unless that is asked for.
        let closed = b.user_namespace && readonly.is_none() && super::confine::new_privs(b).is_none();
        attr.attr_set |= if closed { ATTR_NOSUID } else { 0 };
        b.host_step(("restrict", target), HostStep::Restrict { tree, attr }, asked, RESTRICT);
    }
}

/// What [`restriction`] does for newer kernels, right after the tree is attached.
pub(super) fn sever(b: &mut Builder<'_>, tree: Slot, target: &str) {
    let step = ChildStep::Sever { target: Beneath::on_tree(tree, target, "") };
    b.child(("sever", target), step, KEEP_PRIVATE, "this kernel has no mount_setattr(2)");
}

/// The host's own tree is copied by the child: a namespace pinned somewhere in it would make the copy
/// refuse to be attached (ELOOP), and CLONE_NEWNS leaves such pins out.
fn clone_shared_root(b: &mut Builder<'_>, tree: Slot, readonly: Option<Origin>, origin: Origin) {
    b.child("clone-tree:/", ChildStep::CloneHostTree { path: c_string("/"), into: tree }, origin, DETACHED);
    if b.host.at_least(5, 12) {
        let (attr, asked) = restriction(readonly, origin);
        b.child("restrict:/", ChildStep::Restrict { tree, attr }, asked, RESTRICT);
    }
}

fn restriction(readonly: Option<Origin>, origin: Origin) -> (MountAttr, Origin) {
    // A copy of a shared mount is a peer of it: what is mounted on the one appears on the other.
    let propagation = libc::MS_PRIVATE;
    let mut attr = MountAttr { attr_set: ATTR_NODEV, propagation, ..MountAttr::default() };
    let mut asked = if matches!(origin, Origin::Xml(_)) { origin } else { NODEV };
    if let Some(readonly) = readonly {
        attr.attr_set |= ATTR_RDONLY;
        asked = readonly;
    }
    (attr, asked)
}

/// Mount points that the kernel's own file systems need.
pub const KERNEL_TARGETS: [&str; 3] = [Kernel::Proc.path(), Kernel::Sys.path(), Kernel::Dev.path()];

/// Makes what is missing beneath the root's source; what another filesystem of the document covers is
/// made there, by the child.
fn make_targets(b: &mut Builder<'_>, root: Slot) {
    refuse_roots_links(b);
    let why = "a mount needs something to stand on; removed again after the end";
    let shared = shares_root(b);
    for (target, looked, origin) in missing_targets(b) {
        let kind = looked;
        if shared {
            b.problem(
                origin,
                format!("the host has no {target}, and nothing is created in the host's own tree"),
                format!("create {target} on the host, or give the container a root file system of its own"),
            );
            continue;
        }
        let step = HostStep::MakeTarget { root, target: Beneath::new(&target), kind };
        b.host_step(("make-target", target), step, origin, why);
    }
}

/// A link means what it leads to when its step comes, and that may be another place each time: as other runtimes do,
/// the kernel's file systems are mounted on ordinary directories alone.
fn refuse_roots_links(b: &mut Builder<'_>) {
    let root = root_filesystem(b);
    let (origin, path) = (root.map_or(KEEP_TREE, |root| root.origin), b.survey.get(Purpose::Root));
    let path = path.map(|found| found.path.trim_end_matches('/').to_owned()).unwrap_or_default();
    for (target, what) in KERNEL_TARGETS.iter().zip(b.survey.kernel_refused) {
        let Some(what) = what else { continue };
        b.problem(
            origin,
            format!("{target} of the root file system must be an ordinary directory, and is {what}"),
            format!("put an empty directory in its place: rm {path}{target} && mkdir {path}{target}"),
        );
    }
    super::kinds::refuse_links(b);
    for (filesystem, looked) in b.domain.filesystems.iter().zip(&b.survey.targets) {
        // What is missing is made; of the kernel's answer that it could not tell, nothing follows.
        if let Some(Err(errno)) = looked
            && !matches!(errno, Errno::ENOENT | Errno::ENOTDIR)
        {
            let target = &filesystem.target;
            let message =
                format!("cannot look at {} in the root file system: {}", target.value, errno.desc());
            b.problem(
                target.origin,
                message,
                "look at the directories and links on the way to it, and try again",
            );
        }
    }
}

fn missing_targets(b: &Builder<'_>) -> Vec<(String, TargetKind, Origin)> {
    let mut missing = Vec::new();
    for (target, exists) in KERNEL_TARGETS.iter().zip(&b.survey.kernel_targets) {
        if !exists {
            missing.push(((*target).to_owned(), TargetKind::Directory, KERNEL_FS));
        }
    }
    for (index, filesystem) in b.domain.filesystems.iter().enumerate().filter(|(_, fs)| !is_root(fs)) {
        if b.left_out(Purpose::Filesystem(index)).is_some() {
            continue;
        }
        if matches!(b.survey.targets.get(index), Some(Some(Err(Errno::ENOENT)))) {
            let leads = b.survey.leads.get(index).cloned().flatten();
            let target = leads.unwrap_or_else(|| filesystem.target.value.as_str().to_owned());
            missing.push((target, target_kind(b, index), filesystem.target.origin));
        }
    }
    if let (Some(looked), Some(first)) = (&b.survey.resolver, b.domain.nameservers.first())
        && looked.kind == Some(Err(Errno::ENOENT))
    {
        let target = looked.leads.clone().unwrap_or_else(|| RESOLV_CONF.to_owned());
        missing.push((target, TargetKind::File, first.origin));
    }
    // Two names may lead to one place.
    let mut seen = HashSet::new();
    missing.retain(|(target, ..)| seen.insert(target.trim_end_matches('/').to_owned()));
    missing
}

pub(super) fn target_kind(b: &Builder<'_>, index: usize) -> TargetKind {
    if has_contents(&b.domain.filesystems[index]) {
        return TargetKind::Directory;
    }
    match b.survey.get(Purpose::Filesystem(index)).map(|found| found.kind) {
        Some(Ok(Kind::Directory)) | None | Some(Err(_)) => TargetKind::Directory,
        Some(Ok(_)) => TargetKind::File,
    }
}

/// Out of the host's propagation, and onto the container's root.
pub(super) fn root(b: &mut Builder<'_>) {
    if let Some(base) = b.base() {
        let why = "a copy of an empty mount table, whatever the host has mounted";
        b.child("enter-base", ChildStep::EnterBase { base }, KEEP_PRIVATE, why);
    } else if b.user_namespace {
        super::idmapped::leave_peers(b);
        super::idmapped::take(b);
    } else {
        let why = "first of all mounts: what follows must not reach the host";
        b.child("make-private", ChildStep::MakePrivate, KEEP_PRIVATE, why);
    }
    let tree = b.source_root();
    let filesystem = root_filesystem(b);
    let origin = filesystem.map_or(KEEP_TREE, |filesystem| filesystem.origin);
    if shares_root(b) {
        clone_shared_root(b, tree, filesystem.and_then(|filesystem| filesystem.readonly), origin);
    }
    let why =
        "on top of the copied host tree, which stays in view until the kernel's file systems are mounted";
    b.child("attach-root", ChildStep::AttachRoot { tree }, origin, why);
    if filesystem.is_some_and(has_contents) {
        for target in KERNEL_TARGETS {
            let step = ChildStep::MakeTarget { target: Beneath::new(target), kind: TargetKind::Directory };
            let why = "an image shows what is in it when it is mounted";
            b.child(("make-target", target), step, KERNEL_FS, why);
        }
    }
    classic::restrict_tree(b, tree, "/", Purpose::Root, false, NODEV);
    super::cover::hide_state(b, Purpose::Root, tree, "/");
    if shares_root(b) && !b.host.rootless && !b.user_namespace {
        for target in KERNEL_TARGETS {
            let step = ChildStep::DetachBelow { target: Beneath::new(target) };
            let why = "the host's own instance must not lie under the container's";
            b.child(("detach-below", target), step, KEEP_TREE, why);
        }
    }
}

const KEEP_PRIVATE: Origin = Origin::Default("mounts of a container are its own");

pub(super) fn mount_new(
    b: &mut Builder<'_>,
    (id, target): (&'static str, Beneath),
    fstype: &'static CStr,
    flags: u64,
    data: Option<&str>,
    origin: Origin,
    why: &'static str,
) {
    let step = ChildStep::MountNew { fstype, target, flags, data: data.map(c_string), into: None };
    b.child(id, step, origin, why);
}

/// A file system of the kernel's, held: whatever becomes of its path, this mount is what later steps mean.
pub(super) fn mount_kernel(
    b: &mut Builder<'_>,
    (id, kernel): (&'static str, Kernel),
    fstype: &'static CStr,
    flags: u64,
    data: Option<&str>,
    origin: Origin,
    why: &'static str,
) {
    let into = b.slot(kernel_name(kernel));
    b.set_kernel(kernel, into);
    let (target, data) = (Beneath::new(kernel.path()), data.map(c_string));
    b.child(id, ChildStep::MountNew { fstype, target, flags, data, into: Some(into) }, origin, why);
}

/// The slot of a mount of the kernel's.
fn kernel_name(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Proc => "mount of /proc",
        Kernel::Sys => "mount of /sys",
        Kernel::Dev => "mount of /dev",
    }
}

/// /proc and /sys.
pub(super) fn kernel_filesystems(b: &mut Builder<'_>) {
    let why = "before the host's tree goes: in a user namespace the kernel wants to see a whole /proc first";
    mount_kernel(b, ("mount:/proc", Kernel::Proc), c"proc", NO_SUID_DEV_EXEC, None, KERNEL_FS, why);
    if binds_sysfs(b) {
        let why = "a sysfs of its own needs a network namespace of its own: the host's, read-only";
        bind_sysfs(b, why);
        return;
    }
    let flags = NO_SUID_DEV_EXEC | libc::MS_RDONLY;
    mount_kernel(b, ("mount:/sys", Kernel::Sys), c"sysfs", flags, None, KERNEL_FS, why);
}

/// Whether `/sys` is the host's: a user namespace may mount one only of a network namespace of its own.
pub(super) fn binds_sysfs(b: &Builder<'_>) -> bool {
    !b.network_namespace && (b.host.rootless || b.user_namespace)
}

fn bind_sysfs(b: &mut Builder<'_>, why: &'static str) {
    let tree = b.slot("tree of /sys");
    b.set_kernel(Kernel::Sys, tree);
    b.child(
        "clone-tree:/sys",
        ChildStep::CloneHostTree { path: c_string("/sys"), into: tree },
        KERNEL_FS,
        why,
    );
    let attr =
        MountAttr { attr_set: ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC, ..MountAttr::default() };
    if !classic::needed(b) {
        b.child("restrict:/sys", ChildStep::Restrict { tree, attr }, KERNEL_FS, RESTRICT);
    }
    b.child("attach:/sys", ChildStep::Attach { tree, target: Beneath::new("/sys") }, KERNEL_FS, why);
    if classic::needed(b) {
        classic::restrict(
            b,
            tree,
            "/sys",
            &b.survey.below_sys.clone(),
            NO_SUID_DEV_EXEC | libc::MS_RDONLY,
            KERNEL_FS,
        );
    }
}

/// What the document mounts, in its order, and what it hides in it; the masks that are left are returned.
pub(super) fn filesystems(b: &mut Builder<'_>) -> Masks {
    let masks = Masks::new(b);
    super::cover::mask(b, &masks, Moment::First);
    for (index, filesystem) in b.domain.filesystems.iter().enumerate() {
        if is_root(filesystem) {
            continue;
        }
        if let Some(origin) = b.left_out(Purpose::Filesystem(index)) {
            refuse_masks_of_what_is_left_out(b, filesystem, origin);
            continue;
        }
        let target = Beneath::new(filesystem.target.value.as_str());
        super::kinds::judge(b, index, filesystem);
        if matches!(b.survey.targets.get(index), Some(None)) {
            let step = ChildStep::MakeTarget { target: target.clone(), kind: target_kind(b, index) };
            let why = "inside a file system of this document, which may be empty";
            let id = b.own_name("make-target", &target.shown());
            b.child(id, step, filesystem.target.origin, why);
        }
        mount_one(b, index, filesystem, target);
        super::cover::mask(b, &masks, Moment::On(index));
    }
    masks
}

/// A mask is put into the file system that holds its path: without that one it would be put nowhere.
fn refuse_masks_of_what_is_left_out(b: &mut Builder<'_>, filesystem: &Filesystem, origin: Origin) {
    let target = filesystem.target.value.as_str();
    let below = |mask: &str| crate::survey::is_below(mask, target);
    if let Some(mask) = b.domain.extension.masks.iter().find(|mask| below(mask.value.as_str())) {
        let message = format!("{target} is left out, and so would be the mask of {}", mask.value);
        b.problem(origin, message, "create the source of the file system, or remove the mask");
    }
}

fn mount_one(b: &mut Builder<'_>, index: usize, filesystem: &Filesystem, target: Beneath) {
    let shown = target.shown();
    let origin = filesystem.origin;
    let why = "in the order of the document: a later one may stand on an earlier one";
    let attach = |b: &mut Builder<'_>, tree| {
        let step = ChildStep::Attach { tree, target: target.clone() };
        let id = b.own_name("attach", &shown);
        b.child(id, step, origin, why);
    };
    let held = match &filesystem.source {
        FilesystemSource::Host(_) | FilesystemSource::Block(_) | FilesystemSource::Image { .. } => {
            let Some(tree) = b.tree(index) else { return };
            attach(b, tree);
            classic::restrict_tree(
                b,
                tree,
                &shown,
                Purpose::Filesystem(index),
                filesystem.readonly.is_some(),
                origin,
            );
            super::cover::hide_state(b, Purpose::Filesystem(index), tree, &shown);
            tree
        }
        FilesystemSource::Container(path) => {
            let tree = b.new_tree(index);
            let source = Beneath::new(path.value.as_str());
            let id = b.own_name("clone-tree", &shown);
            b.child(id, ChildStep::CloneTree { source, into: tree }, path.origin, DETACHED);
            if filesystem.readonly.is_some() && !classic::needed(b) {
                let attr = MountAttr { attr_set: ATTR_RDONLY, ..MountAttr::default() };
                let id = b.own_name("restrict", &shown);
                b.child(id, ChildStep::Restrict { tree, attr }, origin, RESTRICT);
            }
            attach(b, tree);
            if filesystem.readonly.is_some() && classic::needed(b) {
                let below = classic::below_inside(b, path.value.as_str(), index);
                classic::restrict(b, tree, &shown, &below, libc::MS_RDONLY, origin);
            }
            tree
        }
        FilesystemSource::Ram { bytes, options } => {
            let own = options.as_deref().cloned().unwrap_or_default();
            let readonly = if filesystem.readonly.is_some() { libc::MS_RDONLY } else { 0 };
            let mode = own.mode.map_or(RAM_MODE, |mode| mode.value);
            let tree = b.new_tree(index);
            let step = ChildStep::MountNew {
                fstype: c"tmpfs",
                target: target.clone(),
                flags: libc::MS_NOSUID | libc::MS_NODEV | readonly,
                // Without a size the kernel takes half of the memory that the machine has.
                data: Some(c_string(&match own.half {
                    Some(_) => format!("mode={mode:04o}"),
                    None => format!("mode={mode:04o},size={}", bytes.value),
                })),
                into: Some(tree),
            };
            let id = b.own_name("mount", &shown);
            b.child(id, step, bytes.origin, why);
            tree
        }
    };
    if let Some(readonly) = filesystem.readonly {
        let target = Beneath::on_tree(held, &shown, "");
        let step = ChildStep::Verify { target, flags: libc::ST_RDONLY };
        let why = "read back: what was asked to be read-only is, or nothing starts";
        let id = b.own_name("verify", &shown);
        b.child(id, step, readonly, why);
    }
}

/// A read-only root, for kernels that could not restrict it before it was attached; read back on all.
pub(super) fn seal_root(b: &mut Builder<'_>) {
    let Some(readonly) = root_filesystem(b).and_then(|filesystem| filesystem.readonly) else { return };
    if classic::needed(b) && b.staged.is_none() {
        let flags = libc::MS_RDONLY | libc::MS_NODEV;
        let root = b.source_root();
        let step = ChildStep::Remount { target: Beneath::on_tree(root, "/", ""), flags };
        b.child("seal-root", step, readonly, "after the last mount point is there");
        for suffix in classic::below(b, Purpose::Root) {
            let step = ChildStep::Remount { target: Beneath::on_tree(root, "/", &suffix), flags };
            b.child(("seal-root", suffix), step, readonly, "what is mounted below is part of it");
        }
    }
    let target = Beneath::on_tree(b.source_root(), "/", "");
    let step = ChildStep::Verify { target, flags: libc::ST_RDONLY };
    b.child("verify:/", step, readonly, "read back: what was asked to be read-only is, or nothing starts");
}

/// pivot_root and away with the host's tree.
pub(super) fn leave_host(b: &mut Builder<'_>) {
    if b.base().is_some() {
        let why = "every mount stands; beneath the root is only the empty base";
        b.child("enter-root", ChildStep::EnterRoot, KEEP_PRIVATE, why);
        return;
    }
    super::idmapped::lock(b);
    b.child("pivot", ChildStep::Pivot, KEEP_PRIVATE, "every mount stands: the old root is needed no more");
    if b.user_namespace {
        let why = "it lies on the host's tree, which is next";
        b.child("detach-unlocked", ChildStep::DetachUnlocked, KEEP_PRIVATE, why);
    }
    let why = "no path leads to the host's tree any longer";
    b.child("detach-old-root", ChildStep::DetachOldRoot, KEEP_PRIVATE, why);
}
