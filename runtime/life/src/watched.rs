//! Directories that are watched for changes (inotify(7)), also before they are there: whoever only looks makes none.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use crate::error::{LifeError, Result};

/// A sleeper's alarm.
#[derive(Debug)]
pub struct Watched {
    inotify: Inotify,
    /// Those that were not there yet; what is above them is watched.
    missing: Vec<PathBuf>,
}

impl Watched {
    /// Watches these directories.
    ///
    /// # Errors
    /// They cannot be watched: the user has no more of the kernel's watches.
    pub fn new(dirs: Vec<PathBuf>) -> Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK);
        let inotify = inotify.map_err(|errno| LifeError::call("watch the state", errno))?;
        let mut watched = Self { inotify, missing: dirs };
        watched.add()?;
        Ok(watched)
    }

    /// After something has happened: what it was does not matter to who looks again at everything.
    ///
    /// # Errors
    /// As [`Watched::new`].
    pub fn refresh(&mut self) -> Result<()> {
        crate::disregard(self.inotify.read_events());
        self.add()
    }

    fn add(&mut self) -> Result<()> {
        for dir in std::mem::take(&mut self.missing) {
            if !self.watch(&dir)? {
                self.missing.push(dir.clone());
                // The first above it that is there; what comes to be in it wakes us.
                for above in dir.ancestors().skip(1) {
                    if self.watch(above)? {
                        break;
                    }
                }
                // Made between the two.
                if self.watch(&dir)? {
                    self.missing.retain(|missing| *missing != dir);
                }
            }
        }
        Ok(())
    }

    fn watch(&self, dir: &Path) -> Result<bool> {
        let flags = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
        match self.inotify.add_watch(dir, flags | AddWatchFlags::IN_ONLYDIR) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(errno) => Err(LifeError::call(format!("watch {}", dir.display()), errno)),
        }
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;

    #[test]
    fn what_is_not_there_yet_is_watched_when_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("not/yet");
        let mut watched = Watched::new(vec![deep.clone()]).unwrap();
        assert!(!dir.path().join("not").exists(), "it only looks");
        let woken = |watched: &mut Watched| {
            let count = poll(&mut [PollFd::new(watched.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO);
            watched.refresh().unwrap();
            count == Ok(1)
        };
        assert!(!woken(&mut watched));
        fs::create_dir(dir.path().join("not")).unwrap();
        assert!(woken(&mut watched));
        fs::create_dir(&deep).unwrap();
        assert!(woken(&mut watched));
        fs::write(deep.join("file"), "").unwrap();
        assert!(woken(&mut watched));
        assert!(watched.missing.is_empty());
    }
}
