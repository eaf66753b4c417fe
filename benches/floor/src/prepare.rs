//! What can be made once and used by every start: an empty mount namespace and a /dev.

use std::ffi::{CStr, c_int};

use libc::{MS_BIND, MS_PRIVATE, MS_RDONLY, MS_REC};

use crate::options::Options;
use crate::start::{Failed, Step, at, decimal, join, populate_dev};
use crate::sys::{self, Errno};

/// Attempts at pinning the namespace: see [`pin`].
const ATTEMPTS: usize = 64;

/// Makes `DIR/dev`, a populated tmpfs, and `DIR/base`, a pinned mount namespace with an empty root.
pub fn make(options: &Options) -> Result<(), Failed> {
    let failed = at(Step::Tree);
    let dir = options.base.unwrap_or_default();
    sys::umask(0);
    // A pinned mount namespace must lie where mount events do not spread.
    sys::mount(dir, dir, c"", MS_BIND, c"").map_err(failed)?;
    sys::mount(c"none", dir, c"", MS_PRIVATE, c"").map_err(failed)?;
    sys::chdir(dir).map_err(failed)?;
    sys::mkdir_at(libc::AT_FDCWD, c"dev").map_err(failed)?;
    sys::mount(c"tmpfs", c"dev", c"tmpfs", libc::MS_NOSUID | libc::MS_NOEXEC, c"mode=755,size=65536")
        .map_err(failed)?;
    sys::chdir(c"dev")
        .and_then(|()| populate_dev())
        .and_then(|()| sys::chdir(c".."))
        .map_err(at(Step::Nodes))?;
    let file = sys::open(c"base", libc::O_CREAT | libc::O_RDONLY).map_err(failed)?;
    sys::close(file).map_err(failed)?;
    let mut last = Failed(Step::Tree, libc::EINVAL);
    for attempt in 0..ATTEMPTS {
        match pin(attempt) {
            Ok(()) => return Ok(()),
            Err(failed) => last = failed,
        }
    }
    Err(last)
}

/// Unmounts and removes what `make` made.
pub fn remove(options: &Options) -> Result<(), Failed> {
    let failed = at(Step::Remove);
    let dir = options.base.unwrap_or_default();
    let mut path = [0; 512];
    sys::detach(dir).map_err(failed)?;
    sys::unlink(join(dir, c"/base", &mut path)).map_err(failed)?;
    sys::rmdir_at(libc::AT_FDCWD, join(dir, c"/dev", &mut path)).map_err(failed)
}

/// Binds the mount namespace of a short-lived child to the file `base`.
///
/// The kernel refuses to bind a mount namespace that is not younger than our own, and compares
/// numbers handed out in batches per CPU, so a fresh one may look older: try on another CPU.
fn pin(attempt: usize) -> Result<(), Failed> {
    let pipe = sys::pipe().map_err(at(Step::Clone))?;
    let holder = Holder { gate: pipe, cpu: attempt };
    let (pid, pidfd) = sys::clone3(0, None, hold, &holder).map_err(at(Step::Clone))?;
    sys::close(pipe[1]).map_err(at(Step::Clone))?;
    let pinned = sys::read_byte(pipe[0]).and_then(|_| bind_namespace(pid));
    sys::kill(pid).map_err(at(Step::Exec))?;
    let _status = sys::wait(pidfd).map_err(at(Step::Exec))?;
    for fd in [pipe[0], pidfd] {
        sys::close(fd).map_err(at(Step::Exec))?;
    }
    pinned.map_err(at(Step::Tree))
}

fn bind_namespace(pid: c_int) -> Result<(), Errno> {
    let (mut digits, mut start, mut whole) = ([0; 10], [0; 512], [0; 512]);
    let mut number = [0; 11];
    let text = decimal(pid as u32, &mut digits);
    number[..text.len()].copy_from_slice(text);
    let number = CStr::from_bytes_until_nul(&number).unwrap_or_default();
    let start = join(c"/proc/", number, &mut start);
    sys::mount(join(start, c"/ns/mnt", &mut whole), c"base", c"", MS_BIND, c"")
}

struct Holder {
    gate: [c_int; 2],
    cpu: usize,
}

/// Makes the empty namespace, says so, and stays until killed.
extern "C" fn hold(holder: &Holder) -> ! {
    let made = empty_namespace(holder.cpu).and_then(|()| sys::write(holder.gate[1], b"1"));
    if let Err(errno) = made {
        Failed(Step::Tree, errno).say();
        sys::exit(125);
    }
    sys::pause()
}

fn empty_namespace(cpu: usize) -> Result<(), Errno> {
    // A CPU that is not there: any other will do.
    sys::run_on(cpu % 2).or_else(|_| sys::run_on(0))?;
    sys::unshare(libc::CLONE_NEWNS)?;
    sys::mount(c"none", c"/", c"", MS_REC | MS_PRIVATE, c"")?;
    sys::mount(c"tmpfs", c"dev", c"tmpfs", MS_RDONLY, c"size=4096,mode=555")?;
    sys::chdir(c"dev")?;
    sys::pivot_root(c".", c".")?;
    sys::detach(c".")
}
