//! `linux` and the mounts of the kernel's own file systems.

use serde_json::{Map, Value, json};

use super::write::Writer;
use crate::covers::{COVERS, is_hidden};
use crate::domain::{Domain, NumaMode, Origin, ShareTarget, Sourced};

/// Whether the container has a network namespace of its own.
fn private_network(domain: &Domain) -> bool {
    domain.private_network.is_some() || !domain.interfaces.is_empty()
}

/// What is mounted in every container.
pub(super) fn kernel_mounts(domain: &Domain) -> Vec<Value> {
    let mount = |target: &str, kind: &str, source: &str, options: &[&str]| json!({"destination": target, "type": kind, "source": source, "options": options});
    let quiet = ["nosuid", "noexec", "nodev"];
    // A user namespace may mount a sysfs only of a network that is its own.
    let sys = if domain.idmap.is_some() && !private_network(domain) {
        mount("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"])
    } else {
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"])
    };
    vec![
        mount("/proc", "proc", "proc", &quiet),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        ),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &quiet),
        sys,
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ]
}

fn covered<'a>(which: impl Fn(&str) -> bool) -> impl Iterator<Item = &'a str> {
    COVERS.iter().map(|(path, _)| *path).filter(move |path| which(path))
}

/// What the document covers beside that.
fn masks(domain: &Domain) -> impl Iterator<Item = &str> {
    domain.extension.masks.iter().map(|mask| mask.value.as_str()).filter(|path| !is_hidden(path))
}

pub(super) fn linux(writer: &mut Writer<'_>) -> Value {
    let domain = writer.domain;
    let mut linux = json!({
        "namespaces": namespaces(writer),
        "resources": resources(writer),
        "maskedPaths": covered(is_hidden).chain(masks(domain)).collect::<Vec<_>>(),
        "readonlyPaths": covered(|path| !is_hidden(path)).collect::<Vec<_>>(),
        "rootfsPropagation": "private",
    });
    if let Some(map) = &domain.idmap {
        for (key, ranges) in [("uidMappings", &map.uid), ("gidMappings", &map.gid)] {
            let range = |it: &Sourced<crate::domain::IdRange>| json!({"containerID": it.value.start, "hostID": it.value.target, "size": it.value.count});
            linux[key] = ranges.iter().map(range).collect();
        }
    }
    if !domain.extension.sysctls.is_empty() {
        let pairs = domain.extension.sysctls.iter().map(|it| (it.value.0.clone(), it.value.1.clone().into()));
        linux["sysctl"] = Value::Object(pairs.collect());
    }
    if let Some(time) = &domain.extension.time {
        let (monotonic, boottime) = time.value;
        linux["timeOffsets"] = json!({"monotonic": {"secs": monotonic}, "boottime": {"secs": boottime}});
    }
    if matches!(domain.partition.origin, Origin::Xml(_)) {
        let partition = domain.partition.value.as_str().trim_end_matches('/');
        linux["cgroupsPath"] = format!("{partition}/{}", domain.name.value).into();
    }
    if domain.personality32.is_some() {
        linux["personality"] = json!({"domain": "LINUX32"});
    }
    linux
}

fn namespaces(writer: &mut Writer<'_>) -> Vec<Value> {
    let domain = writer.domain;
    let mut all: Vec<Value> = ["pid", "mount", "cgroup"].map(|kind| json!({"type": kind})).to_vec();
    for (kind, file, share) in [
        ("ipc", "ipc", &domain.share.ipc),
        ("uts", "uts", &domain.share.uts),
        ("network", "net", &domain.share.net),
    ] {
        let Some(share) = share else {
            if kind != "network" || private_network(domain) {
                all.push(json!({"type": kind}));
            }
            continue;
        };
        match &share.value {
            ShareTarget::Pid(pid) => {
                all.push(json!({"type": kind, "path": format!("/proc/{pid}/ns/{file}")}))
            }
            ShareTarget::NetNs(name) => all.push(json!({"type": kind, "path": format!("/run/netns/{name}")})),
            ShareTarget::Name(name) => {
                let why = format!(
                    "the {kind} namespace of the domain {name} has no path before it runs: the container gets its own"
                );
                writer.lost(share.origin, "/domain/namespace", &why);
                all.push(json!({"type": kind}));
            }
        }
    }
    if domain.idmap.is_some() {
        all.push(json!({"type": "user"}));
    }
    if domain.extension.time.is_some() {
        all.push(json!({"type": "time"}));
    }
    all
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        let _none = map.insert(key.to_owned(), value);
    }
}

fn resources(writer: &mut Writer<'_>) -> Value {
    let domain = writer.domain;
    let (mut memory, mut cpu, mut block) = (Map::new(), Map::new(), Map::new());
    let bytes = |size: &Option<Sourced<u64>>| size.as_ref().map(|size| size.value.into());
    put(&mut memory, "limit", bytes(&domain.memory.limit));
    put(&mut memory, "reservation", bytes(&domain.memory.soft));
    put(&mut memory, "swap", bytes(&domain.memory.memory_and_swap));
    put(&mut cpu, "shares", bytes(&domain.cpu.shares));
    put(&mut cpu, "period", bytes(&domain.cpu.period_us));
    put(&mut cpu, "quota", domain.cpu.quota_us.as_ref().map(|quota| quota.value.into()));
    put(&mut cpu, "cpus", domain.cpu.cpuset.as_ref().map(|set| set.value.to_string().into()));
    if let Some(numa) = &domain.numa {
        match (numa.mode.value, &numa.nodes) {
            (NumaMode::Strict | NumaMode::Restrictive, Some(nodes)) => {
                put(&mut cpu, "mems", Some(nodes.value.to_string().into()));
            }
            (_, Some(nodes)) => writer.lost(
                nodes.origin,
                "/domain/numatune/memory",
                "preferred nodes have no word in the OCI, only those that are allowed",
            ),
            (_, None) => writer.lost(numa.mode.origin, "/domain/numatune/memory", "no nodes are named"),
        }
    }
    put(&mut block, "weight", domain.blkio.weight.as_ref().map(|weight| weight.value.into()));
    for device in &domain.blkio.devices {
        writer.lost(
            device.path.origin,
            "/domain/blkiotune/device",
            "a device is given by its number, which only the host knows",
        );
    }
    let mut all = json!({
        "devices": [{"allow": false, "access": "rwm"}],
        "pids": {"limit": domain.pids.value},
    });
    for (key, map) in [("memory", memory), ("cpu", cpu), ("blockIO", block)] {
        if !map.is_empty() {
            all[key] = map.into();
        }
    }
    all
}
