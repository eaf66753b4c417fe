//! An id map with what the runtime gives it by itself: its own capabilities, and what lies below its mounts.

use std::fs;

use crate::facts::Facts;
use crate::spec::Spec;
use crate::stage::{Doing, SceneError, Stage};

/// A root of its own.
pub(super) fn own_root(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, name) = stage.place("mapped")?;
    let mut spec = Spec::plain(
        &name,
        place.join("root"),
        stage.probe_argv("pid,kernelfs,nested,user,caps,tries,under", true),
    );
    spec.idmap = Some(100_000);
    super::plain::stage_root_to(&place.join("root"), 100_000)?;
    stage.observe_with(&spec, &place, &|facts, init| {
        // The numbers that the groups above its own set, for the groups below them.
        let own = fs::read_to_string(format!("/proc/{init}/cgroup")).unwrap_or_default();
        let own = own.lines().find_map(|l| l.strip_prefix("0::/")).unwrap_or_default().to_owned();
        let top = std::path::Path::new("/sys/fs/cgroup");
        let unified = top.join("unified");
        let bounds = if unified.exists() { unified.join(own) } else { top.join(own) };
        let read = |d: &std::path::Path| fs::read_to_string(d.join("cgroup.max.descendants")).ok();
        let numbers = bounds.ancestors().filter_map(|d| read(d)?.trim().parse::<u64>().ok());
        facts.set("host.groups_most", numbers.min().unwrap_or(u64::MAX));
    })
}

/// The host's own tree, with the container's mounts on top.
pub(super) fn host_tree(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let (place, name) = stage.place("mapped")?;
    let mut argv = stage.probe_argv("kernelfs,under", true);
    // A name of the probe's own that the mapped root may execute.
    let own = place.join(crate::probe::NAME);
    fs::hard_link(stage.work.join(crate::probe::NAME), &own).doing("naming the probe")?;
    argv[0] = own.to_string_lossy().into_owned();
    let mut spec = Spec::plain(&name, place.join("root"), argv);
    spec.root = None;
    spec.idmap = Some(100_000);
    stage.observe(&spec, &place)
}

/// Root inside is the host's root, in a user namespace of its own.
pub(super) fn onto_root(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    for (name, base) in [("usual", 100_000), ("zero", 0)] {
        let (place, id) = stage.place("mapped")?;
        let mut spec = Spec::plain(&id, place.join("root"), stage.probe_argv("tries,kernelfs", false));
        spec.idmap = Some(base);
        if base != 0 {
            super::plain::stage_root_to(&place.join("root"), base)?;
        }
        let tried = super::tried::start(stage, &spec, &place)?;
        if name == "usual" {
            facts.set("mapped.zero.usual", tried.word());
            continue;
        }
        tried.note(&mut facts, "mapped.zero");
        facts.set("mapped.zero.lifted", tried.list("mount.covers_lifted"));
        facts.set("mapped.zero.writable", tried.list("kernelfs.writable"));
    }
    Ok(facts)
}
