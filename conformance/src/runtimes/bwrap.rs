//! bubblewrap: the recipe as options.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Call, Runtime, RuntimeError, Verb};
use crate::spec::{Capabilities, Spec};

/// bubblewrap.
#[derive(Debug)]
pub struct Bwrap {
    /// Its program.
    pub program: PathBuf,
}

impl Runtime for Bwrap {
    fn name(&self) -> &'static str {
        "bwrap"
    }
    fn program(&self) -> &Path {
        &self.program
    }
    fn cannot(&self, spec: &Spec) -> Option<String> {
        let needs: [(bool, &str); 14] = [
            (spec.image.is_some(), "a file system in a file"),
            (spec.rootless.is_some(), "a start by a plain user, which this adapter does not ask for"),
            (spec.root.is_none(), "sharing the host's tree as a whole"),
            (spec.idmap.is_some(), "a range of ids (one id only)"),
            (spec.pids.is_some(), "a limit of processes"),
            (spec.shares.is_some() || spec.quota.is_some(), "CPU limits"),
            (spec.cpuset.is_some(), "a CPU set"),
            (spec.console, "a console"),
            (!spec.sysctls.is_empty(), "sysctls"),
            (!spec.rlimits.is_empty(), "resource limits"),
            (spec.time.is_some(), "a time namespace"),
            (spec.user.is_some_and(|u| u != (0, 0)), "another user without a user namespace"),
            (matches!(spec.capabilities, Capabilities::All), "every capability by one word"),
            (spec.memory.is_some_and(|m| m != 256 << 20), "a memory limit"),
        ];
        needs.iter().find(|(asked, _)| *asked).map(|(_, what)| format!("bubblewrap has no {what}"))
    }
    fn prepare(&self, spec: &Spec, _place: &Path) -> Result<Call, RuntimeError> {
        let mut call = Call::new([self.program.clone().into_os_string()]);
        let mut put = |words: &[&str]| call.argv.extend(words.iter().map(OsString::from));
        put(&[
            "--unshare-pid",
            "--unshare-ipc",
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--as-pid-1",
            "--new-session",
            "--die-with-parent",
            "--clearenv",
        ]);
        if spec.private_network {
            put(&["--unshare-net"]);
        }
        if let Some(root) = &spec.root {
            let bind = if spec.readonly_root { "--ro-bind" } else { "--bind" };
            put(&[bind, &root.to_string_lossy(), "/"]);
        }
        put(&["--proc", "/proc", "--dev", "/dev", "--mqueue", "/dev/mqueue"]);
        put(&["--hostname", spec.hostname.as_deref().unwrap_or(&spec.name)]);
        for volume in &spec.volumes {
            let bind = if volume.readonly { "--ro-bind" } else { "--bind" };
            put(&[bind, &volume.source.to_string_lossy(), &volume.target]);
        }
        for (target, bytes) in &spec.ram {
            put(&["--size", &bytes.to_string(), "--tmpfs", target]);
        }
        put(&["--cap-drop", "ALL"]);
        let given: Vec<&str> = match &spec.capabilities {
            Capabilities::Default | Capabilities::All => super::oci::DEFAULT.to_vec(),
            Capabilities::Only(names) => names.clone(),
            Capabilities::With(names) => [super::oci::DEFAULT.to_vec(), names.clone()].concat(),
        };
        for name in given {
            put(&["--cap-add", &format!("CAP_{}", name.to_uppercase())]);
        }
        for (name, value) in &spec.env {
            put(&["--setenv", name, value]);
        }
        put(&["--chdir", spec.directory.as_deref().unwrap_or("/"), "--"]);
        call.argv.extend(spec.argv.iter().map(OsString::from));
        Ok(call)
    }
    fn verb(&self, _verb: &Verb, _name: &str, _place: &Path) -> Option<Call> {
        None
    }
}
