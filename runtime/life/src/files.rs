//! Files of the state, opened so that nobody is followed and nobody is waited for.
//!
//! A layout's paths have no link in them ([`crate::trust::resolved`]); one that is found on the way now was put
//! there since, and is an error. What is no plain file (a FIFO, a device) is opened without waiting, and refused.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;

/// Opens a plain file; one that is made (O_CREAT) can be read by nobody else, whatever the umask is.
///
/// # Errors
/// ELOOP for a link anywhere on the way; EINVAL for what is no plain file; those of openat2(2).
pub fn open(path: &Path, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let mut how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    if flags.contains(OFlag::O_CREAT) {
        how = how.mode(Mode::S_IRUSR | Mode::S_IWUSR);
    }
    let file = File::from(openat2(AT_FDCWD, path, how)?);
    if file.metadata()?.is_file() { Ok(file) } else { Err(Errno::EINVAL.into()) }
}

/// The longest file of the state that is read (bytes): a definition of thousands of devices is a tenth of it.
pub const FILE_MAX: u64 = 64 << 20;

/// The contents of a plain file.
///
/// # Errors
/// As [`open`]; those of read(2); EFBIG for one that is longer than [`FILE_MAX`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open(path, OFlag::O_RDONLY)?;
    let count = file.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if count as u64 > FILE_MAX { Err(Errno::EFBIG.into()) } else { Ok(bytes) }
}

/// The same as text.
///
/// # Errors
/// As [`read`]; bytes that are no UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_followed_and_a_fifo_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        std::fs::write(dir.join("file"), "mine").unwrap();
        std::os::unix::fs::symlink("file", dir.join("link")).unwrap();
        std::os::unix::fs::symlink(".", dir.join("up")).unwrap();
        nix::unistd::mkfifo(&dir.join("fifo"), Mode::S_IRWXU).unwrap();
        assert_eq!(read_to_string(&dir.join("file")).unwrap(), "mine");
        let errno = |name: &str, flags| open(&dir.join(name), flags).map(drop).unwrap_err().raw_os_error();
        let write = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_TRUNC;
        for flags in [OFlag::O_RDONLY, write] {
            assert_eq!(errno("link", flags), Some(Errno::ELOOP as i32));
            assert_eq!(errno("up/file", flags), Some(Errno::ELOOP as i32));
            assert!(open(&dir.join("fifo"), flags).is_err());
        }
        assert_eq!(read_to_string(&dir.join("file")).unwrap(), "mine");
        File::create(dir.join("huge")).unwrap().set_len(1 << 40).unwrap();
        let huge = read(&dir.join("huge")).unwrap_err();
        assert_eq!(huge.raw_os_error(), Some(Errno::EFBIG as i32));
    }
}
