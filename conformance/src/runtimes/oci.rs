//! Runtimes with the OCI command line: the recipe as a bundle.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::edit::Edit;
use super::engine::{ALL, MASKED, PATH, READONLY};
pub(crate) use super::engine::{CLONE_NEW, DEFAULT, DENIED};
use super::{Call, Runtime, RuntimeError, Verb, write};
use crate::environment::{KernelVersion, believe};
use crate::spec::{Capabilities, Spec};

/// runc, crun, youki and their like.
#[derive(Debug)]
pub struct Oci {
    /// Name in reports.
    pub name: String,
    /// Program.
    pub program: PathBuf,
    /// Words before its command, as in `runsc --platform=kvm`.
    pub options: Vec<String>,
    /// What is wrong with the bundle, on purpose.
    pub edit: Option<Edit>,
}

impl Oci {
    /// Its name without an edit.
    fn base(&self) -> &str {
        self.name.split(super::edit::MARK).next().unwrap_or_default()
    }
    fn call(&self, place: &Path, words: &[&str]) -> Call {
        let mut call = Call::new([self.program.clone().into_os_string()]);
        call.argv.extend(self.options.iter().map(Into::into));
        call.argv.push("--root".into());
        call.argv.push(place.join("state").into_os_string());
        call.argv.extend(words.iter().map(|w| (*w).into()));
        call
    }
}

impl Runtime for Oci {
    fn name(&self) -> &str {
        &self.name
    }
    fn program(&self) -> &Path {
        &self.program
    }
    fn cannot(&self, spec: &Spec) -> Option<String> {
        if spec.image.is_some() {
            return Some("an OCI bundle has no words for a file system in a file".into());
        }
        if spec.root.is_none() {
            return Some("an OCI bundle always has a root directory of its own".into());
        }
        if spec.console {
            return Some("a terminal needs a console socket, which this adapter does not serve".into());
        }
        (spec.time.is_some() && self.base() != "crun")
            .then(|| format!("{} has no time namespace here", self.name))
    }
    fn prepare(&self, spec: &Spec, place: &Path) -> Result<Call, RuntimeError> {
        let mut bundle = config(spec);
        // The specification's word; runc and crun know one more, which takes the mounts below along.
        let word = if self.base() == "youki" { "private" } else { "rprivate" };
        bundle["linux"]["rootfsPropagation"] = word.into();
        if let Some(edit) = &self.edit {
            // A scene without the thing is played as it is.
            let _changed = edit.apply(&mut bundle);
        }
        write(&place.join("config.json"), &bundle.to_string())?;
        Ok(self.call(place, &["run", "--bundle", &place.to_string_lossy(), &spec.name]))
    }
    fn verb(&self, verb: &Verb, name: &str, place: &Path) -> Option<Call> {
        Some(match verb {
            Verb::Create => self.call(place, &["create", "--bundle", &place.to_string_lossy(), name]),
            Verb::Start => self.call(place, &["start", name]),
            Verb::State => self.call(place, &["state", name]),
            Verb::List => self.call(place, &["list"]),
            Verb::Kill(signal) => self.call(place, &["kill", name, signal]),
            Verb::Pause => self.call(place, &["pause", name]),
            Verb::Resume => self.call(place, &["resume", name]),
            Verb::Exec(argv) => {
                let mut words = vec!["exec", name];
                words.extend(argv.iter().map(String::as_str));
                self.call(place, &words)
            }
            Verb::ExecAt(directory, argv) => {
                let mut words = vec!["exec", "--cwd", directory, name];
                words.extend(argv.iter().map(String::as_str));
                self.call(place, &words)
            }
            Verb::ExecDetached(argv) => {
                let mut words = vec!["exec", "--detach", name];
                words.extend(argv.iter().map(String::as_str));
                self.call(place, &words)
            }
            Verb::Background => {
                self.call(place, &["run", "--detach", "--bundle", &place.to_string_lossy(), name])
            }
            Verb::Attach(_) | Verb::Detach(_) => return None,
            Verb::Destroy => self.call(place, &["delete", "--force", name]),
        })
    }
}

/// The bundle's `config.json`.
pub fn config(spec: &Spec) -> Value {
    let mut namespaces = vec!["pid", "mount", "ipc", "uts", "cgroup"];
    if spec.private_network {
        namespaces.push("network");
    }
    if spec.idmap.is_some() || spec.rootless.is_some() {
        namespaces.push("user");
    }
    if spec.time.is_some() {
        namespaces.push("time");
    }
    let namespaces: Vec<Value> = namespaces.iter().map(|kind| json!({ "type": kind })).collect();
    let mut linux = json!({
        "namespaces": namespaces,
        "cgroupsPath": format!("/{}", spec.name),
        "maskedPaths": MASKED,
        "readonlyPaths": READONLY,
        "personality": { "domain": "LINUX" },
        "resources": resources(spec),
        "sysctl": spec.sysctls.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    });
    if let Some(user) = spec.rootless {
        let map = json!([{ "containerID": 0, "hostID": user, "size": 1 }]);
        linux["uidMappings"] = map.clone();
        linux["gidMappings"] = map;
        // The groups belong to root.
        linux["resources"] = json!({});
        linux["cgroupsPath"] = Value::Null;
    }
    if let Some(base) = spec.idmap {
        let map = json!([{ "containerID": 0, "hostID": base, "size": 65536 }]);
        linux["uidMappings"] = map.clone();
        linux["gidMappings"] = map;
    }
    if let Some((monotonic, boottime)) = spec.time {
        linux["timeOffsets"] =
            json!({ "monotonic": { "secs": monotonic }, "boottime": { "secs": boottime } });
    }
    if spec.filter {
        linux["seccomp"] = filter();
    }
    let annotations = match spec.time {
        // What crun read before the specification had offsets.
        Some((monotonic, boottime)) => {
            json!({ "run.oci.timens_offset": format!("monotonic {monotonic} 0\nboottime {boottime} 0") })
        }
        None => json!({}),
    };
    json!({
        "ociVersion": "1.0.2",
        "annotations": annotations,
        "root": { "path": spec.root, "readonly": spec.readonly_root },
        "hostname": spec.hostname.clone().unwrap_or_else(|| spec.name.clone()),
        "process": process(spec),
        "mounts": mounts(spec),
        "linux": linux,
    })
}

fn filter() -> Value {
    let mut rules = vec![
        json!({ "names": DENIED.as_slice(), "action": "SCMP_ACT_ERRNO", "errnoRet": 1 }),
        // ENOSYS: the C library falls back to clone, whose flags a filter can see.
        json!({ "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 }),
    ];
    // AF_ALG and AF_VSOCK, which belong to no network namespace.
    rules.extend([38, 40].map(|family| {
        let is = json!({ "index": 0, "value": family, "op": "SCMP_CMP_EQ" });
        json!({ "names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [is] })
    }));
    rules.extend(CLONE_NEW.map(|flag| {
        let set = json!({ "index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ" });
        json!({ "names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": [set] })
    }));
    json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": rules,
    })
}

fn process(spec: &Spec) -> Value {
    let given: Vec<&str> = match &spec.capabilities {
        Capabilities::Default => DEFAULT.to_vec(),
        Capabilities::All => ALL.to_vec(),
        Capabilities::Only(names) => names.clone(),
        Capabilities::With(names) => [DEFAULT.to_vec(), names.clone()].concat(),
    };
    let set: Vec<String> = given.iter().map(|n| format!("CAP_{}", n.to_uppercase())).collect();
    let (user, group) = spec.user.unwrap_or((0, 0));
    let limits: Vec<Value> = spec
        .rlimits
        .iter()
        .map(|(name, soft, hard)| {
            json!({ "type": format!("RLIMIT_{}", name.to_uppercase()), "soft": soft, "hard": hard })
        })
        .collect();
    let mut env: Vec<String> = spec.env.iter().map(|(n, v)| format!("{n}={v}")).collect();
    if !spec.env.iter().any(|(name, _)| name == "PATH") {
        env.insert(0, PATH.to_owned());
    }
    let mut account = json!({ "uid": user, "gid": group, "umask": 0o022 });
    if spec.rootless.is_none() {
        account["additionalGids"] = json!([]);
    }
    json!({
        "terminal": false,
        "user": account,
        "oomScoreAdj": 0,
        "args": spec.argv,
        "env": env,
        "cwd": spec.directory.clone().unwrap_or_else(|| "/".into()),
        "capabilities":
            { "bounding": set, "effective": set, "permitted": set, "inheritable": [], "ambient": [] },
        "noNewPrivileges": true,
        "rlimits": limits,
    })
}

fn mounts(spec: &Spec) -> Value {
    let mount = |target: &str, kind: &str, source: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": source, "options": options });
    let sys = if spec.idmap.is_some() && !spec.private_network {
        mount("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"])
    } else {
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"])
    };
    let mut all = vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        sys,
        mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ];
    if spec.rootless.is_some() {
        // There is one group only, and no hierarchy of one's own.
        all.retain(|m| m["type"] != "cgroup");
        for mount in &mut all {
            if let Some(options) = mount["options"].as_array_mut() {
                options.retain(|o| o != "gid=5");
            }
        }
    }
    for volume in &spec.volumes {
        // The word for what lies below as well; it takes mount_setattr(2).
        let access = match volume.readonly {
            true if believe("mount_setattr", KernelVersion::running()).is_ok() => "ro",
            true => "rro",
            false => "rw",
        };
        all.push(mount(
            &volume.target,
            "bind",
            &volume.source.to_string_lossy(),
            &["rbind", "rprivate", "nosuid", "nodev", access],
        ));
    }
    for (target, bytes) in &spec.ram {
        all.push(mount(target, "tmpfs", "tmpfs", &["nosuid", "nodev", &format!("size={bytes}")]));
    }
    Value::Array(all)
}

fn resources(spec: &Spec) -> Value {
    let node = |major: i64, minor: Value| json!({ "allow": true, "type": "c", "major": major, "minor": minor, "access": "rwm" });
    let mut devices = vec![json!({ "allow": false, "access": "rwm" })];
    devices.extend([3, 5, 7, 8, 9].map(|minor| node(1, json!(minor))));
    devices.extend([0, 2].map(|minor| node(5, json!(minor))));
    devices.push(node(136, Value::Null));
    let mut out = json!({ "devices": devices });
    if let Some(bytes) = spec.memory {
        out["memory"] = json!({ "limit": bytes });
    }
    if let Some(most) = spec.pids {
        out["pids"] = json!({ "limit": most });
    }
    let mut cpu = serde_json::Map::new();
    if let Some(shares) = spec.shares {
        let _earlier = cpu.insert("shares".into(), json!(shares));
    }
    if let Some((quota, period)) = spec.quota {
        let _earlier = cpu.insert("quota".into(), json!(quota));
        let _earlier = cpu.insert("period".into(), json!(period));
    }
    if let Some(set) = &spec.cpuset {
        let _earlier = cpu.insert("cpus".into(), json!(set));
    }
    if !cpu.is_empty() {
        out["cpu"] = Value::Object(cpu);
    }
    out
}
