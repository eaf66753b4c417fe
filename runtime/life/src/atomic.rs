//! Files that are whole or not there: written beside, then renamed (rename(2)).

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{LifeError, Result};

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
    let beside = beside(path);
    let written = fill(&beside, contents, keep).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = written {
        // It may never have come to be.
        crate::disregard(fs::remove_file(&beside));
        return Err(LifeError::file("write", path, error));
    }
    if keep == Keep::Disk
        && let Some(dir) = path.parent()
    {
        // A file system that cannot flush a directory keeps the file as well as it can.
        crate::disregard(File::open(dir).and_then(|dir| dir.sync_all()));
    }
    Ok(())
}

fn fill(beside: &Path, contents: &[u8], keep: Keep) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    file.write_all(contents)?;
    if keep == Keep::Disk { file.sync_all() } else { Ok(()) }
}

/// Begins the name of a file that is being written; such a name is nobody's domain's file.
pub const BESIDE: &str = ".writing-";

fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!("{BESIDE}{}-{count}", std::process::id()))
}

/// Removes a file; one that is not there is removed already.
///
/// # Errors
/// Names the file.
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
