//! Everything that a container is shown, against what its recipe asked for: a mount that neither the recipe nor a
//! runtime's usual set explains is named.

use crate::facts::Facts;
use crate::probe::mounts::{Mount, table};
use crate::spec::Spec;

/// Looks at the mounts of a container's init from outside.
pub fn look(facts: &mut Facts, init: u32, spec: &Spec) {
    let shown = table(&init.to_string());
    let ours = table("self");
    facts.set("swept.mounts", shown.len());
    let unexpected = shown.iter().filter(|m| !explained(m, &ours, spec)).map(|m| {
        let how = m.options.split(',').next().unwrap_or_default();
        format!("{} {} {} of {}, mounted {how}", m.target, m.kind, m.root, m.source)
    });
    let unexpected: Vec<String> = unexpected.collect();
    facts.set("swept.unexpected", unexpected);
}

/// Whether a mount is the recipe's, or one of those that every runtime makes, at its own place.
fn explained(m: &Mount, ours: &[Mount], spec: &Spec) -> bool {
    let asked = |target: &str| target.trim_end_matches('/') == m.target;
    if m.target == "/"
        || spec.volumes.iter().any(|v| asked(&v.target))
        || spec.ram.iter().any(|(t, _)| asked(t))
    {
        return true;
    }
    // A file system that the host has mounted as well is the host's: a memory file system, terminals.
    let hosts = ours.iter().any(|o| o.device == m.device);
    let below = |top: &str| m.target.strip_prefix(top).filter(|rest| rest.starts_with('/'));
    // The same file of the same file system, as for a cover that is read-only, or a node of /dev.
    let itself = |top: &str| below(top).is_some_and(|rest| rest == m.root);
    match m.kind.as_str() {
        "proc" => m.target == "/proc" && m.root == "/" || itself("/proc"),
        // The empty directory of a sysfs on which control groups are mounted elsewhere covers others.
        "sysfs" => {
            m.target == "/sys" && m.root == "/" || itself("/sys") || m.root == "/fs/cgroup" && covers(m)
        }
        "cgroup" | "cgroup2" => m.target == "/sys/fs/cgroup" || below("/sys/fs/cgroup").is_some(),
        "mqueue" => m.target == "/dev/mqueue",
        // A terminal of the container's own may stand at its console.
        "devpts" => !hosts && (m.target == "/dev/pts" || below("/dev").is_some()),
        "devtmpfs" => itself("/dev") || m.root == "/null" && covers(m),
        // Of its own: anywhere; of the host's: a node for /dev, or the null device as a cover.
        "tmpfs" => !hosts || itself("/dev") || m.root == "/null" && covers(m),
        _ => false,
    }
}

fn covers(m: &Mount) -> bool {
    ["/proc/", "/sys/"].iter().any(|top| m.target.starts_with(top))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::mounts::parse;

    const HOST: &str = "20 1 254:0 / / rw - ext4 /dev/vda rw\n21 20 0:21 / /dev rw - devtmpfs devtmpfs rw\n\
                        22 21 0:22 / /dev/pts rw - devpts devpts rw\n23 20 0:23 / /run rw - tmpfs tmpfs rw";

    fn is_explained(line: &str) -> bool {
        let mut spec = Spec::plain("t", "/srv/root".into(), vec!["/x".into()]);
        spec.volumes.push(crate::spec::Volume {
            source: "/v".into(),
            target: "/data".into(),
            readonly: false,
        });
        spec.ram.push(("/ram".into(), 1));
        explained(&parse(line).remove(0), &parse(HOST), &spec)
    }

    #[rstest::rstest]
    #[case("50 1 254:0 /srv/root / rw - ext4 /dev/vda rw")]
    #[case("51 50 254:0 /v /data rw - ext4 /dev/vda rw")]
    #[case("52 50 0:60 / /ram rw - tmpfs none rw")]
    #[case("53 50 0:61 / /proc rw - proc proc rw")]
    #[case("54 53 0:61 /sys /proc/sys ro - proc proc rw")]
    #[case("55 53 0:62 / /proc/acpi ro - tmpfs tmpfs ro")]
    #[case("56 53 0:21 /null /proc/keys rw - devtmpfs devtmpfs rw")]
    #[case("57 50 0:63 / /dev rw - tmpfs tmpfs rw")]
    #[case("58 57 0:21 /zero /dev/zero rw - devtmpfs devtmpfs rw")]
    #[case("59 57 0:64 / /dev/pts rw - devpts devpts rw")]
    #[case("60 57 0:64 /0 /dev/console rw - devpts devpts rw")]
    #[case("61 50 0:65 / /run rw - tmpfs tmpfs rw")]
    #[case("62 50 0:66 / /sys/fs/cgroup/pids ro - cgroup cgroup ro")]
    fn what_a_recipe_or_every_runtime_has_is_explained(#[case] line: &str) {
        assert!(is_explained(line), "{line}");
    }

    #[rstest::rstest]
    #[case("70 50 0:61 /sys /run/psys rw - proc proc rw")]
    #[case("71 50 0:61 / /x/P rw - proc proc rw")]
    #[case("72 50 0:23 / /run/t rw - tmpfs tmpfs rw")]
    #[case("73 50 0:22 / /run/pts rw - devpts devpts rw")]
    #[case("74 50 0:22 /3 /dev/console rw - devpts devpts rw")]
    #[case("75 50 0:30 /kernel /run/k rw - sysfs sysfs rw")]
    #[case("76 50 254:0 /etc /mnt/x rw - ext4 /dev/vda rw")]
    #[case("77 53 0:61 /sys/kernel/core_pattern /proc/interrupts rw - proc proc rw")]
    #[case("78 57 0:21 /vda /dev/null rw - devtmpfs devtmpfs rw")]
    fn what_nobody_asked_for_is_not(#[case] line: &str) {
        assert!(!is_explained(line), "{line}");
    }
}
