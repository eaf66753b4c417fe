//! The wait for a program that enters a container: bounded, and never deaf.
//!
//! Between clone and exec the child is in the container's groups and PID namespace: who is inside can freeze it, and
//! root inside can stop it (SIGSTOP), again and again.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::StartError;
use crate::process::Stat;
use crate::sys;

/// How long a child is waited for that somebody holds still.
const HELD_MAX: Duration = Duration::from_secs(2);
/// How long one that is merely slow: a file system that answers late, a quota that is spent.
const SLOW_MAX: Duration = Duration::from_secs(30);
/// Between two looks at it.
const LOOK: u16 = 50;
/// How long the kernel may take to kill it.
const END_MAX: u16 = 1000;

/// What holds a process still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Still {
    /// A signal.
    Stopped,
    /// A freezer.
    Frozen,
}

/// Whether process `pid` is held still by somebody (proc_pid_stat(5), proc_pid_wchan(5)).
pub(super) fn still(pid: i32) -> Option<Still> {
    if "Tt".contains(Stat::read(pid)?.state) {
        return Some(Still::Stopped);
    }
    let wchan = std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    // Where compilers have made one function of it, the freezer of version 2 is a part of get_signal.
    let freezer = ["freez", "refrigerator", "get_signal"].iter().any(|name| wchan.contains(name));
    (freezer || group_is_frozen(pid)).then_some(Still::Frozen)
}

/// The same by its group, for kernels that do not show where a process sleeps.
fn group_is_frozen(pid: i32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let Some(group) = text.lines().find_map(|line| line.strip_prefix("0::")) else { return false };
    let tops = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let events = tops.map(|top| std::fs::read_to_string(format!("{top}{group}/cgroup.events")));
    events.into_iter().flatten().any(|events| events.lines().any(|line| line == "frozen 1"))
}

/// The signal that the caller is to end by, if one of those that came is such; the others are of no use yet.
fn ending_signal(signals: BorrowedFd<'_>) -> Option<i32> {
    /// struct signalfd_siginfo (signalfd(2)).
    const SIZE: usize = 128;
    let mut info = [0_u8; SIZE];
    while sys::read(signals.as_raw_fd(), &mut info) == Ok(SIZE) {
        let [a, b, c, d, ..] = info;
        let signal = u32::from_ne_bytes([a, b, c, d]) as i32;
        if ends(signal) {
            return Some(signal);
        }
    }
    None
}

/// Whether a signal asks for the end.
pub(super) fn ends(signal: i32) -> bool {
    [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT].contains(&signal)
}

/// Returns when the other end of `read` is closed, by exec or by the child's end. `gone` is called where the child
/// cannot be waited for.
///
/// # Errors
/// What it waited for in vain, or the signal that ended the wait; the child is killed then.
pub(super) fn wait_for_exec(
    read: &OwnedFd,
    pid: i32,
    pidfd: &OwnedFd,
    signals: Option<BorrowedFd<'_>>,
    gone: impl FnOnce(),
) -> Result<(), StartError> {
    let begun = Instant::now();
    let mut held: Option<(Instant, Still)> = None;
    let why = loop {
        let mut fds = vec![PollFd::new(read.as_fd(), PollFlags::POLLIN)];
        fds.extend(signals.map(|signals| PollFd::new(signals, PollFlags::POLLIN)));
        match poll(&mut fds, PollTimeout::from(LOOK)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(StartError::Launcher { what: "poll", errno }),
        }
        if fds[0].any().unwrap_or(false) {
            return Ok(());
        }
        if let Some(signal) = signals.and_then(ending_signal) {
            break Why::Signal(signal);
        }
        if let Some(found) = still(pid) {
            let since = held.map_or_else(Instant::now, |(since, _)| since);
            held = Some((since, found));
            if found == Still::Stopped {
                // ESRCH: it has ended meanwhile, which is seen next.
                crate::disregard(sys::pidfd_send_signal(pidfd.as_raw_fd(), libc::SIGCONT, 0, 0));
            }
        }
        match held {
            Some((since, still)) if since.elapsed() > HELD_MAX => break Why::Held(still),
            _ if begun.elapsed() > SLOW_MAX => break Why::Slow,
            _ => {}
        }
    };
    crate::disregard(sys::pidfd_send_signal(pidfd.as_raw_fd(), libc::SIGKILL, 0, 0));
    let dead = has_ended(pidfd, END_MAX);
    if !dead {
        gone();
    }
    Err(why.error(pid, dead))
}

/// Whether it ends within so many milliseconds.
pub(super) fn has_ended(pidfd: &OwnedFd, within: u16) -> bool {
    let mut fds = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::from(within)).is_ok_and(|count| count > 0)
}

enum Why {
    Signal(i32),
    Held(Still),
    Slow,
}

impl Why {
    fn error(&self, pid: i32, dead: bool) -> StartError {
        let (why, help, signal) = match self {
            Self::Signal(signal) => {
                ("a signal ended the wait before the program had begun".to_owned(), "", Some(*signal))
            }
            Self::Held(Still::Stopped) => (
                "a process of the container keeps stopping the program (SIGSTOP) before it has begun"
                    .to_owned(),
                "end that process: 'browndog destroy' ends all of them",
                None,
            ),
            Self::Held(Still::Frozen) => (
                "its control group is frozen, by the container itself or by another program of the host"
                    .to_owned(),
                "thaw it as it was frozen (cgroup.freeze, freezer.state), or 'browndog destroy' the domain",
                None,
            ),
            Self::Slow => (
                format!(
                    "it has not begun within {} s: the file system that it is on does not answer, or the container's \
                     processor time is spent",
                    SLOW_MAX.as_secs()
                ),
                "look with 'browndog stats'; try again later",
                None,
            ),
        };
        let rest = if dead { String::new() } else { format!("; its process {pid} ends when it can") };
        StartError::Entering { why: why + &rest, help: help.to_owned(), signal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{SigSet, Signal};
    use nix::sys::signalfd::{SfdFlags, SignalFd};
    use std::process::{Child, Command, Stdio};

    fn sleeper() -> (Child, OwnedFd) {
        let child = Command::new("sleep").arg("100").stdin(Stdio::null()).spawn().expect("sleep(1)");
        let pidfd = sys::pidfd_open(child.id() as i32, 0).expect("a pidfd");
        (child, sys::adopt(pidfd as i32))
    }

    fn wait(child: &Child, pidfd: &OwnedFd, signals: Option<&SignalFd>) -> (Result<(), StartError>, bool) {
        let (read, _write) = nix::unistd::pipe().expect("a pipe");
        let mut gone = false;
        let signals = signals.map(AsFd::as_fd);
        (wait_for_exec(&read, child.id() as i32, pidfd, signals, || gone = true), gone)
    }

    #[test]
    fn a_child_that_is_kept_stopped_is_given_up_and_killed() {
        let (mut child, pidfd) = sleeper();
        let stopper = std::thread::spawn({
            let pidfd = pidfd.try_clone().expect("a descriptor");
            move || while sys::pidfd_send_signal(pidfd.as_raw_fd(), libc::SIGSTOP, 0, 0).is_ok() {}
        });
        let (done, gone) = wait(&child, &pidfd, None);
        let Err(StartError::Entering { why, signal: None, .. }) = done else { panic!("{done:?}") };
        assert!(why.contains("SIGSTOP") && !gone, "{why}");
        assert!(!child.wait().expect("it has ended").success());
        stopper.join().expect("no panic");
    }

    #[test]
    fn a_signal_ends_the_wait() {
        let (mut child, pidfd) = sleeper();
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGTERM);
        mask.add(Signal::SIGUSR1);
        mask.thread_block().expect("blocked");
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK).expect("a signalfd");
        for signal in [Signal::SIGUSR1, Signal::SIGTERM] {
            nix::sys::signal::raise(signal).expect("sent");
        }
        let (done, _) = wait(&child, &pidfd, Some(&signals));
        assert!(matches!(done, Err(StartError::Entering { signal: Some(libc::SIGTERM), .. })), "{done:?}");
        assert!(!child.wait().expect("it has ended").success());
    }

    #[test]
    fn what_has_begun_is_waited_for_no_longer() {
        let (mut child, pidfd) = sleeper();
        let (read, write) = nix::unistd::pipe().expect("a pipe");
        drop(write);
        assert!(wait_for_exec(&read, child.id() as i32, &pidfd, None, || ()).is_ok());
        child.kill().expect("it is there");
        assert!(!child.wait().expect("it has ended").success());
    }
}
