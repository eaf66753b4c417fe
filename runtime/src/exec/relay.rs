//! In the foreground: signals go to the init, the terminal's bytes and size to its console, until it
//! ends.

use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{self, SetArg, Termios};

use super::{Ended, Running};
use crate::sys;

/// Signals that are passed on to the init.
const PASSED: [Signal; 7] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// Whether standard input and output are a terminal, so that the container gets one of its own.
pub fn on_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Blocks the signals that [`attend`] passes on; before the start, so that none is lost.
///
/// # Errors
/// The errno of sigprocmask(2) or signalfd(2).
pub fn catch_signals() -> Result<SignalFd, Errno> {
    let mut mask = SigSet::empty();
    for signal in PASSED {
        mask.add(signal);
    }
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// Stays with the container until its init has ended.
///
/// # Errors
/// The errno of poll(2) or waitid(2).
pub fn attend(running: &mut Running, signals: &SignalFd) -> Result<Ended, Errno> {
    let console = running.console.take();
    // A program may want a terminal where its caller has none.
    let typed = console.is_some() && std::io::stdin().is_terminal();
    let raw = typed.then(RawTerminal::enter).transpose()?;
    if let Some(console) = &console {
        copy_window_size(console.as_fd());
    }
    let mut input_open = console.is_some();
    loop {
        let stdin = std::io::stdin();
        let mut fds = vec![
            PollFd::new(running.pidfd.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        if let Some(console) = &console {
            fds.push(PollFd::new(console.as_fd(), PollFlags::POLLIN));
            if input_open {
                fds.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
            }
        }
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        drop(fds);
        if ready[1] {
            pass_signals(running, signals, console.as_ref());
        }
        if let Some(console) = &console {
            if ready[2] {
                // A console without output any more may still take input.
                crate::disregard(copy(console.as_fd(), std::io::stdout().as_fd()));
            }
            if ready.get(3) == Some(&true) {
                input_open = copy(stdin.as_fd(), console.as_fd());
            }
        }
        if ready[0] {
            if let Some(console) = &console {
                while copy_ready(console.as_fd()) && copy(console.as_fd(), std::io::stdout().as_fd()) {}
            }
            drop(raw);
            return running.wait();
        }
    }
}

fn copy_ready(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|count| count > 0)
        && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN))
}

pub(super) fn pass_signals(running: &Running, signals: &SignalFd, console: Option<&OwnedFd>) {
    while let Ok(Some(info)) = signals.read_signal() {
        let signal = info.ssi_signo as i32;
        if signal == libc::SIGWINCH {
            if let Some(console) = console {
                copy_window_size(console.as_fd());
            }
            continue;
        }
        // The kernel drops a signal that process 1 of a namespace has no handler for. Whoever sends one
        // from outside wants it to have its effect, so it gets the effect it would have on any process.
        let ends = running.is_init && signal != libc::SIGUSR1 && signal != libc::SIGUSR2;
        let signal = if ends && !handles(running.pid, signal) { libc::SIGKILL } else { signal };
        // ESRCH: the init has ended meanwhile, which the loop sees next.
        crate::disregard(running.signal(signal));
    }
}

/// SigCgt and SigBlk of proc_pid_status(5): signals with a handler, and signals that are blocked, as
/// a program has them that takes them by signalfd(2). One that sits in sigwait(3) shows them as neither
/// (the kernel unblocks them meanwhile), but it shows where it sits (proc_pid_syscall(5)).
fn handles(pid: i32, signal: i32) -> bool {
    let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let number = call.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
    number == Some(libc::SYS_rt_sigtimedwait)
        || takes(&std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), signal)
}

fn takes(status: &str, signal: i32) -> bool {
    ["SigCgt:", "SigBlk:"].iter().any(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        mask & (1 << (signal - 1)) != 0
    })
}

/// Copies what is there; `false` at the end of the input.
fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> bool {
    let mut buffer = [0_u8; 4096];
    let Ok(count) = sys::read(from.as_raw_fd(), &mut buffer) else { return false };
    let mut rest = &buffer[..count];
    while !rest.is_empty() {
        match sys::write(to.as_raw_fd(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => return false,
        }
    }
    count > 0
}

fn copy_window_size(console: BorrowedFd<'_>) {
    sys::copy_window_size(std::io::stdin().as_raw_fd(), console.as_raw_fd());
}

/// The caller's terminal in raw mode, and back when dropped.
#[derive(Debug)]
pub struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Raw, until dropped.
    ///
    /// # Errors
    /// ENOTTY where standard input is no terminal.
    pub fn enter() -> Result<Self, Errno> {
        let stdin = std::io::stdin();
        let before = termios::tcgetattr(&stdin)?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        termios::tcsetattr(&stdin, SetArg::TCSANOW, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        crate::disregard(termios::tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_taken_with_a_handler_and_by_who_waits_for_it_blocked() {
        let status = "SigBlk:\t0000000000004000\nSigIgn:\t0000000000000001\nSigCgt:\t0000000000000002\n";
        for (signal, taken) in [(libc::SIGTERM, true), (libc::SIGINT, true), (libc::SIGHUP, false)] {
            assert_eq!(takes(status, signal), taken, "{signal}");
        }
    }
}
