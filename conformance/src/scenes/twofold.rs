//! Links in the place of /proc, /sys and /dev, and targets of volumes that lead there: links that mean one place,
//! and links that mean another once something is mounted.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::facts::Facts;
use crate::snapshot::Snapshot;
use crate::spec::{Spec, Volume};
use crate::stage::{Doing, SceneError, Stage};

use super::tried::start;

/// A stage for one trap.
struct Set<'a> {
    root: &'a Path,
    place: &'a Path,
    spec: &'a mut Spec,
}

impl Set<'_> {
    fn directory(&self, name: &str) -> std::io::Result<()> {
        fs::create_dir_all(self.root.join(name))
    }
    /// A link in the place of an empty directory, or of nothing.
    fn link(&self, name: &str, to: &str) -> std::io::Result<()> {
        let path = self.root.join(name);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above)?;
        }
        if path.is_dir() {
            fs::remove_dir(&path)?;
        }
        symlink(to, path)
    }
    fn volume(&mut self, name: &str, target: &str, readonly: bool) -> std::io::Result<PathBuf> {
        let source = self.place.join(name);
        fs::create_dir(&source)?;
        self.spec.volumes.push(Volume { source: source.clone(), target: target.into(), readonly });
        Ok(source)
    }
}

/// Empty files and directories with the names of what a runtime covers in a procfs.
pub(super) fn decoy(at: &Path) -> std::io::Result<()> {
    fs::create_dir_all(at)?;
    let files = [
        "interrupts",
        "kcore",
        "keys",
        "kpagecgroup",
        "kpagecount",
        "kpageflags",
        "latency_stats",
        "sched_debug",
        "slabinfo",
        "softirqs",
        "pagetypeinfo",
        "sysrq-trigger",
        "timer_list",
        "timer_stats",
        "vmallocinfo",
        "kmsg",
        "kallsyms",
        "modules",
        "iomem",
        "ioports",
        "mtrr",
        "stat",
    ];
    files.iter().try_for_each(|name| fs::write(at.join(name), ""))?;
    let directories = [
        "acpi",
        "asound",
        "dynamic_debug",
        "scsi",
        "bus",
        "fs",
        "irq",
        "sys",
        "driver",
        "pressure",
        "self/attr",
    ];
    directories.iter().try_for_each(|name| fs::create_dir_all(at.join(name)))
}

type Trap = fn(&mut Set<'_>) -> std::io::Result<()>;

const TRAPS: [(&str, Trap); 14] = [
    // No trap: what is masked without one, and the plan that faults are taken from.
    ("none", |_| Ok(())),
    ("proc_inside", |set| {
        set.directory("real")?;
        set.link("proc", "/real")
    }),
    ("sys_inside", |set| {
        set.directory("real")?;
        set.link("sys", "/real")
    }),
    ("dev_inside", |set| {
        set.directory("real")?;
        set.link("dev", "/real")
    }),
    // /dev/shm/../../P is /x/P in the image, and /P once /dev is a file system of its own with a real shm.
    ("proc_two_by_dev", |set| {
        ["x/y/z", "x/P"].iter().try_for_each(|d| set.directory(d))?;
        decoy(&set.root.join("P"))?;
        set.link("dev/shm", "/x/y/z")?;
        set.link("proc", "/dev/shm/../../P")
    }),
    ("sys_two_by_dev", |set| {
        ["x/y/z", "x/P", "P/fs/cgroup", "P/firmware", "P/devices/virtual/powercap"]
            .iter()
            .try_for_each(|d| set.directory(d))?;
        set.link("dev/shm", "/x/y/z")?;
        set.link("sys", "/dev/shm/../../P")
    }),
    // The volume turns a link of the image into another one.
    ("proc_two_by_volume", |set| {
        set.directory("real/proc")?;
        decoy(&set.root.join("decoy/proc"))?;
        set.link("data/link", "/real")?;
        set.link("proc", "/data/link/proc")?;
        symlink("/decoy", set.volume("vol", "/data", false)?.join("link"))
    }),
    ("dev_two_by_volume", |set| {
        ["real/dev", "decoy/dev"].iter().try_for_each(|d| set.directory(d))?;
        set.link("data/link", "/real")?;
        set.link("dev", "/data/link/dev")?;
        symlink("/decoy", set.volume("vol", "/data", false)?.join("link"))
    }),
    ("volume_onto_dev", |set| {
        fs::write(set.root.join("victim"), "a file in the place of the null device\n")?;
        set.link("data", "/dev")?;
        symlink("/victim", set.volume("vol", "/data", true)?.join("null"))
    }),
    ("volume_onto_dev_kernel", |set| {
        set.link("data", "/dev")?;
        symlink("/proc/sys/kernel/core_uses_pid", set.volume("vol", "/data", true)?.join("null"))
    }),
    ("volume_onto_dev_by_parent", |set| {
        fs::write(set.root.join("victim"), "a file in the place of the null device\n")?;
        set.link("srv", "/")?;
        symlink("/victim", set.volume("vol", "/srv/dev", true)?.join("null"))
    }),
    ("volume_onto_proc", |set| {
        set.link("data", "/proc")?;
        decoy(&set.volume("vol", "/data", false)?)
    }),
    ("volume_onto_sys", |set| {
        set.link("data", "/sys")?;
        let source = set.volume("vol", "/data", false)?;
        ["fs/cgroup", "firmware"].iter().try_for_each(|d| fs::create_dir_all(source.join(d)))
    }),
    ("volume_below_proc", |set| {
        set.link("data", "/proc/sys")?;
        fs::create_dir_all(set.root.join("proc/sys"))?;
        fs::create_dir_all(set.volume("vol", "/data", false)?.join("kernel"))
    }),
];

pub(super) fn twofold(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    let mut usual: Vec<String> = Vec::new();
    for (name, trap) in TRAPS {
        let (place, id) = stage.place("twofold")?;
        let root = place.join("root");
        let mut spec = Spec::plain(&id, root.clone(), stage.probe_argv("kernelfs", false));
        trap(&mut Set { root: &root, place: &place, spec: &mut spec }).doing("setting a trap")?;
        let was = super::plain::tree(&place.join("vol"));
        let tried = start(stage, &spec, &place)?;
        let fact = |what: &str| format!("twofold.{name}.{what}");
        tried.note(&mut facts, &format!("twofold.{name}"));
        if let Some(seen) = &tried.seen {
            for what in ["proc_is_real", "sys_is_real", "null_is_null"] {
                let holds = seen.get(&format!("kernelfs.{what}")).is_some_and(|v| v == true);
                // Not every runtime mounts a sysfs where nobody asks for one.
                let usually = name == "none" || !usual.contains(&what.to_owned());
                if !holds && name == "none" {
                    usual.push(what.to_owned());
                }
                facts.set(fact(what), holds || !usually);
            }
        }
        // What this runtime covers nowhere is the affair of other checks.
        let word = |entry: &String| entry.split_once(' ').map_or(String::new(), |(_, name)| name.to_owned());
        for what in ["writable", "unmasked"] {
            let all = tried.list(&format!("kernelfs.{what}"));
            if name == "none" {
                usual.extend(all.iter().map(|entry| format!("{what} {}", word(entry))));
                facts.set(fact(what), all);
            } else {
                let new = all.into_iter().filter(|e| !usual.contains(&format!("{what} {}", word(e))));
                facts.set(fact(what), new.collect::<Vec<_>>());
            }
        }
        facts.set(fact("shown"), tried.list("kernelfs.shown"));
        facts.set(fact("volume_untouched"), super::plain::tree(&place.join("vol")) == was);
        fs::remove_dir_all(&root).doing("removing the root")?;
    }
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// A value that the document asks for one key, and the places that it must not land in instead.
pub(super) fn misdirected(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let lab = Path::new(crate::vm::job::LAB_MARK).exists();
    let mut facts = Facts::default();
    let before = Snapshot::take();
    for (name, link) in [
        ("none", None),
        ("file_of_the_volume", Some("")),
        ("link_within_the_volume", Some("aside")),
        ("another_key", Some("/proc/sys/net/core/somaxconn")),
        ("key_of_the_machine", Some("/proc/sys/kernel/core_uses_pid")),
    ] {
        let fact = |what: &str| format!("misdirected.{name}.{what}");
        if name == "key_of_the_machine" && !lab {
            let why = serde_json::json!({ "not_applicable": "a key of the whole machine is the bait in guests only" });
            facts.set(fact("became"), why);
            continue;
        }
        let (place, id) = stage.place("misdirected")?;
        let root = place.join("root");
        let mut spec = Spec::plain(&id, root.clone(), stage.probe_argv("sysctl", false));
        spec.sysctls.push(("net.ipv4.ip_forward".into(), "1".into()));
        let volume = place.join("volume");
        fs::create_dir(&volume).doing("making a volume")?;
        if let Some(link) = link {
            fs::remove_dir(root.join("data")).doing("removing a directory")?;
            symlink("/proc/sys/net/ipv4", root.join("data")).doing("setting a trap")?;
            fs::create_dir_all(root.join("proc/sys/net/ipv4")).doing("making a mount point")?;
            let bait = volume.join("ip_forward");
            match link {
                "" => fs::write(bait, "bait"),
                link => fs::write(volume.join("aside"), "bait").and_then(|()| symlink(link, bait)),
            }
            .doing("laying a bait")?;
            spec.volumes.push(Volume { source: volume.clone(), target: "/data".into(), readonly: false });
        }
        let outside = |key: &str| fs::read_to_string(format!("/proc/sys/{key}")).unwrap_or_default();
        let keys = ["kernel/core_uses_pid", "net/ipv4/ip_forward", "net/core/somaxconn"];
        let was = keys.map(outside);
        let tried = start(stage, &spec, &place)?;
        facts.set(fact("host_unchanged"), keys.map(outside) == was);
        if outside(keys[0]) != was[0] {
            fs::write("/proc/sys/kernel/core_uses_pid", was[0].trim()).doing("restoring core_uses_pid")?;
        }
        tried.note(&mut facts, &format!("misdirected.{name}"));
        let baits = ["ip_forward", "aside"].map(|n| fs::read_to_string(volume.join(n)));
        let eaten = baits.iter().filter_map(|b| b.as_ref().ok()).any(|text| text.trim() == "1");
        facts.set(fact("in_the_volume"), name != "another_key" && name != "key_of_the_machine" && eaten);
        let inside = |key: &str| {
            tried.seen.as_ref().and_then(|s| s.text(&format!("sysctl.value.{key}"))).map(str::to_owned)
        };
        facts.set(fact("in_another_key"), inside("net/core/somaxconn").is_some_and(|v| v == "1"));
        facts.set(fact("where_it_belongs"), inside("net/ipv4/ip_forward").unwrap_or_default());
    }
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}
