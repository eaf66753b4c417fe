//! What lies over the kernel interfaces that are not namespaced, and over what the document hides.

use browndog_xml::domain::Origin;
use nix::libc;

use super::build::Builder;
use super::mounts::{
    ATTR_NODEV, ATTR_NOEXEC, ATTR_NOSUID, ATTR_RDONLY, DETACHED, NO_SUID_DEV_EXEC, RESTRICT,
};
use super::step::{Beneath, ChildStep, c_string};
use crate::host::Cover;
use crate::survey::Kind;
use crate::sys::MountAttr;

const COVER: Origin = Origin::Default("kernel interfaces that are not namespaced are covered");

/// The covers over /proc and /sys.
pub(super) fn cover(b: &mut Builder<'_>) {
    let mut empty = None;
    for (path, kind) in &b.host.covers {
        // No name of the table is one that the kernel makes a link.
        cover_one(b, &mut empty, ("cover", Beneath::in_procfs(path)), *kind, COVER);
    }
    let mut seen = std::collections::HashSet::new();
    for (mask, kind) in b.domain.extension.masks.iter().zip(&b.survey.masks) {
        let path = mask.value.as_str();
        if !seen.insert(path) {
            continue;
        }
        match kind {
            Ok(_) if b.host.covers.iter().any(|(have, kind)| *have == path && *kind != Cover::ReadOnly) => {}
            Ok(Kind::Directory) => {
                cover_one(b, &mut empty, ("mask", Beneath::new(path)), Cover::HideDirectory, mask.origin)
            }
            Ok(_) => cover_one(b, &mut empty, ("mask", Beneath::new(path)), Cover::HideFile, mask.origin),
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

/// `empty`: the first empty directory, of which all others are copies; a mount is cheaper than a file
/// system.
fn cover_one(
    b: &mut Builder<'_>,
    empty: &mut Option<Beneath>,
    (word, target): (&str, Beneath),
    kind: Cover,
    asked: Origin,
) {
    let path = target.shown();
    match kind {
        Cover::HideFile => hide_with(b, Beneath::new("/dev/null"), (word, target), asked, "an empty file"),
        Cover::HideDirectory => {
            if let Some(empty) = empty {
                hide_with(b, empty.clone(), (word, target), asked, "the empty directory again");
                return;
            }
            *empty = Some(target.clone());
            let step = ChildStep::MountNew {
                fstype: c_string("tmpfs"),
                target,
                flags: NO_SUID_DEV_EXEC | libc::MS_RDONLY,
                data: Some(c_string("size=0k,nr_inodes=2,mode=0555")),
            };
            b.child(format!("{word}:{path}"), step, asked, "an empty directory");
        }
        Cover::ReadOnly => {
            let tree = b.slot(format!("read-only {path}"));
            let source = target.clone();
            b.child(
                format!("clone-{word}:{path}"),
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
                    format!("restrict-{word}:{path}"),
                    ChildStep::Restrict { tree, attr },
                    asked,
                    RESTRICT,
                );
            }
            let step = ChildStep::Attach { tree, target: target.clone() };
            b.child(format!("{word}:{path}"), step, asked, "on itself, read-only");
            if !b.host.at_least(5, 12) {
                let step = ChildStep::Remount { target, flags };
                b.child(format!("remount-{word}:{path}"), step, asked, "this kernel has no mount_setattr(2)");
            }
        }
    }
}

/// A copy of what is at `source` goes on top of `target`.
fn hide_with(
    b: &mut Builder<'_>,
    source: Beneath,
    (word, target): (&str, Beneath),
    asked: Origin,
    why: &'static str,
) {
    let path = target.shown();
    let tree = b.slot(format!("cover of {path}"));
    let step = ChildStep::CloneTree { source, into: tree };
    b.child(format!("clone-{word}:{path}"), step, asked, why);
    let step = ChildStep::Attach { tree, target };
    b.child(format!("{word}:{path}"), step, asked, "after /proc and /dev are there");
}
