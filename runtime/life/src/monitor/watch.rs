//! Tells of processes that the kernel killed for want of memory, and of memory that runs short.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::groups::keyed;
use crate::record::Record;

/// What wakes the monitor when a process was killed.
#[derive(Debug)]
enum Source {
    /// `memory.events` of version 2 tells inotify(7) when it changes.
    V2(Inotify),
    /// An eventfd(2) registered with `cgroup.event_control` of version 1.
    V1(EventFd),
}

/// The memory group's out-of-memory events.
#[derive(Debug)]
pub struct OomWatch {
    source: Source,
    counter: PathBuf,
    seen: u64,
}

impl OomWatch {
    /// Of a domain that has a memory group; without one there is nothing to watch.
    pub fn new(record: &Record) -> Option<Self> {
        if let Some(group) = record.group("memory") {
            return Self::v1(group);
        }
        let counter = record.unified()?.join("memory.events");
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        let _watch = inotify.add_watch(&counter, AddWatchFlags::IN_MODIFY).ok()?;
        let seen = keyed(&counter, "oom_kill").unwrap_or(0);
        Some(Self { source: Source::V2(inotify), counter, seen })
    }

    fn v1(group: &Path) -> Option<Self> {
        let counter = group.join("memory.oom_control");
        let control = File::open(&counter).ok()?;
        let event = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).ok()?;
        let line = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
        let mut file = OpenOptions::new().write(true).open(group.join("cgroup.event_control")).ok()?;
        file.write_all(line.as_bytes()).ok()?;
        let seen = keyed(&counter, "oom_kill").unwrap_or(0);
        Some(Self { source: Source::V1(event), counter, seen })
    }

    /// How many processes were killed since the last look.
    pub fn look(&mut self) -> u64 {
        match &self.source {
            Source::V2(inotify) => crate::disregard(inotify.read_events()),
            Source::V1(event) => crate::disregard(event.read()),
        }
        let now = keyed(&self.counter, "oom_kill").unwrap_or(self.seen);
        // Version 1 tells before it kills: what is not counted yet is counted as one.
        let more = match self.source {
            Source::V1(_) if now == self.seen && self.counter.exists() => 0,
            _ => now.saturating_sub(self.seen),
        };
        self.seen = now;
        more
    }
}

impl AsFd for OomWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.source {
            Source::V2(inotify) => inotify.as_fd(),
            Source::V1(event) => event.as_fd(),
        }
    }
}

/// Stalls for want of memory (pressure stall information, psi.rst): a tenth of a second in one second.
#[derive(Debug)]
pub struct PressureWatch(File);

impl PressureWatch {
    /// Of a domain with a group of version 2, where the kernel counts stalls.
    pub fn new(record: &Record) -> Option<Self> {
        let path = record.unified()?.join("memory.pressure");
        let mut file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        file.write_all(b"some 100000 1000000\0").ok()?;
        Some(Self(file))
    }
}

impl AsFd for PressureWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Oom kills so far, for a record of the end.
pub fn oom_kills(record: &Record) -> u64 {
    let v1 = record.group("memory").map(|group| group.join("memory.oom_control"));
    let v2 = record.unified().map(|group| group.join("memory.events"));
    let read = |path: PathBuf| fs::metadata(&path).ok().and_then(|_| keyed(&path, "oom_kill"));
    v1.and_then(read).or_else(|| v2.and_then(read)).unwrap_or(0)
}
