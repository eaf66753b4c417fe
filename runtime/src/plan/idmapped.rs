//! Trees of a container with an id map: an id on the file system is that id in the container.
//!
//! Nobody changes the owner of a file for it: the mount translates (mount_setattr(2),
//! MOUNT_ATTR_IDMAP). Root of the container could mount a tree of its own making again without its
//! restrictions, so it gets them out of a namespace of the host's. A tree that was shifted already, as libvirt's users have to, is left as it is.

use browndog_xml::domain::{Filesystem, IdRange, Origin, Sourced};
use nix::libc;
use nix::sys::statfs::FsType;

use super::build::Builder;
use super::mounts::{root_filesystem, target_kind};
use super::step::{Beneath, ChildStep, HostStep, STAGE, Slot, TargetKind, c_string};
use super::{Entry, classic};
use crate::survey::superblock::Contents;
use crate::survey::{Found, Owner, Purpose};

/// File systems whose mounts can translate ids: `f_type`, name, and the Linux that began it.
const CAPABLE: [(FsType, &str, (u32, u32)); 12] = [
    (FsType(0xEF53), "ext4", (5, 12)),
    (FsType(0x4d44), "vfat", (5, 12)),
    (FsType(0x5846_5342), "xfs", (5, 12)),
    (FsType(0x9123_683E), "btrfs", (5, 15)),
    (FsType(0x7366_746e), "ntfs3", (5, 15)),
    (FsType(0xF2F5_2010), "f2fs", (5, 18)),
    (FsType(0xE0F5_E1E2), "erofs", (5, 19)),
    (FsType(0x794c_7630), "overlay", (5, 19)),
    (FsType(0x7371_7368), "squashfs", (6, 2)),
    (FsType(0x0102_1994), "tmpfs", (6, 3)),
    (FsType(0x00c3_6400), "ceph", (6, 7)),
    (FsType(0xCA45_1A4E), "bcachefs", (6, 7)),
];

enum Shift {
    /// The mount translates.
    Map,
    /// The files belong to ids of the map's host side already.
    Done,
    /// Neither.
    Impossible(String),
}

/// A tree that comes from the host.
struct Tree<'a> {
    target: &'a str,
    slot: Slot,
    purpose: Purpose,
    readonly: bool,
    origin: Origin,
}

/// Not the host's own tree: in it root of the container stays nobody.
fn trees<'a>(b: &Builder<'a>) -> Vec<Tree<'a>> {
    let mut trees = Vec::new();
    let mut add = |filesystem: &'a Filesystem, slot, purpose| {
        let (target, readonly) = (filesystem.target.value.as_str(), filesystem.readonly.is_some());
        trees.push(Tree { target, slot, purpose, readonly, origin: filesystem.origin });
    };
    if let Some(root) = root_filesystem(b).filter(|_| !b.shares_root()) {
        add(root, b.source_root(), Purpose::Root);
    }
    for (index, filesystem) in b.domain.filesystems.iter().enumerate() {
        if let Some(slot) = b.tree(index) {
            add(filesystem, slot, Purpose::Filesystem(index));
        }
    }
    trees
}

/// Translates every tree, once the namespace has its map, and hands it over on the stage.
pub(super) fn hand_over(b: &mut Builder<'_>) {
    let Some(origin) = b.domain.idmap.as_ref().map(|idmap| idmap.origin) else { return };
    let trees = trees(b);
    for tree in &trees {
        map_tree(b, tree, origin);
    }
    if !b.host.rootless && !trees.is_empty() {
        show(b, &trees, origin);
    }
    let why = "nothing of the launcher's work is done anywhere but on the host";
    b.attend("leave-stage", HostStep::LeaveStage, origin, why);
}

fn show(b: &mut Builder<'_>, trees: &[Tree<'_>], origin: Origin) {
    b.staged = Some(origin);
    for (index, tree) in trees.iter().enumerate() {
        let kind = match tree.purpose {
            Purpose::Filesystem(index) => target_kind(b, index),
            _ => TargetKind::Directory,
        };
        let at = format!("{STAGE}/{index}");
        let step = HostStep::ShowTree { tree: tree.slot, at: at.clone(), kind };
        let why = "out of a namespace of the host's: root of the container cannot lift the restrictions";
        let id = format!("show-tree:{}", tree.target);
        if !classic::needed(b) {
            b.attend(id, step, origin, why);
            continue;
        }
        // Nothing translates here: it can all be done before the child's table is copied, which locks it.
        b.on_stage.push(Entry { id: id.into(), step, origin, why });
        let set_ids = super::confine::new_privs(b).is_some();
        let writable = if set_ids { 0 } else { libc::MS_NOSUID };
        let flags = libc::MS_NODEV | if tree.readonly { libc::MS_RDONLY } else { writable };
        for suffix in std::iter::once(String::new()).chain(classic::below(b, tree.purpose)) {
            let step = HostStep::RestrictShown { at: format!("{at}{suffix}"), flags };
            let why = "this kernel has no mount_setattr(2)";
            let id = format!("restrict:{}{suffix}", tree.target.trim_end_matches('/'));
            b.on_stage.push(Entry { id: id.into(), step, origin: tree.origin, why });
        }
    }
}

const LOCK: Origin =
    Origin::Default("root of a container with an id map may unmount: what lies below its mounts stays below");

/// In the child: nothing reaches the host, and what is shown on the stage reaches the child.
pub(super) fn leave_peers(b: &mut Builder<'_>) {
    let why = "first of all mounts: what follows must not reach the host";
    b.child("make-slave", ChildStep::MakeSlave, LOCK, why);
}

/// In the child: its tree goes to the launcher and comes back locked.
pub(super) fn lock(b: &mut Builder<'_>) {
    if !b.user_namespace {
        return;
    }
    let root = b.source_root();
    let why = "every mount and cover stands: from here on they come as a unit";
    b.child("ask-to-lock", ChildStep::AskToLock, LOCK, why);
    let step = ChildStep::CloneHostTree { path: c_string(&format!("{STAGE}/locked")), into: root };
    b.child("take-locked", step, LOCK, "out of a namespace of the host's: the kernel has locked it");
    b.child(
        "attach-locked",
        ChildStep::AttachRoot { tree: root },
        LOCK,
        "in the place of the one that was not",
    );
    let step = ChildStep::Sever { target: Beneath::on_tree(root, "/", "") };
    b.child("sever-locked", step, LOCK, "nothing more comes from the stage");
    if let Some(tree) = b.find_slot(super::console::PTS) {
        let step = ChildStep::Attach { tree, target: Beneath::on_tree(root, "/", "/dev/pts") };
        let why = "the very mount in which the consoles are open: by a copy they would have no name";
        b.child("keep:/dev/pts", step, LOCK, why);
    }
}

/// On the host: the same.
pub(super) fn lock_on_host(b: &mut Builder<'_>) {
    if !b.user_namespace {
        return;
    }
    b.attend("await-mounts", HostStep::AwaitMounts, LOCK, "the child mounts in its own namespace");
    let why = "the way over a namespace of the host's is what locks them";
    b.attend("lock-mounts", HostStep::LockMounts, LOCK, why);
    b.attend("go-on", HostStep::GoOn, LOCK, "the child takes what is locked");
}

/// In the child: the trees of the stage, with flags locked by the kernel.
pub(super) fn take(b: &mut Builder<'_>) {
    let Some(origin) = b.staged else { return };
    for (index, tree) in trees(b).iter().enumerate() {
        let step = ChildStep::CloneHostTree { path: c_string(&format!("{STAGE}/{index}")), into: tree.slot };
        b.child(("take-tree", tree.target), step, origin, "its own copy, to be attached where it belongs");
    }
}

fn map_tree(b: &mut Builder<'_>, tree: &Tree<'_>, origin: Origin) {
    let Some(found) = b.survey.get(tree.purpose) else { return };
    let path = found.path.clone();
    let asked = tree.origin;
    match shift(b, owner(found)) {
        Shift::Map => {
            let why = "the owner on the file system is the owner in the container: no file is changed";
            b.attend(("map-tree", tree.target), HostStep::MapTree { tree: tree.slot }, origin, why);
            if !tree.readonly && found.owner.is_some_and(|owner| owner.open) {
                b.note(
                    asked,
                    format!(
                        "what the container writes in {path} belongs to the users of the host with the same numbers: \
                         its root can make a set-user-ID program of the host's root there, or give one capabilities, \
                         and every user of the host can reach the directory and run it"
                    ),
                    "keep it below a directory that only root may search (mode 0700), on a file system that the host \
                     has mounted nosuid, or <readonly/>",
                );
            }
        }
        Shift::Done => b.note(
            asked,
            format!(
                "{path} belongs to an id of the map's host side: it is taken as shifted already, and not translated: \
                 what is the container's there is the host's user of that id as well, with all that this user has"
            ),
            "nothing to do where nobody on the host has these ids; a tree that belongs to root of the host is \
             translated by its mount instead",
        ),
        Shift::Impossible(reason) => {
            let message = format!("the owners of {path} cannot be translated: {reason}");
            let help = "use a file system and a kernel that can (ext4, xfs: Linux 5.12, btrfs: 5.15, overlay: 5.19, \
                        tmpfs: 6.3), start as root, or shift the tree's owners to the ids of the map (chown)";
            // A tree that is only looked at works with owners that nobody in the container is.
            if tree.readonly && tree.target != "/" {
                b.note(asked, message, help)
            } else {
                b.problem(asked, message, help)
            }
        }
    }
}

/// Of an image the owner is not known before it is mounted: it is made for root of some machine.
fn owner(found: &Found) -> Option<Owner> {
    let Some(Contents::Filesystem(name)) = found.contents else { return found.owner };
    let magic = CAPABLE.iter().find(|(_, have, _)| *have == name).map_or(FsType(0), |(magic, ..)| *magic);
    found.owner.map(|_| Owner { uid: 0, gid: 0, magic, open: false })
}

fn shift(b: &Builder<'_>, owner: Option<Owner>) -> Shift {
    // Not looked at: a plan that is printed, for a machine that is only assumed.
    let not_shifted = Owner { uid: u32::MAX, gid: u32::MAX, magic: CAPABLE[0].0, open: false };
    let owner = owner.unwrap_or(not_shifted);
    let idmap = b.domain.idmap.as_ref().expect("only called where there is a map");
    if is_host_side(&idmap.uid, owner.uid) {
        return Shift::Done;
    }
    if b.host.rootless {
        return Shift::Impossible(
            "only root of the machine may translate the owners of its files".to_owned(),
        );
    }
    if !b.host.at_least(5, 12) {
        return Shift::Impossible(format!("Linux {} has no mount_setattr(2)", b.host.kernel));
    }
    match CAPABLE.iter().find(|(magic, ..)| *magic == owner.magic) {
        Some((_, _, (major, minor))) if b.host.at_least(*major, *minor) => Shift::Map,
        Some((_, name, (major, minor))) => Shift::Impossible(format!(
            "{name} can since Linux {major}.{minor}, and this is {}",
            b.host.kernel
        )),
        None => Shift::Impossible(format!("its file system (type {:#x}) cannot", owner.magic.0)),
    }
}

fn is_host_side(ranges: &[Sourced<IdRange>], id: u32) -> bool {
    ranges.iter().any(|range| id >= range.value.target && id - range.value.target < range.value.count)
}
