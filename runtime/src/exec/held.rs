//! Descriptors that a step opens and the next may use again.
//!
//! Used between clone and exec, so nothing here allocates.

use std::ffi::CStr;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc;

use super::beneath;
use crate::plan::step::Beneath;
use crate::sys;

/// The two paths used last, kept for as long as no step changes what a path means: the nodes of /dev stand
/// in one directory, a read-only cover goes onto what it is a copy of, and most covers are copies of one
/// file that go into one directory.
#[derive(Default)]
pub(super) struct Held<'a> {
    newest: Option<Open<'a>>,
    other: Option<Open<'a>>,
}

struct Open<'a> {
    path: &'a CStr,
    fd: beneath::Fd,
    /// Whether it stands on a procfs, once somebody wants to know.
    procfs: Option<bool>,
}

impl<'a> Held<'a> {
    fn open(&mut self, root: RawFd, path: &'a CStr, flags: i32) -> Result<&mut Open<'a>, Errno> {
        let is = |held: &Option<Open<'a>>| held.as_ref().is_some_and(|held| held.path == path);
        if !is(&self.newest) {
            std::mem::swap(&mut self.newest, &mut self.other);
        }
        if !is(&self.newest) {
            // What was used last but one is closed first, and its number serves again.
            self.newest = None;
            self.newest = Some(Open { path, fd: beneath::open(root, path, flags)?, procfs: None });
        }
        self.newest.as_mut().ok_or(Errno::EBADF)
    }

    /// The directory that `target` stands in.
    pub(super) fn dir(&mut self, root: RawFd, target: &'a Beneath) -> Result<RawFd, Errno> {
        Ok(self.open(root, target.dir(), libc::O_DIRECTORY)?.fd.0)
    }

    /// `path` itself, as a descriptor and what is left to be looked up from there: nothing, or one name in
    /// the root of a procfs, which is no link.
    pub(super) fn place(&mut self, root: RawFd, path: &'a Beneath) -> Result<(RawFd, &'a CStr), Errno> {
        if path.is_by_name() {
            let dir = self.open(root, path.dir(), libc::O_DIRECTORY)?;
            let procfs = match dir.procfs {
                Some(known) => known,
                None => *dir.procfs.insert(sys::is_procfs(dir.fd.0)?),
            };
            if procfs {
                return Ok((dir.fd.0, path.name()));
            }
        }
        Ok((self.open(root, path.as_c_str(), 0)?.fd.0, c""))
    }

    /// A mount went onto `target`. A name in the root of a procfs is not on the way to anything that steps
    /// hold beside itself; any other may be, also by a link.
    pub(super) fn covered(&mut self, target: &Beneath) {
        if !target.is_by_name() {
            *self = Self::default();
            return;
        }
        for held in [&mut self.newest, &mut self.other] {
            if held.as_ref().is_some_and(|held| held.path == target.as_c_str()) {
                *held = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn root(path: &std::path::Path) -> std::fs::File {
        std::fs::File::open(path).expect("a directory")
    }

    #[test]
    fn names_in_the_kernels_proc_are_reached_by_one_descriptor() {
        let root = root("/".as_ref());
        let paths = ["/proc/interrupts", "/proc/sys"].map(|path| Beneath::new(path).in_procfs());
        let null = Beneath::new("/dev/null");
        let mut held = Held::default();
        let (source, _) = held.place(root.as_raw_fd(), &null).expect("the null device");
        let mut dirs = Vec::new();
        for path in &paths {
            let (dir, name) = held.place(root.as_raw_fd(), path).expect("it is there");
            assert_eq!(name, path.name());
            dirs.push(dir);
            held.covered(path);
            assert_eq!(held.place(root.as_raw_fd(), &null), Ok((source, c"")));
        }
        assert_eq!(dirs[0], dirs[1]);
    }

    #[test]
    fn any_other_directory_is_none_of_the_kernels() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join("proc")).expect("a directory");
        std::os::unix::fs::symlink("/elsewhere", dir.path().join("proc/keys")).expect("a link");
        std::fs::write(dir.path().join("elsewhere"), "").expect("a file");
        let root = root(dir.path());
        let keys = Beneath::new("/proc/keys").in_procfs();
        let mut held = Held::default();
        let (fd, name) = held.place(root.as_raw_fd(), &keys).expect("the link is followed beneath the root");
        assert_eq!(name, c"");
        let found = std::fs::read_link(format!("/proc/self/fd/{fd}")).expect("a descriptor");
        assert!(found.ends_with("elsewhere"), "{found:?}");
    }

    #[test]
    fn a_mount_elsewhere_may_change_what_every_path_means() {
        let root = root("/".as_ref());
        let (null, other) = (Beneath::new("/dev/null"), Beneath::new("/usr"));
        let mut held = Held::default();
        for path in [&null, &other] {
            let (_, name) = held.place(root.as_raw_fd(), path).expect("it is there");
            assert_eq!(name, c"");
        }
        assert!(held.newest.is_some() && held.other.is_some());
        held.covered(&other);
        assert!(held.newest.is_none() && held.other.is_none());
    }
}
