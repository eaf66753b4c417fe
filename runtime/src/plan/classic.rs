//! Restrictions without mount_setattr(2), on kernels before 5.12: each mount by itself, once it stands.

use browndog_xml::domain::{FilesystemSource, Origin};
use nix::libc;

use super::build::Builder;
use super::mounts::sever;
use super::step::{Beneath, ChildStep, STAGE, Slot};
use crate::survey::{Purpose, is_below, is_root};

/// Whether this kernel is one of them.
pub(super) fn needed(b: &Builder<'_>) -> bool {
    !b.host.at_least(5, 12)
}

const WHY: &str = "this kernel has no mount_setattr(2)";

/// Restricts the mount that is held in `tree` and stands at `target`, and every mount below it, which MS_REMOUNT alone
/// would leave open.
pub(super) fn restrict(
    b: &mut Builder<'_>,
    tree: Slot,
    target: &str,
    below: &[String],
    flags: u64,
    origin: Origin,
) {
    for suffix in std::iter::once("").chain(below.iter().map(String::as_str)) {
        let target = Beneath::on_tree(tree, target, suffix);
        let id = target.shown();
        b.child(("remount", id), ChildStep::Remount { target, flags }, origin, WHY);
    }
}

/// The same for a tree of the host's that has just been attached; nothing where it came over the stage,
/// which has done it.
pub(super) fn restrict_tree(
    b: &mut Builder<'_>,
    tree: Slot,
    target: &str,
    purpose: Purpose,
    readonly: bool,
    origin: Origin,
) {
    if !needed(b) || b.staged.is_some() {
        return;
    }
    sever(b, tree, target);
    let flags = libc::MS_NODEV | if readonly { libc::MS_RDONLY } else { 0 };
    let mut below = below(b, purpose);
    if b.user_namespace && b.shares_root() {
        // The stage lies over the host's /dev in the table that the child's is a copy of.
        below.retain(|at| !at.strip_prefix(STAGE).is_some_and(|rest| rest.starts_with('/')));
    }
    restrict(b, tree, target, &below, flags, origin);
}

/// Mounts of the host below a source, as suffixes of its path.
pub(super) fn below(b: &Builder<'_>, purpose: Purpose) -> Vec<String> {
    b.survey.get(purpose).map(|found| found.below.clone()).unwrap_or_default()
}

/// Everything that is mounted below `path` in the container before `filesystems[index]`, as suffixes.
pub(super) fn below_inside(b: &Builder<'_>, path: &str, index: usize) -> Vec<String> {
    // Copies of copies: what is refused for its length in any case need not get longer with each.
    if b.is_too_long() {
        return Vec::new();
    }
    let mut points = below(b, Purpose::Root);
    for (at, filesystem) in b.domain.filesystems[..index].iter().enumerate().filter(|(_, fs)| !is_root(fs)) {
        let target = filesystem.target.value.as_str().trim_end_matches('/');
        points.push(target.to_owned());
        if matches!(filesystem.source, FilesystemSource::Host(_)) {
            points.extend(below(b, Purpose::Filesystem(at)).iter().map(|suffix| format!("{target}{suffix}")));
        }
    }
    let base = path.trim_end_matches('/');
    let strictly = |point: &String| is_below(point, base) && point.len() > base.len();
    points.into_iter().filter(strictly).map(|point| point[base.len()..].to_owned()).collect()
}
