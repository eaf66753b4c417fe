//! The mount table of a container that runs, read from outside (proc_pid_mountinfo(5)).

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

use crate::errno_of;
use crate::survey::mountinfo::unescape;
use crate::sys::{self, mount_id::MountId};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub number: u64,
    /// Major and minor number of its file system.
    pub device: (u32, u32),
    /// What of that file system it shows.
    pub root: String,
    /// Where, from the root of who asked.
    pub point: String,
    pub fstype: String,
    /// What it was mounted from, by its own word.
    pub source: String,
}

impl Line {
    /// Whether what it shows lies in what `other` shows.
    pub fn is_part_of(&self, other: &Self) -> bool {
        self.device == other.device && is_below(&self.root, &other.root)
    }
}

/// Whether `path` is `top` or below it.
pub(super) fn is_below(path: &str, top: &str) -> bool {
    let rest = path.strip_prefix(top.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn parse(table: &str) -> Vec<Line> {
    let line = |line: &str| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let fields: Vec<&str> = mount.split(' ').collect();
        let (major, minor) = fields.get(2)?.split_once(':')?;
        Some(Line {
            number: fields.first()?.parse().ok()?,
            device: (major.parse().ok()?, minor.parse().ok()?),
            root: unescape(fields.get(3)?),
            point: unescape(fields.get(4)?),
            fstype: filesystem.split(' ').next()?.to_owned(),
            source: unescape(filesystem.split(' ').nth(1)?),
        })
    };
    table.lines().filter_map(line).collect()
}

/// The host's /proc, held for threads that are in the mount namespace of a container: the one in there is the
/// container's.
#[derive(Debug)]
pub(super) struct HostProc(OwnedFd);

impl HostProc {
    pub fn open() -> Result<Self, Errno> {
        let fd = sys::open(c"/proc", libc::O_PATH | libc::O_DIRECTORY)?;
        if sys::is_procfs(fd.as_raw_fd())? { Ok(Self(fd)) } else { Err(Errno::ENODEV) }
    }

    fn read(&self, path: &std::ffi::CStr) -> Result<String, Errno> {
        let flags = libc::O_RDONLY;
        let file = sys::adopt(sys::openat2(self.0.as_raw_fd(), path, flags, 0, 0)?);
        std::io::read_to_string(std::fs::File::from(file)).map_err(errno_of)
    }

    /// All mounts of the namespace that the calling thread is in, from the root that it has.
    pub fn table(&self) -> Result<Vec<Line>, Errno> {
        self.read(c"thread-self/mountinfo").map(|text| parse(&text))
    }

    /// The mounts of the namespace that process `pid` is in, from its root.
    pub fn table_of(&self, pid: i32) -> Result<Vec<Line>, Errno> {
        let path = crate::plan::step::c_string(&format!("{pid}/mountinfo"));
        self.read(&path).map(|text| parse(&text))
    }

    /// Which mount namespace that is.
    pub fn namespace_of(&self, pid: i32) -> Result<u64, Errno> {
        let path = crate::plan::step::c_string(&format!("{pid}/ns/mnt"));
        let found = nix::sys::stat::fstatat(&self.0, path.as_c_str(), nix::fcntl::AtFlags::empty());
        found.map(|found| found.st_ino)
    }

    /// A call that takes a path, on what the descriptor `fd` stands on and nothing else, whatever is named how:
    /// the path is the descriptor's own in /proc. The calling thread has a working directory of its own.
    pub fn on<T>(&self, fd: i32, call: impl FnOnce(&std::ffi::CStr) -> Result<T, Errno>) -> Result<T, Errno> {
        sys::fchdir(self.0.as_raw_fd()).map(drop)?;
        let done = call(&crate::plan::step::c_string(&format!("thread-self/fd/{fd}")));
        sys::chdir(c"/")?;
        done
    }
}

/// The line of `mount`; one of the same number that is another mount is not it.
pub(super) fn line_of<'a>(table: &'a [Line], mount: &MountId) -> Option<&'a Line> {
    table.iter().find(|line| line.number == mount.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "21 1 8:1 /srv/root / rw,relatime - ext4 /dev/sda1 rw\n\
        22 21 0:30 / /a\\040b rw,nosuid shared:3 - tmpfs none rw,size=64k\n\
        23 21 8:1 /srv/data/in /data rw - ext4 /dev/sda1 rw\nnot a line\n";

    #[test]
    fn a_table_is_read_with_its_odd_names() {
        let table = parse(TABLE);
        assert_eq!(table.len(), 3);
        assert_eq!((table[1].point.as_str(), table[1].fstype.as_str()), ("/a b", "tmpfs"));
        assert_eq!((table[2].number, table[2].device, table[2].root.as_str()), (23, (8, 1), "/srv/data/in"));
    }

    #[test]
    fn a_mount_is_part_of_another_that_shows_what_it_shows() {
        let line = |root: &str| Line { root: root.to_owned(), ..parse(TABLE)[2].clone() };
        assert!(line("/srv/data/in").is_part_of(&line("/srv/data")));
        assert!(!line("/srv/data").is_part_of(&line("/srv/data/in")));
        assert!(line("/a").is_part_of(&line("/")));
        assert!(!line("/srv/database").is_part_of(&line("/srv/data")));
        assert!(!line("/srv/data").is_part_of(&Line { device: (8, 2), ..line("/srv/data") }));
    }
}
