//! What the consoles of a domain said, from their logs, and what they say next.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::domains;
use crate::error::{LifeError, Result};
use crate::layout::{Layout, make_dir};

/// Where a full log goes.
pub use crate::monitor::log_aside as aside;

/// Writes the log of a console to `out`: the last `lines` of it, or all.
///
/// # Errors
/// There is no log, it cannot be read, or `out` cannot be written.
pub fn copy(path: &Path, lines: Option<usize>, out: &mut dyn Write) -> Result<u64> {
    let mut text = Vec::new();
    for path in [aside(path), path.to_owned()] {
        match File::open(&path).and_then(|mut file| file.read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(LifeError::file("read", &path, error)),
        }
    }
    let from = lines.map_or(0, |lines| last_lines(&text, lines));
    let written = out.write_all(&text[from..]).and_then(|()| out.flush());
    written.map_err(|error| LifeError::file("write", Path::new("the output"), error))?;
    Ok(path.metadata().map_or(0, |meta| meta.len()))
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
    inotify: Inotify,
}

impl<'a> Follow<'a> {
    /// Begins.
    ///
    /// # Errors
    /// The directories cannot be watched.
    pub fn new(layout: &'a Layout, name: &'a str, path: &Path, position: u64) -> Result<Self> {
        make_dir(&layout.log)?;
        let failed = |errno| LifeError::call(format!("watch {}", layout.log.display()), errno);
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).map_err(failed)?;
        let flags = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
        for dir in [&layout.log, &layout.run] {
            crate::disregard(inotify.add_watch(dir, flags).map_err(failed)?);
        }
        let mut file = File::open(path).ok();
        if let Some(file) = &mut file {
            let sought = file.seek(SeekFrom::Start(position));
            crate::disregard(sought.map_err(|error| LifeError::file("read", path, error))?);
        }
        Ok(Self { layout, name, path: path.to_owned(), file, inotify })
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
            let mut fds = [PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(LifeError::call("wait for output", errno)),
            }
            // What they say does not matter: the log is looked at in any case.
            crate::disregard(self.inotify.read_events());
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
            let mut file = File::open(&self.path).map_err(error)?;
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
    fn the_last_lines_are_counted_with_and_without_a_last_newline() {
        assert_eq!(&b"a\nb\nc\n"[last_lines(b"a\nb\nc\n", 2)..], b"b\nc\n");
        assert_eq!(&b"a\nb\nc"[last_lines(b"a\nb\nc", 2)..], b"b\nc");
        assert_eq!(last_lines(b"a\nb\n", 9), 0);
        assert_eq!(last_lines(b"a\nb\n", 0), 4);
    }
}
