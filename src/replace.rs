//! A file's new content, all of it or nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Gives `path` this content. Until the last moment the old one stands there: a full disk, a
/// signal or a missing permission loses nothing. Mode and owner stay; a symbolic link stays one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let metadata = fs::metadata(&path)?;
    // A device, a FIFO or a socket would be gone.
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    // A directory that lets its files be replaced is no leave to change one that is write-protected.
    drop(OpenOptions::new().write(true).open(&path)?);
    let beside = beside(&path);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = fill(file, content, &metadata).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() && fs::remove_file(&beside).is_err() {
        // Both failed; the first error is the one that says why.
        return written;
    }
    written
}

fn fill(mut file: File, content: &[u8], metadata: &fs::Metadata) -> io::Result<()> {
    file.write_all(content)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
        fchown(&file, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    file.set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    file.sync_all()
}

/// Writes a file that need not be there yet, all of it or nothing.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.exists() {
        return replace(path, content);
    }
    let beside = beside(path);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() && fs::remove_file(&beside).is_err() {
        // Both failed; the first error is the one that says why.
        return written;
    }
    written
}

/// A name that nobody else takes, in the same directory: only there is a rename atomic.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}
