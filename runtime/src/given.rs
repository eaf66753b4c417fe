//! Files that the caller has named by hand: a document, a report to compare with.
//!
//! They too are looked at before they are opened ([`crate::foreign`]). Whoever wants a document from a pipe, a
//! socket or a terminal hands its descriptor over, as `-` or by the name that a shell gives it for `<(…)`
//! (`/dev/fd/63`): that descriptor itself is then read, and nothing is opened. A FIFO by its own path is refused:
//! opening it waits for a writer, who may never come, and the path may be one that somebody else has put there
//! (a shell's `*.xml`). `- < FIFO` says that waiting is meant, and then it is the shell that waits, until a signal.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, Mode, fstat};

use crate::foreign::{self, Kind, Unread, kind};
use crate::sys::mount_id;

/// Opens a file that the caller has named, for reading. Never waits.
///
/// # Errors
/// The errno of a call, or what it is instead of a file, in words.
pub fn open(path: &Path) -> io::Result<File> {
    if let Some(own) = own_descriptor(path).and_then(duplicate)
        // A regular file is opened anew, as the kernel does it for this name: from its beginning.
        && !matches!(kind(&fstat(&own)?), Kind::File | Kind::Directory)
    {
        return Ok(own);
    }
    let found = foreign::look(path)?;
    foreign::reopen(found.as_fd(), false).or_else(|why| without_procfs(path, found.as_fd(), why)).map_err(
        |why| match why {
            Unread::Errno(errno) => errno.into(),
            Unread::Kind => refused(found.as_fd()),
            Unread::Filesystem => io::Error::other(foreign::KERNELS_OWN),
        },
    )
}

/// Where nothing is mounted at /proc, only its name is left to open what was judged; what it is then is compared.
fn without_procfs(path: &Path, found: BorrowedFd<'_>, why: Unread) -> Result<File, Unread> {
    if why != Unread::Errno(Errno::ENOENT) || Path::new("/proc/self").exists() {
        return Err(why);
    }
    let opened = nix::fcntl::open(path, foreign::READ, Mode::empty())?;
    let id = |stat: &FileStat| (stat.st_dev, stat.st_ino);
    if id(&fstat(found)?) == id(&fstat(&opened)?) { Ok(opened.into()) } else { Err(Errno::ESTALE.into()) }
}

/// The whole text of a file that the caller has named.
///
/// # Errors
/// As [`open`]; where reading fails, or what is read is no UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    open(path).and_then(io::read_to_string)
}

fn refused(found: BorrowedFd<'_>) -> io::Error {
    let mode = fstat(found).map_or(0, |stat| stat.st_mode & libc::S_IFMT);
    let what = match mode {
        libc::S_IFDIR => return Errno::EISDIR.into(),
        libc::S_IFIFO => "it is a FIFO, and opening it could wait for ever; '- < FIFO' reads from one",
        libc::S_IFSOCK => "it is a socket",
        libc::S_IFCHR | libc::S_IFBLK => "it is a device; what it gives can be piped to '-'",
        _ => "it is no regular file",
    };
    io::Error::other(what)
}

/// The number of the own descriptor that a path names: `/dev/stdin`, `/dev/fd/N`, `/proc/self/fd/N`.
fn own_descriptor(path: &Path) -> Option<i32> {
    if path == Path::new("/dev/stdin") {
        return Some(libc::STDIN_FILENO);
    }
    let process = || path.strip_prefix(format!("/proc/{}/fd", std::process::id())).ok();
    let named = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
    let rest = named.iter().find_map(|dir| path.strip_prefix(dir).ok()).or_else(process)?;
    let mut parts = rest.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(number)), None) => {
            number.to_str()?.parse().ok().filter(|number| *number >= 0)
        }
        _ => None,
    }
}

fn duplicate(number: i32) -> Option<File> {
    mount_id::duplicate(number).ok().map(File::from)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/dev/stdin", Some(0))]
    #[case("/dev/fd/63", Some(63))]
    #[case("/proc/self/fd//7", Some(7))]
    #[case("/proc/thread-self/fd/0", Some(0))]
    #[case("/dev/fd", None)]
    #[case("/dev/fd/-1", None)]
    #[case("/dev/fd/3/x", None)]
    #[case("/dev/fd/..", None)]
    #[case("/proc/1x/fd/3", None)]
    #[case("dev/fd/3", None)]
    fn the_names_of_the_own_descriptors_are_known(#[case] path: &str, #[case] number: Option<i32>) {
        assert_eq!(own_descriptor(Path::new(path)), number);
    }

    #[test]
    fn a_descriptor_that_is_handed_over_is_read_and_not_opened_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        // Both ends, so that nobody waits.
        let mut both = File::options().read(true).write(true).open(&path).expect("a FIFO");
        both.write_all(b"<a/>").expect("room");
        for name in ["/dev/fd", "/proc/self/fd", &format!("/proc/{}/fd", std::process::id())] {
            let mut given = open(&Path::new(name).join(both.as_raw_fd().to_string())).expect(name);
            let mut first = [0];
            given.read_exact(&mut first).expect("it was written");
            assert!(b"<a/"[..].contains(&first[0]));
        }
        let error = open(&path).expect_err("the same by its path");
        assert!(error.to_string().contains("'- < FIFO' reads from one"), "{error}");
    }

    #[test]
    fn a_regular_file_is_read_from_its_beginning_by_every_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        std::fs::write(&path, "<a/>").expect("a file");
        let mut file = File::open(&path).expect("a file");
        let _read = file.read_to_end(&mut Vec::new()).expect("its text");
        let number = file.as_raw_fd().to_string();
        for name in [path.clone(), Path::new("/dev/fd").join(&number)] {
            assert_eq!(read_to_string(&name).expect("its text"), "<a/>");
        }
    }
}
