//! What lies over the kernel interfaces that are not namespaced, and over what the document hides.

mod state;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use browndog_xml::covers::COVERS;
use browndog_xml::domain::{Filesystem, FilesystemSource, Origin};
use nix::libc;

use super::build::Builder;
use super::mounts::{
    ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY, DETACHED, NO_SUID_DEV_EXEC, RESTRICT,
};
use super::step::{Beneath, ChildStep, Kernel, Slot, c_string};
use crate::host::{Cgroups, Cover};
use crate::path::beneath;
use crate::survey::covering::Targets;
use crate::survey::{Kind, Purpose, is_below, is_root};
use crate::sys::MountAttr;

const COVER: Origin = Origin::Default("kernel interfaces that are not namespaced are covered");

/// Slot of the empty directory: detached, or where the first of them stands.
const EMPTY: &str = "empty directory";

/// Slot of the null device.
const NULL: &str = "null device";

/// What is covered, and how the steps and slots are called that do it.
struct Names {
    target: Beneath,
    /// The step that puts the cover on top, and those before and after it.
    cover: Cow<'static, str>,
    clone: Cow<'static, str>,
    restrict: Cow<'static, str>,
    remount: Cow<'static, str>,
    /// The slots of a cover and of a copy.
    hidden: Cow<'static, str>,
    read_only: Cow<'static, str>,
}

impl Names {
    fn of_mask(path: &str, target: Beneath) -> Self {
        let name = |what: &str| Cow::Owned([what, path].concat());
        Self {
            target,
            cover: name("mask:"),
            clone: name("clone-mask:"),
            restrict: name("restrict-mask:"),
            remount: name("remount-mask:"),
            hidden: name("cover of "),
            read_only: name("read-only "),
        }
    }
}

macro_rules! names {
    ($(($dir:literal, $name:literal)),*) => {
        [$((concat!("/", $dir, "/", $name), Names {
            // No name of the table is one that the kernel makes a link, and nothing is mounted there yet.
            target: beneath!($dir, $name).within(),
            cover: Cow::Borrowed(concat!("cover:/", $dir, "/", $name)),
            clone: Cow::Borrowed(concat!("clone-cover:/", $dir, "/", $name)),
            restrict: Cow::Borrowed(concat!("restrict-cover:/", $dir, "/", $name)),
            remount: Cow::Borrowed(concat!("remount-cover:/", $dir, "/", $name)),
            hidden: Cow::Borrowed(concat!("cover of /", $dir, "/", $name)),
            read_only: Cow::Borrowed(concat!("read-only /", $dir, "/", $name)),
        })),*]
    };
}

/// Those of every container, in the order of [`COVERS`]: a start composes none of them.
static NAMES: [(&str, Names); COVERS.len()] = names![
    ("proc", "allocinfo"),
    ("proc", "interrupts"),
    ("proc", "kcore"),
    ("proc", "key-users"),
    ("proc", "keys"),
    ("proc", "kpagecgroup"),
    ("proc", "kpagecount"),
    ("proc", "kpageflags"),
    ("proc", "latency_stats"),
    ("proc", "pagetypeinfo"),
    ("proc", "sched_debug"),
    ("proc", "slabinfo"),
    ("proc", "softirqs"),
    ("proc", "sysrq-trigger"),
    ("proc", "timer_list"),
    ("proc", "timer_stats"),
    ("proc", "vmallocinfo"),
    ("proc", "acpi"),
    ("proc", "asound"),
    ("proc", "dynamic_debug"),
    ("proc", "irq"),
    ("proc", "scsi"),
    ("proc", "bus"),
    ("proc", "fs"),
    ("proc", "sys"),
    ("sys", "firmware"),
    ("sys/devices/virtual", "powercap"),
    ("sys/class", "zram-control"),
    ("sys/kernel", "irq"),
    ("sys/kernel", "slab")
];

/// Copies the directory of sysfs that the kernel has for the groups to be mounted on, before they are. It
/// stays empty for good, also on a writable mount: nothing can be made in it (`sysfs_create_mount_point`,
/// since Linux 4.2). The copy has the flags of the container's own /sys: no mount_setattr(2) is needed.
fn take_empty(b: &mut Builder<'_>) {
    let directory = |kind: &Result<Kind, _>| matches!(kind, Ok(Kind::Directory));
    let wanted = b.host.covers.iter().any(|(_, kind)| *kind == Cover::HideDirectory)
        || b.survey.masks.iter().any(directory);
    // A kernel without groups has no such directory; in a sysfs of the host's it is not the kernel's.
    let there = !matches!(b.host.cgroups, Cgroups::None { .. }) && !super::mounts::binds_sysfs(b);
    if wanted && there {
        let into = b.slot(EMPTY);
        let source = beneath!("sys/fs", "cgroup").within();
        let why = "a directory that the kernel keeps empty, before the groups are mounted on it";
        b.child("clone-empty:/sys/fs/cgroup", ChildStep::CloneTree { source, into }, COVER, why);
    }
}

/// Holds the null device, of which all covers of files are copies: by the node that was just made, while nobody but
/// the runtime can have put anything in its place, and only if it is what it has to be.
fn hold_null(b: &mut Builder<'_>) {
    let files = b.host.covers.iter().any(|(_, kind)| *kind == Cover::HideFile);
    if files || !b.domain.extension.masks.is_empty() {
        let into = b.slot(NULL);
        let step = ChildStep::Hold { target: beneath!("dev", "null"), device: Some(NULL_DEVICE), into };
        b.child(
            "hold:/dev/null",
            step,
            COVER,
            "the node that was just made, before anything can stand on it",
        );
    }
}

/// null(4).
const NULL_DEVICE: u64 = libc::makedev(1, 3);

/// The covers over /proc and /sys, while nothing of the document's is mounted.
pub(super) fn cover(b: &mut Builder<'_>) {
    if b.host.covers.is_empty() {
        b.problem(
            COVER,
            "cannot tell which interfaces the kernel has: there is no /proc/interrupts".to_owned(),
            "mount a whole procfs on /proc, without subset=pid",
        );
    }
    hold_null(b);
    take_empty(b);
    let mut names = NAMES.iter();
    for (path, kind) in &b.host.covers {
        // Both are in the order of one table.
        let Some((_, names)) = names.find(|(of, _)| of == path) else { continue };
        let network = if *path == "/proc/sys" { super::net_sysctls::take(b) } else { None };
        cover_one(b, names, *kind, COVER);
        if let Some(network) = network {
            super::net_sysctls::show(b, network, &names.read_only);
        }
    }
}

pub(super) use state::{hide as hide_state, say};

/// When a mask of the document's is put in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Moment {
    /// Before the first file system of the document: it is of the root, or of the kernel's file systems.
    First,
    /// Right after this file system, in whose tree it is: what is copied later has it too.
    On(usize),
    /// When everything is mounted: of what the names have come to mean.
    Last,
}

/// The masks of the document, each looked at once, whatever else the document names.
#[derive(Debug, Default)]
pub(super) struct Masks {
    /// Which come when, in their order, each path once.
    at: HashMap<Moment, Vec<usize>>,
    /// Whether the document has a copy inside the container, which shows what is covered only later.
    copies: bool,
}

impl Masks {
    pub(super) fn new(b: &Builder<'_>) -> Self {
        let mut masks = Self::default();
        let all = &b.domain.extension.masks;
        if all.is_empty() {
            return masks;
        }
        let filesystems = &b.domain.filesystems;
        let (targets, mut seen) = (Targets::new(filesystems), HashSet::new());
        for (index, (mask, linked)) in all.iter().zip(&b.survey.linked_masks).enumerate() {
            let path = mask.value.as_str();
            if !seen.insert(path) {
                continue;
            }
            let kernel = Beneath::new(path).kernel().is_some();
            let moment = if kernel { Moment::First } else { moment(b, &targets, path, *linked) };
            masks.at.entry(moment).or_default().push(index);
        }
        let copies = |filesystem: &Filesystem| {
            !is_root(filesystem) && matches!(filesystem.source, FilesystemSource::Container(_))
        };
        masks.copies = filesystems.iter().any(copies);
        masks
    }
}

/// By names without links the place is known, and is met from the tree that it is in.
fn moment(b: &Builder<'_>, targets: &Targets<'_>, path: &str, linked: bool) -> Moment {
    let resolver = !b.domain.nameservers.is_empty() && is_below("/etc/resolv.conf", path);
    if linked || targets.is_below(path) || resolver {
        return Moment::Last;
    }
    targets.covering(path).map_or(Moment::First, Moment::On)
}

/// Where a mask is, and whether it is hidden there already.
fn place(b: &Builder<'_>, path: &str, moment: Moment) -> Option<(Beneath, bool)> {
    let by_name = Beneath::new(path);
    let (tree, purpose, target) = match moment {
        Moment::Last => return Some((by_name, false)),
        Moment::First if by_name.kernel().is_some() => return Some((by_name, false)),
        Moment::First => (b.source_root(), Purpose::Root, "/"),
        Moment::On(index) => {
            let target = b.domain.filesystems[index].target.value.as_str();
            (b.tree(index)?, Purpose::Filesystem(index), target)
        }
    };
    let rest = path.strip_prefix(target.trim_end_matches('/'))?;
    Some((Beneath::on_tree(tree, target, rest), state::hides(b, purpose, target, path)))
}

fn refuse_copies(b: &mut Builder<'_>, path: &str, origin: Origin) {
    b.problem(
        origin,
        format!(
            "{path} can be hidden only after everything is mounted, and a type='bind' copy could show it: there is a \
             link on the way to it, or something is mounted in it"
        ),
        "name the place itself, without links and without a mount in it, or remove the copy",
    );
}

/// What the document hides, whose moment has come.
pub(super) fn mask(b: &mut Builder<'_>, masks: &Masks, now: Moment) {
    for index in masks.at.get(&now).into_iter().flatten() {
        let (mask, Some(kind)) = (&b.domain.extension.masks[*index], b.survey.masks.get(*index)) else {
            continue;
        };
        let path = mask.value.as_str();
        let Some((target, hidden)) = place(b, path, now) else { continue };
        if hidden {
            continue;
        }
        if now == Moment::Last && masks.copies {
            refuse_copies(b, path, mask.origin);
        }
        match kind {
            Ok(_) if b.host.covers.iter().any(|(have, kind)| *have == path && *kind != Cover::ReadOnly) => {}
            Ok(Kind::Directory) => {
                cover_one(b, &Names::of_mask(path, target), Cover::HideDirectory, mask.origin);
            }
            Ok(_) => cover_one(b, &Names::of_mask(path, target), Cover::HideFile, mask.origin),
            Err(nix::errno::Errno::ENOENT) => b.note(
                mask.origin,
                format!("there is no {path} that could be covered"),
                "correct the path, or remove the element",
            ),
            Err(errno) => b.problem(
                mask.origin,
                format!("cannot look at {path} to cover it: {errno}"),
                "name a path that is a file or a directory before the container starts, and no link",
            ),
        }
    }
}

/// Of a sysfs of the host's, other mounts of the host may be part; on the container's own file systems nothing is.
fn target_of(b: &Builder<'_>, names: &Names) -> Beneath {
    let target = names.target.clone();
    if target.kernel() == Some(Kernel::Sys) && super::mounts::binds_sysfs(b) {
        target.across()
    } else {
        target
    }
}

fn cover_one(b: &mut Builder<'_>, names: &Names, kind: Cover, asked: Origin) {
    match kind {
        Cover::HideFile => {
            let Some(null) = b.find_slot(NULL) else { return };
            hide_with(b, null, names, asked, "an empty file");
        }
        Cover::HideDirectory => hide_directory(b, names, asked),
        Cover::ReadOnly => {
            let tree = b.slot(names.read_only.clone());
            let (source, target) = (target_of(b, names), target_of(b, names));
            b.child(names.clone.clone(), ChildStep::CloneTree { source, into: tree }, asked, DETACHED);
            let flags = NO_SUID_DEV_EXEC | libc::MS_RDONLY;
            if b.host.at_least(5, 12) {
                let attr = MountAttr {
                    attr_set: ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC,
                    ..MountAttr::default()
                };
                b.child(names.restrict.clone(), ChildStep::Restrict { tree, attr }, asked, RESTRICT);
            }
            let target_of_remount = Beneath::on_tree(tree, &target.shown(), "");
            b.child(names.cover.clone(), ChildStep::Attach { tree, target }, asked, "on itself, read-only");
            if !b.host.at_least(5, 12) {
                let step = ChildStep::Remount { target: target_of_remount, flags };
                b.child(names.remount.clone(), step, asked, "this kernel has no mount_setattr(2)");
            }
        }
    }
}

/// All but the first are copies of the first: a mount is cheaper than a file system.
fn hide_directory(b: &mut Builder<'_>, names: &Names, asked: Origin) {
    let why = "an empty directory";
    let stood = std::mem::replace(&mut b.empty_stands, true);
    let Some(empty) = b.find_slot(EMPTY) else {
        let into = Some(b.slot(EMPTY));
        let step = ChildStep::MountNew {
            fstype: c"tmpfs",
            target: target_of(b, names),
            flags: NO_SUID_DEV_EXEC | libc::MS_RDONLY,
            data: Some(c_string("size=0k,nr_inodes=2,mode=0555")),
            into,
        };
        return b.child(names.cover.clone(), step, asked, why);
    };
    // What was copied from the kernel's is attached itself, once.
    if stood {
        return hide_with(b, empty, names, asked, "the empty directory again");
    }
    let step = ChildStep::Attach { tree: empty, target: target_of(b, names) };
    b.child(names.cover.clone(), step, asked, why);
}

/// A copy of what is held goes on top of the target.
fn hide_with(b: &mut Builder<'_>, source: Slot, names: &Names, asked: Origin, why: &'static str) {
    let tree = b.slot(names.hidden.clone());
    b.child(names.clone.clone(), ChildStep::CloneHeld { source, into: tree }, asked, why);
    let step = ChildStep::Attach { tree, target: target_of(b, names) };
    b.child(names.cover.clone(), step, asked, "after /proc and /dev are there");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cover_has_its_names() {
        for ((path, _), (of, names)) in COVERS.iter().zip(&NAMES) {
            assert_eq!(path, of);
            assert_eq!(names.target, Beneath::new(path).within());
            let mask = Names::of_mask(path, Beneath::new(path));
            let all = |names: &Names| {
                [&names.cover, &names.clone, &names.restrict, &names.remount, &names.hidden, &names.read_only]
                    .map(|name| name.replace("mask", "cover"))
            };
            assert_eq!(all(names), all(&mask));
        }
    }
}
