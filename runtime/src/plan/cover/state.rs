//! Where the container has a tree of the host: the state of browndog's own stays out of reach.
//!
//! A socket is connected to whatever the mount says of writing (connect(2) asks for the inode's mode alone), and a
//! monitor takes its commands from root of the host, which root of a container without an id map is. What is in the
//! tree is hidden in the tree, before any path of the document's is followed: so no link leads the cover elsewhere,
//! and every later copy carries it.

use browndog_xml::domain::Origin;
use nix::libc;

use super::super::build::Builder;
use super::super::mounts::NO_SUID_DEV_EXEC;
use super::super::step::{Beneath, ChildStep, Slot, c_string};
use crate::survey::{Kind, Purpose};

const STATE: Origin =
    Origin::Default("the state of browndog's own, with the sockets of its monitors, is not shown");
const TREE: Origin = Origin::Default(
    "the document names no root file system: the host's tree is used, with private mounts on top",
);

/// Slot of an empty directory of its own: the kernel's is not there yet.
const EMPTY: &str = "empty directory for state";

/// Covers what is in the tree that has just been attached at `target`.
pub(in super::super) fn hide(b: &mut Builder<'_>, purpose: Purpose, tree: Slot, target: &str) {
    let survey = b.survey;
    for shown in survey.state_in(purpose) {
        if !may_be(b, shown.owner) {
            continue;
        }
        if shown.rest.is_empty() && !can_be_empty(b, purpose) {
            continue;
        }
        let place = Beneath::on_tree(tree, target, &["/", &shown.rest].concat());
        hide_one(b, place);
    }
}

/// A root, or a file, that is state itself cannot be shown empty: it is refused.
fn can_be_empty(b: &mut Builder<'_>, purpose: Purpose) -> bool {
    let Some(found) = b.survey.get(purpose) else { return false };
    let can = purpose != Purpose::Root && found.kind == Ok(Kind::Directory);
    let (origin, path) = (found.origin, found.path.clone());
    if can {
        let message = format!("{path} is state of browndog's own: the container sees an empty directory");
        b.note(origin, message, "remove the element");
    } else {
        let message = format!("{path} is state of browndog's own, which no container gets");
        b.problem(origin, message, "name another source: who can write there commands browndog");
    }
    can
}

fn hide_one(b: &mut Builder<'_>, target: Beneath) {
    let shown = target.shown();
    let id = b.own_name("hide-state", &shown);
    let why =
        "in the tree itself, before any path of the document is followed: what is copied later has it too";
    let Some(source) = b.find_slot(EMPTY) else {
        let into = Some(b.slot(EMPTY));
        let step = ChildStep::MountNew {
            fstype: c"tmpfs",
            target,
            flags: NO_SUID_DEV_EXEC | libc::MS_RDONLY,
            data: Some(c_string("size=0k,nr_inodes=2,mode=0555")),
            into,
        };
        return b.child(id, step, STATE, why);
    };
    let tree = b.slot(["cover of state ", &shown].concat());
    let clone = b.own_name("clone-hidden", &shown);
    b.child(clone, ChildStep::CloneHeld { source, into: tree }, STATE, "the empty directory again");
    b.child(id, ChildStep::Attach { tree, target }, STATE, why);
}

/// Says what is not covered.
pub(in super::super) fn say(b: &mut Builder<'_>) {
    if b.shares_root() {
        b.remark(
            TREE,
            "the services of this host can be reached by their sockets, also where the tree is read-only",
            "name a root file system of its own, or cover their directories with <browndog:mask>",
        );
    }
}

/// Whether `path` of the container is hidden with the state of a tree, at whose `target` it is.
pub(super) fn hides(b: &Builder<'_>, purpose: Purpose, target: &str, path: &str) -> bool {
    let target = target.trim_end_matches('/');
    b.survey.state_in(purpose).iter().filter(|shown| may_be(b, shown.owner)).any(|shown| {
        let at = [target, "/", &shown.rest].concat();
        crate::survey::is_below(path, at.trim_end_matches('/'))
    })
}

/// Whether the container can have the rights of this user of the host. Who cannot does not even find the way: the
/// directories are their owner's alone.
fn may_be(b: &Builder<'_>, owner: u32) -> bool {
    b.domain.idmap.as_ref().is_none_or(|idmap| {
        let mut ranges = idmap.uid.iter().map(|range| range.value);
        ranges.any(|range| owner >= range.target && owner - range.target < range.count)
    })
}
