//! Started without root: the caller becomes root of a user namespace of its own, with a mount
//! namespace of its own, and starts the container from in there (user_namespaces(7)).

use std::fs;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::geteuid;

use crate::errno_of;
use crate::error::StartError;
use crate::idmap::{Ids, NEWGIDMAP, NEWUIDMAP, ids, map_text};
use crate::path::c_string;
use crate::sys::{self, StringArray};

/// Enters the namespaces: the caller's uid and gid become 0.
///
/// Must be called while the process has one thread.
///
/// # Errors
/// Says which call the kernel refused; the caller is then as before.
pub fn enter() -> Result<(), StartError> {
    let uid = geteuid().as_raw();
    let failed = |what: &str, errno| StartError::Rootless { uid, what: what.to_owned(), errno };
    let (own, ids) = (Ids::own(), ids());
    // They stay outside: only there are they what they have to be, set-user-ID root.
    let helpers = if ids.has_subordinate() { Some(Helpers::wait_for(&ids)) } else { None };
    let unshared = sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS);
    unshared.map(drop).map_err(|errno| failed("unshare(CLONE_NEWUSER|CLONE_NEWNS)", errno))?;
    if let Some(Ok(helpers)) = helpers
        && helpers.map()
    {
        return Ok(());
    }
    let write = |file: &str, text: &str| {
        let path = format!("/proc/self/{file}");
        match fs::write(&path, text) {
            // Half of a helper's work stands: an id map is written once.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) && mapped(&path) => Ok(()),
            other => other.map_err(|error| failed(&format!("write({path})"), errno_of(error))),
        }
    };
    // Without privilege a group may be mapped only when dropping groups is given up.
    write("setgroups", "deny")?;
    write("uid_map", &map_text(&own.uid))?;
    write("gid_map", &map_text(&own.gid))
}

fn mapped(path: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| !text.trim().is_empty())
}

/// newuidmap and newgidmap, forked before the namespace is left and waiting for the word to go.
struct Helpers {
    pids: Vec<i32>,
    go: Option<std::os::fd::OwnedFd>,
}

struct Helper {
    wait: i32,
    keep: i32,
    path: std::ffi::CString,
    argv: StringArray,
    env: StringArray,
}

impl Helpers {
    fn wait_for(ids: &Ids) -> Result<Self, Errno> {
        let (wait, go) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let keep = go.as_raw_fd();
        let mut helpers = Self { pids: Vec::new(), go: Some(go) };
        let stack = sys::ChildMemory::borrowed()?;
        for (path, map) in [(NEWUIDMAP, &ids.uid), (NEWGIDMAP, &ids.gid)] {
            let numbers = map.iter().flatten().map(u32::to_string);
            let words = [path.to_owned(), std::process::id().to_string()].into_iter().chain(numbers);
            let helper = Helper {
                wait: wait.as_raw_fd(),
                keep,
                path: c_string(path),
                argv: StringArray::new(words.map(|word| c_string(&word)).collect()),
                env: StringArray::new(Vec::new()),
            };
            let mut args = sys::CloneArgs::default();
            args.exit_signal = libc::SIGCHLD as u64;
            helpers.pids.push(sys::clone3(&mut args, &stack, run_helper, &helper)?);
        }
        Ok(helpers)
    }

    /// Whether both maps were written; what is wrong the helpers say themselves.
    fn map(mut self) -> bool {
        let told = self.go.as_ref().is_some_and(|go| sys::write(go.as_raw_fd(), b"gg") == Ok(2));
        let ended = self.pids.drain(..).map(status).collect::<Vec<_>>();
        told && ended.iter().all(|status| *status == Some(0))
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        // Those that nobody told to go end when the pipe is closed.
        self.go = None;
        self.pids.drain(..).for_each(|pid| crate::disregard(status(pid)));
    }
}

fn status(pid: i32) -> Option<i32> {
    use nix::sys::wait::{WaitStatus, waitpid};
    loop {
        match waitpid(nix::unistd::Pid::from_raw(pid), None) {
            Ok(WaitStatus::Exited(_, status)) => return Some(status),
            Err(Errno::EINTR) => {}
            _ => return None,
        }
    }
}

extern "C" fn run_helper(helper: &Helper) -> ! {
    // Its own copy of the launcher's end, which would keep it waiting for ever.
    crate::disregard(sys::close(helper.keep));
    let mut byte = [0_u8];
    if sys::read(helper.wait, &mut byte) == Ok(1) {
        crate::disregard(sys::execve(&helper.path, &helper.argv, &helper.env));
    }
    sys::exit_now(127)
}

/// Whether the caller needs [`enter`] to start a container.
///
/// # Errors
/// The errno of capget(2).
pub fn needed() -> Result<bool, Errno> {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    Ok(sys::capget()?.effective & CAP_SYS_ADMIN == 0)
}

/// Root of a user namespace may stand in a mount namespace of the one around it (`unshare -Ur`), and may mount nothing
/// there: then it gets one of its own. Found out by trying, as no capability tells.
pub fn own_mounts() {
    if sys::administers_machine() {
        return;
    }
    const CLONE: u32 = 1 | libc::O_CLOEXEC as u32;
    if sys::open_tree(libc::AT_FDCWD, c"/", CLONE).map(sys::adopt).is_err_and(|errno| errno == Errno::EPERM) {
        // Where that is refused too, the first step that mounts says so.
        crate::disregard(sys::unshare(libc::CLONE_NEWNS));
    }
}
