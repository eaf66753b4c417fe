//! systemd-nspawn: the recipe as options.
//!
//! It is started without registering with systemd, since the machine's first process need not be one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Call, Runtime, RuntimeError, Verb, oci};
use crate::spec::{Capabilities, Spec};

/// systemd-nspawn.
#[derive(Debug)]
pub struct Nspawn {
    /// Its program.
    pub program: PathBuf,
}

/// What it keeps for a container unless it is told to drop it: `systemd-nspawn(1)`, `--capability=`.
const KEPT: [&str; 27] = [
    "audit_control",
    "audit_write",
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "ipc_owner",
    "kill",
    "lease",
    "linux_immutable",
    "mknod",
    "net_admin",
    "net_bind_service",
    "net_broadcast",
    "net_raw",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_admin",
    "sys_boot",
    "sys_chroot",
    "sys_nice",
    "sys_ptrace",
    "sys_resource",
    "sys_tty_config",
];

impl Runtime for Nspawn {
    fn name(&self) -> &'static str {
        "nspawn"
    }
    fn program(&self) -> &Path {
        &self.program
    }
    fn files(&self) -> Vec<PathBuf> {
        // It binds the system's own into every container.
        vec!["/usr/lib/os-release".into()]
    }
    fn cannot(&self, spec: &Spec) -> Option<String> {
        let needs: [(bool, &str); 10] = [
            (spec.image.is_some(), "is not asked for file systems in files by this adapter"),
            (spec.rootless.is_some(), "is started by root alone"),
            (spec.root.is_none(), "refuses the host's own root"),
            (spec.pids.is_some(), "has limits of processes only through systemd as the host's init"),
            (spec.shares.is_some() || spec.quota.is_some(), "has CPU limits only through systemd"),
            (spec.memory.is_some_and(|m| m != 256 << 20), "has a memory limit only through systemd"),
            (!spec.sysctls.is_empty(), "has no sysctls without a bundle"),
            (spec.time.is_some(), "has no time namespace"),
            (spec.console, "hands its console to a terminal, and there is none here"),
            (
                spec.user.is_some_and(|u| u != (0, 0)),
                "takes a user by looking it up in the image with its getent",
            ),
        ];
        needs.iter().find(|(asked, _)| *asked).map(|(_, what)| format!("systemd-nspawn {what}"))
    }
    fn prepare(&self, spec: &Spec, _place: &Path) -> Result<Call, RuntimeError> {
        let mut call = Call::new([self.program.clone().into_os_string()]);
        let mut put = |word: String| call.argv.push(OsString::from(word));
        for word in [
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--settings=no",
            "--console=pipe",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--no-new-privileges=yes",
            "--kill-signal=SIGTERM",
        ] {
            put(word.to_owned());
        }
        if let Some(root) = &spec.root {
            put(format!("--directory={}", root.display()));
        }
        put(format!("--machine={}", spec.name));
        put(format!("--hostname={}", spec.hostname.as_deref().unwrap_or(&spec.name)));
        if spec.private_network {
            put("--private-network".into());
        }
        if spec.readonly_root {
            put("--read-only".into());
        }
        if let Some(base) = spec.idmap {
            put(format!("--private-users={base}:65536"));
            put("--private-users-ownership=off".into());
        }
        let given: Vec<&str> = match &spec.capabilities {
            Capabilities::Default => oci::DEFAULT.to_vec(),
            Capabilities::All => {
                put("--capability=all".into());
                KEPT.to_vec()
            }
            Capabilities::Only(names) => names.clone(),
            Capabilities::With(names) => [oci::DEFAULT.to_vec(), names.clone()].concat(),
        };
        let words = |names: &mut dyn Iterator<Item = &str>| {
            names.map(|n| format!("CAP_{}", n.to_uppercase())).collect::<Vec<_>>().join(",")
        };
        let dropped = words(&mut KEPT.into_iter().filter(|n| !given.contains(n)));
        let added = words(&mut given.iter().copied().filter(|n| !KEPT.contains(n)));
        for (option, names) in [("--drop-capability", dropped), ("--capability", added)] {
            if !names.is_empty() {
                put(format!("{option}={names}"));
            }
        }
        if spec.filter {
            // Names that this build of its library does not know are warnings, not errors.
            put(format!("--system-call-filter=~{}", oci::DENIED.join(" ")));
        }
        for volume in &spec.volumes {
            let option = if volume.readonly { "--bind-ro" } else { "--bind" };
            put(format!("{option}={}:{}", escape(&volume.source.to_string_lossy()), escape(&volume.target)));
        }
        for (target, bytes) in &spec.ram {
            put(format!("--tmpfs={}:size={bytes}", escape(target)));
        }
        for (name, soft, hard) in &spec.rlimits {
            put(format!("--rlimit={}={soft}:{hard}", name.to_uppercase()));
        }
        if let Some(cpus) = &spec.cpuset {
            put(format!("--cpu-affinity={cpus}"));
        }
        for (name, value) in &spec.env {
            put(format!("--setenv={name}={value}"));
        }
        put(format!("--chdir={}", spec.directory.as_deref().unwrap_or("/")));
        put("--".into());
        call.argv.extend(spec.argv.iter().map(OsString::from));
        Ok(call)
    }
    /// The other verbs are machinectl's, which wants systemd as the host's init.
    fn verb(&self, _verb: &Verb, _name: &str, _place: &Path) -> Option<Call> {
        None
    }
}

/// Its lists are separated by colons.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace(':', "\\:")
}
