//! Where the container has a tree of the host: its monitors stay out of reach.
//!
//! A socket is connected to whatever the mount says of writing (connect(2) asks for the inode's mode alone), and a
//! monitor takes its commands from root of the host, which root of a container without an id map is.

use browndog_xml::domain::Origin;

use super::super::build::Builder;
use super::{Cover, Names, cover_one};

const STATE: Origin =
    Origin::Default("the state of browndog's own, with the sockets of its monitors, is not shown");
const TREE: Origin = Origin::Default(
    "the document names no root file system: the host's tree is used, with private mounts on top",
);

/// Covers them, and says what is not covered.
pub(super) fn hide(b: &mut Builder<'_>) {
    let survey = b.survey;
    for (path, owner) in &survey.state {
        let taken = b.domain.extension.masks.iter().any(|mask| mask.value.as_str() == path);
        if !taken && may_be(b, *owner) {
            cover_one(b, &Names::of_mask(path), Cover::HideDirectory, STATE);
        }
    }
    if b.shares_root() {
        b.remark(
            TREE,
            "the services of this host can be reached by their sockets, also where the tree is read-only",
            "name a root file system of its own, or cover their directories with <browndog:mask>",
        );
    }
}

/// Whether the container can have the rights of this user of the host. Who cannot does not even find the way: the
/// directories are their owner's alone.
fn may_be(b: &Builder<'_>, owner: u32) -> bool {
    b.domain.idmap.as_ref().is_none_or(|idmap| {
        let mut ranges = idmap.uid.iter().map(|range| range.value);
        ranges.any(|range| owner >= range.target && owner - range.target < range.count)
    })
}
