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
    for (path, kind) in &b.host.covers {
        cover_one(b, "cover", path, *kind, COVER);
    }
    let mut seen = std::collections::HashSet::new();
    for (mask, kind) in b.domain.extension.masks.iter().zip(&b.survey.masks) {
        let path = mask.value.as_str();
        if !seen.insert(path) {
            continue;
        }
        match kind {
            Ok(_) if b.host.covers.iter().any(|(have, kind)| *have == path && *kind != Cover::ReadOnly) => {}
            Ok(Kind::Directory) => cover_one(b, "mask", path, Cover::HideDirectory, mask.origin),
            Ok(_) => cover_one(b, "mask", path, Cover::HideFile, mask.origin),
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

fn cover_one(b: &mut Builder<'_>, word: &str, path: &str, kind: Cover, asked: Origin) {
    match kind {
        Cover::HideFile => {
            let tree = b.slot(format!("cover of {path}"));
            let source = Beneath::new("/dev/null");
            b.child(
                format!("clone-{word}:{path}"),
                ChildStep::CloneTree { source, into: tree },
                asked,
                "an empty file",
            );
            let step = ChildStep::Attach { tree, target: Beneath::new(path) };
            b.child(format!("{word}:{path}"), step, asked, "after /proc and /dev are there");
        }
        Cover::HideDirectory => {
            let step = ChildStep::MountNew {
                fstype: c_string("tmpfs"),
                target: Beneath::new(path),
                flags: NO_SUID_DEV_EXEC | libc::MS_RDONLY,
                data: Some(c_string("size=0k,nr_inodes=2,mode=0555")),
            };
            b.child(format!("{word}:{path}"), step, asked, "an empty directory");
        }
        Cover::ReadOnly => {
            let tree = b.slot(format!("read-only {path}"));
            let source = Beneath::new(path);
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
                b.child(format!("restrict:{path}"), ChildStep::Restrict { tree, attr }, asked, RESTRICT);
            }
            let step = ChildStep::Attach { tree, target: Beneath::new(path) };
            b.child(format!("{word}:{path}"), step, asked, "on itself, read-only");
            if !b.host.at_least(5, 12) {
                let step = ChildStep::Remount { target: Beneath::new(path), flags };
                b.child(format!("remount:{path}"), step, asked, "this kernel has no mount_setattr(2)");
            }
        }
    }
}
