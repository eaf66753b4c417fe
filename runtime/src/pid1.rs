//! The built-in process 1: for domains with several applications, and where `--init` asks for it.
//!
//! Process 1 of a PID namespace is not like others (pid_namespaces(7)): it inherits orphans and has to
//! wait for them, a signal that it has no handler for does nothing to it, and the container ends when it
//! does. A program that does not know that is better off as a child of this one, which
//! - starts every application, in order;
//! - waits for whatever ends;
//! - passes on the signals it gets, except those that the terminal has sent to everybody already;
//! - ends when the first application ends, with its status (128 and the number of a signal that killed
//!   it), after SIGTERM to the others and [`PATIENCE`].

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::SignalFd;

use crate::ended::Ended;
use crate::sys;
use crate::sys::entry::arguments;
use crate::sys::spawn::without_blocked_signals;

/// `argv[0]`, by which the program knows what it is.
pub const NAME: &str = "browndog-init";

/// How long the other applications have to end after the first.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Whether this process is the built-in process 1 of a container.
pub fn wanted() -> bool {
    arguments().first().is_some_and(|name| name == NAME) && std::process::id() == 1
}

/// Several commands as one argument vector: the number of words of each, and the words.
pub fn pack(commands: &[Vec<OsString>]) -> Vec<OsString> {
    let mut words = vec![OsString::from(NAME)];
    for command in commands {
        words.push(command.len().to_string().into());
        words.extend(command.iter().cloned());
    }
    words
}

fn unpack(words: &[OsString]) -> Vec<Vec<OsString>> {
    let mut words = words.iter().skip(1).cloned();
    let mut commands = Vec::new();
    while let Some(count) = words.next() {
        let count = count.to_str().and_then(|count| count.parse().ok()).unwrap_or(0);
        commands.push(words.by_ref().take(count).collect());
    }
    commands
}

/// An application, while it runs.
struct Application {
    pid: i32,
    first: bool,
}

/// Does the work of process 1; returns the container's exit status.
pub fn main() -> i32 {
    run().unwrap_or_else(|errno| {
        eprintln!("{NAME}: {} ({errno})", errno.desc());
        125
    })
}

fn run() -> Result<i32, Errno> {
    // Else the name of the file that it was executed from, as a descriptor, stands in ps(1).
    crate::disregard(nix::sys::prctl::set_name(c"browndog-init"));
    let mask = SigSet::all();
    mask.thread_block()?;
    let signals = SignalFd::new(&mask)?;
    let mut applications = Vec::new();
    for (index, command) in unpack(arguments()).iter().enumerate() {
        let Some((program, arguments)) = command.split_first() else { continue };
        let mut command = Command::new(program);
        match without_blocked_signals(command.args(arguments)).spawn() {
            Ok(child) => {
                let pid = child.id().cast_signed();
                applications.push(Application { pid, first: index == 0 });
            }
            Err(error) => return Ok(refused(program, &error)),
        }
    }
    let mut status = None;
    let mut until: Option<Instant> = None;
    loop {
        while let Some((pid, code)) = reap()? {
            let Some(at) = applications.iter().position(|application| application.pid == pid) else {
                continue;
            };
            if applications.remove(at).first {
                status = Some(code);
                applications.iter().for_each(|other| send(other.pid, libc::SIGTERM));
                until = Some(Instant::now() + PATIENCE);
            }
        }
        let rest = until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(code) = status
            && (applications.is_empty() || rest.is_some_and(|rest| rest.is_zero()))
        {
            return Ok(code);
        }
        forward(&signals, rest, &applications)?;
    }
}

/// What a shell says of a program that is not there, or cannot be executed.
fn refused(program: &OsStr, error: &io::Error) -> i32 {
    eprintln!("{NAME}: cannot execute {}: {error}", program.to_string_lossy());
    if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
}

/// A process that has ended, and its exit status. Whoever it is and however it ended: no end of an orphan
/// is this one's.
fn reap() -> Result<Option<(i32, i32)>, Errno> {
    loop {
        return match sys::wait::waitid(libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG) {
            Ok(Some(waited)) => {
                Ok(Some((waited.pid, Ended::of(waited.code, waited.status, false).exit_code())))
            }
            Ok(None) | Err(Errno::ECHILD) => Ok(None),
            Err(Errno::EINTR) => continue,
            Err(errno) => Err(errno),
        };
    }
}

/// Waits for a signal and passes it on.
fn forward(signals: &SignalFd, rest: Option<Duration>, to: &[Application]) -> Result<(), Errno> {
    let timeout = rest.map_or(PollTimeout::NONE, |rest| {
        PollTimeout::try_from(rest + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
    });
    let mut set = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    match poll(&mut set, timeout) {
        // EINTR: stopped for a while and continued.
        Ok(0) | Err(Errno::EINTR) => return Ok(()),
        Ok(_) => {}
        Err(errno) => return Err(errno),
    }
    let Some(info) = signals.read_signal()? else { return Ok(()) };
    let signal = info.ssi_signo as i32;
    // ^C, ^Z and a new window size go from the terminal to its whole process group: everybody has them.
    if signal != libc::SIGCHLD && info.ssi_code != SI_KERNEL {
        to.iter().for_each(|application| send(application.pid, signal));
    }
    Ok(())
}

/// `si_code` of a signal that the kernel sent (sigaction(2)).
const SI_KERNEL: i32 = 0x80;

fn send(pid: i32, signal: i32) {
    // ESRCH: it has ended, which the next look at the children finds.
    crate::disregard(sys::wait::kill(pid, signal));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_out_as_they_went_in() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(b"no\xfftext".to_vec());
        let commands = vec![vec!["/bin/a".into(), "2".into(), OsString::new(), odd], vec!["b".into()]];
        assert_eq!(unpack(&pack(&commands)), commands);
    }
}
