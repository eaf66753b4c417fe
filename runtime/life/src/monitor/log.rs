//! What a console said: kept in a file that is bounded, the newest always there.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::files;
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
    /// When this life began (ms since 1970), until it has said something.
    began: Option<u64>,
}

impl Log {
    /// The log at `path`, for one life of a domain.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, size: 0, began: Some(crate::time::now_ms()) }
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
            let aside = aside(&self.path);
            if let Some(dir) = aside.parent() {
                // Said by the rename where it failed.
                crate::disregard(make_dir(dir));
            }
            fs::rename(&self.path, aside)?;
        }
        if self.file.is_none() {
            if let Some(dir) = self.path.parent() {
                // Said by the open below where it failed.
                crate::disregard(make_dir(dir));
            }
            let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT;
            let file = files::open(&self.path, flags)?;
            self.size = file.metadata()?.len();
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            if let Some(began) = self.began.take().filter(|_| self.size > 0) {
                let mark = format!("\n--- started again at {} ---\n", crate::time::rfc3339(began));
                file.write_all(mark.as_bytes())?;
                self.size += mark.len() as u64;
            }
            file.write_all(bytes)?;
            self.size += bytes.len() as u64;
        }
        Ok(())
    }

    /// The last bytes of it, at most `count`.
    pub fn tail(&self, count: u64) -> Vec<u8> {
        let read = || -> std::io::Result<Vec<u8>> {
            let mut file = files::open(&self.path, OFlag::O_RDONLY)?;
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

/// Where a full log goes: into a directory, since a domain may have any name.
pub fn aside(path: &Path) -> PathBuf {
    let dir = path.parent().unwrap_or(Path::new("/")).join("old");
    path.file_name().map_or_else(|| dir.clone(), |name| dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_and_its_newest_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("web.log");
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
    fn what_an_earlier_life_said_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("web.log");
        for life in ["first", "second"] {
            let mut log = Log::new(path.clone());
            log.write(life.as_bytes());
            log.write(b" goes on\n");
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[1], lines[3]), ("first goes on", "", "second goes on"));
        assert!(lines[2].starts_with("--- started again at 20"), "{text}");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_no_failure() {
        let mut log = Log::new("/proc/no/such.log".into());
        log.write(b"lost");
        assert_eq!(log.tail(10), b"");
    }
}
