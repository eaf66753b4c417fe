//! The directory a bench works in: the tree, and each peer's configuration for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::payload;

/// A directory that goes away with the bench.
#[derive(Debug)]
pub struct Workplace {
    dir: TempDir,
}

impl Workplace {
    /// Makes the tree and the configurations below the temporary directory.
    pub fn make() -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("browndog-bench-").tempdir()?;
        let place = Self { dir };
        for name in ["root", "state", "lxc"] {
            fs::create_dir(place.path(name))?;
        }
        payload::make_tree(&place.path("root"))?;
        fs::write(place.path("domain.xml"), place.domain())?;
        fs::write(place.path("config.json"), place.bundle("browndog-bench").to_string())?;
        fs::write(place.path("lxc.conf"), place.lxc())?;
        Ok(place)
    }

    /// A path below the directory.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The directory itself, which is also the OCI bundle.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The memory is libvirt's word for no limit: no peer sets one, and a v2 hierarchy beside v1 has no
    /// controllers.
    fn domain(&self) -> String {
        format!(
            "<domain type='lxc'>
  <name>bench</name>
  <memory>9007199254740991</memory>
  <os><type>exe</type><init>/bin/true</init></os>
  <features><privnet/></features>
  <devices>
    <filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem>
    <console type='pty'/>
  </devices>
</domain>
",
            self.path("root").display()
        )
    }

    /// A bundle of the same container for one of several workers: what has a control group of one name has
    /// one container at a time.
    pub fn bundle_of(&self, worker: usize) -> io::Result<PathBuf> {
        let dir = self.path(format!("worker{worker}"));
        fs::create_dir_all(&dir)?;
        fs::write(dir.join("config.json"), self.bundle(&format!("browndog-bench-{worker}")).to_string())?;
        Ok(dir)
    }

    /// What `crun spec` writes, as far as all peers can have it, with our tree and command.
    fn bundle(&self, group: &str) -> Value {
        let kept = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
        let mount = |to: &str, kind: &str, options: &[&str]| json!({"destination": to, "type": kind, "source": kind, "options": options});
        let namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"];
        json!({
            "ociVersion": "1.0.2",
            "hostname": "bench",
            "root": {"path": self.path("root"), "readonly": false},
            "process": {
                "terminal": false, "cwd": "/", "args": ["/bin/true"], "env": ["PATH=/bin"],
                "user": {"uid": 0, "gid": 0}, "noNewPrivileges": true,
                "capabilities": {"bounding": kept, "effective": kept, "permitted": kept},
            },
            "mounts": [
                mount("/proc", "proc", &[]),
                mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
                mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
                mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
                mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
                mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
            ],
            "linux": {
                "namespaces": namespaces.map(|kind| json!({"type": kind})),
                "cgroupsPath": format!("/{group}"),
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/scsi"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        })
    }

    fn lxc(&self) -> String {
        format!(
            "lxc.uts.name = bench
lxc.rootfs.path = dir:{}
lxc.net.0.type = empty
lxc.net.0.flags = up
lxc.mount.auto = proc:mixed sys:ro
lxc.autodev = 1
lxc.pty.max = 8
lxc.tty.max = 0
lxc.console.path = none
",
            self.path("root").display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workplace_goes_away() {
        let place = Workplace::make().unwrap();
        let dir = place.dir().to_owned();
        assert!(dir.join("root/bin/true").exists() && dir.join("config.json").exists());
        let bundles =
            [0, 1].map(|worker| fs::read(place.bundle_of(worker).unwrap().join("config.json")).unwrap());
        assert_ne!(bundles[0], bundles[1]);
        drop(place);
        assert!(!dir.exists());
    }
}
