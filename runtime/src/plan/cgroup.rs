//! Control groups: where the container is placed, with which limits, and what it sees of them.

use browndog_xml::domain::{Origin, Sourced};
use nix::libc;

use super::build::Builder;
use super::step::{Beneath, ChildStep, HostStep, ReadBack, c_string};
use crate::host::Cgroups;

/// One file of the group, in the words of the layout at hand.
struct Setting {
    controller: &'static str,
    file: &'static str,
    value: String,
    check: ReadBack,
    origin: Origin,
}

/// Ends the name of every group of ours, so that a later command recognises one left behind.
pub const GROUP_SUFFIX: &str = ".browndog";

/// Makes the group, writes its limits, and opens it.
pub(super) fn place(b: &mut Builder<'_>) {
    match &b.host.cgroups {
        Cgroups::V2 { root, controllers } => place_v2(b, root, controllers),
        Cgroups::V1 { controllers, unified } => place_v1(b, controllers, unified.as_deref()),
        Cgroups::None { reason } => refuse_limits(b, reason),
    }
}

fn group_name(b: &Builder<'_>) -> String {
    format!("{}.{}{GROUP_SUFFIX}", group_domain(b.domain.name.value.as_str()), b.request.instance)
}

/// A domain's name as its groups' names begin.
pub fn group_domain(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    name.chars().map(safe).take(64).collect()
}

/// The partition's path below a hierarchy's root: nothing unless the document names one.
fn partition<'a>(b: &Builder<'a>) -> Option<&'a Sourced<browndog_xml::value::AbsPath>> {
    let partition = &b.domain.partition;
    matches!(partition.origin, Origin::Xml(_)).then_some(partition)
}

const MAKE: &str = "limits hold before the first process is in the group";
const SET: &str = "written while the group is empty, so that nothing ever runs without it";
const OPEN: &str = "the descriptor names the group, whatever happens to its path";

fn place_v2(b: &mut Builder<'_>, root: &str, controllers: &[String]) {
    let settings = available(b, settings_v2(b), |name| controllers.iter().any(|have| have == name));
    let mut wanted: Vec<&str> = settings.iter().map(|setting| setting.controller).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let enable = wanted.iter().map(|name| format!("+{name}")).collect::<Vec<_>>().join(" ");
    let mut dir = root.to_owned();
    let parts: Vec<String> = partition(b)
        .map(|path| {
            path.value.as_str().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
        })
        .unwrap_or_default();
    let origin = b.domain.partition.origin;
    for part in parts {
        enable_controllers(b, &dir, &enable, origin);
        dir = format!("{dir}/{part}");
        make_group(b, "v2", &dir, true);
    }
    enable_controllers(b, &dir, &enable, origin);
    let group = format!("{dir}/{}", group_name(b));
    make_group(b, "v2", &group, false);
    for setting in settings {
        set(b, &group, setting);
    }
    let slot = b.slot(format!("cgroup {group}"));
    b.kills_with(group.clone());
    b.host_step(
        "open-cgroup:v2",
        HostStep::OpenCgroup { path: group, slot, directory: true },
        b.domain.origin.origin,
        OPEN,
    );
    b.clone_into(slot);
}

fn enable_controllers(b: &mut Builder<'_>, dir: &str, enable: &str, origin: Origin) {
    if !enable.is_empty() {
        let path = format!("{dir}/cgroup.subtree_control");
        let step = HostStep::SetCgroup { path, value: enable.to_owned(), check: ReadBack::None };
        let why = "a controller has files in a group only where its parent hands it down";
        b.host_step(format!("enable-controllers:{dir}"), step, origin, why);
    }
}

fn place_v1(b: &mut Builder<'_>, controllers: &[(String, String)], unified: Option<&str>) {
    let path_of =
        |name: &str| controllers.iter().find(|(have, _)| have == name).map(|(_, path)| path.clone());
    let settings = available(b, settings_v1(b), |name| path_of(name).is_some());
    // Every group is made before the first is written, and written before any is opened.
    let unified = unified.map(|root| make_tree(b, "unified", root));
    let mut made: Vec<(&'static str, String)> = Vec::new();
    for setting in &settings {
        if !made.iter().any(|(have, _)| *have == setting.controller) {
            let group = make_tree(b, setting.controller, &path_of(setting.controller).unwrap_or_default());
            made.push((setting.controller, group));
        }
    }
    for setting in settings {
        if let Some((_, group)) = made.iter().find(|(have, _)| *have == setting.controller) {
            let group = group.clone();
            set(b, &group, setting);
        }
    }
    if let Some(group) = unified {
        let slot = b.slot(format!("cgroup {group}"));
        b.kills_with(group.clone());
        let step = HostStep::OpenCgroup { path: group, slot, directory: true };
        b.host_step("open-cgroup:unified", step, b.domain.origin.origin, OPEN);
        b.clone_into(slot);
    }
    for (controller, group) in made {
        let slot = b.slot(format!("cgroup.procs of {controller}"));
        let step = HostStep::OpenCgroup { path: format!("{group}/cgroup.procs"), slot, directory: false };
        b.host_step(format!("open-cgroup:{controller}"), step, b.domain.origin.origin, OPEN);
        let why =
            "version 1 has no CLONE_INTO_CGROUP: the child enters first of all, before it does any work";
        let step = ChildStep::JoinCgroup { procs: slot, controller };
        b.child(format!("join-cgroup:{controller}"), step, b.domain.origin.origin, why);
    }
}

/// The group below `root`, with the partition's directories above it.
fn make_tree(b: &mut Builder<'_>, controller: &str, root: &str) -> String {
    let mut dir = root.to_owned();
    if let Some(path) = partition(b) {
        for part in path.value.as_str().split('/').filter(|part| !part.is_empty()) {
            dir = format!("{dir}/{part}");
            make_group(b, controller, &dir, true);
        }
    }
    let group = format!("{dir}/{}", group_name(b));
    make_group(b, controller, &group, false);
    group
}

fn make_group(b: &mut Builder<'_>, controller: &str, path: &str, shared: bool) {
    let origin = b.domain.partition.origin;
    let what = if shared { "make-partition" } else { "make-cgroup" };
    b.host_step(
        format!("{what}:{controller}"),
        HostStep::MakeCgroup { path: path.to_owned(), shared },
        origin,
        MAKE,
    );
    b.owns_cgroup(path.to_owned());
}

fn set(b: &mut Builder<'_>, group: &str, setting: Setting) {
    let path = format!("{group}/{}", setting.file);
    let step = HostStep::SetCgroup { path, value: setting.value, check: setting.check };
    b.host_step(format!("set-cgroup:{}", setting.file), step, setting.origin, SET);
}

/// Keeps the settings whose controller is there; one that was asked for and is not is a problem.
fn available(b: &mut Builder<'_>, settings: Vec<Setting>, has: impl Fn(&str) -> bool) -> Vec<Setting> {
    let (there, missing): (Vec<_>, Vec<_>) = settings.into_iter().partition(|s| has(s.controller));
    for setting in missing {
        report_missing(b, &setting, "this machine has no such controller");
    }
    there
}

fn report_missing(b: &mut Builder<'_>, setting: &Setting, reason: &str) {
    let message = format!("the limit {} cannot be applied: {reason}", setting.file);
    match setting.origin {
        Origin::Xml(_) => {
            let help = format!(
                "remove the element, or start as root on a machine with the {} controller",
                setting.controller
            );
            b.problem(setting.origin, message, help);
        }
        Origin::Default(_) => {
            b.note(setting.origin, message, "nothing to do: the document does not ask for it")
        }
    }
}

/// libvirt demands `<memory>` of every document, so to a plain user, who can have no limit at all, it is
/// no request that stops the start; every other limit in the document is.
fn refuse_limits(b: &mut Builder<'_>, reason: &str) {
    let demanded = b.domain.memory.maximum.as_ref().map(|memory| memory.origin);
    for setting in settings_v2(b) {
        if b.host.rootless && setting.file == "memory.max" && demanded == Some(setting.origin) {
            let message = format!("the limit {} cannot be applied: {reason}", setting.file);
            b.note(setting.origin, message, "start as root to have it; <memtune> insists on it");
        } else {
            report_missing(b, &setting, reason);
        }
    }
}

/// libvirt's word for no limit (VIR_DOMAIN_MEMORY_PARAM_UNLIMITED, in KiB), here in bytes.
const UNLIMITED: u64 = 9_007_199_254_740_991 << 10;

/// A limit that limits.
fn limited(limit: &Option<Sourced<u64>>) -> Option<&Sourced<u64>> {
    limit.as_ref().filter(|limit| limit.value < UNLIMITED)
}

fn settings_v1(b: &Builder<'_>) -> Vec<Setting> {
    let domain = b.domain;
    let mut list = Vec::new();
    let mut push = |controller, file, value: String, check, origin| {
        list.push(Setting { controller, file, value, check, origin });
    };
    if let Some(limit) = limited(&domain.memory.limit) {
        push("memory", "memory.limit_in_bytes", limit.value.to_string(), ReadBack::Pages, limit.origin);
    }
    if let Some(soft) = limited(&domain.memory.soft) {
        push("memory", "memory.soft_limit_in_bytes", soft.value.to_string(), ReadBack::Pages, soft.origin);
    }
    if let Some(both) = limited(&domain.memory.memory_and_swap) {
        push("memory", "memory.memsw.limit_in_bytes", both.value.to_string(), ReadBack::Pages, both.origin);
    }
    if let Some(shares) = &domain.cpu.shares {
        push("cpu", "cpu.shares", shares.value.to_string(), ReadBack::Same, shares.origin);
    }
    if let Some(period) = &domain.cpu.period_us {
        push("cpu", "cpu.cfs_period_us", period.value.to_string(), ReadBack::Same, period.origin);
    }
    if let Some(quota) = &domain.cpu.quota_us {
        let value = if quota.value < 0 { -1 } else { quota.value };
        push("cpu", "cpu.cfs_quota_us", value.to_string(), ReadBack::Same, quota.origin);
    }
    push("pids", "pids.max", domain.pids.value.to_string(), ReadBack::Same, domain.pids.origin);
    list
}

fn settings_v2(b: &Builder<'_>) -> Vec<Setting> {
    let domain = b.domain;
    let mut list = Vec::new();
    let mut push = |controller, file, value: String, check, origin| {
        list.push(Setting { controller, file, value, check, origin });
    };
    if let Some(limit) = limited(&domain.memory.limit) {
        push("memory", "memory.max", limit.value.to_string(), ReadBack::Pages, limit.origin);
    }
    if let Some(soft) = limited(&domain.memory.soft) {
        push("memory", "memory.high", soft.value.to_string(), ReadBack::Pages, soft.origin);
    }
    if let Some(both) = limited(&domain.memory.memory_and_swap) {
        let memory = domain.memory.limit.as_ref().map_or(0, |limit| limit.value);
        let swap = both.value.saturating_sub(memory);
        push("memory", "memory.swap.max", swap.to_string(), ReadBack::Pages, both.origin);
    }
    if let Some(shares) = &domain.cpu.shares {
        push("cpu", "cpu.weight", weight_of_shares(shares.value).to_string(), ReadBack::Same, shares.origin);
    }
    let (period, quota) = (&domain.cpu.period_us, &domain.cpu.quota_us);
    if let Some(origin) = quota.as_ref().map(|q| q.origin).or(period.as_ref().map(|p| p.origin)) {
        let quota = quota.as_ref().filter(|quota| quota.value >= 0);
        let quota = quota.map_or_else(|| "max".to_owned(), |quota| quota.value.to_string());
        let period = period.as_ref().map_or(PERIOD_DEFAULT_US, |period| period.value);
        push("cpu", "cpu.max", format!("{quota} {period}"), ReadBack::Same, origin);
    }
    push("pids", "pids.max", domain.pids.value.to_string(), ReadBack::Same, domain.pids.origin);
    list
}

/// The kernel's default `cpu.max` period (cgroup-v2.rst).
const PERIOD_DEFAULT_US: u64 = 100_000;

/// `cpu.shares` 2..262144 onto `cpu.weight` 1..10000, in proportion: what runc and systemd agreed on.
pub fn weight_of_shares(shares: u64) -> u64 {
    let shares = shares.clamp(2, 262_144);
    1 + (shares - 2) * 9_999 / 262_142
}

/// Becomes the root of what it sees, once it has entered its version 1 groups.
pub(super) fn join(b: &mut Builder<'_>) {
    if matches!(b.host.cgroups, Cgroups::V1 { .. }) {
        let why = "after the groups are joined: their directories become the roots that the container sees";
        b.child("unshare-cgroup", ChildStep::UnshareCgroup, b.domain.origin.origin, why);
    }
}

/// `/sys/fs/cgroup` inside.
pub(super) fn show(b: &mut Builder<'_>) {
    if !matches!(b.host.cgroups, Cgroups::V2 { .. }) {
        return;
    }
    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | libc::MS_RDONLY;
    let step = ChildStep::MountNew {
        fstype: c_string("cgroup2"),
        target: Beneath::new("/sys/fs/cgroup"),
        flags,
        data: None,
    };
    let why =
        "after sysfs, which has the directory; the cgroup namespace shows the container's own sub-tree only";
    b.child("mount-cgroup", step, b.domain.origin.origin, why);
}

#[cfg(test)]
mod tests {
    use super::{Sourced, UNLIMITED, limited, weight_of_shares};
    use rstest::rstest;

    #[test]
    fn libvirts_word_for_no_limit_sets_none() {
        assert_eq!(limited(&Some(Sourced::default(UNLIMITED, ""))), None);
        assert!(limited(&Some(Sourced::default(UNLIMITED - 1024, ""))).is_some());
    }

    #[rstest]
    #[case(2, 1)]
    #[case(1024, 39)]
    #[case(262_144, 10_000)]
    #[case(0, 1)]
    fn shares_become_weight_in_proportion(#[case] shares: u64, #[case] weight: u64) {
        assert_eq!(weight_of_shares(shares), weight);
    }
}
