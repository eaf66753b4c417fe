//! Who takes part: how each is told to start the same container, and what it cannot do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use browndog_conformance::runtimes::version;

use crate::workplace::Workplace;

/// Something that starts the container once per call.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in tables.
    pub name: String,
    /// What it says its version is.
    pub version: String,
    /// The command line; the first word is an absolute path.
    pub command: Vec<OsString>,
    /// What of the container it cannot do, or does differently.
    pub lacks: Vec<String>,
}

/// Who does not take part, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// The reason, in its own words where it has any.
    pub reason: String,
}

/// Names of everything that can take part, in the order of the tables.
pub const NAMES: [&str; 9] =
    ["bare", "floor", "floor-hardened", "browndog", "bwrap", "crun", "runc", "youki", "lxc-execute"];

/// Everyone beyond these: slow enough to be asked for by name.
pub const ON_REQUEST: [&str; 1] = ["systemd-nspawn"];

/// What to measure.
#[derive(Debug)]
pub struct Cast<'a> {
    /// Ours.
    pub browndog: &'a Path,
    /// The floor, where it was built.
    pub floor: Option<&'a Path>,
    /// Names wanted; all but [`ON_REQUEST`] where empty.
    pub only: &'a [String],
}

impl Cast<'_> {
    /// Finds everyone; who is absent is named with the reason.
    pub fn find(&self, place: &Workplace) -> (Vec<Subject>, Vec<LeftOut>) {
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        let wanted = |name: &&str| match self.only {
            [] => NAMES.contains(name),
            only => only.iter().any(|one| one == name),
        };
        for name in NAMES.iter().chain(&ON_REQUEST).copied().filter(wanted) {
            match self.subject(name, place) {
                Ok(subject) => found.push(subject),
                Err(reason) => absent.push(LeftOut { name: name.to_owned(), reason }),
            }
        }
        (found, absent)
    }

    fn subject(&self, name: &str, place: &Workplace) -> Result<Subject, String> {
        let root = place.path("root");
        match name {
            "bare" => Ok(Subject {
                name: name.to_owned(),
                version: "fork, exec and wait of the payload".to_owned(),
                command: vec![root.join("bin/true").into()],
                lacks: vec!["no container at all".to_owned()],
            }),
            "floor" | "floor-hardened" => {
                let path = self.floor.ok_or("not built; try: cargo build --release -p browndog-floor")?;
                let mut command = vec![path.into(), root.into()];
                let mut lacks = vec!["no device policy".to_owned()];
                if name == "floor" {
                    lacks = vec!["no hardening".to_owned()];
                } else {
                    command.push("harden".into());
                }
                match unified_cgroup() {
                    Some(dir) => command.push(format!("cgroup={}", dir.display()).into()),
                    None => {
                        command.push("-cgroup".into());
                        lacks.push("no cgroup: no v2 hierarchy here".to_owned());
                    }
                }
                let version = env!("CARGO_PKG_VERSION").to_owned();
                Ok(Subject { name: name.to_owned(), version, command, lacks })
            }
            "browndog" => {
                let state = place.path("state");
                let words: [OsString; 4] =
                    ["--root".into(), state.into(), "run".into(), place.path("domain.xml").into()];
                let command = std::iter::once(self.browndog.into()).chain(words).collect();
                let version = version(self.browndog);
                Ok(Subject { name: name.to_owned(), version, command, lacks: Vec::new() })
            }
            other => peer(other, place).ok_or_else(|| "not on PATH".to_owned()),
        }
    }
}

/// A peer by its name on `PATH`.
fn peer(name: &str, place: &Workplace) -> Option<Subject> {
    let path = on_path(name)?;
    let root = place.path("root");
    let (dir, state) = (place.dir(), place.path("state"));
    let (words, lacks): (Vec<OsString>, &[&str]) = match name {
        "bwrap" => (bwrap(&root), &["no cgroup", "/sys is the host's", "no seccomp filter"]),
        "crun" | "runc" | "youki" => (
            vec![
                "--root".into(),
                state.join(name).into(),
                "run".into(),
                "--bundle".into(),
                dir.into(),
                "bench".into(),
            ],
            if name == "youki" { &["lo stays down", "no seccomp filter"] } else { &["no seccomp filter"] },
        ),
        "lxc-execute" => (
            vec![
                "-P".into(),
                place.path("lxc").into(),
                "-n".into(),
                "bench".into(),
                "-f".into(),
                place.path("lxc.conf").into(),
                "--".into(),
                "/bin/true".into(),
            ],
            &["the payload is process 2", "no seccomp filter"],
        ),
        "systemd-nspawn" => (
            vec![
                "-q".into(),
                "--register=no".into(),
                "--keep-unit".into(),
                "--private-network".into(),
                "-M".into(),
                "bench".into(),
                "-D".into(),
                root.into(),
                "/bin/true".into(),
            ],
            &["does more than asked: /run, /tmp, a system call filter"],
        ),
        _ => return None,
    };
    Some(Subject {
        name: name.to_owned(),
        version: version(&path),
        command: std::iter::once(path.into()).chain(words).collect(),
        lacks: lacks.iter().map(|&lack| lack.to_owned()).collect(),
    })
}

fn bwrap(root: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = [
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup",
        "--hostname",
        "bench",
    ]
    .map(OsString::from)
    .to_vec();
    words.extend(["--bind".into(), root.as_os_str().to_owned(), "/".into()]);
    let mounts = ["--proc", "/proc", "--dev", "/dev", "--mqueue", "/dev/mqueue", "--ro-bind", "/sys", "/sys"];
    words.extend(mounts.map(OsString::from));
    words.push("/bin/true".into());
    words
}

/// The file that `name` means on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// Where the v2 hierarchy is mounted.
pub fn unified_cgroup() -> Option<PathBuf> {
    let candidates = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
    candidates.into_iter().find(|dir| dir.join("cgroup.procs").exists() && !dir.join("tasks").exists())
}
