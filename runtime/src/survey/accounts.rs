//! The container's account files: those of their lines that a start or an `exec` can mean.
//!
//! A directory's export may have hundreds of thousands of accounts, and an image may be made to fill the memory of
//! who reads it: a file is read line by line, and a line is kept only where it can matter.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsFd, OwnedFd};

use browndog_xml::domain::{Account, Domain};
use nix::errno::Errno;

use super::{GROUP, PASSWD, Survey};
use crate::foreign::{self, Unread};

/// An account file is read up to here (bytes); one that is larger is said to be.
pub const ACCOUNT_FILE_MAX: u64 = 64 << 20;

/// A longer line is cut (bytes): of a group, the members behind it are not seen.
const LINE_MAX: u64 = 1 << 20;

/// As much is kept (bytes).
const KEPT_MAX: usize = 4 << 20;

/// Lines of an account file, or why there are none.
type Lines = Result<String, String>;

impl Survey {
    /// Reads what the user and the group of the init can mean.
    pub fn read_accounts(&mut self, domain: &Domain, open: impl Fn(&str) -> Result<OwnedFd, Errno>) {
        let init = &domain.init;
        let user = init.user.as_ref().map(|user| &user.value);
        let group = init.group.as_ref().map(|group| &group.value);
        if user.is_none() && !matches!(group, Some(Account::Name(_))) {
            return;
        }
        let passwd = lines(&open, PASSWD, |line| {
            let mut fields = line.split(':');
            let (name, uid) = (fields.next(), fields.nth(1));
            user.is_some_and(|user| match user {
                Account::Name(wanted) => name == Some(wanted) || is(uid, wanted.parse().ok()),
                Account::Id(wanted) => is(uid, Some(*wanted)),
            })
        });
        // Whoever has that number lends the groups of its name.
        let names: Vec<&str> = passwd
            .as_deref()
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.split(':').next())
            .chain(
                user.and_then(|user| if let Account::Name(name) = user { Some(name.as_str()) } else { None }),
            )
            .collect();
        let groups = lines(&open, GROUP, |line| {
            let mut fields = line.split(':');
            let named = matches!(group, Some(Account::Name(wanted)) if fields.next() == Some(wanted));
            let mut members = line.split(':').nth(3).unwrap_or_default().split(',');
            named || members.any(|member| names.contains(&member))
        });
        (self.passwd, self.passwd_unread) = split(passwd);
        (self.group, self.group_unread) = split(groups);
    }
}

/// Whether a field is this number.
fn is(field: Option<&str>, number: Option<u32>) -> bool {
    number.is_some() && field.and_then(|field| field.parse().ok()) == number
}

fn split(lines: Lines) -> (Option<String>, Option<String>) {
    match lines {
        Ok(lines) => (Some(lines), None),
        Err(why) => (None, Some(why)),
    }
}

/// The lines of `path` that `keep` takes; none where there is no such file.
fn lines(open: impl Fn(&str) -> Result<OwnedFd, Errno>, path: &str, keep: impl Fn(&str) -> bool) -> Lines {
    let unread = |unread: Unread| format!("{path} of the container cannot be read: {unread}");
    let found = match open(path) {
        Ok(found) => found,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(String::new()),
        Err(errno) => return Err(unread(errno.into())),
    };
    let file = foreign::reopen(found.as_fd(), false).map_err(unread)?;
    let mut file = BufReader::with_capacity(64 << 10, file.take(ACCOUNT_FILE_MAX + 1));
    let (mut kept, mut line, mut read) = (String::new(), Vec::new(), 0_u64);
    let failed = |error| unread(Unread::Errno(crate::errno_of(error)));
    loop {
        line.clear();
        let count = (&mut file).take(LINE_MAX).read_until(b'\n', &mut line).map_err(failed)?;
        if count == 0 {
            return Ok(kept);
        }
        read += count as u64;
        if !line.ends_with(b"\n") {
            read += file.skip_until(b'\n').map_err(failed)? as u64;
        }
        if read > ACCOUNT_FILE_MAX {
            let most = ACCOUNT_FILE_MAX >> 20;
            return Err(format!(
                "{path} of the container is larger than {most} MiB, and is not read to its end"
            ));
        }
        // An account whose line is no text can be nobody's of the document.
        let Ok(text) = std::str::from_utf8(&line) else { continue };
        let text = text.trim_end_matches('\n');
        if keep(text) {
            if kept.len() + text.len() > KEPT_MAX {
                return Err(format!("{path} of the container has too many lines of this account"));
            }
            kept.push_str(text);
            kept.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    fn read(path: &std::path::Path, wanted: &str) -> Lines {
        let open = |_: &str| File::open(path).map(OwnedFd::from).map_err(crate::errno_of);
        lines(open, PASSWD, |line| line.split(':').next() == Some(wanted))
    }

    #[test]
    fn a_user_is_found_anywhere_in_a_large_file_and_beside_what_is_no_text() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"\xff\xfe:x:1:1::/:\n").expect("room");
        let many: String = (0..400_000)
            .map(|n| format!("user{n}:x:{n}:{n}:somebody of a directory:/home:/bin/sh\n"))
            .collect();
        file.write_all(many.as_bytes()).expect("room");
        file.write_all(b"last:x:7:8::/:").expect("room");
        assert!(many.len() > 20 << 20);
        assert_eq!(read(file.path(), "last"), Ok("last:x:7:8::/:\n".to_owned()));
        assert_eq!(read(file.path(), "nobody-here"), Ok(String::new()));
    }

    #[test]
    fn a_file_beyond_the_bound_is_said_to_be() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(ACCOUNT_FILE_MAX + 1).expect("a hole");
        let said = read(file.path(), "root").expect_err("it is too large");
        assert!(said.contains("larger than 64 MiB"), "{said}");
        file.as_file().set_len(ACCOUNT_FILE_MAX).expect("a hole");
        assert_eq!(read(file.path(), "root"), Ok(String::new()));
    }

    #[test]
    fn what_is_no_file_is_said_and_what_is_missing_is_empty() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(read(dir.path(), "root").is_err());
        assert_eq!(read(&dir.path().join("none"), "root"), Ok(String::new()));
    }

    #[test]
    fn account_files_that_lead_elsewhere_have_no_accounts() {
        use crate::path::RESOLVE_IN_ROOT;
        use nix::libc;
        use std::os::fd::AsRawFd;
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("etc")).expect("a directory");
        let passwd = root.path().join("etc/passwd");
        let dir = File::open(root.path()).expect("it is there");
        let read = || {
            let open = |_: &str| {
                let fd = dir.as_raw_fd();
                crate::sys::openat2(fd, c"etc/passwd", libc::O_PATH, 0, RESOLVE_IN_ROOT)
                    .map(crate::sys::adopt)
            };
            lines(open, PASSWD, |line| line.starts_with("root:"))
        };
        std::fs::write(&passwd, "root:x:0:0::/:/bin/sh\n").expect("a file");
        assert_eq!(read().as_deref(), Ok("root:x:0:0::/:/bin/sh\n"));
        for target in ["/proc/self/root/etc/passwd", "/proc/kmsg", "../../../../etc/passwd", "/etc"] {
            std::fs::remove_file(&passwd).expect("it is there");
            std::os::unix::fs::symlink(target, &passwd).expect("a link");
            assert_ne!(read().as_deref(), Ok("root:x:0:0::/:/bin/sh\n"), "{target}");
        }
    }
}
