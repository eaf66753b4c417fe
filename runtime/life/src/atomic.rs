//! Files that are whole or not there: written beside, then renamed (rename(2)).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::error::{LifeError, Result};
use crate::files;

/// Whether a file has to survive a loss of power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until the next boot, which ends what it is about.
    Boot,
    /// For ever: flushed to the disk before and after the rename.
    Disk,
}

/// Makes `path` say `contents`, whole or not at all.
///
/// # Errors
/// Names the file; what was there before is untouched.
pub fn write(path: &Path, contents: &[u8], keep: Keep) -> Result<()> {
    stage(path, contents, keep)?.commit()
}

/// A file that is written and has not got its name yet; removed when it is dropped without it.
#[derive(Debug)]
pub struct Staged {
    beside: PathBuf,
    path: PathBuf,
    keep: Keep,
    named: bool,
    /// Locked until it has its name: what nobody holds was half written by a process that was killed.
    _held: File,
}

/// Writes what `path` shall say beside it: a full disk is met before anything has changed.
///
/// # Errors
/// Names the file; what was there before is untouched.
pub fn stage(path: &Path, contents: &[u8], keep: Keep) -> Result<Staged> {
    let failed = |error| LifeError::file("write", path, error);
    let (beside, mut file) = begin(path).map_err(failed)?;
    let written =
        file.write_all(contents).and_then(|()| if keep == Keep::Disk { file.sync_all() } else { Ok(()) });
    let staged = Staged { beside, path: path.to_owned(), keep, named: false, _held: file };
    written.map_err(failed)?;
    Ok(staged)
}

impl Staged {
    /// Gives it its name.
    ///
    /// # Errors
    /// Names the file; what was there before is untouched.
    pub fn commit(mut self) -> Result<()> {
        let named = fs::rename(&self.beside, &self.path);
        named.map_err(|error| LifeError::file("write", &self.path, error))?;
        self.named = true;
        if self.keep == Keep::Disk
            && let Some(dir) = self.path.parent()
        {
            // A file system that cannot flush a directory keeps the file as well as it can.
            crate::disregard(File::open(dir).and_then(|dir| dir.sync_all()));
        }
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.named {
            // It may never have come to be.
            crate::disregard(fs::remove_file(&self.beside));
        }
    }
}

/// Begins the name of a file that is being written; such a name is nobody's domain's file.
pub const BESIDE: &str = ".writing-";

/// Whether a file or a domain of this name would be taken for one that is being written.
pub fn is_beside(name: &str) -> bool {
    name.starts_with(BESIDE)
}

/// A new file beside `path`, locked.
fn begin(path: &Path) -> std::io::Result<(PathBuf, File)> {
    loop {
        let beside = beside(path);
        match files::open(&beside, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL) {
            Ok(file) => match crate::lock::live(&file) {
                // Somebody has swept between the two calls.
                Err(Errno::EAGAIN | Errno::EACCES) => {}
                Ok(()) if !beside.exists() => {}
                Ok(()) => return Ok((beside, file)),
                // A file system without locks.
                Err(_) => return Ok((beside, file)),
            },
            // A process of another PID namespace has our number.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!("{BESIDE}{}-{count}", std::process::id()))
}

/// Removes what a killed process has half written in `dir`: what nobody holds the lock of.
pub fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let ours = name.strip_prefix(BESIDE).and_then(|rest| rest.split_once('-'));
        if !ours.is_some_and(|(pid, count)| number(pid) && number(count)) {
            continue;
        }
        // Taken, not only asked for: whoever has just made it sees that, and makes another.
        let taken = files::open(&entry.path(), OFlag::O_RDWR).is_ok_and(|file| {
            let taken = crate::lock::live(&file).is_ok();
            if taken {
                // Somebody else has removed it meanwhile.
                crate::disregard(fs::remove_file(entry.path()));
            }
            taken
        });
        crate::disregard(taken);
    }
}

/// As much as is kept for a file that has to be written also on a full disk (bytes); a multiple.
const RESERVE: usize = 4096;

/// The room that is kept for `path`: written over and put in its place where the disk is full.
fn reserve_of(path: &Path) -> PathBuf {
    path.with_extension("reserve")
}

/// Keeps room for `path` to be written again by [`write_reserved`], with up to `length` bytes and some more.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn reserve(path: &Path, length: usize) -> Result<()> {
    let room = (length + RESERVE / 8).next_multiple_of(RESERVE);
    write(&reserve_of(path), &vec![b'\n'; room], Keep::Boot)
}

/// Gives the room back.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn unreserve(path: &Path) -> Result<()> {
    remove(&reserve_of(path))
}

/// As [`write()`] for the time of a boot; where the disk is full, into the room kept by [`reserve`]. What is after
/// the contents then is empty lines.
///
/// # Errors
/// Names the file; what was there before is untouched.
pub fn write_reserved(path: &Path, contents: &[u8]) -> Result<()> {
    let full = match write(path, contents, Keep::Boot) {
        Err(LifeError::File { error, .. }) if is_full(&error) => error,
        written => return written,
    };
    let reserve = reserve_of(path);
    let length = |path: &Path| path.symlink_metadata().map_or(0, |found| found.len());
    let room = usize::try_from(length(&reserve)).unwrap_or(0);
    if room < contents.len() {
        return Err(LifeError::file("write", path, full));
    }
    let mut padded = contents.to_vec();
    padded.resize(room, b'\n');
    let written = files::open(&reserve, OFlag::O_WRONLY).and_then(|mut file| file.write_all(&padded));
    let failed = |error| LifeError::file("write", path, error);
    written.map_err(failed)?;
    renameat_with(CWD, &reserve, CWD, path, RenameFlags::EXCHANGE).map_err(|errno| failed(errno.into()))?;
    if length(&reserve) < length(path) {
        // The old one is smaller: what it had is free now, and with that there may be room again.
        crate::disregard(fs::remove_file(&reserve));
        crate::disregard(self::reserve(path, contents.len()));
    }
    Ok(())
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}

/// Removes a file; one that is not there is removed already.
///
/// # Errors
/// The I/O error, with the path of the file that it is about.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LifeError::file("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_has_half_written_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        for name in [".writing-4194305-0", ".writing-x", ".writing-1-0.xml", "web.xml"] {
            fs::write(file(name), "").unwrap();
        }
        // Somebody writes this: whether his number is seen in this PID namespace or not.
        let (own, _held) = begin(&file("other.xml")).unwrap();
        let strange = file(".writing-4194306-0");
        fs::write(&strange, "").unwrap();
        let held = files::open(&strange, OFlag::O_RDWR).unwrap();
        crate::lock::live(&held).unwrap();
        sweep(dir.path());
        assert!(!file(".writing-4194305-0").exists());
        for stays in [own, strange, file(".writing-x"), file(".writing-1-0.xml"), file("web.xml")] {
            assert!(stays.exists(), "{}", stays.display());
        }
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test says why it is skipped")]
    fn what_has_room_kept_is_written_on_a_full_disk() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: a small disk has to be mounted");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let disk = std::ffi::CString::new(dir.path().as_os_str().as_encoded_bytes()).unwrap();
        // In a mount namespace of this thread's own: nothing is mounted for anybody else.
        let unshared = std::thread::spawn(move || {
            use browndog_runtime::sys;
            assert_eq!(sys::unshare(nix::libc::CLONE_NEWNS), Ok(0));
            sys::mount(None, c"/", None, nix::libc::MS_REC | nix::libc::MS_PRIVATE, None).unwrap();
            sys::mount(Some(c"none"), &disk, Some(c"tmpfs"), 0, Some(c"size=32k")).unwrap();
            let path = Path::new(disk.to_str().unwrap()).join("record.json");
            write_reserved(&path, b"one").unwrap();
            reserve(&path, 100).unwrap();
            // As much as there is.
            let mut fill = File::create(path.with_extension("fill")).unwrap();
            while fill.write_all(&[0; 512]).is_ok() {}
            assert!(write(&path, b"lost", Keep::Boot).is_err(), "it is full");
            for number in 0..50 {
                let text = format!("number {number}");
                write_reserved(&path, text.as_bytes()).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap().trim_end(), text);
            }
            let names = fs::read_dir(path.parent().unwrap()).unwrap().count();
            assert_eq!(names, 3, "nothing half written is left");
        });
        unshared.join().unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write(&path, b"one", Keep::Disk).unwrap();
        write(&path, b"two", Keep::Boot).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        // A directory cannot be replaced by a file.
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, b"x", Keep::Boot).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
