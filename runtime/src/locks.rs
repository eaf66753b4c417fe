//! Locks of directories of the host, in files that only their user can open.
//!
//! A lock of the directory itself (flock(2)) could be taken by everybody who may read it, and a start would wait
//! for a stranger. The files are named after the directory's device and inode, and go with the last that needs
//! them. Every wait has a bound.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;
use nix::sys::stat::fstat;

use crate::errno_of;

/// The lock of one directory, not taken yet.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
}

/// A lock that is held.
#[derive(Debug)]
pub struct Guard {
    file: Option<Flock<File>>,
    path: PathBuf,
}

/// The name of our directory in that of the user's run time files.
const NAME: &str = "browndog-locks";

/// How often a file that went while it was opened is opened again.
const TRIES: u32 = 1000;

impl Lock {
    /// Of a directory that is held.
    ///
    /// # Errors
    /// There is no place for the user's lock files, or the directory cannot be looked at.
    pub fn of(dir: &impl AsFd) -> Result<Self, Errno> {
        let found = fstat(dir)?;
        let name = format!("{}-{}", found.st_dev, found.st_ino);
        let place = places().into_iter().find(|place| is_usable(place)).ok_or(Errno::ENOTDIR)?;
        Ok(Self { path: place.join(name) })
    }

    /// Takes it together with others; waits no longer than this for who has it alone.
    ///
    /// # Errors
    /// ETIMEDOUT; or why the file cannot be opened.
    pub fn shared(&self, within: Duration) -> Result<Guard, Errno> {
        let deadline = Instant::now() + within;
        loop {
            match self.take(FlockArg::LockSharedNonblock) {
                Err(Errno::EWOULDBLOCK) if Instant::now() >= deadline => return Err(Errno::ETIMEDOUT),
                Err(Errno::EWOULDBLOCK) => std::thread::sleep(Duration::from_millis(1)),
                taken => return taken,
            }
        }
    }

    /// Takes it where nobody has it.
    ///
    /// # Errors
    /// EWOULDBLOCK where somebody has; or why the file cannot be opened.
    pub fn alone(&self) -> Result<Guard, Errno> {
        self.take(FlockArg::LockExclusiveNonblock)
    }

    fn take(&self, how: FlockArg) -> Result<Guard, Errno> {
        for _ in 0..TRIES {
            let file = match self.open() {
                // The directory went with the last of the others.
                Err(Errno::ENOENT) => continue,
                opened => opened?,
            };
            let file = Flock::lock(file, how).map_err(|(_, errno)| errno)?;
            if is_at(&file, &self.path) {
                let guard = Guard { file: Some(file), path: self.path.clone() };
                guard.sign();
                return Ok(guard);
            }
        }
        Err(Errno::EAGAIN)
    }

    fn open(&self) -> Result<File, Errno> {
        let place = self.path.parent().unwrap_or(Path::new("/"));
        if !is_usable(place) {
            return Err(Errno::ENOTDIR);
        }
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&self.path).map_err(errno_of)
    }

    /// Who wrote that the lock is its: `process 12`. Nobody, where there is no such file.
    pub fn holder(&self) -> String {
        let mut text = String::new();
        let read = self.open().and_then(|file| file.take(100).read_to_string(&mut text).map_err(errno_of));
        if read.is_ok() && !text.is_empty() { text } else { "another process".to_owned() }
    }
}

impl Guard {
    /// Whether nobody else has the lock; it is then this one's alone. For who is about to give it back: where
    /// somebody else has it, this one's may be lost (flock(2), conversion).
    pub fn alone(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.relock(FlockArg::LockExclusiveNonblock).is_ok())
    }

    /// For a message of who waits; a lock without a name is a lock all the same.
    fn sign(&self) {
        let Some(mut file) = self.file.as_deref() else { return };
        let text = format!("process {}", std::process::id());
        crate::disregard(file.set_len(0).and_then(|()| file.write_all(text.as_bytes())));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.alone() {
            // Removed while nobody else has it, so that nobody holds what is removed; others may have theirs there.
            crate::disregard(fs::remove_file(&self.path));
            crate::disregard(self.path.parent().map(fs::remove_dir));
        }
    }
}

/// Root's, or the user's (XDG base directories).
fn places() -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from("/run")];
    let of_user = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    places.extend(of_user);
    places.push(PathBuf::from(format!("/run/user/{}", nix::unistd::geteuid())));
    places.into_iter().map(|place| place.join(NAME)).collect()
}

/// Makes it where it is missing; whether it is the user's own, and nobody else can enter it.
fn is_usable(place: &Path) -> bool {
    // There already, or not to be had: then the look says so.
    crate::disregard(DirBuilder::new().mode(0o700).create(place));
    let own = nix::unistd::geteuid().as_raw();
    place.symlink_metadata().is_ok_and(|it| it.is_dir() && it.uid() == own && it.mode() & 0o077 == 0)
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(held), Ok(there)) => held.ino() == there.ino() && held.dev() == there.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_the_directory_itself_is_nobodys_business() {
        let dir = tempfile::tempdir().expect("a directory");
        let held = File::open(dir.path()).expect("opened");
        let Ok(lock) = Lock::of(&held) else {
            eprintln!("skipped: this user has no place for lock files");
            return;
        };
        let _stranger = Flock::lock(held, FlockArg::LockExclusive).expect("a stranger's lock");
        let first = lock.shared(Duration::ZERO).expect("a lock");
        let second = lock.shared(Duration::ZERO).expect("a lock together with the first");
        assert_eq!(lock.alone().map(drop), Err(Errno::EWOULDBLOCK));
        assert!(!second.alone());
        drop(second);
        assert!(first.alone());
        assert_eq!(lock.shared(Duration::ZERO).map(drop), Err(Errno::ETIMEDOUT));
        assert_eq!(lock.holder(), format!("process {}", std::process::id()));
        drop(first);
        assert!(!lock.path.exists());
    }
}
