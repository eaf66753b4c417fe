//! This program, executed from where no container can write to it.
//!
//! A process of ours that is inside a container, or that a container's process can see, is a way to our
//! file on the host: `/proc/PID/exe` opens it. From a read-only mount of its own it opens read-only.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use browndog_runtime::errno_of;
use browndog_runtime::exec::sealed_copy;
use browndog_runtime::sys::{self, MountAttr, StringArray};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::stat::Mode;

const OWN: &str = "/proc/self/exe";

/// Whether this program runs from a read-only mount or a sealed copy.
fn is_safe() -> bool {
    let Ok(own) = nix::fcntl::open(OWN, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) else {
        return false;
    };
    let read_only = sys::mount_flags(own.as_raw_fd()).is_ok_and(|flags| flags & libc::ST_RDONLY != 0);
    let sealed = fcntl(&own, FcntlArg::F_GET_SEALS).is_ok_and(|seals| seals & libc::F_SEAL_WRITE != 0);
    read_only || sealed
}

/// Executes this program again, under the name `argv0` with `words`, from where it cannot be written;
/// returns at once where it runs from such a place. Needs CAP_SYS_ADMIN, or room for a copy.
///
/// # Errors
/// The errno of the call that failed: then nobody should enter a container.
pub fn make_safe(argv0: &OsStr, words: &[OsString]) -> Result<(), Errno> {
    if is_safe() {
        return Ok(());
    }
    let program = read_only_mount().or_else(|_| {
        // For kernels before 5.12.
        sealed_copy(std::fs::File::open(OWN).map_err(errno_of)?)
    })?;
    let text = |word: &OsStr| CString::new(word.as_bytes()).map_err(|_| Errno::EINVAL);
    let mut argv = vec![text(argv0)?];
    for word in words {
        argv.push(text(word)?);
    }
    let mut env = Vec::new();
    for (name, value) in std::env::vars_os() {
        let mut variable = name;
        variable.push("=");
        variable.push(value);
        env.push(text(&variable)?);
    }
    Err(sys::execveat(program.as_raw_fd(), &StringArray::new(argv), &StringArray::new(env)))
}

/// Overwrites the words of this process's command line behind the first: whoever sees a process of ours can read
/// them (proc_pid_cmdline(5)), and a child that enters a container has them until it executes. What the program itself
/// knows of them are copies.
///
/// # Errors
/// Where the command line lies cannot be read, or cannot be written to.
pub fn forget_words() -> Result<(), Errno> {
    use std::os::unix::fs::FileExt;
    let line = std::fs::read("/proc/self/cmdline").map_err(errno_of)?;
    let first = line.iter().position(|byte| *byte == 0).map_or(line.len(), |at| at + 1);
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(errno_of)?;
    let start = arguments_at(&stat).ok_or(Errno::EPROTO)?;
    let memory = std::fs::OpenOptions::new().write(true).open("/proc/self/mem").map_err(errno_of)?;
    memory.write_all_at(&vec![0; line.len() - first], start + first as u64).map_err(errno_of)?;
    let left = std::fs::read("/proc/self/cmdline").map_err(errno_of)?;
    if left.get(first..).is_none_or(|rest| rest.iter().all(|byte| *byte == 0)) {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}

/// Field 48 of proc_pid_stat(5): where the command line begins.
fn arguments_at(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(45)?.parse().ok().filter(|at| *at != 0)
}

/// The program's own file as a detached, read-only mount.
fn read_only_mount() -> Result<OwnedFd, Errno> {
    const OPEN_TREE_CLONE: u32 = 1;
    const MOUNT_ATTR_RDONLY: u64 = 1;
    let path = std::fs::read_link(OWN).map_err(|_| Errno::ENOENT)?;
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let tree = sys::adopt(sys::open_tree(libc::AT_FDCWD, &path, OPEN_TREE_CLONE | libc::O_CLOEXEC as u32)?);
    // What the path names must be what runs: it may have been replaced meanwhile.
    let same = |a: &nix::sys::stat::FileStat, b: &nix::sys::stat::FileStat| {
        (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
    };
    if !same(&nix::sys::stat::stat(OWN)?, &nix::sys::stat::fstat(&tree)?) {
        return Err(Errno::ESTALE);
    }
    let attr = MountAttr { attr_set: MOUNT_ATTR_RDONLY, ..MountAttr::default() };
    sys::mount_setattr(tree.as_raw_fd(), c"", libc::AT_EMPTY_PATH as u32, &attr)?;
    Ok(tree)
}
