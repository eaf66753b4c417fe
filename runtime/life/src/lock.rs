//! One command at a time on one domain, and who it is.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;

use crate::error::{LifeError, Result};
use crate::files;
use crate::layout::{Layout, make_dir};

/// How long a command waits for another one on the same domain: longer than any step of ours takes that
/// is not waiting for a container.
const PATIENCE: Duration = Duration::from_secs(20);

/// The right to change a domain; given back when dropped, or when every process that holds it is gone.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the domain's lock; waits for a while where another command has it.
    ///
    /// # Errors
    /// Says who has it.
    pub fn take(layout: &Layout, name: &str, verb: &str) -> Result<Self> {
        Self::take_within(layout, name, verb, PATIENCE)
    }

    /// The same with a bound of the caller's.
    ///
    /// # Errors
    /// Says who has it.
    pub fn take_within(layout: &Layout, name: &str, verb: &str, patience: Duration) -> Result<Self> {
        let path = layout.lock(name);
        make_dir(path.parent().unwrap_or(Path::new("/")))?;
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        loop {
            let file = open(&path)?;
            match set(&file, libc::F_WRLCK) {
                // Removed by its last holder while we waited: nobody else will see this one.
                Ok(()) if !is_at(&file, &path) => continue,
                Ok(()) => {
                    let lock = Self { file, path };
                    lock.sign(verb);
                    return Ok(lock);
                }
                Err(Errno::EAGAIN | Errno::EACCES) if Instant::now() < deadline => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(Duration::from_millis(20));
                }
                Err(Errno::EAGAIN | Errno::EACCES) => {
                    return Err(LifeError::Busy { name: name.to_owned(), holder: holder(&path) });
                }
                Err(errno) => return Err(LifeError::file("lock", &path, errno.into())),
            }
        }
    }

    /// Writes down who has it, for those who wait. A lock without a name is a lock all the same.
    fn sign(&self, verb: &str) {
        let text = format!("'browndog {verb}', process {}", std::process::id());
        let mut file = &self.file;
        crate::disregard(
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())),
        );
    }

    /// The lock as a descriptor to be inherited: it is held until every copy is closed.
    pub fn share(&self) -> Result<File> {
        self.file.try_clone().map_err(|error| LifeError::file("share the lock", &self.path, error))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while held, so that nobody else can hold what is removed.
        crate::disregard(std::fs::remove_file(&self.path));
    }
}

fn open(path: &Path) -> Result<File> {
    let file = files::open(path, OFlag::O_RDWR | OFlag::O_CREAT);
    file.map_err(|error| LifeError::file("open the lock", path, error))
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.symlink_metadata()) {
        (Ok(held), Ok(there)) => held.ino() == there.ino() && held.dev() == there.dev(),
        _ => false,
    }
}

fn holder(path: &Path) -> String {
    let mut text = String::new();
    let read = files::open(path, OFlag::O_RDONLY).and_then(|file| file.take(200).read_to_string(&mut text));
    if read.is_ok() && !text.is_empty() { text } else { "another command".to_owned() }
}

fn whole(kind: i32) -> libc::flock {
    libc::flock { l_type: kind as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 }
}

/// Locks the open file description (fcntl(2), F_OFD_SETLK): the lock is the file's, not the process's.
fn set(file: &File, kind: i32) -> std::result::Result<(), Errno> {
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole(kind))).map(drop)
}

/// Takes the lock that says that its holder lives.
///
/// # Errors
/// EAGAIN where another process has it.
pub fn live(file: &File) -> std::result::Result<(), Errno> {
    set(file, libc::F_WRLCK)
}

/// What can be said of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Somebody holds it, in whatever namespace.
    Held,
    /// Nobody does.
    Free,
    /// There is no such file.
    Missing,
    /// It cannot be judged: why.
    Unknown(String),
}

/// Asks for a lock without taking it, also where nothing can be written.
pub fn look(path: &Path) -> Holding {
    let file = match files::open(path, OFlag::O_RDONLY) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Holding::Missing,
        Err(error) => return Holding::Unknown(LifeError::file("open", path, error).to_string()),
    };
    match held(&file) {
        Ok(true) => Holding::Held,
        Ok(false) => Holding::Free,
        Err(errno) => {
            Holding::Unknown(LifeError::file("ask for the lock of", path, errno.into()).to_string())
        }
    }
}

/// Whether somebody else holds the lock of an open file.
///
/// # Errors
/// The errno of fcntl(2): its file system may have no locks.
pub fn held(file: &File) -> std::result::Result<bool, Errno> {
    let mut lock = whole(libc::F_WRLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock)).map(|_| lock.l_type != libc::F_UNLCK as i16)
}

/// Whether somebody holds the lock on `path`, or may: one that cannot be judged counts as held.
pub fn is_held(path: &Path) -> bool {
    matches!(look(path), Holding::Held | Holding::Unknown(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_by_one_and_says_by_whom() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        let first = Lock::take(&layout, "web", "start").unwrap();
        assert!(is_held(&layout.lock("web")));
        let error = Lock::take_within(&layout, "web", "destroy", Duration::ZERO).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("'web' is being worked on by 'browndog start', process "), "{text}");
        drop(Lock::take(&layout, "other", "start").unwrap());
        drop(first);
        drop(Lock::take_within(&layout, "web", "destroy", Duration::ZERO).unwrap());
        assert_eq!(std::fs::read_dir(layout.run.join("locks")).unwrap().count(), 0);
    }

    #[test]
    fn an_inherited_lock_outlives_its_first_holder() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(Some(dir.path())).unwrap();
        let lock = Lock::take(&layout, "web", "start").unwrap();
        let heir = lock.share().unwrap();
        // The command is killed: nothing of its is run, its descriptors are closed.
        let Lock { file, path } = &lock;
        let path = path.clone();
        assert!(file.metadata().is_ok());
        std::mem::forget(lock);
        assert!(is_held(&path));
        drop(heir);
    }
}
