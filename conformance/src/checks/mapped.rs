//! An id map makes nothing weaker: the runtime's own choice of capabilities, and what its mounts cover.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::Isolation;

/// Calls that a container of the default profile has no business with, and that do not get safe by an id map.
const CALLS: [&str; 7] =
    ["bpf", "kcmp", "open_by_handle_at", "perf_event_open", "unshare", "userfaultfd", "fsopen"];

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "mapped-01",
        Isolation,
        "mapped",
        "With an id map and the runtime's own capabilities no cover of /proc or /sys can be lifted or made writable.",
        "mount_namespaces(7), restrictions on mount namespaces",
        |j| {
            is_mapped(j);
            j.note("mount.covers");
            j.control(
                j.facts().number("mount.covers").is_some_and(|n| n > 5),
                "there are covers to be lifted",
            );
            j.none("mount.covers_lifted");
        },
    ),
    Check::new(
        "mapped-02",
        Isolation,
        "mapped",
        "With an id map and the runtime's own capabilities /proc, /sys and /dev cannot be taken away.",
        "mount_namespaces(7), restrictions on mount namespaces; umount(2)",
        |j| {
            is_mapped(j);
            for name in ["proc", "sys", "dev"] {
                j.refused_with(&format!("under.{name}.unmount"), &["EPERM", "EINVAL"]);
            }
        },
    ),
    Check::new(
        "mapped-03",
        Isolation,
        "mapped",
        "With an id map the filter stops what it stops without one: bpf, perf_event_open, userfaultfd and their like.",
        "seccomp(2), user_namespaces(7); the class of CVE-2022-0185",
        |j| {
            is_mapped(j);
            let through = j.fact("host.filter.calls").map(|v| v.to_string()).unwrap_or_default();
            for call in CALLS {
                j.expect(!through.contains(&format!("{call:?}")), format!("{call} reaches the kernel"));
            }
        },
    ),
    Check::new(
        "mapped-03b",
        Isolation,
        "mapped",
        "With an id map no further user namespace can be made inside.",
        "user_namespaces(7); clone(2)",
        |j| {
            is_mapped(j);
            if let Some(flags) = j.fact("host.filter.clone_flags") {
                let user = flags.as_array().is_some_and(|f| f.iter().any(|v| v == "user"));
                j.expect(!user, "clone(CLONE_NEWUSER) reaches the kernel");
            }
        },
    ),
    Check::new(
        "mapped-04",
        Isolation,
        "mapped",
        "With an id map the runtime's own set of capabilities holds none over the system beyond the usual twelve.",
        "capabilities(7); OCI engines' default set",
        |j| {
            is_mapped(j);
            let set = j.fact("host.init.capabilities").and_then(|v| v.as_str());
            let set = set.and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(u64::MAX);
            j.expect(set & !USUAL == 0, format!("beyond the usual set: {:#x}", set & !USUAL));
        },
    ),
    Check::new(
        "cgroup-22",
        Isolation,
        "mapped",
        "Groups that a container may make below its own are bounded, in depth and in number.",
        "cgroup-v2, cgroup.max.depth and cgroup.max.descendants",
        |j| {
            is_mapped(j);
            j.note("nested.end");
            let depth = j.fact("nested.depth").and_then(serde_json::Value::as_u64).unwrap_or(0);
            if depth == 0 {
                return j.not_applicable("it may make no group");
            }
            j.is("nested.end", "EAGAIN");
            j.within("host.groups_most", 1.0, 10_000.0);
        },
    ),
    Check::new(
        "mapped-05",
        Isolation,
        "mapped_host",
        "On the host's tree with an id map nothing of the host's /proc, /sys and /dev can be uncovered.",
        "mount_namespaces(7): a mount that covers another must not be lifted in a less privileged namespace",
        |j| {
            is_mapped(j);
            for name in ["proc", "sys", "dev"] {
                let before = format!("under.{name}.before");
                j.note(&before);
                j.control(
                    j.facts().number(&before).is_some_and(|n| n > 0),
                    format!("/{name} shows something"),
                );
                j.note(&format!("under.{name}.unmount"));
                j.none(&format!("under.{name}.of_the_host"));
            }
        },
    ),
    Check::new(
        "mapped-06",
        Isolation,
        "mapped_zero",
        "A map of root inside to the host's root is refused, or uncovers and opens nothing that acts on the machine.",
        "user_namespaces(7); proc_sys(5): keys belong to the host's user 0",
        |j| {
            j.note("mapped.zero.usual");
            let usual = j.facts().text("mapped.zero.usual") == Some("ran");
            j.control(usual, "a map to other ids starts");
            j.note("mapped.zero.says");
            if j.fact("mapped.zero.became").is_some_and(|word| word != "refused") {
                j.none("mapped.zero.lifted");
                j.none("mapped.zero.writable");
            }
        },
    ),
];

/// chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw, sys_chroot, mknod,
/// audit_write, setfcap.
const USUAL: u64 = 0xa804_25fb;

/// Root inside is somebody else outside.
fn is_mapped(j: &mut Judge<'_>) {
    j.note("host.init.uids");
    let own = j.facts().text("host.init.uids").unwrap_or_default().starts_with("100000 ");
    j.control(own, "root inside is user 100000 outside");
}
