//! Started without root: the caller becomes root of a user namespace of its own, with a mount
//! namespace of its own, and starts the container from in there (user_namespaces(7)).
//!
//! An account with subordinate ids (subuid(5)) gets them all, through newuidmap(1) and newgidmap(1);
//! any other gets its own id alone.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{getegid, geteuid};

use super::attend::map_text;
use crate::errno_of;
use crate::error::StartError;
use crate::plan::step::c_string;
use crate::sys::{self, StringArray};

/// Lines of an id map: inside, outside, count.
pub type Map = Vec<[u32; 3]>;

/// The maps that [`enter`] writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ids {
    /// User ids.
    pub uid: Map,
    /// Group ids.
    pub gid: Map,
}

impl Ids {
    fn own() -> Self {
        Self { uid: vec![[0, geteuid().as_raw(), 1]], gid: vec![[0, getegid().as_raw(), 1]] }
    }

    fn has_subordinate(&self) -> bool {
        self.uid.len() > 1
    }
}

const NEWUIDMAP: &str = "/usr/bin/newuidmap";
const NEWGIDMAP: &str = "/usr/bin/newgidmap";

/// What the caller may map: itself as 0, then its subordinate ids from 1 on.
pub fn ids() -> Ids {
    let own = Ids::own();
    // Both or neither: programs expect a group where there is a user of the same number.
    let (uid, gid) = (subordinate("/etc/subuid"), subordinate("/etc/subgid"));
    let runs_as_root =
        |path: &str| fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o4000 != 0);
    // A set-user-ID program gains nothing where no_new_privs is set.
    let gains = sys::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == Ok(0);
    let usable = gains && runs_as_root(NEWUIDMAP) && runs_as_root(NEWGIDMAP);
    if !usable || uid.is_empty() || gid.is_empty() {
        return own;
    }
    let with = |own: Map, ranges: Vec<(u32, u32)>| {
        let mut map = own;
        for (outside, count) in ranges {
            let inside = map.last().map_or(0, |last| last[0] + last[2]);
            map.push([inside, outside, count]);
        }
        map
    };
    Ids { uid: with(own.uid, uid), gid: with(own.gid, gid) }
}

fn subordinate(path: &str) -> Vec<(u32, u32)> {
    let uid = geteuid();
    // Not by getpwuid(3): in a static program the C library would load modules that were not made for it.
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = crate::plan::name_of(&accounts, uid.as_raw());
    let text = fs::read_to_string(path).unwrap_or_default();
    ranges_of(&text, name.as_deref(), uid.as_raw())
}

/// Lines `NAME:FIRST:COUNT`, by name or by number (subuid(5)).
fn ranges_of(text: &str, name: Option<&str>, uid: u32) -> Vec<(u32, u32)> {
    let number = uid.to_string();
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let mine = Some(owner) == name || owner == number;
        let range = (fields.next()?.trim().parse().ok()?, fields.next()?.trim().parse().ok()?);
        mine.then_some(range).filter(|(_, count)| *count > 0)
    });
    lines.take(RANGES_MAX).collect()
}

/// The kernel takes 340 lines; nobody has so many.
const RANGES_MAX: usize = 32;

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

/// The maps of the namespace that this process is in.
pub fn current() -> Ids {
    let read = |path: &str| parse_map(&fs::read_to_string(Path::new(path)).unwrap_or_default());
    Ids { uid: read("/proc/self/uid_map"), gid: read("/proc/self/gid_map") }
}

fn parse_map(text: &str) -> Map {
    let line = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse);
        Some([numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?])
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subordinate_ids_are_found_by_name_and_by_number() {
        let text = "root:100000:65536\nann:200000:65536\nbad\n1000:300000:10\nann:x:1\n1000:7:0\n";
        assert_eq!(ranges_of(text, Some("ann"), 1000), [(200_000, 65_536), (300_000, 10)]);
        assert_eq!(ranges_of(text, None, 5), []);
    }
}
