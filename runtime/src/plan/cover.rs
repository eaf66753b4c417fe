//! What lies over the kernel interfaces that are not namespaced, and over what the document hides.

use browndog_xml::domain::Origin;
use nix::libc;

use super::build::Builder;
use super::mounts::{
    ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY, DETACHED, NO_SUID_DEV_EXEC, RESTRICT,
};
use super::step::{Beneath, ChildStep, Slot, c_string};
use crate::host::{Cgroups, Cover};
use crate::survey::Kind;
use crate::sys::MountAttr;

const COVER: Origin = Origin::Default("kernel interfaces that are not namespaced are covered");

/// Slot of the detached empty directory.
const EMPTY: &str = "empty directory";

/// What the covers of directories are copies of: a mount is cheaper than a file system.
enum Empty {
    /// Nothing yet.
    Nowhere,
    /// Detached.
    Taken(Slot),
    /// Where the first of them stands.
    At(Beneath),
}

/// Copies the directory of sysfs that the kernel has for the groups to be mounted on, before they are. It
/// stays empty for good, also on a writable mount: nothing can be made in it (`sysfs_create_mount_point`,
/// since Linux 4.2). The copy has the flags of the container's own /sys: no mount_setattr(2) is needed.
pub(super) fn take_empty(b: &mut Builder<'_>) {
    let directory = |kind: &Result<Kind, _>| matches!(kind, Ok(Kind::Directory));
    let wanted = b.host.covers.iter().any(|(_, kind)| *kind == Cover::HideDirectory)
        || b.survey.masks.iter().any(directory);
    // A kernel without groups has no such directory; in a sysfs of the host's it is not the kernel's.
    let there = !matches!(b.host.cgroups, Cgroups::None { .. }) && !super::mounts::binds_sysfs(b);
    if wanted && there {
        let into = b.slot(EMPTY);
        let source = Beneath::new("/sys/fs/cgroup");
        let why = "a directory that the kernel keeps empty, before the groups are mounted on it";
        b.child("clone-empty:/sys/fs/cgroup", ChildStep::CloneTree { source, into }, COVER, why);
    }
}

/// The covers over /proc and /sys.
pub(super) fn cover(b: &mut Builder<'_>) {
    if b.host.covers.is_empty() {
        b.problem(
            COVER,
            "cannot tell which interfaces the kernel has: there is no /proc/interrupts".to_owned(),
            "mount a whole procfs on /proc, without subset=pid",
        );
    }
    let mut empty = b.find_slot(EMPTY).map_or(Empty::Nowhere, Empty::Taken);
    for (path, kind) in &b.host.covers {
        // No name of the table is one that the kernel makes a link.
        cover_one(b, &mut empty, ("cover", path, Beneath::in_procfs(path)), *kind, COVER);
    }
    if b.domain.extension.masks.is_empty() {
        return;
    }
    let mut seen = std::collections::HashSet::new();
    for (mask, kind) in b.domain.extension.masks.iter().zip(&b.survey.masks) {
        let path = mask.value.as_str();
        if !seen.insert(path) {
            continue;
        }
        match kind {
            Ok(_) if b.host.covers.iter().any(|(have, kind)| *have == path && *kind != Cover::ReadOnly) => {}
            Ok(Kind::Directory) => cover_one(
                b,
                &mut empty,
                ("mask", path, Beneath::new(path)),
                Cover::HideDirectory,
                mask.origin,
            ),
            Ok(_) => {
                cover_one(b, &mut empty, ("mask", path, Beneath::new(path)), Cover::HideFile, mask.origin)
            }
            Err(nix::errno::Errno::ENOENT) => b.note(
                mask.origin,
                format!("there is no {path} that could be covered"),
                "correct the path, or remove the element",
            ),
            Err(errno) => b.problem(
                mask.origin,
                format!("cannot look at {path} to cover it: {errno}"),
                "name a path that is a file or a directory before the container starts",
            ),
        }
    }
}

/// `empty`: the directory of which all covers of directories are copies.
fn cover_one(
    b: &mut Builder<'_>,
    empty: &mut Empty,
    (word, path, target): (&str, &str, Beneath),
    kind: Cover,
    asked: Origin,
) {
    match kind {
        Cover::HideFile => {
            hide_with(b, Beneath::new("/dev/null"), (word, path, target), asked, "an empty file")
        }
        Cover::HideDirectory => {
            let step = match empty {
                Empty::At(first) => {
                    hide_with(b, first.clone(), (word, path, target), asked, "the empty directory again");
                    return;
                }
                Empty::Taken(tree) => ChildStep::Attach { tree: *tree, target: target.clone() },
                Empty::Nowhere => ChildStep::MountNew {
                    fstype: c"tmpfs",
                    target: target.clone(),
                    flags: NO_SUID_DEV_EXEC | libc::MS_RDONLY,
                    data: Some(c_string("size=0k,nr_inodes=2,mode=0555")),
                },
            };
            *empty = Empty::At(target);
            b.child((word, path), step, asked, "an empty directory");
        }
        Cover::ReadOnly => {
            let tree = b.slot(["read-only ", path].concat());
            let source = target.clone();
            b.child(
                ["clone-", word, ":", path].concat(),
                ChildStep::CloneTree { source, into: tree },
                asked,
                DETACHED,
            );
            let flags = NO_SUID_DEV_EXEC | libc::MS_RDONLY;
            if b.host.at_least(5, 12) {
                let attr = MountAttr {
                    attr_set: ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC,
                    ..MountAttr::default()
                };
                b.child(
                    ["restrict-", word, ":", path].concat(),
                    ChildStep::Restrict { tree, attr },
                    asked,
                    RESTRICT,
                );
            }
            let step = ChildStep::Attach { tree, target: target.clone() };
            b.child((word, path), step, asked, "on itself, read-only");
            if !b.host.at_least(5, 12) {
                let step = ChildStep::Remount { target, flags };
                b.child(
                    ["remount-", word, ":", path].concat(),
                    step,
                    asked,
                    "this kernel has no mount_setattr(2)",
                );
            }
        }
    }
}

/// A copy of what is at `source` goes on top of `target`.
fn hide_with(
    b: &mut Builder<'_>,
    source: Beneath,
    (word, path, target): (&str, &str, Beneath),
    asked: Origin,
    why: &'static str,
) {
    let tree = b.slot(["cover of ", path].concat());
    let step = ChildStep::CloneTree { source, into: tree };
    b.child(["clone-", word, ":", path].concat(), step, asked, why);
    let step = ChildStep::Attach { tree, target };
    b.child((word, path), step, asked, "after /proc and /dev are there");
}
