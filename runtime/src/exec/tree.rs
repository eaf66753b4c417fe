//! A control group as a directory that is held: whether anybody needs it, and its removal with the groups
//! below it.
//!
//! Who lives is told by what is so in every PID, time and mount namespace: the lock of the group's directory
//! (flock(2)), which its launcher holds for as long as it lives, and whether anything runs in it. Numbers of
//! processes say nothing here: they are others in another namespace.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::libc;
use nix::sys::stat::Mode;
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, FsType, fstatfs};

use crate::plan::step::c_string;
use crate::sys;

/// The lock of a group's directory.
pub type Hold = Flock<OwnedFd>;

/// Whether anybody needs a group.
#[derive(Debug)]
pub enum Need {
    /// There is no such group.
    Gone,
    /// Its launcher lives: it holds the lock.
    Held,
    /// Its launcher is gone, and processes are in it or below it.
    Populated,
    /// Its launcher is gone, and nothing that can be seen is in it; while the lock is held, nobody begins to use it.
    Empty(Hold),
    /// It cannot be judged.
    Unknown(Errno),
}

/// Opens a directory for reading; a link is not followed, and nothing else is ever waited for.
fn open(path: &str) -> Result<OwnedFd, Errno> {
    sys::open(&c_string(path), libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW)
}

/// Whether a file system of this kind is a control group hierarchy.
pub(super) fn is_hierarchy(magic: FsType) -> bool {
    [CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC].contains(&magic)
}

/// Whether this is a directory of a control group hierarchy: by the kind of its file system.
pub fn is_group(fd: &OwnedFd) -> bool {
    fstatfs(fd).is_ok_and(|found| is_hierarchy(found.filesystem_type()))
}

/// Whether `path` leads, without `..` and without a link at its end, to a control group.
pub fn is_group_at(path: &Path) -> bool {
    let plain = path.is_absolute() && !path.components().any(|part| part.as_os_str() == "..");
    plain && open(&path.to_string_lossy()).is_ok_and(|fd| is_group(&fd))
}

/// The lock by which a launcher says that it lives, for as long as it is held. `None` where somebody else has it, or
/// has taken the group away.
pub(super) fn hold(path: &str) -> Option<Hold> {
    let hold = Flock::lock(open(path).ok()?, FlockArg::LockSharedNonblock).ok()?;
    let inode = |found: nix::sys::stat::FileStat| (found.st_dev, found.st_ino);
    let same = nix::sys::stat::fstat(&*hold).map(inode) == nix::sys::stat::lstat(path).map(inode);
    same.then_some(hold)
}

/// Whether anybody needs this group.
pub fn need(path: &Path) -> Need {
    let path = path.to_string_lossy();
    let fd = match open(&path) {
        Ok(fd) if is_group(&fd) => fd,
        Ok(_) => return Need::Unknown(Errno::ENOTSUP),
        Err(Errno::ENOENT) => return Need::Gone,
        Err(errno) => return Need::Unknown(errno),
    };
    match Flock::lock(fd, FlockArg::LockExclusiveNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => Need::Held,
        Err((_, errno)) => Need::Unknown(errno),
        Ok(hold) => match populated(&path) {
            Ok(true) => Need::Populated,
            Ok(false) => Need::Empty(hold),
            Err(Errno::ENOENT | Errno::ENODEV) => Need::Gone,
            Err(errno) => Need::Unknown(errno),
        },
    }
}

/// Version 2 says so for the whole tree. Version 1 lists processes, and hides those of other PID namespaces: the
/// kernel, which removes no group that has any, is asked by the removal.
fn populated(path: &str) -> Result<bool, Errno> {
    match fs::read_to_string(format!("{path}/cgroup.events")) {
        Ok(text) => Ok(text.lines().any(|line| line == "populated 1")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let text = fs::read_to_string(format!("{path}/cgroup.procs")).map_err(crate::errno_of)?;
            Ok(!text.is_empty())
        }
        Err(error) => Err(crate::errno_of(error)),
    }
}

/// Whether processes of every PID namespace are seen: this one is the first (PROC_PID_INIT_INO of the kernel).
fn sees_all() -> bool {
    fs::read_link("/proc/self/ns/pid").is_ok_and(|name| name.as_os_str() == "pid:[4026531836]")
}

/// Removes a group that nobody needs; says whether it did.
///
/// # Errors
/// It is still needed, or cannot be judged or removed: then it is left.
pub fn remove_unneeded(path: &Path) -> Result<bool, String> {
    let _hold = match need(path) {
        Need::Gone => return Ok(false),
        Need::Empty(hold) => hold,
        Need::Held => return Err(format!("left {}: who started it lives", path.display())),
        Need::Populated => {
            return Err(format!("left {}: processes are in it and its launcher is gone", path.display()));
        }
        Need::Unknown(errno) => {
            return Err(format!("left {}: it cannot be judged ({})", path.display(), errno.desc()));
        }
    };
    let text = path.to_string_lossy();
    let removed = sys::unlinkat(libc::AT_FDCWD, &c_string(&text), libc::AT_REMOVEDIR).or_else(|errno| {
        // Groups below it: those of version 2 are known to be empty, those of version 1 where all can be seen.
        if fs::exists(format!("{text}/cgroup.events")).unwrap_or(false) || sees_all() {
            crate::disregard(empty(&text));
            return sys::unlinkat(libc::AT_FDCWD, &c_string(&text), libc::AT_REMOVEDIR);
        }
        Err(errno)
    });
    match removed {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(format!("left {}: {}", path.display(), errno.desc())),
    }
}

/// One directory on the way down.
struct Level {
    /// Its name in the one above it.
    name: CString,
    /// Groups in it that are still to be removed.
    children: Vec<CString>,
}

/// Removes every group below `path`; returns what stays, named from there, where anything does.
///
/// By descriptors, one at a time: names on the way may together be longer than a path may be, and deeper than a
/// process may have files open.
///
/// # Errors
/// What could not be removed first, and why.
pub(super) fn empty(path: &str) -> Result<(), String> {
    let failed = |names: &[Level], name: Option<&CStr>, errno: Errno| {
        let names = names.iter().skip(1).map(|level| level.name.as_c_str()).chain(name);
        format!("{} ({})", shortened(names), errno.desc())
    };
    let mut at = match open(path) {
        Ok(top) if is_group(&top) => top,
        Ok(_) => return Err(format!("{path} is no control group")),
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(format!("{path} ({})", errno.desc())),
    };
    let children = children(&at).map_err(|errno| failed(&[], None, errno))?;
    let mut levels = vec![Level { name: c_string(""), children }];
    let mut first_left = None;
    while let Some(level) = levels.last_mut() {
        let Some(child) = level.children.pop() else {
            let Some(done) = levels.pop().filter(|_| !levels.is_empty()) else { break };
            at = step(&at, c"..").map_err(|errno| failed(&levels, None, errno))?;
            if let Err(errno) = remove_one(&at, &done.name) {
                crate::disregard(first_left.get_or_insert_with(|| failed(&levels, Some(&done.name), errno)));
            }
            continue;
        };
        if remove_one(&at, &child).is_ok() {
            continue;
        }
        match step(&at, &child).and_then(|inner| Ok((self::children(&inner)?, inner))) {
            Ok((children, inner)) => {
                at = inner;
                levels.push(Level { name: child, children });
            }
            Err(Errno::ENOENT) => {}
            Err(errno) => {
                crate::disregard(first_left.get_or_insert_with(|| failed(&levels, Some(&child), errno)))
            }
        }
    }
    first_left.map_or(Ok(()), Err)
}

fn step(at: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    sys::openat2(at.as_raw_fd(), name, flags, 0, 0).map(sys::adopt)
}

fn remove_one(at: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    match sys::unlinkat(at.as_raw_fd(), name, libc::AT_REMOVEDIR) {
        Err(Errno::ENOENT) => Ok(()),
        removed => removed,
    }
}

fn children(at: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut dir =
        Dir::openat(at, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type() == Some(Type::Directory) && name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// The first names of a way that may have thousands, of any length.
fn shortened<'a>(names: impl Iterator<Item = &'a CStr>) -> String {
    const MOST: usize = 160;
    let way = names.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>();
    let text = way.join("/");
    match text.char_indices().nth(MOST) {
        None => text,
        Some((end, _)) => format!("{}… ({} levels)", &text[..end], way.len()),
    }
}
