//! What happened: a journal that every process of ours appends to, and that anybody may follow.
//!
//! One line an event, written with one write(2) to a file opened for appending: lines of several
//! writers do not mix. Bounded: a full journal becomes `events.old`.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use crate::error::{LifeError, Result};
use crate::files;
use crate::layout::Layout;
use crate::watched::Watched;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When (ms since 1970).
    pub at: u64,
    /// The domain.
    pub domain: String,
    /// `lifecycle`, `oom`, `console`, `pressure`, `device`, `tune`.
    pub event: String,
    /// What: `started`, `stopped`, `attached`.
    pub what: String,
    /// More of it: `booted`, `destroyed`, `status 3`.
    pub detail: String,
}

/// A journal larger than this is put aside (bytes): some ten thousand events.
const JOURNAL_MAX: u64 = 1 << 20;

/// Notes an event. A journal that cannot be written stops nobody: the files say how things are.
pub fn note(layout: &Layout, domain: &str, event: &str, what: &str, detail: impl Into<String>) {
    let event = Event {
        at: crate::time::now_ms(),
        domain: domain.to_owned(),
        event: event.to_owned(),
        what: what.to_owned(),
        detail: detail.into(),
    };
    crate::disregard(append(layout, &event));
}

fn append(layout: &Layout, event: &Event) -> std::io::Result<()> {
    let path = layout.events();
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT;
    let mut file = files::open(&path, flags)?;
    if file.metadata()?.len() > JOURNAL_MAX {
        fs::rename(&path, path.with_extension("old"))?;
        file = files::open(&path, flags)?;
    }
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Where a follower begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With what happens from now on.
    Now,
    /// With what the journal has.
    Beginning,
}

/// A reader of the journal that sleeps until there is more (inotify(7)).
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    file: Option<File>,
    rest: Vec<u8>,
    watched: Watched,
}

impl Follower {
    /// Begins to follow.
    ///
    /// # Errors
    /// The directory cannot be made or watched.
    pub fn new(layout: &Layout, from: From) -> Result<Self> {
        let watched = Watched::new(vec![layout.run.clone()])?;
        let path = layout.events();
        let mut file = files::open(&path, OFlag::O_RDONLY).ok();
        if let (From::Now, Some(file)) = (from, &mut file) {
            let end = file.seek(SeekFrom::End(0));
            crate::disregard(end.map_err(|error| LifeError::file("read", &path, error))?);
        }
        Ok(Self { path, file, rest: Vec::new(), watched })
    }

    /// What has happened since the last call; waits until something has, or for `timeout`.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Vec<Event>> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let events = self.read()?;
            if !events.is_empty() {
                return Ok(events);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(Vec::new());
            }
            self.sleep(left)?;
        }
    }

    fn sleep(&mut self, timeout: Option<Duration>) -> Result<()> {
        let timeout = timeout.map_or(PollTimeout::NONE, |left| {
            // Rounded up, so that a rest of less than a millisecond is not a loop.
            PollTimeout::try_from(left.as_millis().min(1 << 30) as i32 + 1).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = [PollFd::new(self.watched.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(LifeError::call("wait for events", errno)),
        }
        self.watched.refresh()
    }

    fn read(&mut self) -> Result<Vec<Event>> {
        let error = |error| LifeError::file("read", &self.path, error);
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.file {
            crate::disregard(file.read_to_end(&mut bytes).map_err(error)?);
        }
        // Put aside meanwhile: the old one was read to its end above.
        let there = self.path.metadata().ok().map(|meta| meta.ino());
        let have = self.file.as_ref().and_then(|file| file.metadata().ok()).map(|meta| meta.ino());
        if there.is_some() && there != have {
            let mut file = files::open(&self.path, OFlag::O_RDONLY).map_err(error)?;
            crate::disregard(file.read_to_end(&mut bytes).map_err(error)?);
            self.file = Some(file);
        }
        self.rest.extend(bytes);
        let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') else { return Ok(Vec::new()) };
        let lines: Vec<u8> = self.rest.drain(..=end).collect();
        // A line that is no event is of another version: not ours to show.
        Ok(lines.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

impl AsFd for Follower {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.watched.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_sees_every_event_across_a_full_journal() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        crate::layout::make_dir(&layout.run).unwrap();
        note(&layout, "web", "lifecycle", "defined", "");
        let mut follower = Follower::new(&layout, From::Now).unwrap();
        let detail = "x".repeat(1000);
        let count = JOURNAL_MAX / 1000 + 10;
        let mut seen = 0;
        for number in 0..count {
            note(&layout, "web", "lifecycle", "started", format!("{number} {detail}"));
            if number % 100 == 0 {
                seen += follower.next(Some(Duration::ZERO)).unwrap().len() as u64;
            }
        }
        seen += follower.next(Some(Duration::ZERO)).unwrap().len() as u64;
        assert_eq!(seen, count);
        assert!(layout.events().with_extension("old").exists());
    }
}
