//! The dirty launcher: what a careless caller would hand to a runtime.
//!
//! It is a process of its own, since umask, directory, signal dispositions and limits belong to the
//! whole process and the harness needs its own clean.

use std::os::unix::process::CommandExt;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::{Mode, umask};

/// Descriptors left open without close-on-exec.
pub const STRAY: [i32; 4] = [3, 17, 255, 900];

/// `launch [--clean] PROGRAM ARG…`
pub(super) fn main(words: &[String]) -> i32 {
    let (dirty, words) = match words.split_first() {
        Some((first, rest)) if first == "--clean" => (false, rest),
        _ => (true, words),
    };
    let Some((program, arguments)) = words.split_first() else {
        eprintln!("browndog probe: launch wants a program");
        return 2;
    };
    if dirty && let Err(errno) = soil() {
        eprintln!("browndog probe: the launcher cannot be made dirty: {errno}");
        return 3;
    }
    let error = std::process::Command::new(program).args(arguments).exec();
    eprintln!("browndog probe: {program}: {error}");
    127
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
    // ADDR_NO_RANDOMIZE, a niceness, one CPU of several, an oom score: all inherited across exec.
    let _before = nix::sys::personality::set(nix::sys::personality::Persona::ADDR_NO_RANDOMIZE)?;
    std::fs::write("/proc/self/oom_score_adj", "123").map_err(|_| nix::errno::Errno::EACCES)?;
    std::fs::write("/proc/self/timerslack_ns", "77777").map_err(|_| nix::errno::Errno::EACCES)?;
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
