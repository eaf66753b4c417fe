//! The dirty launcher: what a careless caller would hand to a runtime.
//!
//! It is a process of its own, since umask, directory, signal dispositions and limits belong to the
//! whole process and the harness needs its own clean.

use std::os::unix::process::CommandExt;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::{Mode, umask};

use crate::sys::{Arg, attempt};

/// Descriptors left open without close-on-exec.
pub const STRAY: [i32; 4] = [3, 17, 255, 900];

/// A user that no machine has an account for: who starts containers without privilege.
pub const PLAIN_USER: u32 = 54_321;

/// `launch --dirty|--clean|--lax|--closed|--terminal|--user PROGRAM ARG…`
pub(super) fn main(words: &[String]) -> i32 {
    let [how, program, arguments @ ..] = words else {
        eprintln!(
            "browndog probe: launch wants --dirty, --clean, --closed, --terminal or --user, and a program"
        );
        return 2;
    };
    if !["--clean", "--lax", "--user"].contains(&how.as_str())
        && let Err(errno) = soil()
    {
        eprintln!("browndog probe: the launcher cannot be made dirty: {errno}");
        return 3;
    }
    let set_up = match how.as_str() {
        "--closed" => (0..3).try_for_each(nix::unistd::close),
        "--terminal" => own_terminal(),
        "--user" => become_plain(),
        "--lax" => {
            let _earlier = umask(Mode::empty());
            Ok(())
        }
        _ => Ok(()),
    };
    if let Err(errno) = set_up {
        eprintln!("browndog probe: launch {how}: {errno}");
        return 3;
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    eprintln!("browndog probe: {program}: {error}");
    127
}

/// A plain user without groups, and for good.
fn become_plain() -> nix::Result<()> {
    let (user, group) = (nix::unistd::Uid::from_raw(PLAIN_USER), nix::unistd::Gid::from_raw(PLAIN_USER));
    nix::unistd::setgroups(&[])?;
    nix::unistd::setresgid(group, group, group)?;
    nix::unistd::setresuid(user, user, user)
}

/// Standard input becomes the terminal of a session of its own, as a login makes it.
fn own_terminal() -> nix::Result<()> {
    let _session = nix::unistd::setsid()?;
    super::claims::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY, Arg::Int(0))
}

fn soil() -> nix::Result<()> {
    let _earlier = umask(Mode::from_bits_truncate(0o027));
    let mut blocked = SigSet::empty();
    blocked.add(Signal::SIGUSR2);
    blocked.add(Signal::SIGWINCH);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None)?;
    crate::sys::ignore(libc::SIGHUP)?;
    crate::sys::ignore(libc::SIGPIPE)?;
    crate::sys::ignore(libc::SIGUSR1)?;
    // One processor of several, ADDR_NO_RANDOMIZE, an oom score, a timer slack: all inherited across exec.
    pin()?;
    let _before = nix::sys::personality::set(nix::sys::personality::Persona::ADDR_NO_RANDOMIZE)?;
    std::fs::write("/proc/self/oom_score_adj", "123").map_err(|_| nix::errno::Errno::EACCES)?;
    std::fs::write("/proc/self/timerslack_ns", "77777").map_err(|_| nix::errno::Errno::EACCES)?;
    schedule(1, libc::SCHED_BATCH, (IOPRIO_BEST_EFFORT << 13) | 6)?;
    memory_policy(libc::MPOL_PREFERRED)?;
    huge_pages_off(1)?;
    raise_sets()?;
    // Limits first: a stray descriptor at 900 needs room.
    setrlimit(Resource::RLIMIT_NOFILE, 1111, 2222)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 4096)?;
    if nix::unistd::geteuid().is_root() {
        let groups = [0, 4, 20, 4242].map(nix::unistd::Gid::from_raw);
        nix::unistd::setgroups(&groups)?;
    }
    for number in STRAY {
        let directory = open("/", OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let _left_open = fcntl(&directory, FcntlArg::F_DUPFD(number))?;
    }
    nix::unistd::chdir("/var/tmp").or_else(|_| nix::unistd::chdir("/"))
}

/// Puts back what [`soil`] changed and a process may put back: for a daemon, which no careless caller starts.
/// Hard limits stay, since raising them takes a capability that a machine may have dropped.
pub(crate) fn cleanse() -> nix::Result<()> {
    use nix::sched::{CpuSet, sched_setaffinity};
    let _ours = umask(Mode::from_bits_truncate(0o022));
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    for signal in [libc::SIGHUP, libc::SIGPIPE, libc::SIGUSR1] {
        crate::sys::heed(signal)?;
    }
    let mut all = CpuSet::new();
    (0..CpuSet::count()).try_for_each(|processor| all.set(processor))?;
    sched_setaffinity(nix::unistd::Pid::from_raw(0), &all)?;
    let _before = nix::sys::personality::set(nix::sys::personality::Persona::empty())?;
    std::fs::write("/proc/self/oom_score_adj", "0").map_err(|_| nix::errno::Errno::EACCES)?;
    std::fs::write("/proc/self/timerslack_ns", "50000").map_err(|_| nix::errno::Errno::EACCES)?;
    schedule(0, libc::SCHED_OTHER, 0)?;
    memory_policy(libc::MPOL_DEFAULT)?;
    huge_pages_off(0)?;
    lower_sets()?;
    nix::unistd::setgroups(&[nix::unistd::Gid::from_raw(0)])?;
    // KEYCTL_JOIN_SESSION_KEYRING 1: one of its own; a kernel without keys has none to hand on.
    let _keys = attempt(libc::SYS_keyctl, &mut [Arg::Int(1), Arg::Null]).is_ok();
    nix::unistd::chdir("/")
}

/// Binds itself to the last of the processors it may use.
fn pin() -> nix::Result<()> {
    use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
    let me = nix::unistd::Pid::from_raw(0);
    let allowed = sched_getaffinity(me)?;
    let last = (0..CpuSet::count()).rev().find(|n| allowed.is_set(*n).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(last.ok_or(nix::errno::Errno::EINVAL)?)?;
    sched_setaffinity(me, &one)
}

/// IOPRIO_CLASS_BE (ioprio_set(2)).
const IOPRIO_BEST_EFFORT: i32 = 2;

/// Niceness, policy and I/O priority. The niceness first: the I/O priority that is none follows it.
fn schedule(nice: i32, policy: i32, io_priority: i32) -> nix::Result<()> {
    // An answer of 20 minus the niceness; only root may become less nice than it is.
    let now = 20 - attempt(libc::SYS_getpriority, &mut [0, 0].map(Arg::Int))?;
    if nice == 0 || now < i64::from(nice) {
        let _zero = attempt(libc::SYS_setpriority, &mut [0, 0, nice].map(Arg::Int))?;
    }
    let parameter = 0_i32.to_ne_bytes();
    let mut words = [Arg::Int(0), Arg::Int(policy), Arg::In(&parameter)];
    let _zero = attempt(libc::SYS_sched_setscheduler, &mut words)?;
    attempt(libc::SYS_ioprio_set, &mut [1, 0, io_priority].map(Arg::Int)).map(drop)
}

/// A memory policy for the first node, where the kernel knows nodes.
fn memory_policy(mode: i32) -> nix::Result<()> {
    let first = 1_u64.to_ne_bytes();
    let mut words = [Arg::Int(mode), Arg::In(&first), Arg::Int(64)];
    if mode == libc::MPOL_DEFAULT {
        words[1..].fill_with(|| Arg::Null);
    }
    match attempt(libc::SYS_set_mempolicy, &mut words) {
        Ok(_) | Err(nix::errno::Errno::ENOSYS) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Whether memory comes in huge pages by itself.
fn huge_pages_off(off: i32) -> nix::Result<()> {
    super::identity::prctl(libc::PR_SET_THP_DISABLE, off).map(drop)
}

/// Empties the ambient and the inheritable set.
fn lower_sets() -> nix::Result<()> {
    // PR_CAP_AMBIENT_CLEAR_ALL.
    ambient(4, 0)?;
    set_inheritable(|_permitted| [0; 4])
}

/// Fills the inheritable set, and raises two ambient capabilities: a caller may itself be a service that
/// was given some. Without privilege there is nothing to fill.
fn raise_sets() -> nix::Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    set_inheritable(|permitted| permitted)?;
    // PR_CAP_AMBIENT_RAISE: CAP_NET_BIND_SERVICE 10, CAP_KILL 5.
    [10, 5].into_iter().try_for_each(|capability| ambient(2, capability))
}

/// `prctl(PR_CAP_AMBIENT, what, capability, 0, 0)`.
fn ambient(what: i32, capability: i32) -> nix::Result<()> {
    let mut words = [libc::PR_CAP_AMBIENT, what, capability, 0, 0].map(Arg::Int);
    attempt(libc::SYS_prctl, &mut words).map(drop)
}

/// Makes the inheritable set of what is permitted, half by half.
fn set_inheritable(of: impl Fn([u8; 4]) -> [u8; 4]) -> nix::Result<()> {
    // capget(2), version 3: effective, permitted, inheritable of the low and the high half.
    let header = [0x2008_0522_u32, 0].map(u32::to_ne_bytes).concat();
    let mut sets = [0_u8; 24];
    let _zero = attempt(libc::SYS_capget, &mut [Arg::In(&header), Arg::Out(&mut sets)])?;
    for half in [0, 12] {
        let permitted = [sets[half + 4], sets[half + 5], sets[half + 6], sets[half + 7]];
        sets[half + 8..half + 12].copy_from_slice(&of(permitted));
    }
    attempt(libc::SYS_capset, &mut [Arg::In(&header), Arg::In(&sets)]).map(drop)
}
