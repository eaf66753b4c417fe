//! Whether a process 1 takes a signal. The kernel drops one that the init of a namespace has no handler for
//! (pid_namespaces(7)): whoever sends it has to know.

use std::time::{Duration, Instant};

use nix::libc;

/// How long a process that blocks the signal is looked at.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// Whether the process takes this signal: it has a handler, ignores it, or takes it in another way
/// (signalfd(2), as systemd does, or sigwait(3)).
///
/// One that merely blocks it is looked at again: a shell blocks everything while it waits for its child to
/// execute (vfork(2)), which on a busy machine is long, and then the signal would be lost.
pub fn takes(pid: i32, signal: i32) -> bool {
    let until = Instant::now() + PATIENCE;
    let mut pause = PAUSES.0;
    loop {
        if waits(pid) {
            return true;
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        if has(&status, "SigCgt:", signal) || has(&status, "SigIgn:", signal) {
            return true;
        }
        if !has(&status, "SigBlk:", signal) {
            // Unless it went to sleep in sigwait between the two looks, which unblocked the signal.
            return waits(pid);
        }
        // Who blocks it for good has a reason of its own.
        if reads(pid, signal) || Instant::now() >= until {
            return true;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Whether one of its threads sits in sigwait(3): the kernel unblocks the signals meanwhile, so that no
/// mask shows it.
fn waits(pid: i32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().any(|thread| {
        let call = std::fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
        let number = call.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
        number == Some(libc::SYS_rt_sigtimedwait)
    })
}

/// Whether it has a signalfd for it: `sigmask:` of proc_pid_fdinfo(5).
fn reads(pid: i32, signal: i32) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fdinfo")) else { return false };
    files.flatten().any(|file| {
        let info = std::fs::read_to_string(file.path()).unwrap_or_default();
        has(&info, "sigmask:", signal)
    })
}

/// Whether a mask of proc_pid_status(5) has the signal.
pub(super) fn has(status: &str, mask: &str, signal: i32) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix(mask));
    let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (signal - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{SigSet, Signal};
    use nix::sys::signalfd::SignalFd;

    #[test]
    fn a_signal_is_in_the_mask_that_has_its_bit() {
        let status = "SigBlk:\t0000000000004000\nSigIgn:\t0000000000000001\nSigCgt:\t0000000000000002\n";
        assert!(has(status, "SigBlk:", libc::SIGTERM) && has(status, "SigCgt:", libc::SIGINT));
        assert!(!has(status, "SigBlk:", libc::SIGHUP) && !has(status, "SigCgt:", libc::SIGHUP));
    }

    #[test]
    fn a_signalfd_takes_its_signals() {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGUSR2);
        let _fd = SignalFd::new(&mask).expect("a signalfd");
        let own = std::process::id() as i32;
        assert!(reads(own, libc::SIGUSR2) && !reads(own, libc::SIGUSR1));
    }
}
