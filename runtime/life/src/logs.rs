//! What the consoles of a domain said, from their logs, and what they say next.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::watched::Watched;
use crate::{domains, files};

/// Where a full log goes.
pub use crate::monitor::log_aside as aside;

/// Writes the log of a console to `out`: the last `lines` of it, or all.
///
/// # Errors
/// There is no log, it cannot be read, or `out` cannot be written.
pub fn copy(path: &Path, lines: Option<usize>, out: &mut dyn Write) -> Result<u64> {
    let mut text = Vec::new();
    for path in [aside(path), path.to_owned()] {
        match files::read(&path) {
            Ok(more) => text.extend(more),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(LifeError::file("read", &path, error)),
        }
    }
    let from = lines.map_or(0, |lines| last_lines(&text, lines));
    let written = out.write_all(&text[from..]).and_then(|()| out.flush());
    written.map_err(|error| LifeError::file("write", Path::new("the output"), error))?;
    Ok(path.metadata().map_or(0, |meta| meta.len()))
}

/// Removes what a domain of this name has said: the next one is another, which is not to be shown it.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn forget(layout: &Layout, name: &str) -> Result<()> {
    let mut logs = vec![layout.console_log(name, 0)];
    for dir in domains::entries(&layout.log)? {
        let console = dir.strip_prefix("console").and_then(|number| number.parse().ok());
        logs.extend(console.map(|console| layout.console_log(name, console)));
    }
    logs.iter().flat_map(|log| [aside(log), log.clone()]).try_for_each(|log| crate::atomic::remove(&log))
}

/// Where the last `lines` lines begin.
fn last_lines(text: &[u8], lines: usize) -> usize {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    match lines {
        0 => text.len(),
        lines => ends.map(|(at, _)| at + 1).nth(lines - 1).unwrap_or(0),
    }
}

/// Follows a log from `position` until its domain does not run any more.
#[derive(Debug)]
pub struct Follow<'a> {
    layout: &'a Layout,
    name: &'a str,
    path: PathBuf,
    file: Option<File>,
    watched: Watched,
}

impl<'a> Follow<'a> {
    /// Begins.
    ///
    /// # Errors
    /// The directories cannot be watched.
    pub fn new(layout: &'a Layout, name: &'a str, path: &Path, position: u64) -> Result<Self> {
        let dir = path.parent().unwrap_or(&layout.log).to_owned();
        let watched = Watched::new(vec![dir, layout.run.clone()])?;
        let mut file = files::open(path, OFlag::O_RDONLY).ok();
        if let Some(file) = &mut file {
            let sought = file.seek(SeekFrom::Start(position));
            crate::disregard(sought.map_err(|error| LifeError::file("read", path, error))?);
        }
        Ok(Self { layout, name, path: path.to_owned(), file, watched })
    }

    /// What was said since; waits for it. `None` when the domain has ended and everything was given.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn more(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            // Looked at before the log, so that the last words are not missed.
            let over = domains::view(self.layout, self.name).is_ok_and(|view| !view.phase.is_active());
            let said = self.read()?;
            if !said.is_empty() {
                return Ok(Some(said));
            }
            if over {
                return Ok(None);
            }
            let mut fds = [PollFd::new(self.watched.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(LifeError::call("wait for output", errno)),
            }
            self.watched.refresh()?;
        }
    }

    fn read(&mut self) -> Result<Vec<u8>> {
        let error = |error| LifeError::file("read", &self.path, error);
        let mut said = Vec::new();
        if let Some(file) = &mut self.file {
            crate::disregard(file.read_to_end(&mut said).map_err(error)?);
        }
        let inode = |meta: std::io::Result<std::fs::Metadata>| meta.ok().map(|meta| meta.ino());
        let there = inode(self.path.metadata());
        if there.is_some() && there != self.file.as_ref().and_then(|file| inode(file.metadata())) {
            let mut file = files::open(&self.path, OFlag::O_RDONLY).map_err(error)?;
            crate::disregard(file.read_to_end(&mut said).map_err(error)?);
            self.file = Some(file);
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_domains_share_a_log_whatever_they_are_called() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        let names =
            ["foo", "foo.console1", "foo.old", "old", "console1", "foo.log", "foo.old.log", "console1.log"];
        let mut all: Vec<PathBuf> = names
            .iter()
            .flat_map(|name| (0..3).map(|console| layout.console_log(name, console)))
            .flat_map(|log| [aside(&log), log])
            .collect();
        let count = all.len();
        // A directory is no log either.
        let dirs: Vec<PathBuf> = all.iter().filter_map(|log| log.parent().map(Path::to_owned)).collect();
        assert!(all.iter().all(|log| !dirs.contains(log)));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_next_of_a_name_is_not_shown_what_another_said() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        let logs: Vec<PathBuf> = ["web", "mail"]
            .iter()
            .flat_map(|name| [0, 3].map(|console| layout.console_log(name, console)))
            .flat_map(|log| [aside(&log), log])
            .collect();
        for log in &logs {
            crate::layout::make_dir(log.parent().unwrap()).unwrap();
            std::fs::write(log, "secret").unwrap();
        }
        forget(&layout, "web").unwrap();
        assert_eq!(logs.iter().map(|log| log.exists()).collect::<Vec<_>>(), [[false; 4], [true; 4]].concat());
    }

    #[test]
    fn the_last_lines_are_counted_with_and_without_a_last_newline() {
        assert_eq!(&b"a\nb\nc\n"[last_lines(b"a\nb\nc\n", 2)..], b"b\nc\n");
        assert_eq!(&b"a\nb\nc"[last_lines(b"a\nb\nc", 2)..], b"b\nc");
        assert_eq!(last_lines(b"a\nb\n", 9), 0);
        assert_eq!(last_lines(b"a\nb\n", 0), 4);
    }
}
