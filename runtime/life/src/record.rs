//! What is known of a domain that runs, or ran: one file, written by its monitor, read by everybody.

use std::fs;
use std::path::{Component, Path, PathBuf};

use browndog_runtime::exec::{Asked, Ended};
use browndog_xml::value::InterfaceName;
use serde::{Deserialize, Serialize};

use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::process::{ProcessId, ProcessView};
use crate::{atomic, files};

/// The format of this version; a record of another one is refused.
pub const VERSION: u64 = 1;

/// What a domain is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Its monitor is at work on the start.
    Starting,
    /// Its init runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// It was asked to stop.
    InShutdown,
    /// It has ended and will be started again.
    Restarting,
    /// It does not run.
    ShutOff,
    /// It does not run, and ended badly.
    Crashed,
}

impl Phase {
    /// virsh's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::InShutdown => "in shutdown",
            Self::Restarting => "restarting",
            Self::ShutOff => "shut off",
            Self::Crashed => "crashed",
        }
    }

    /// Whether it has an init, or is about to.
    pub fn is_active(self) -> bool {
        !matches!(self, Self::ShutOff | Self::Crashed)
    }
}

/// How an init ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// What a shell says: the status, or 128 and the signal.
    pub fn code(self) -> i32 {
        match self {
            Self::Status(status) => status,
            Self::Signal(signal) => 128 + signal,
        }
    }

    /// For people.
    pub fn words(self) -> String {
        match self {
            Self::Status(status) => format!("status {status}"),
            Self::Signal(signal) => match nix::sys::signal::Signal::try_from(signal) {
                Ok(name) => format!("signal {signal} ({name})"),
                Err(_) => format!("signal {signal}"),
            },
        }
    }
}

impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Exited(status) => Self::Status(status),
            Ended::Killed(signal) => Self::Signal(signal),
            // As the kernel says it (reboot(2)).
            Ended::Asked(Asked::PowerOff) => Self::Signal(nix::libc::SIGINT),
            Ended::Asked(Asked::Reboot) => Self::Signal(nix::libc::SIGHUP),
        }
    }
}

/// A control group of the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// `unified`, or the controller of its hierarchy.
    pub controller: String,
    /// Its directory.
    pub path: PathBuf,
}

/// What a start makes on the host, known before it is made: what a killed monitor leaves is among it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// A control group; `shared` stays while others use it.
    Group {
        /// Its directory.
        path: PathBuf,
        /// A partition.
        shared: bool,
    },
    /// A mount point in a root directory of the host, where it was missing.
    Target {
        /// The root directory.
        root: PathBuf,
        /// The path in it.
        path: PathBuf,
        /// Device and inode of the root: another directory in its place is not touched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inode: Option<(u64, u64)>,
    },
    /// The host's end of a link that was attached while the domain ran.
    Link {
        /// Its name.
        name: String,
        /// Its number, which no other link of this boot gets.
        number: u32,
    },
}

/// `1 process`, `2 processes`.
pub fn processes(count: u64) -> String {
    format!("{count} process{}", if count == 1 { "" } else { "es" })
}

/// The record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`VERSION`].
    pub version: u64,
    /// The domain.
    pub name: String,
    /// Its uuid.
    pub uuid: String,
    /// The boot in which this is so.
    pub boot: String,
    /// What it is doing.
    pub phase: Phase,
    /// Why it is doing that: `booted`, `user`, `shutdown`, `destroyed`, `crashed`, `failed`.
    pub reason: String,
    /// Its monitor.
    pub monitor: Option<ProcessId>,
    /// Its init, as the host sees it.
    pub init: Option<ProcessId>,
    /// When its init was started (ms since 1970).
    pub started: Option<u64>,
    /// When it ended.
    pub ended: Option<u64>,
    /// How it ended.
    pub exit: Option<Exit>,
    /// How often it was started again by its monitor.
    pub restarts: u32,
    /// How many consoles it has.
    pub consoles: usize,
    /// Its control groups.
    pub groups: Vec<Group>,
    /// What was made for it on the host.
    pub made: Vec<Made>,
    /// In which namespaces its processes have those numbers and start times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<ProcessView>,
    /// How many of its processes the kernel killed for want of memory, where that ended it.
    #[serde(default, skip_serializing_if = "is_none_killed")]
    pub oom_kills: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none_killed(kills: &u64) -> bool {
    *kills == 0
}

impl Record {
    /// A domain whose start begins.
    pub fn starting(name: &str, uuid: &str) -> Self {
        Self {
            version: VERSION,
            name: name.to_owned(),
            uuid: uuid.to_owned(),
            boot: crate::process::boot_id().to_owned(),
            phase: Phase::Starting,
            reason: "booted".to_owned(),
            monitor: None,
            init: None,
            started: None,
            ended: None,
            exit: None,
            restarts: 0,
            consoles: 0,
            groups: Vec::new(),
            made: Vec::new(),
            view: ProcessView::own(),
            oom_kills: 0,
        }
    }

    /// Whether the numbers and start times of its processes are those that are seen from here.
    pub fn is_seen(&self) -> bool {
        self.view.is_none() || self.view == ProcessView::own()
    }

    /// Why it ended, with what the kernel had to do with it.
    pub fn reason_words(&self) -> String {
        if self.oom_kills == 0 || self.phase.is_active() {
            return self.reason.clone();
        }
        format!("{}: out of memory, {} killed at its limit", self.reason, processes(self.oom_kills))
    }

    /// Writes it.
    ///
    /// # Errors
    /// The I/O error, with the path of the file that it is about.
    pub fn save(&self, layout: &Layout) -> Result<()> {
        let mut text = serde_json::to_vec(self).unwrap_or_default();
        text.push(b'\n');
        let path = layout.record(&self.name);
        atomic::write_reserved(&path, &text)?;
        if self.phase == Phase::Starting {
            // Without the room, a change on a disk that is full by then fails, and says so.
            crate::disregard(atomic::reserve(&path, text.len()));
        }
        Ok(())
    }

    /// What of it can be so: numbers of processes are positive, and its groups have no way out of their hierarchy.
    fn is_sound(&self) -> std::result::Result<(), String> {
        let ids = self.monitor.iter().chain(&self.init);
        if let Some(id) = ids.into_iter().find(|id| id.pid <= 0) {
            return Err(format!("{} is no process", id.pid));
        }
        if let Some(group) = self.groups.iter().find(|group| !is_plain(&group.path)) {
            return Err(format!("{} is no control group", group.path.display()));
        }
        for made in &self.made {
            match made {
                Made::Group { path, .. } if !is_plain(path) => {
                    return Err(format!("{} is no control group", path.display()));
                }
                Made::Target { root, path, .. } if !is_plain(root) || !is_plain(path) => {
                    return Err(format!("{} in {} is no mount point", path.display(), root.display()));
                }
                Made::Link { name, .. } if InterfaceName::check(name).is_err() => {
                    return Err(format!("'{}' is no name of a link", name.escape_debug()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The group that a controller's files are in.
    pub fn group(&self, controller: &str) -> Option<&Path> {
        let of = |name: &str| self.groups.iter().find(|group| group.controller == name);
        of(controller).map(|group| group.path.as_path())
    }

    /// The group of version 2, with `cgroup.kill` and `cgroup.freeze`.
    pub fn unified(&self) -> Option<&Path> {
        self.group(UNIFIED)
    }
}

/// Whether a path is absolute and has no `..` in it.
pub(crate) fn is_plain(path: &Path) -> bool {
    let mut parts = path.components();
    parts.next() == Some(Component::RootDir) && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// The name of a group of version 2 in [`Group::controller`].
pub const UNIFIED: &str = "unified";

/// What was found where a record should be.
#[derive(Debug)]
pub enum Found {
    /// No record.
    Nothing,
    /// A record.
    Record(Box<Record>),
    /// No record of ours: it says nothing that can be used.
    Damaged(String),
}

/// Reads a domain's record.
///
/// # Errors
/// A record of another version, which is left alone; a file that cannot be read.
pub fn read(layout: &Layout, name: &str) -> Result<Found> {
    let path = layout.record(name);
    let text = match files::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(LifeError::file("read", &path, error)),
    };
    match serde_json::from_slice::<Record>(&text) {
        Ok(record) if record.version == VERSION && record.name == name => match record.is_sound() {
            Ok(()) => Ok(Found::Record(Box::new(record))),
            Err(why) => Ok(Found::Damaged(why)),
        },
        Ok(record) if record.version == VERSION => {
            Ok(Found::Damaged(format!("it is about '{}'", record.name)))
        }
        parsed => match version_of(&text) {
            Some(found) if found != VERSION => Err(LifeError::Version { path, found }),
            _ => Ok(Found::Damaged(parsed.err().map_or_else(String::new, |error| error.to_string()))),
        },
    }
}

fn version_of(text: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(text).ok()?.get("version")?.as_u64()
}

/// Moves a damaged record aside and returns where to.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn move_aside(layout: &Layout, name: &str) -> Result<PathBuf> {
    let path = layout.record(name);
    let aside = layout.run.join("damaged");
    crate::layout::make_dir(&aside)?;
    let to = aside.join(format!("{name}-{}.json", crate::time::now_ms()));
    fs::rename(&path, &to).map_err(|error| LifeError::file("move aside", &path, error))?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        crate::layout::make_dir(&layout.domain("web")).unwrap();
        (dir, layout)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let (_dir, layout) = layout();
        let record = Record { exit: Some(Exit::Signal(9)), ..Record::starting("web", "u") };
        record.save(&layout).unwrap();
        let Found::Record(read) = read(&layout, "web").unwrap() else { panic!("no record") };
        assert_eq!(*read, record);
    }

    #[test]
    fn a_record_of_another_version_is_refused_and_left_alone() {
        let (_dir, layout) = layout();
        fs::write(layout.record("web"), br#"{"version": 2, "other": true}"#).unwrap();
        let error = read(&layout, "web").unwrap_err();
        assert!(matches!(error, LifeError::Version { found: 2, .. }), "{error}");
        assert!(layout.record("web").exists());
    }

    #[test]
    fn a_record_that_names_what_cannot_be_is_damaged() {
        let (_dir, layout) = layout();
        let good = Record::starting("web", "u");
        let group = |path: &str| Group { controller: UNIFIED.to_owned(), path: path.into() };
        let process = |pid| Some(ProcessId { pid, start: 1 });
        let made = |made| Record { made: vec![made], ..good.clone() };
        for record in [
            Record { init: process(-1), ..good.clone() },
            Record { monitor: process(0), ..good.clone() },
            Record { groups: vec![group("/sys/fs/cgroup/../../../home")], ..good.clone() },
            Record { groups: vec![group("relative")], ..good.clone() },
            Record { made: vec![Made::Group { path: "/a/../b".into(), shared: true }], ..good.clone() },
            made(Made::Target { root: "/srv".into(), path: "/../etc".into(), inode: None }),
            made(Made::Target { root: "srv".into(), path: "/mnt".into(), inode: None }),
            made(Made::Link { name: "../eth0".into(), number: 2 }),
            made(Made::Link { name: String::new(), number: 2 }),
        ] {
            record.save(&layout).unwrap();
            assert!(matches!(read(&layout, "web").unwrap(), Found::Damaged(_)), "{record:?}");
        }
        Record { init: process(7), groups: vec![group("/sys/fs/cgroup/web")], ..good }.save(&layout).unwrap();
        assert!(matches!(read(&layout, "web").unwrap(), Found::Record(_)));
    }

    #[test]
    fn an_end_for_want_of_memory_is_told() {
        let ended = Record {
            phase: Phase::Crashed,
            reason: "crashed".to_owned(),
            oom_kills: 1,
            ..Record::starting("web", "u")
        };
        assert_eq!(ended.reason_words(), "crashed: out of memory, 1 process killed at its limit");
        assert_eq!(Record { oom_kills: 0, ..ended }.reason_words(), "crashed");
    }

    #[test]
    fn a_damaged_record_is_told_from_none_and_can_be_moved_aside() {
        let (_dir, layout) = layout();
        assert!(matches!(read(&layout, "web").unwrap(), Found::Nothing));
        for damage in ["", "{", "[]", r#"{"version":1}"#, "\0\0\0\0"] {
            fs::write(layout.record("web"), damage).unwrap();
            assert!(matches!(read(&layout, "web").unwrap(), Found::Damaged(_)), "{damage:?}");
        }
        let aside = move_aside(&layout, "web").unwrap();
        assert!(aside.exists());
        assert!(matches!(read(&layout, "web").unwrap(), Found::Nothing));
    }
}
