//! Mount points in the source of a root directory: made where they are missing, shared by every container
//! that stands on that root, removed with the last of them.
//!
//! A mount point that is removed takes what others have mounted on it with it, in every mount namespace
//! (rmdir(2) of one is refused only where it is mounted on in the caller's own). So whoever needs one that is
//! missing, or that another start has made, holds a lock of the root directory, from before it makes or uses
//! it, and only who has it alone removes.
//!
//! The lock is a file of the user's ([`crate::locks`]), which no stranger can hold. Beside it the directory itself
//! is locked where that is free (flock(2)): whoever starts containers on it from another mount namespace, where
//! that file is another one, is seen by that.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use crate::beneath;
use crate::locks::{Guard, Lock};
use crate::sys;

/// The sticky bit with modes that nothing else has: a mount point of browndog's, also after a kill.
pub(crate) const MARK: u32 = 0o1000;

/// A root directory's lock, for as long as a container stands on mount points that were made in it.
#[derive(Debug)]
pub struct Hold {
    /// Dropped before the lock of the directory.
    own: Option<Guard>,
    directory: Option<Flock<OwnedFd>>,
}

/// How long a start waits for one who takes mount points away, which is done in a moment.
const WAIT: Duration = Duration::from_secs(3);

/// Takes the lock; `None` where the directory cannot be read and there is no place for lock files.
pub fn hold(root: RawFd) -> Option<Hold> {
    let dir = open(root).ok()?;
    let own = Lock::of(&dir).and_then(|lock| lock.shared(WAIT)).ok();
    // A stranger may have it, and is not waited for.
    let directory = Flock::lock(dir, FlockArg::LockSharedNonblock).ok();
    (own.is_some() || directory.is_some()).then_some(Hold { own, directory })
}

fn open(root: RawFd) -> Result<OwnedFd, Errno> {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW;
    sys::openat2(root, c".", flags, 0, 0).map(sys::adopt)
}

/// Whether nobody else stands on the root directory; the lock is then this one's alone.
pub fn alone(hold: &Hold) -> bool {
    let alone = |directory: &Flock<OwnedFd>| directory.relock(FlockArg::LockExclusiveNonblock).is_ok();
    // Without the lock of the directory somebody else has it alone.
    hold.own.as_ref().is_none_or(Guard::alone) && hold.directory.as_ref().is_some_and(alone)
}

/// Whether this is a mount point that a start has made.
pub(crate) fn is_ours(found: &nix::sys::stat::FileStat) -> bool {
    marked(found.st_mode)
}

/// With the set-group-ID bit that a directory inherits from the one above it.
fn marked(mode: u32) -> bool {
    let bits = mode & 0o7777 & !libc::S_ISGID;
    match mode & libc::S_IFMT {
        libc::S_IFDIR => bits == MARK | 0o755,
        libc::S_IFREG => bits == MARK | 0o644,
        _ => false,
    }
}

/// Removes one beneath `root`, where it is still what was made; whether it was.
///
/// # Errors
/// The errno of openat2(2) or unlinkat(2).
pub fn remove(root: RawFd, path: &CStr) -> Result<bool, Errno> {
    let gone = |errno| match errno {
        // Somebody has put something there: it is theirs now.
        Errno::ENOENT | Errno::ENOTDIR | Errno::ENOTEMPTY | Errno::EBUSY => Ok(false),
        errno => Err(errno),
    };
    let text = path.to_string_lossy();
    let (dir, name) = text.rsplit_once('/').unwrap_or((".", &text));
    let (dir, name) = (crate::path::c_string(dir), crate::path::c_string(name));
    let dir = match beneath::open(root, &dir, libc::O_DIRECTORY) {
        Ok(dir) => dir,
        Err(errno) => return gone(errno),
    };
    let stat = match beneath::stat(dir.0, &name) {
        Ok(stat) if marked(stat.st_mode) => stat,
        Ok(_) => return Ok(false),
        Err(errno) => return gone(errno),
    };
    let directory = stat.st_mode & libc::S_IFMT == libc::S_IFDIR;
    if !directory && stat.st_size != 0 {
        return Ok(false);
    }
    let flags = if directory { libc::AT_REMOVEDIR } else { 0 };
    sys::unlinkat(dir.0, &name, flags).map_or_else(gone, |_| Ok(true))
}

/// The same for a root directory that nobody of this process stands on.
///
/// # Errors
/// Those of [`remove`].
pub fn remove_unused(root: &OwnedFd, path: &CStr) -> Result<bool, Errno> {
    let dir = open(root.as_raw_fd())?;
    // Where there is no place for lock files, the lock of the directory is all there is.
    let own = match Lock::of(&dir).map(|lock| lock.alone()) {
        Ok(Err(Errno::EWOULDBLOCK)) => return Ok(false),
        Ok(Ok(guard)) => Some(guard),
        Ok(Err(_)) | Err(_) => None,
    };
    let removed = match Flock::lock(dir, FlockArg::LockExclusiveNonblock) {
        Ok(_alone) => remove(root.as_raw_fd(), path),
        Err(_) => Ok(false),
    };
    drop(own);
    removed
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use crate::survey::Survey;

    #[test]
    fn only_who_lacks_a_mount_point_takes_the_lock() {
        let root = tempfile::tempdir().expect("a directory");
        let xml = format!(
            "<domain type='lxc'><name>a</name><memory>65536</memory>\
             <os><type>exe</type><init>/bin/true</init></os><devices><console/>\
             <filesystem type='mount'><source dir='{}'/><target dir='/'/></filesystem></devices></domain>",
            root.path().display()
        );
        let source = browndog_xml::source::Source::new("test.xml", &xml);
        let domain = browndog_xml::read(&source).domain.expect("a document without errors");
        let held = || Survey::look(&domain, false, false).hold.is_some();
        assert!(held(), "all are missing");
        for name in ["proc", "sys", "dev"] {
            fs::create_dir(root.path().join(name)).expect("a directory");
        }
        assert!(!held(), "all are there");
        let marked = fs::Permissions::from_mode(0o755 | super::MARK);
        fs::set_permissions(root.path().join("dev"), marked).expect("its mode");
        assert!(held(), "another start has made one, and will remove it");
    }
}
