//! What a process could claim for itself at the expense of all others on the machine.

use nix::errno::Errno;

use super::Params;
use super::identity::{errno_of, write_existing};
use crate::facts::{Facts, spell};
use crate::sys::{Arg, attempt};

/// Attempts, each taken back where it works.
pub(super) fn claims(facts: &mut Facts) {
    spared(facts);
    facts.attempt("claim.fifo", scheduled(libc::SCHED_FIFO));
    facts.attempt("claim.round_robin", scheduled(libc::SCHED_RR));
    facts.attempt("claim.deadline", deadline());
    // IOPRIO_WHO_PROCESS 1, IOPRIO_CLASS_RT 1.
    let real_time = attempt(libc::SYS_ioprio_set, &mut [1, 0, (1 << 13) | 4].map(Arg::Int));
    facts.attempt("claim.io_real_time", real_time);
    if real_time.is_ok()
        && let Err(errno) = attempt(libc::SYS_ioprio_set, &mut [1, 0, 0].map(Arg::Int))
    {
        eprintln!("browndog probe: ioprio_set: {errno}");
    }
}

/// Asks to be the last that is killed when memory is short: below what it is, by one and by all there is.
fn spared(facts: &mut Facts) {
    let path = "/proc/self/oom_score_adj";
    let own = std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let Ok(score) = own.parse::<i32>() else {
        return facts.set("claim.oom_score", own);
    };
    for (name, value) in [("less", score - 1), ("never", -1000)] {
        let outcome = write_existing(path, &value.to_string()).map_err(errno_of);
        facts.set(format!("claim.oom_{name}"), spell(outcome));
        if outcome.is_ok()
            && let Err(error) = write_existing(path, &own)
        {
            eprintln!("browndog probe: {path}: {error}");
        }
    }
}

fn scheduled(policy: i32) -> Result<(), Errno> {
    let set = |policy: i32, priority: i32| {
        let priority = priority.to_ne_bytes();
        attempt(libc::SYS_sched_setscheduler, &mut [Arg::Int(0), Arg::Int(policy), Arg::In(&priority)])
    };
    let _zero = set(policy, 1)?;
    set(libc::SCHED_OTHER, 0).map(drop)
}

/// One millisecond of every hundred, promised by the kernel: `struct sched_attr` of 48 bytes.
fn deadline() -> Result<(), Errno> {
    let mut attributes = [0_u8; 48];
    attributes[..4].copy_from_slice(&48_u32.to_ne_bytes());
    attributes[4..8].copy_from_slice(&libc::SCHED_DEADLINE.to_ne_bytes());
    for (at, nanoseconds) in [(24, 1_000_000_u64), (32, 100_000_000), (40, 100_000_000)] {
        attributes[at..at + 8].copy_from_slice(&nanoseconds.to_ne_bytes());
    }
    let _zero = attempt(libc::SYS_sched_setattr, &mut [Arg::Int(0), Arg::In(&attributes), Arg::Int(0)])?;
    let zero = 0_i32.to_ne_bytes();
    attempt(libc::SYS_sched_setscheduler, &mut [Arg::Int(0), Arg::Int(libc::SCHED_OTHER), Arg::In(&zero)])
        .map(drop)
}

/// Types on every terminal at hand, for whoever reads from it next, and asks a virtual console to paste.
pub(super) fn terminal(_params: &Params, facts: &mut Facts) {
    use std::os::fd::AsRawFd;
    facts.set("terminal.input", which("/proc/self/fd/0"));
    facts.attempt("terminal.take", ioctl(0, libc::TIOCSCTTY, Arg::Int(0)));
    facts.attempt("terminal.steal", ioctl(0, libc::TIOCSCTTY, Arg::Int(1)));
    let mut all = vec![("0", Ok(0)), ("1", Ok(1)), ("2", Ok(2))];
    let open = |path: &str| std::fs::File::options().read(true).write(true).open(path);
    let files = [("/dev/tty", open("/dev/tty")), ("/dev/console", open("/dev/console"))];
    all.extend(files.iter().map(|(name, file)| (*name, file.as_ref().map(AsRawFd::as_raw_fd))));
    for (name, fd) in all {
        let (typed, pasted) = match fd {
            Ok(fd) => {
                let typed = b"#\n".iter().try_for_each(|key| ioctl(fd, libc::TIOCSTI, Arg::In(&[*key])));
                // TIOCL_PASTESEL 3, of a struct whose first byte is the command.
                (typed, ioctl(fd, 0x541c, Arg::In(&[3, 0, 0, 0, 0, 0, 0, 0])))
            }
            Err(error) => {
                let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
                (Err(errno), Err(errno))
            }
        };
        facts.attempt(format!("terminal.type.{name}"), typed);
        facts.attempt(format!("terminal.paste.{name}"), pasted);
    }
}

/// A terminal's file system and inode, by which both sides mean the same one.
pub(crate) fn which(path: &str) -> String {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map_or_else(|e| e.to_string(), |m| format!("{}:{}", m.dev(), m.ino()))
}

/// ioctl(2); the type of a request is another in each C library.
pub(super) fn ioctl(fd: i32, request: impl TryInto<i32>, argument: Arg<'_>) -> Result<(), Errno> {
    let request = request.try_into().map_err(|_| Errno::EINVAL)?;
    attempt(libc::SYS_ioctl, &mut [Arg::Int(fd), Arg::Int(request), argument]).map(drop)
}
