//! What a console said: kept in a file that is bounded, the newest always there.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::layout::make_dir;

/// A log larger than this (bytes) is put aside, and the one put aside before is removed: twice this is the
/// most that a console's output takes.
pub const LOG_MAX: u64 = 1 << 20;

/// A console's log, opened with its first output.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: Option<File>,
    size: u64,
}

impl Log {
    /// The log at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, size: 0 }
    }

    /// Appends. A log that cannot be written (a full disk) does not stop the container.
    pub fn write(&mut self, bytes: &[u8]) {
        if self.append(bytes).is_err() {
            self.file = None;
        }
    }

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.file.is_some() && self.size + bytes.len() as u64 > LOG_MAX {
            self.file = None;
            fs::rename(&self.path, aside(&self.path))?;
        }
        if self.file.is_none() {
            if let Some(dir) = self.path.parent() {
                // Said by the open below where it failed.
                crate::disregard(make_dir(dir));
            }
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
            self.size = file.metadata()?.len();
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
            self.size += bytes.len() as u64;
        }
        Ok(())
    }

    /// The last bytes of it, at most `count`.
    pub fn tail(&self, count: u64) -> Vec<u8> {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&self.path)?;
            let size = file.metadata()?.len();
            let mut bytes = Vec::new();
            let _at: u64 = file.seek(SeekFrom::Start(size.saturating_sub(count)))?;
            let _count: usize = file.read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        // Nothing was said yet, or the log cannot be kept.
        read().unwrap_or_default()
    }
}

/// Where a full log goes.
pub fn aside(path: &Path) -> PathBuf {
    path.with_extension("old.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_and_its_newest_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web.log");
        let mut log = Log::new(path.clone());
        for number in 0..4000 {
            log.write(format!("{number} {}\n", "x".repeat(1000)).as_bytes());
        }
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        assert!(size(&path) <= LOG_MAX && size(&aside(&path)) <= LOG_MAX);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        let tail = String::from_utf8(log.tail(1010)).unwrap();
        assert!(tail.contains("3999 xxx"), "{}", &tail[..20]);
    }

    #[test]
    fn a_log_that_cannot_be_written_is_no_failure() {
        let mut log = Log::new("/proc/no/such.log".into());
        log.write(b"lost");
        assert_eq!(log.tail(10), b"");
    }
}
