//! The profile with an id map, where trees, nodes and groups come about in other ways than without one.

use super::options::at;
use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

/// What may be written by who manages a group below a limit (cgroup-v2.rst, delegation).
const DELEGATED: [&str; 5] = [
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/cgroup.threads",
    "/sys/fs/cgroup/cgroup.subtree_control",
    "/sys/fs/cgroup/memory.oom.group",
    "/sys/fs/cgroup/memory.reclaim",
];

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "mount-05c",
        Isolation,
        "strict",
        "With an id map, too, no mount is shared with the host's or follows them.",
        "mount_namespaces(7)",
        |j| {
            j.none("host.init.mounts_shared_with_host");
            j.none("host.init.mounts_after_host");
        },
    ),
    Check::new(
        "leak-01b",
        Leak,
        "strict",
        "After a container with an id map ended, no mount remains in any mount namespace.",
        "umount(2)",
        |j| j.none("leak.mounts"),
    ),
    Check::new(
        "leak-02c",
        Leak,
        "strict",
        "After a container with an id map ended, no control group remains in any hierarchy.",
        "cgroups(7)",
        |j| j.none("leak.cgroups"),
    ),
    Check::new(
        "leak-12",
        Leak,
        "strict",
        "The command that started the container stays with the caller's mounts, and keeps no copy of them busy.",
        "mount_namespaces(7)",
        |j| j.same("host.ns.mnt.runtime", "host.ns.mnt.own"),
    ),
    Check::new(
        "mount-09c",
        Isolation,
        "strict",
        "With an id map, too, a volume has no devices.",
        "mount(2), MS_NODEV",
        |j| at(j, "/data", &["nodev"]),
    ),
    Check::new(
        "mount-09e",
        Functional,
        "strict",
        "With an id map nothing on a writable volume gives privilege, where the recipe says so.",
        "mount(2), MS_NOSUID; user_namespaces(7), set-user-ID files of mapped ids",
        |j| at(j, "/data", &["nosuid"]),
    ),
    Check::new(
        "mount-09f",
        Functional,
        "strict",
        "With an id map nothing on a writable root gives privilege: its files are those of ids of the host.",
        "mount(2), MS_NOSUID; user_namespaces(7), set-user-ID files of mapped ids",
        |j| at(j, "/", &["nosuid"]),
    ),
    Check::new(
        "mount-16m",
        Functional,
        "strict",
        "Nodes that are bound into /dev, since none can be made there, run nothing and give no privilege.",
        "mount(2), MS_NOSUID, MS_NOEXEC",
        |j| {
            let targets = j.facts().list("mount.targets");
            j.note("mount.targets");
            let own = ["/dev/pts", "/dev/shm", "/dev/mqueue"];
            let bound = |t: &&String| t.starts_with("/dev/") && !own.iter().any(|o| t.starts_with(o));
            let nodes: Vec<&String> = targets.iter().filter(bound).collect();
            if nodes.is_empty() {
                return j.not_applicable("no node is bound into /dev");
            }
            nodes.iter().for_each(|target| at(j, target, &["nosuid", "noexec"]));
        },
    ),
    Check::new(
        "dev-02f",
        Functional,
        "strict",
        "With an id map, too, the default nodes have the right numbers and do what they are for.",
        "null(4), full(4), random(4), tty(4); user_namespaces(7)",
        |j| {
            super::devices::right_numbers(j);
            super::devices::do_what_they_are_for(j);
        },
    ),
    Check::new(
        "cgroup-03c",
        Isolation,
        "strict",
        "With an id map, too, no control file can be opened for writing but those with which a sub-tree is managed.",
        "cgroup-v2, delegation",
        |j| {
            j.note("cgroup.files_tried");
            j.only("cgroup.files_opened", &DELEGATED);
        },
    ),
    Check::new(
        "cgroup-04b",
        Functional,
        "strict",
        "A container with an id map manages a sub-tree: it makes groups there, and has controllers for them.",
        "cgroup-v2, delegation",
        sub_tree,
    ),
];

/// What the group around has of memory and pids is what the container has to hand out.
fn sub_tree(j: &mut Judge<'_>) {
    if j.facts().text("run.runtime") != Some("browndog") {
        return j.not_applicable("only browndog promises it");
    }
    if j.facts().text("mount./sys/fs/cgroup.kind") != Some("cgroup2") {
        j.note("mount.kinds");
        return j.not_applicable("there is no unified hierarchy at /sys/fs/cgroup");
    }
    j.works("cgroup.make_group");
    j.note("cgroup.controllers");
    j.note("host.cgroup.around");
    let around = j.facts().list("host.cgroup.around");
    for name in ["memory", "pids"].into_iter().filter(|name| around.iter().any(|a| a == name)) {
        j.holds("cgroup.controllers", name);
    }
}
