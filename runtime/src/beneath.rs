//! Paths beneath a root descriptor: opened and made without ever leaving it (openat2(2)).
//!
//! Used by the launcher and by the child, so nothing here allocates.

use std::ffi::CStr;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, fstat};

use crate::path::{RESOLVE_IN_ROOT, TargetKind};
use crate::sys;

/// Descriptor that closes itself; no more than a number, so that the child may use it.
#[derive(Debug)]
pub(crate) struct Fd(pub RawFd);

impl Fd {
    /// The number, which nobody closes any more.
    pub(crate) fn keep(self) -> RawFd {
        let fd = self.0;
        std::mem::forget(self);
        fd
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // A failing close of an O_PATH descriptor loses nothing, and there is nobody to tell.
        crate::disregard(sys::close(self.0));
    }
}

/// Opens `path` beneath `root` with O_PATH.
pub(crate) fn open(root: RawFd, path: &CStr, flags: i32) -> Result<Fd, Errno> {
    sys::openat2(root, path, libc::O_PATH | flags, 0, RESOLVE_IN_ROOT).map(Fd)
}

/// What `name` in the directory `dir` is itself, a link not followed.
pub(crate) fn stat(dir: RawFd, name: &CStr) -> Result<FileStat, Errno> {
    let fd = sys::adopt(sys::openat2(dir, name, libc::O_PATH | libc::O_NOFOLLOW, 0, 0)?);
    fstat(&fd)
}

/// Longest path, with its NUL (PATH_MAX).
pub(crate) const PATH_MAX: usize = libc::PATH_MAX as usize;

/// As many links as the kernel follows (path_resolution(7)).
pub(crate) const LINKS: usize = 40;

/// How something is made beneath a directory.
#[derive(Clone, Copy)]
pub(crate) struct Making {
    /// RESOLVE_* with which paths are looked up.
    pub resolve: u64,
    /// Whether it is made as a directory or as a file.
    pub kind: TargetKind,
    /// Among the bits of every mode.
    pub mark: u32,
}

/// Makes `path` and the directories above it, where they are missing. A link to nothing is followed, where links are
/// followed: what it leads to is made.
///
/// Before anything is made, `may` is asked with the directory that it is made in; `made` is called with the path of what
/// was made, for an undo.
pub(crate) fn make(
    base: RawFd,
    path: &CStr,
    how: Making,
    mut may: impl FnMut(RawFd) -> Result<(), Errno>,
    mut made: impl FnMut(&[u8]),
) -> Result<(), Errno> {
    let open = |path: &CStr, flags| sys::openat2(base, path, libc::O_PATH | flags, 0, how.resolve).map(Fd);
    let mut buffer = [0_u8; PATH_MAX];
    let mut length = path.count_bytes();
    if length >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    buffer[..length].copy_from_slice(path.to_bytes());
    let mut parent = open(c".", libc::O_DIRECTORY)?;
    let (mut start, mut links) = (0, 0);
    while start < length {
        let rest = buffer.get(start..length).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'/').map_or(length, |at| start + at);
        let last = end == length;
        buffer[end] = 0;
        let whole = c_str(&buffer[..=end])?;
        let directory = !last || how.kind == TargetKind::Directory;
        match open(whole, if last { 0 } else { libc::O_DIRECTORY }) {
            Ok(fd) => parent = fd,
            Err(Errno::ENOENT) => {
                let name = c_str(&buffer[start..=end])?;
                if let Some(link) = link_to_nothing(parent.0, name, how.resolve)? {
                    links += 1;
                    if links > LINKS {
                        return Err(Errno::ELOOP);
                    }
                    if !last {
                        buffer[end] = b'/';
                    }
                    length = follow(link.0, &mut buffer, start, end, length)?;
                    (parent, start) = (open(c".", libc::O_DIRECTORY)?, 0);
                    continue;
                }
                may(parent.0)?;
                make_one(parent.0, name, directory, how.mark)?;
                made(&buffer[..end]);
                parent = open(c_str(&buffer[..=end])?, 0)?;
            }
            Err(errno) => return Err(errno),
        }
        if !last {
            buffer[end] = b'/';
        }
        start = end + 1;
    }
    Ok(())
}

/// The link of this name, where there is one.
fn link_to_nothing(dir: RawFd, name: &CStr, resolve: u64) -> Result<Option<Fd>, Errno> {
    if resolve & libc::RESOLVE_NO_SYMLINKS != 0 {
        return Ok(None);
    }
    match sys::openat2(dir, name, libc::O_PATH | libc::O_NOFOLLOW, 0, libc::RESOLVE_BENEATH).map(Fd) {
        Ok(found) => {
            let is_link = sys::identity::look(found.0)?.kind == libc::S_IFLNK;
            Ok(is_link.then_some(found))
        }
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Puts what the link says in the place of its name, which stands from `start` to `end`; returns the new length.
pub(crate) fn follow(
    link: RawFd,
    path: &mut [u8; PATH_MAX],
    start: usize,
    end: usize,
    length: usize,
) -> Result<usize, Errno> {
    let mut says = [0_u8; PATH_MAX];
    let count = sys::paths::read_link(link, &mut says)?;
    let says = says.get(..count).filter(|says| !says.is_empty()).ok_or(Errno::ENOENT)?;
    let absolute = says.first() == Some(&b'/');
    let start = if absolute { 0 } else { start };
    let says = match says.iter().position(|&byte| byte != b'/') {
        Some(at) if absolute => &says[at..],
        Some(_) => says,
        None => b".",
    };
    let new = start + says.len() + (length - end);
    if new >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    path.copy_within(end..length, start + says.len());
    path[start..start + says.len()].copy_from_slice(says);
    path[new] = 0;
    Ok(new)
}

fn make_one(parent: RawFd, name: &CStr, directory: bool, mark: u32) -> Result<(), Errno> {
    let done = if directory {
        sys::mkdirat(parent, name, mark | 0o755)
    } else {
        // S_IFREG makes an empty file, and never follows or opens anything.
        sys::mknodat(parent, name, libc::S_IFREG | mark | 0o644, 0)
    };
    // Somebody else made it meanwhile: it is opened beneath the root next, whatever it is.
    if done == Err(Errno::EEXIST) { Ok(()) } else { done }
}

fn c_str(bytes: &[u8]) -> Result<&CStr, Errno> {
    CStr::from_bytes_with_nul(bytes).map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::relative("../run/resolve/stub", Ok(&["run", "run/resolve", "run/resolve/stub"][..]), "run/resolve/stub")]
    #[case::absolute("//run/stub", Ok(&["run", "run/stub"][..]), "run/stub")]
    #[case::above_the_root("../../../../x", Ok(&["x"][..]), "x")]
    #[case::two_links("second", Ok(&["third"][..]), "third")]
    #[case::a_loop("loop", Err(Errno::ELOOP), "etc/link")]
    fn what_a_link_to_nothing_leads_to_is_made(
        #[case] says: &str,
        #[case] made: Result<&[&str], Errno>,
        #[case] there: &str,
    ) {
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| root.path().join(name);
        std::fs::create_dir(at("etc")).expect("a directory");
        symlink("loop", at("etc/loop")).expect("a link");
        symlink("/third", at("etc/second")).expect("a link");
        symlink(says, at("etc/link")).expect("a link");
        let dir = std::fs::File::open(root.path()).expect("it is there");
        let how = Making { resolve: RESOLVE_IN_ROOT, kind: TargetKind::File, mark: 0 };
        let mut paths = Vec::new();
        let note = |path: &[u8]| paths.push(String::from_utf8_lossy(path).replace("etc/../", ""));
        let done = make(dir.as_raw_fd(), c"etc/link", how, |_| Ok(()), note);
        // What is noted leads to what was made, whatever stands in it.
        let last = |path: &str| path.trim_start_matches("../").to_owned();
        let paths: Vec<String> = paths.iter().map(|path| last(path)).collect();
        assert_eq!(
            done.map(|()| paths.as_slice()),
            made.map(|made| made.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
                .as_deref()
                .map_err(|errno| *errno)
        );
        assert!(done.is_err() || at(there).is_file());
    }

    #[test]
    fn nothing_is_made_where_it_may_not_be() {
        let root = tempfile::tempdir().expect("a directory");
        symlink("/dev/there", root.path().join("link")).expect("a link");
        std::fs::create_dir(root.path().join("dev")).expect("a directory");
        let dir = std::fs::File::open(root.path()).expect("it is there");
        let how = Making { resolve: RESOLVE_IN_ROOT, kind: TargetKind::File, mark: 0 };
        let done = make(dir.as_raw_fd(), c"link", how, |_| Err(Errno::EXDEV), |_| panic!("nothing is made"));
        assert_eq!(done, Err(Errno::EXDEV));
        assert!(!root.path().join("dev/there").exists());
    }
}
