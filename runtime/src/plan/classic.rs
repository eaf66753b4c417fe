//! Restrictions without mount_setattr(2), on kernels before 5.12: each mount by itself, once it stands.

use browndog_xml::domain::{FilesystemSource, Origin};
use nix::libc;

use super::build::Builder;
use super::mounts::sever;
use super::step::{Beneath, ChildStep};
use crate::survey::{Purpose, is_below, is_root};

/// Whether this kernel is one of them.
pub(super) fn needed(b: &Builder<'_>) -> bool {
    !b.host.at_least(5, 12)
}

const WHY: &str = "this kernel has no mount_setattr(2)";

/// Restricts the mount at `target` and every mount below it, which MS_REMOUNT alone would leave open.
pub(super) fn restrict(b: &mut Builder<'_>, target: &str, below: &[String], flags: u64, origin: Origin) {
    let base = target.trim_end_matches('/');
    let whole = if base.is_empty() { "/".to_owned() } else { base.to_owned() };
    for at in std::iter::once(whole).chain(below.iter().map(|suffix| format!("{base}{suffix}"))) {
        let step = ChildStep::Remount { target: Beneath::new(&at), flags };
        b.child(("remount", at), step, origin, WHY);
    }
}

/// The same for a tree of the host's that has just been attached; nothing where it came over the stage,
/// which has done it.
pub(super) fn restrict_tree(
    b: &mut Builder<'_>,
    target: &str,
    purpose: Purpose,
    readonly: bool,
    origin: Origin,
) {
    if !needed(b) || b.staged.is_some() {
        return;
    }
    sever(b, target);
    let flags = libc::MS_NODEV | if readonly { libc::MS_RDONLY } else { 0 };
    let below = below(b, purpose);
    restrict(b, target, &below, flags, origin);
}

/// Mounts of the host below a source, as suffixes of its path.
pub(super) fn below(b: &Builder<'_>, purpose: Purpose) -> Vec<String> {
    b.survey.get(purpose).map(|found| found.below.clone()).unwrap_or_default()
}

/// Everything that is mounted below `path` in the container before `filesystems[index]`, as suffixes.
pub(super) fn below_inside(b: &Builder<'_>, path: &str, index: usize) -> Vec<String> {
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
