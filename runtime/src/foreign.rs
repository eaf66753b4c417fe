//! Files of others, whose names come from a document, an image or a container: looked at before they are opened.
//!
//! open(2) of a path may wait (a FIFO), start something (a watchdog, a tape), take something away (the kernel's
//! log) or read what is made by the reading (`/sys/class/zram-control/hot_add`). A descriptor with O_PATH does
//! nothing of that. So a path is opened with O_PATH, what it is and what it lies on is judged, and only then is
//! that same inode opened for reading, without waiting.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, FUSE_SUPER_MAGIC, FsType, NFS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, fstatfs,
};

use crate::sys;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A character device and its number.
    Char(u64),
    /// A block device and its number.
    Block(u64),
    /// A socket, a FIFO, …
    Other,
}

/// What the inode is.
pub(crate) fn kind(stat: &FileStat) -> Kind {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFDIR => Kind::Directory,
        libc::S_IFREG => Kind::File,
        libc::S_IFCHR => Kind::Char(stat.st_rdev),
        libc::S_IFBLK => Kind::Block(stat.st_rdev),
        _ => Kind::Other,
    }
}

/// Why a file of somebody else's is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no regular file (nor, where those are read, a block device).
    Kind,
    /// Its file system is one of the kernel's own, or not known to hold plain files.
    Filesystem,
    /// A call failed.
    Errno(Errno),
}

impl From<Errno> for Unread {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kind => f.write_str("it is no regular file"),
            Self::Filesystem => f.write_str(KERNELS_OWN),
            Self::Errno(errno) => write!(f, "{} ({errno:?})", errno.desc()),
        }
    }
}

/// What is said of a file that lies on procfs, sysfs and their like.
pub(crate) const KERNELS_OWN: &str = "it lies on a file system of the kernel's own, such as sysfs or procfs, where \
    reading can have effects";

/// File systems without a block device that hold plain files (statfs(2), linux/magic.h): of memory, of several
/// devices, of the network, and on top of others.
///
/// A list of what is read, not of what is not: the kernel gets new file systems of its own with most versions.
const PLAIN: [FsType; 24] = [
    TMPFS_MAGIC,
    OVERLAYFS_SUPER_MAGIC,
    BTRFS_SUPER_MAGIC,
    NFS_SUPER_MAGIC,
    // virtiofs as well.
    FUSE_SUPER_MAGIC,
    // ramfs, bcachefs, zfs, erofs (of a file), ubifs, ecryptfs.
    magic(0x8584_58f6),
    magic(0xca45_1a4e),
    magic(0x2fc1_2fc1),
    magic(0xe0f5_e1e2),
    magic(0x2405_1905),
    magic(0xf15f),
    // 9p, cifs, smb2, ceph, afs.
    magic(0x0102_1997),
    magic(0xff53_4d42),
    magic(0xfe53_4d42),
    magic(0x00c3_6400),
    magic(0x6b41_4653),
    // lustre, gpfs, orangefs, beegfs, coda.
    magic(0x0bd0_0bd0),
    magic(0x4750_4653),
    magic(0x2003_0528),
    magic(0x1983_0326),
    magic(0x7375_7245),
    // Shared folders of virtual machines: vboxsf, vmhgfs, hostfs.
    magic(0x786f_4256),
    magic(0xbacb_acbc),
    magic(0x00c0_ffee),
];

/// How a file is opened that was looked at: to read it, and to wait for nothing.
pub(crate) const READ: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// `f_type` has another width on each architecture and C library.
const fn magic(number: u32) -> FsType {
    FsType(number as _)
}

/// Whether what lies on this file system is read: it stands on a block device, or is known.
fn is_plain(stat: &FileStat, magic: FsType) -> bool {
    // What the kernel makes up has an anonymous device, of major 0.
    libc::major(stat.st_dev) != 0 || PLAIN.iter().any(|plain| plain.0 as u32 == magic.0 as u32)
}

/// Opens what an O_PATH descriptor has found for reading, if that is a regular file, or with `devices` a block
/// device.
///
/// # Errors
/// What it is instead, or the errno; then nothing was opened.
pub fn reopen(found: BorrowedFd<'_>, devices: bool) -> Result<File, Unread> {
    let before = fstat(found)?;
    match kind(&before) {
        Kind::File if is_plain(&before, fstatfs(found)?.filesystem_type()) => {}
        Kind::File => return Err(Unread::Filesystem),
        Kind::Block(_) if devices => {}
        _ => return Err(Unread::Kind),
    }
    // Through the descriptor: the inode that was judged, wherever its name leads by now.
    let link = format!("/proc/self/fd/{}", found.as_raw_fd());
    let opened = nix::fcntl::open(link.as_str(), READ, Mode::empty())?;
    let after = fstat(&opened)?;
    let same = |stat: &FileStat| (stat.st_dev, stat.st_ino, stat.st_rdev, stat.st_mode & libc::S_IFMT);
    if same(&before) == same(&after) { Ok(File::from(opened)) } else { Err(Unread::Errno(Errno::ESTALE)) }
}

/// The text of a regular file that an O_PATH descriptor has found: its first `most` bytes.
///
/// # Errors
/// As [`reopen`]; EILSEQ where it is no UTF-8.
pub fn read_text(found: BorrowedFd<'_>, most: u64) -> Result<String, Unread> {
    let bytes = read(found, most)?;
    String::from_utf8(bytes).map_err(|_| Unread::Errno(Errno::EILSEQ))
}

/// The first `most` bytes of a regular file that an O_PATH descriptor has found.
///
/// # Errors
/// As [`reopen`].
pub fn read(found: BorrowedFd<'_>, most: u64) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    let read = reopen(found, false)?.take(most).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| Unread::Errno(crate::errno_of(error)))
}

/// Looks a path of this host up, wherever its links lead.
///
/// # Errors
/// The errno of open(2), which every kernel and every sandbox knows, other than openat2(2).
pub fn look(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

/// Looks a relative path up that stays beneath `dir`: nothing that leads out of it, be it `..`, a link or a link
/// of procfs, is followed.
///
/// # Errors
/// The errno of openat2(2): EXDEV where it leads out.
pub fn look_beneath(dir: BorrowedFd<'_>, path: &std::path::Path) -> Result<OwnedFd, Errno> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| Errno::EINVAL)?;
    let path = if path.is_empty() { c".".to_owned() } else { path };
    let resolve = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;
    sys::openat2(dir.as_raw_fd(), &path, libc::O_PATH, 0, resolve).map(sys::adopt)
}

/// Looks a path up as a process would that has `dir` for its root.
///
/// # Errors
/// The errno of openat2(2).
pub fn look_in_root(dir: BorrowedFd<'_>, path: &std::path::Path) -> Result<OwnedFd, Errno> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| Errno::EINVAL)?;
    let resolve = libc::RESOLVE_IN_ROOT | libc::RESOLVE_NO_MAGICLINKS;
    sys::openat2(dir.as_raw_fd(), &path, libc::O_PATH, 0, resolve).map(sys::adopt)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::Duration;

    use rstest::rstest;

    use super::*;

    /// Ends the test that would wait for ever.
    fn without_waiting<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
        let (send, receive) = mpsc::channel();
        let _thread = std::thread::spawn(move || send.send(body()));
        receive.recv_timeout(Duration::from_secs(20)).expect("nobody waits")
    }

    #[test]
    fn a_file_is_read_within_its_bound_and_nothing_else_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "abcdef").expect("a file");
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).expect("a FIFO");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        symlink("file", at("link")).expect("a link");
        let read = |path: &Path| {
            let found = look(path).expect("it is there");
            without_waiting(move || read_text(found.as_fd(), 4))
        };
        assert_eq!(read(&at("file")), Ok("abcd".to_owned()));
        assert_eq!(read(&at("link")), Ok("abcd".to_owned()));
        for other in [at("fifo"), at("socket"), dir.path().to_owned(), "/dev/null".into(), "/dev/tty".into()]
        {
            assert_eq!(read(&other), Err(Unread::Kind), "{}", other.display());
        }
    }

    #[rstest]
    #[case("/proc/self/status")]
    #[case("/proc/kmsg")]
    #[case("/sys/kernel/uevent_seqnum")]
    #[case("/sys/fs/cgroup/cgroup.procs")]
    #[case("/sys/kernel/debug/sched/features")]
    fn nothing_of_the_kernels_own_is_read(#[case] path: &str) {
        let Ok(found) = look(Path::new(path)) else {
            return eprintln!("skipped: this machine has no {path}");
        };
        assert_eq!(reopen(found.as_fd(), true).map(drop), Err(Unread::Filesystem));
    }

    #[test]
    fn nothing_leads_out_of_a_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("in")).expect("a directory");
        std::fs::write(dir.path().join("out"), "x").expect("a file");
        std::fs::write(dir.path().join("in/own"), "y").expect("a file");
        symlink("../out", dir.path().join("in/link")).expect("a link");
        symlink("own", dir.path().join("in/near")).expect("a link");
        let inside = look(&dir.path().join("in")).expect("it is there");
        let look = |path: &str| look_beneath(inside.as_fd(), Path::new(path)).map(drop);
        assert_eq!(look("own"), Ok(()));
        assert_eq!(look("near"), Ok(()));
        assert_eq!(look(""), Ok(()));
        for path in ["../out", "link", "/etc/passwd", "../in/own"] {
            assert_eq!(look(path), Err(Errno::EXDEV), "{path}");
        }
    }
}
