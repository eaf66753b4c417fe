//! Control groups: where the container is placed, with which limits, and what it sees of them.

use browndog_xml::domain::{Origin, Sourced};
use nix::libc;

mod limits;

pub use limits::{io_weight, weight_of_shares};

use limits::Setting;

use super::build::{Builder, Name};
use super::step::{Beneath, ChildStep, HostStep, c_string};
use super::{confine, device_policy, mounts};
use crate::host::Cgroups;
use crate::survey::Purpose;

/// Ends the name of every group of ours, so that a later command recognises one left behind.
pub const GROUP_SUFFIX: &str = ".browndog";

/// How a cgroup file is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBack {
    /// The file must say the same number, rounded down to pages.
    Pages,
    /// The file must say the same text.
    Same,
    /// One line of the file must be the same: a file with a line for each device.
    Line,
    /// The file must say the same, or `default` and the same.
    Default,
    /// The file of the same name and `.effective` must say the same.
    Effective,
    /// The file cannot be read back, or says it in another form.
    None,
}

/// Makes the group, writes its limits, and opens it.
pub(super) fn place(b: &mut Builder<'_>) {
    match &b.host.cgroups {
        Cgroups::V2 { root, controllers } => place_v2(b, root, controllers),
        Cgroups::V1 { controllers, unified } => place_v1(b, controllers, unified.as_deref()),
        Cgroups::None { reason } => refuse_limits(b, reason),
    }
}

fn group_name(b: &Builder<'_>) -> String {
    [&group_domain(b.domain.name.value.as_str()), ".", &b.request.instance, GROUP_SUFFIX].concat()
}

/// A domain's name as its groups' names begin.
pub fn group_domain(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    name.chars().map(safe).take(64).collect()
}

/// The partition's directories: none unless the document names one.
fn partition(b: &Builder<'_>) -> Vec<String> {
    let partition = &b.domain.partition;
    if matches!(partition.origin, Origin::Default(_)) {
        return Vec::new();
    }
    let parts = partition.value.as_str().split('/');
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

const MAKE: &str = "limits hold before the first process is in the group";
const SET: &str = "written while the group is empty, so that nothing ever runs without it";
const OPEN: &str = "the descriptor names the group, whatever happens to its path";

fn place_v2(b: &mut Builder<'_>, root: &str, controllers: &[String]) {
    let settings = limits::v2(b);
    let settings = available(b, settings, |name| controllers.iter().any(|have| have == name));
    let mut wanted: Vec<&str> = settings.iter().map(|setting| setting.controller).collect();
    if let Some(origin) = delegates(b) {
        let mut missing = Vec::new();
        for name in DELEGATED {
            if controllers.iter().any(|have| have == name) { wanted.push(name) } else { missing.push(name) }
        }
        if !missing.is_empty() {
            let message = format!("this machine has no controller {}", missing.join(", "));
            b.note(origin, message, "an init system inside can set no such limit for its services");
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let enable = wanted.iter().map(|name| format!("+{name}")).collect::<Vec<_>>().join(" ");
    let mut dir = root.to_owned();
    let origin = b.domain.partition.origin;
    for part in partition(b) {
        enable_controllers(b, &dir, &dir, &enable, origin);
        dir = format!("{dir}/{part}");
        make_group(b, ("make-partition", &dir), &dir, true);
    }
    enable_controllers(b, &dir, &dir, &enable, origin);
    let group = [&dir, "/", &group_name(b)].concat();
    make_group(b, "make-cgroup:v2", &group, false);
    for setting in settings {
        set(b, &group, setting);
    }
    limit_devices(b, &group, true);
    b.kills_with(group.clone());
    let entered = delegate(b, &group, &enable);
    enter(b, "open-cgroup:v2", entered);
}

/// Opens the group that the child is cloned into.
fn enter(b: &mut Builder<'_>, id: &'static str, group: String) {
    let slot = b.slot(["cgroup ", &group].concat());
    let step = HostStep::OpenCgroup { path: group, slot, directory: true };
    b.host_step(id, step, b.domain.origin.origin, OPEN);
    b.clone_into(slot);
}

/// Controllers that an init system shares among its services.
const DELEGATED: [&str; 5] = ["cpu", "cpuset", "io", "memory", "pids"];

/// How deep a container's own groups may be nested, and how many it may have: an init system with containers of its
/// own needs some ten levels and a few hundred.
const DELEGATED_MOST: [(&str, &str); 2] = [("cgroup.max.depth", "32"), ("cgroup.max.descendants", "4096")];

/// Who asks for a sub-tree that the container manages itself: whoever makes it a whole system, by ids of
/// its own or by CAP_SYS_ADMIN, with which it could make the mount writable anyway.
fn delegates(b: &Builder<'_>) -> Option<Origin> {
    if let Some(idmap) = &b.domain.idmap {
        return Some(idmap.origin);
    }
    confine::keeps_sys_admin(b).then_some(b.domain.capabilities.policy.origin)
}

/// A group inside the group, for the container to manage: the limits stay outside of what it can write,
/// and no process sits in a group that hands controllers down (cgroup-v2.rst, delegation).
fn delegate(b: &mut Builder<'_>, group: &str, enable: &str) -> String {
    let Some(origin) = delegates(b).filter(|_| !b.host.rootless) else { return group.to_owned() };
    let leaf = format!("{group}/container");
    for (file, most) in DELEGATED_MOST {
        let path = [group, "/", file].concat();
        let step = HostStep::SetCgroup { path, value: most.to_owned(), check: ReadBack::Same };
        let why = "groups are the kernel's memory, and who removes them has to walk them";
        b.host_step(["set-cgroup:", file].concat(), step, origin, why);
    }
    enable_controllers(b, "leaf", group, enable, origin);
    let step = HostStep::MakeCgroup { path: leaf.clone(), shared: false };
    let why = "the limits stand in the group around it, out of the container's reach";
    b.host_step("make-leaf", step, origin, why);
    b.owns_cgroup(leaf.clone());
    if let Some(idmap) = &b.domain.idmap {
        let root = |ranges: &[Sourced<browndog_xml::domain::IdRange>]| {
            ranges.iter().find(|range| range.value.start == 0).map(|range| range.value.target)
        };
        if let (Some(uid), Some(gid)) = (root(&idmap.uid), root(&idmap.gid)) {
            let step = HostStep::DelegateCgroup { path: leaf.clone(), uid, gid };
            let why = "root of the container makes groups below and moves processes there; no limit is its";
            b.host_step("delegate-cgroup", step, origin, why);
        }
    }
    leaf
}

/// `name`: the group in the step's name, where its own has what changes from start to start.
fn enable_controllers(b: &mut Builder<'_>, name: &str, dir: &str, enable: &str, origin: Origin) {
    if !enable.is_empty() {
        let path = format!("{dir}/cgroup.subtree_control");
        let step = HostStep::SetCgroup { path, value: enable.to_owned(), check: ReadBack::None };
        let why = "a controller has files in a group only where its parent hands it down";
        b.host_step(("enable-controllers", name), step, origin, why);
    }
}

fn place_v1(b: &mut Builder<'_>, controllers: &[(String, String)], unified: Option<&str>) {
    let path_of =
        |name: &str| controllers.iter().find(|(have, _)| have == name).map(|(_, path)| path.as_str());
    let settings = limits::v1(b);
    let settings = available(b, settings, |name| path_of(name).is_some());
    // Every group is made before the first is written, and written before any is opened.
    let name = group_name(b);
    let unified = unified.map(|root| make_tree(b, "unified", root, &name));
    let mut wanted: Vec<&'static str> = Vec::new();
    for setting in &settings {
        if !wanted.contains(&setting.controller) {
            wanted.push(setting.controller);
        }
    }
    if unified.is_none() && path_of(FREEZER).is_some() {
        // With a unified hierarchy beside it, its cgroup.freeze suspends; without, this does.
        wanted.push(FREEZER);
    }
    if path_of(DEVICES).is_some() {
        wanted.push(DEVICES);
    }
    let made: Vec<(&'static str, String)> = wanted
        .into_iter()
        .map(|controller| {
            (controller, make_tree(b, controller, path_of(controller).unwrap_or_default(), &name))
        })
        .collect();
    for setting in settings {
        if let Some((_, group)) = made.iter().find(|(have, _)| *have == setting.controller) {
            set(b, group, setting);
        }
    }
    match (made.iter().find(|(controller, _)| *controller == DEVICES), &unified) {
        (Some((_, group)), _) => limit_devices(b, group, false),
        (None, Some(group)) => limit_devices(b, group, true),
        (None, None) => b.note(
            device_policy::DEFAULT,
            "which devices open cannot be limited: no devices controller, and no unified hierarchy",
            "the trees of a container are mounted with nodev all the same",
        ),
    }
    if let Some(group) = unified {
        b.kills_with(group.clone());
        let entered = delegate(b, &group, "");
        enter(b, "open-cgroup:unified", entered);
    }
    for (controller, group) in made {
        let slot = b.slot(["tasks of ", controller].concat());
        let step = HostStep::OpenCgroup { path: [&group, "/tasks"].concat(), slot, directory: false };
        b.host_step(("open-cgroup", controller), step, b.domain.origin.origin, OPEN);
        let why =
            "version 1 has no CLONE_INTO_CGROUP: the child enters first of all, before it does any work";
        let step = ChildStep::JoinCgroup { tasks: slot, controller };
        b.child(("join-cgroup", controller), step, b.domain.origin.origin, why);
    }
}

const FREEZER: &str = "freezer";
const DEVICES: &str = "devices";

fn limit_devices(b: &mut Builder<'_>, group: &str, program: bool) {
    if b.host.rootless {
        // Nobody can make a node that opens in a user namespace, and only root may attach a policy.
        return;
    }
    let (rules, asked): (Vec<_>, Vec<_>) = device_policy::rules(b).into_iter().unzip();
    let origin = asked.into_iter().find(|origin| matches!(origin, Origin::Xml(_)));
    let program = program.then(|| device_policy::program(&rules));
    // Instruction for instruction: whatever else is pinned there is not what this container is to have.
    let same = program.as_ref() == Some(&b.survey.policy);
    let ready = if same { b.source(Purpose::Policy) } else { None };
    let step = HostStep::LimitDevices { path: group.to_owned(), rules, program, ready };
    let why = "a node in a tree of the container's, or one that it makes, opens nothing else";
    b.host_step("limit-devices", step, origin.unwrap_or(device_policy::DEFAULT), why);
}

/// The group `name` below `root`, with the partition's directories above it.
fn make_tree(b: &mut Builder<'_>, controller: &str, root: &str, name: &str) -> String {
    let mut dir = root.to_owned();
    for part in partition(b) {
        let parent = dir.clone();
        dir = format!("{parent}/{part}");
        make_group(b, ("make-partition", &dir), &dir, true);
        inherit(b, controller, &parent, &dir, &format!("partition:{part}"));
    }
    let group = [&dir, "/", name].concat();
    make_group(b, ("make-cgroup", controller), &group, false);
    inherit(b, controller, &dir, &group, "group");
    group
}

/// A new cpuset of version 1 is empty, and nothing can enter it.
fn inherit(b: &mut Builder<'_>, controller: &str, parent: &str, group: &str, what: &str) {
    if controller == "cpuset" {
        let step = HostStep::InheritCpuset { parent: parent.to_owned(), path: group.to_owned() };
        let why = "a new cpuset is empty, and nothing can enter an empty one";
        b.host_step(("inherit-cpuset", what), step, b.domain.partition.origin, why);
    }
}

fn make_group(b: &mut Builder<'_>, id: impl Name, path: &str, shared: bool) {
    let origin = b.domain.partition.origin;
    b.host_step(id, HostStep::MakeCgroup { path: path.to_owned(), shared }, origin, MAKE);
    b.owns_cgroup(path.to_owned());
}

fn set(b: &mut Builder<'_>, group: &str, setting: Setting) {
    let path = [group, "/", setting.file].concat();
    let step = HostStep::SetCgroup { path, value: setting.value, check: setting.check };
    let id = match setting.device {
        Some(device) => format!("set-cgroup:{}:{device}", setting.file),
        None => ["set-cgroup:", setting.file].concat(),
    };
    b.host_step(id, step, setting.origin, SET);
}

/// Keeps the settings whose controller is there; one that was asked for and is not is a problem.
fn available(b: &mut Builder<'_>, settings: Vec<Setting>, has: impl Fn(&str) -> bool) -> Vec<Setting> {
    let (there, missing): (Vec<_>, Vec<_>) = settings.into_iter().partition(|s| has(s.controller));
    let reason = if b.host.rootless {
        "its controller belongs to root"
    } else {
        "this machine has no such controller"
    };
    for setting in missing {
        report_lacking(b, &setting, reason);
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
fn report_lacking(b: &mut Builder<'_>, setting: &Setting, reason: &str) {
    let demanded = b.domain.memory.maximum.as_ref().map(|memory| memory.origin);
    let memory = ["memory.max", "memory.limit_in_bytes"].contains(&setting.file);
    if b.host.rootless && memory && demanded == Some(setting.origin) {
        let message = format!("the limit {} cannot be applied: {reason}", setting.file);
        b.note(setting.origin, message, "start as root to have it; <memtune> insists on it");
    } else {
        report_missing(b, setting, reason);
    }
}

fn refuse_limits(b: &mut Builder<'_>, reason: &str) {
    for setting in limits::v2(b) {
        report_lacking(b, &setting, reason);
    }
}

/// Becomes the root of what it sees, once it is in its groups.
///
/// Not by CLONE_NEWCGROUP, which makes the launcher's groups the roots: the child is moved only after
/// its namespaces are made, also by CLONE_INTO_CGROUP.
pub(super) fn join(b: &mut Builder<'_>) {
    if !matches!(b.host.cgroups, Cgroups::None { .. }) {
        let why = "after the groups are joined: their directories become the roots that the container sees";
        b.child("unshare-cgroup", ChildStep::UnshareCgroup, b.domain.origin.origin, why);
    }
}

/// `/sys/fs/cgroup` inside: the container's own sub-tree, and its to manage where that is delegated.
pub(super) fn show(b: &mut Builder<'_>) {
    let fstype = match &b.host.cgroups {
        Cgroups::V2 { .. } | Cgroups::V1 { unified: Some(_), .. } => c"cgroup2",
        // The host's /sys has the host's groups below it.
        _ if mounts::binds_sysfs(b) => c"tmpfs",
        _ => return,
    };
    let asked = if fstype == c"cgroup2" { delegates(b) } else { None };
    let readonly = if asked.is_some() { 0 } else { libc::MS_RDONLY };
    let step = ChildStep::MountNew {
        fstype,
        target: Beneath::new("/sys/fs/cgroup"),
        flags: libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | readonly,
        data: (fstype == c"tmpfs").then(|| c_string("size=0k,nr_inodes=2,mode=0555")),
        into: None,
    };
    let why =
        "after sysfs, which has the directory; the cgroup namespace shows the container's own sub-tree only";
    b.child("mount-cgroup", step, asked.unwrap_or(b.domain.origin.origin), why);
}
