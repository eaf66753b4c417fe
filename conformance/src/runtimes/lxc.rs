//! LXC: the recipe as a generated configuration for `lxc-start` in the foreground.
//!
//! `lxc-execute` would pass the status of the payload, but puts an init of its own before it.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Call, Runtime, RuntimeError, Verb, oci, write};
use crate::spec::{Capabilities, Spec};

/// LXC.
#[derive(Debug)]
pub struct Lxc {
    /// `lxc-start`; its siblings are beside it.
    pub program: PathBuf,
}

impl Lxc {
    fn call(&self, tool: &str, place: &Path, name: &str, words: &[&str]) -> Call {
        let mut call = Call::new([self.program.with_file_name(tool).into_os_string(), "-P".into()]);
        call.argv.push(place.join("state").into_os_string());
        call.argv.extend(["-n", name].map(OsString::from));
        call.argv.extend(words.iter().map(OsString::from));
        call
    }
}

impl Runtime for Lxc {
    fn name(&self) -> &'static str {
        "lxc"
    }
    fn program(&self) -> &Path {
        &self.program
    }
    fn companions(&self) -> Vec<PathBuf> {
        ["lxc-stop", "lxc-info", "lxc-freeze", "lxc-unfreeze", "lxc-attach", "lxc-ls"]
            .map(|tool| self.program.with_file_name(tool))
            .into_iter()
            .filter(|tool| tool.is_file())
            .collect()
    }
    fn directories(&self) -> Vec<PathBuf> {
        // Where the root is put together before it becomes the root; compiled in.
        let known = [
            "/usr/lib/x86_64-linux-gnu/lxc/rootfs",
            "/usr/lib/aarch64-linux-gnu/lxc/rootfs",
            "/usr/lib/lxc/rootfs",
        ];
        known.map(PathBuf::from).into_iter().filter(|d| d.is_dir()).collect()
    }
    fn cannot(&self, spec: &Spec) -> Option<String> {
        if spec.root.is_none() {
            return Some(
                "an LXC container without a root of its own shares the host's /dev and /proc".into(),
            );
        }
        if spec.rootless.is_some() {
            return Some(
                "LXC takes a plain user's range of ids from newuidmap, which this adapter does not set up"
                    .into(),
            );
        }
        if spec.image.is_some() {
            return Some("this adapter writes no file systems in files".into());
        }
        let broken = |text: &String| text.contains('\n');
        if spec.volumes.iter().any(|v| broken(&v.target)) {
            return Some("an LXC configuration has one line for each volume".into());
        }
        if spec.env.iter().any(|(_, v)| broken(v)) {
            return Some("an LXC configuration has one line for each variable".into());
        }
        if let Some(base) = spec.idmap
            && super::on_path("newuidmap").is_some()
            && !["/etc/subuid", "/etc/subgid"].iter().all(|file| granted(file, base))
        {
            return Some(format!(
                "LXC maps ids with newuidmap, also for root, and /etc/subuid and /etc/subgid give root no range from {base}"
            ));
        }
        spec.console.then(|| "LXC hands its console to a terminal, and there is none here".into())
    }
    fn prepare(&self, spec: &Spec, place: &Path) -> Result<Call, RuntimeError> {
        let file = place.join("lxc.conf");
        write(&file, &config(spec, place, &crate::host::cgroup_layout()))?;
        write(&place.join("lxc.seccomp"), &filter())?;
        let mut call = self.call(&name_of(&self.program), place, &spec.name, &["-F", "-C", "-f"]);
        call.argv.extend([file.into_os_string(), "--".into()]);
        call.argv.extend(spec.argv.iter().map(OsString::from));
        Ok(call)
    }
    fn verb(&self, verb: &Verb, name: &str, place: &Path) -> Option<Call> {
        let file = place.join("lxc.conf");
        Some(match verb {
            // Its containers are directories; making one without starting it prepares nothing in the kernel.
            Verb::Create | Verb::Kill(_) => return None,
            Verb::Start => self.call("lxc-start", place, name, &["-d", "-f", &file.to_string_lossy()]),
            Verb::State => self.call("lxc-info", place, name, &["-s"]),
            Verb::List => {
                let mut call =
                    Call::new([self.program.with_file_name("lxc-ls").into_os_string(), "-P".into()]);
                call.argv.push(place.join("state").into_os_string());
                call
            }
            Verb::Pause => self.call("lxc-freeze", place, name, &[]),
            Verb::Resume => self.call("lxc-unfreeze", place, name, &[]),
            Verb::Exec(argv) => {
                let mut words = vec!["--"];
                words.extend(argv.iter().map(String::as_str));
                self.call("lxc-attach", place, name, &words)
            }
            Verb::ExecAt(..)
            | Verb::ExecDetached(_)
            | Verb::Background
            | Verb::Attach(_)
            | Verb::Detach(_) => {
                return None;
            }
            Verb::Destroy => self.call("lxc-stop", place, name, &["-k"]),
        })
    }
}

fn name_of(program: &Path) -> String {
    program.file_name().map_or_else(|| "lxc-start".into(), |n| n.to_string_lossy().into_owned())
}

/// Whether a file of ranges gives root 65536 ids from here on.
fn granted(file: &str, base: u32) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| {
        let mut fields = line.split(':');
        let root = fields.next().is_some_and(|who| who == "root" || who == "0");
        let mut number = || fields.next().and_then(|n| n.trim().parse::<u64>().ok()).unwrap_or(0);
        let (first, count) = (number(), number());
        root && first <= u64::from(base) && u64::from(base) + 65_536 <= first + count
    })
}

/// The configuration: what `lxc.container.conf(5)` has words for.
fn config(spec: &Spec, place: &Path, layout: &str) -> String {
    let mut out = String::new();
    let mut set = |key: &str, value: &str| {
        // Writing into a String cannot fail.
        let _infallible = writeln!(out, "{key} = {value}").is_ok();
    };
    set("lxc.uts.name", spec.hostname.as_deref().unwrap_or(&spec.name));
    if let Some(root) = &spec.root {
        set("lxc.rootfs.path", &format!("dir:{}", root.display()));
    }
    if spec.readonly_root {
        set("lxc.rootfs.options", "ro");
    }
    set("lxc.net.0.type", if spec.private_network { "empty" } else { "none" });
    if spec.private_network {
        set("lxc.net.0.flags", "up");
    }
    // It applies sysctls after it has made /proc/sys read-only, and so cannot have both.
    let proc = if spec.sysctls.is_empty() { "proc:mixed" } else { "proc:rw" };
    set("lxc.mount.auto", &format!("{proc} sys:ro cgroup:ro"));
    set("lxc.pty.max", "1024");
    // Where the kernel has AppArmor and nobody has loaded LXC's profile, it starts nothing else.
    let loaded = std::fs::read_to_string("/sys/kernel/security/apparmor/profiles").unwrap_or_default();
    if !loaded.contains("lxc-container-default-cgns") {
        set("lxc.apparmor.profile", "unconfined");
    }
    set("lxc.autodev", "1");
    set("lxc.tty.max", "0");
    set("lxc.console.path", "none");
    set("lxc.no_new_privs", "1");
    mounts(spec, &mut set);
    let given: Vec<&str> = match &spec.capabilities {
        Capabilities::Default => oci::DEFAULT.to_vec(),
        Capabilities::All => Vec::new(),
        Capabilities::Only(names) => names.clone(),
        Capabilities::With(names) => [oci::DEFAULT.to_vec(), names.clone()].concat(),
    };
    match (&spec.capabilities, given.as_slice()) {
        (Capabilities::All, _) => {}
        (_, []) => set("lxc.cap.keep", "none"),
        (_, names) => set("lxc.cap.keep", &names.join(" ")),
    }
    if spec.filter {
        set("lxc.seccomp.profile", &place.join("lxc.seccomp").to_string_lossy());
    }
    if let Some(base) = spec.idmap {
        for kind in ["u", "g"] {
            set("lxc.idmap", &format!("{kind} 0 {base} 65536"));
        }
    }
    for (name, value) in &spec.env {
        set("lxc.environment", &format!("{name}={value}"));
    }
    if let Some((user, group)) = spec.user {
        set("lxc.init.uid", &user.to_string());
        set("lxc.init.gid", &group.to_string());
    }
    if let Some(directory) = &spec.directory {
        set("lxc.init.cwd", directory);
    }
    for (name, soft, hard) in &spec.rlimits {
        set(&format!("lxc.prlimit.{name}"), &format!("{soft}:{hard}"));
    }
    for (name, value) in &spec.sysctls {
        set(&format!("lxc.sysctl.{name}"), value);
    }
    if let Some((monotonic, boottime)) = spec.time {
        set("lxc.time.offset.monotonic", &format!("{monotonic}s"));
        set("lxc.time.offset.boot", &format!("{boottime}s"));
    }
    resources(spec, layout == "v2", &mut set);
    out
}

fn mounts(spec: &Spec, set: &mut impl FnMut(&str, &str)) {
    // fstab(5): a blank in a path is written \040.
    let field = |text: &str| text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011");
    let mut mount = |source: &str, target: &str, kind: &str, options: &str| {
        let target = field(target.trim_start_matches('/'));
        set("lxc.mount.entry", &format!("{} {target} {kind} {options},create=dir 0 0", field(source)));
    };
    mount("shm", "dev/shm", "tmpfs", "nosuid,nodev,noexec,mode=1777,size=65536k");
    mount("mqueue", "dev/mqueue", "mqueue", "nosuid,nodev,noexec");
    for volume in &spec.volumes {
        let access = if volume.readonly { "bind,ro" } else { "bind" };
        mount(&volume.source.to_string_lossy(), &volume.target, "none", access);
    }
    for (target, bytes) in &spec.ram {
        mount("tmpfs", target, "tmpfs", &format!("nosuid,nodev,size={bytes}"));
    }
}

/// Limits and devices, in the words of whichever control groups there are.
fn resources(spec: &Spec, unified: bool, set: &mut impl FnMut(&str, &str)) {
    let top = if unified { "lxc.cgroup2" } else { "lxc.cgroup" };
    set(&format!("{top}.devices.deny"), "a");
    for number in ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:2", "136:*"] {
        set(&format!("{top}.devices.allow"), &format!("c {number} rwm"));
    }
    let mut limit = |file: &str, value: String| set(&format!("{top}.{file}"), &value);
    if let Some(bytes) = spec.memory {
        limit(if unified { "memory.max" } else { "memory.limit_in_bytes" }, bytes.to_string());
    }
    if let Some(most) = spec.pids {
        limit("pids.max", most.to_string());
    }
    if let Some(shares) = spec.shares {
        match unified {
            // The conversion that every runtime uses, from 2…262144 to 1…10000.
            true => limit("cpu.weight", (1 + (shares.max(2) - 2) * 9999 / 262_142).to_string()),
            false => limit("cpu.shares", shares.to_string()),
        }
    }
    if let Some((quota, period)) = spec.quota {
        match unified {
            true => limit("cpu.max", format!("{quota} {period}")),
            false => {
                limit("cpu.cfs_period_us", period.to_string());
                limit("cpu.cfs_quota_us", quota.to_string());
            }
        }
    }
    if let Some(cpus) = &spec.cpuset {
        limit("cpuset.cpus", cpus.clone());
    }
}

/// The same calls that the OCI bundle denies, in the second version of LXC's own form.
fn filter() -> String {
    let mut out = String::from("2\ndenylist\n[all]\n");
    for name in oci::DENIED {
        let _infallible = writeln!(out, "{name} errno 1").is_ok();
    }
    // ENOSYS: the C library falls back to clone, whose flags a filter can see.
    out.push_str("clone3 errno 38\n");
    for flag in oci::CLONE_NEW {
        let _infallible = writeln!(out, "clone errno 1 [0,{flag},SCMP_CMP_MASKED_EQ,{flag}]").is_ok();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_written_in_the_words_of_the_layout() {
        let mut spec = Spec::plain("t", "/srv/root".into(), vec!["/init".into()]);
        spec.memory = Some(256 << 20);
        spec.pids = Some(24);
        spec.shares = Some(2048);
        spec.quota = Some((20_000, 100_000));
        let old = config(&spec, Path::new("/place"), "hybrid");
        assert!(old.contains("lxc.cgroup.memory.limit_in_bytes = 268435456\n"), "{old}");
        assert!(old.contains("lxc.cgroup.cpu.shares = 2048\n"), "{old}");
        let new = config(&spec, Path::new("/place"), "v2");
        for line in ["memory.max = 268435456", "pids.max = 24", "cpu.weight = 79", "cpu.max = 20000 100000"] {
            assert!(new.contains(&format!("lxc.cgroup2.{line}\n")), "{line}: {new}");
        }
        assert!(!new.contains("lxc.cgroup."), "{new}");
    }

    #[test]
    fn a_blank_in_a_path_does_not_end_the_field() {
        let mut spec = Spec::plain("t", "/srv/root".into(), vec!["/init".into()]);
        spec.volumes.push(crate::spec::Volume {
            source: "/a b".into(),
            target: "/c d".into(),
            readonly: true,
        });
        let text = config(&spec, Path::new("/place"), "v2");
        assert!(text.contains("lxc.mount.entry = /a\\040b c\\040d none bind,ro,create=dir 0 0\n"), "{text}");
    }
}
