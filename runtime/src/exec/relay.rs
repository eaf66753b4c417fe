//! In the foreground: signals go to the init, the terminal's bytes and size to its console, until it
//! ends.

use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::asking::Asking;
use super::begun::ends;
use super::flow::{Flow, Quiet};
use super::signals::takes;
use super::terminal::{Escape, Raw};
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

/// How the caller is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Standard input and output are a terminal, so that the container gets one of its own.
    Terminal,
    /// The same, but it is another job's now: who takes it is stopped by the kernel (SIGTTOU, SIGTTIN).
    Background,
    /// Not by a terminal.
    Other,
}

/// How the caller is connected now.
pub fn caller() -> Caller {
    // Not by the standard library's objects, which come with buffers.
    let terminal = [libc::STDIN_FILENO, libc::STDOUT_FILENO].iter().all(|fd| sys::terminal::is_terminal(*fd));
    match terminal {
        true if sys::terminal::in_background(libc::STDIN_FILENO) => Caller::Background,
        true => Caller::Terminal,
        false => Caller::Other,
    }
}

/// What is said to a caller in the background.
pub const BACKGROUND: &str = "note: in the background of this terminal: there is no input, and no terminal is taken\n   = help: bring it to the foreground first, or redirect its input";

/// Blocks the signals that [`attend`] passes on; before the start, so that none is lost.
///
/// One that the caller ignores stays ignored and is not passed on: nohup(1) ignores SIGHUP for what it starts,
/// a shell without job control SIGINT and SIGQUIT for what runs in the background.
///
/// # Errors
/// The errno of sigprocmask(2) or signalfd(2).
pub fn catch_signals() -> Result<SignalFd, Errno> {
    let mut mask = SigSet::empty();
    for signal in PASSED {
        if signal == Signal::SIGWINCH || !sys::context::ignores(signal as i32)? {
            mask.add(signal);
        }
    }
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}

/// How long the launcher is kept where it started the child: giving it back all processors is a call beside the
/// init's exec, and moving it is work at the init's end. What lives for longer is not a matter of microseconds.
const MOMENT_MS: u8 = 20;

/// Stays with the container until its init has ended and all it wrote has been passed on.
///
/// # Errors
/// The errno of poll(2) or waitid(2).
pub fn attend(running: &mut Running, signals: &SignalFd) -> Result<Ended, Errno> {
    let mut consoles: Vec<OwnedFd> = running.console.take().into_iter().collect();
    consoles.append(&mut running.more_consoles);
    let bridge = running.bridge.take();
    let bridge = bridge.as_ref().map(AsFd::as_fd);
    let mut talk = if consoles.is_empty() { None } else { Some(Conversation::begin(consoles, bridge)?) };
    if talk.is_some() {
        running.stay = None;
    }
    let mut stop = Stop::default();
    loop {
        let rest = stop.tick();
        let mut waits = vec![
            (Wait::Signals, PollFd::new(signals.as_fd(), PollFlags::POLLIN)),
            (Wait::Init, PollFd::new(running.pidfd.as_fd(), PollFlags::POLLIN)),
        ];
        let timeout = match (&talk, &running.stay) {
            (Some(talk), _) => talk.ask(&mut waits),
            (None, Some(_)) => PollTimeout::from(MOMENT_MS),
            (None, None) => PollTimeout::NONE,
        };
        let found = wait(waits, sooner(timeout, rest))?;
        let ended = found.iter().any(|(wait, _)| *wait == Wait::Init);
        if !ended {
            running.stay = None;
        }
        for (wait, flags) in &found {
            match wait {
                Wait::Signals => {
                    let resize = || talk.iter().for_each(Conversation::copy_window_size);
                    let _asked = pass_signals(running, signals, &mut stop, &resize);
                }
                Wait::Init => {}
                other => talk.iter_mut().for_each(|talk| talk.act(*other, *flags)),
            }
        }
        if talk.as_mut().is_some_and(Conversation::is_left) {
            running.remarks.push("left by Ctrl-] three times: everything in it was killed".to_owned());
            // ESRCH: the init has ended meanwhile, which the loop sees next.
            crate::disregard(running.signal(libc::SIGKILL));
        }
        if ended {
            if let Some(talk) = &mut talk {
                talk.finish(signals)?;
            }
            drop(talk);
            // As the caller has promised: nobody runs anywhere after this.
            std::mem::forget(running.stay.take());
            return running.wait();
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Signals,
    Init,
    Input,
    Output,
    Console(usize),
    /// The program's end of its input.
    Program,
    /// What the program writes by this pipe, and where that goes.
    From(usize),
    To(usize),
}

/// poll(2); returns what is ready.
pub(super) fn wait(
    waits: Vec<(Wait, PollFd<'_>)>,
    timeout: PollTimeout,
) -> Result<Vec<(Wait, PollFlags)>, Errno> {
    let (names, mut set): (Vec<Wait>, Vec<PollFd<'_>>) = waits.into_iter().unzip();
    match poll(&mut set, timeout) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(Vec::new()),
        Err(errno) => return Err(errno),
    }
    let flags = set.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
    Ok(names.into_iter().zip(flags).filter(|(_, flags)| !flags.is_empty()).collect())
}

/// The caller's end and the container's, and what is on its way between them.
struct Conversation<'a> {
    /// The first is talked to; what is written to the others in the foreground is read and let go, so that
    /// nobody waits for a reader.
    consoles: Vec<(OwnedFd, Quiet)>,
    stdin: std::io::Stdin,
    stdout: std::io::Stdout,
    /// A terminal of the host that the document names, in the place of standard input and output.
    bridge: Option<BorrowedFd<'a>>,
    input: Flow,
    output: Flow,
    /// The caller's end is no terminal, and has sent something: its end is said as ^D.
    says_end: bool,
    /// The key that leaves, looked for where somebody types.
    escape: Escape,
    left: bool,
    raw: Option<Raw>,
}

/// What a terminal in its usual mode takes for the end of input (VEOF of termios(3)).
const END_OF_INPUT: u8 = 4;

impl<'a> Conversation<'a> {
    fn begin(consoles: Vec<OwnedFd>, bridge: Option<BorrowedFd<'a>>) -> Result<Self, Errno> {
        for console in &consoles {
            // The launcher's end is the launcher's alone; the container's own is another open file.
            crate::disregard(fcntl(console, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?);
        }
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        let terminal = bridge.unwrap_or(stdin.as_fd());
        // Of another job's terminal the mode is not ours to change, and what is typed there not ours to read.
        let background = sys::terminal::in_background(terminal.as_raw_fd());
        let raw = if terminal.is_terminal() && !background { Some(Raw::enter(terminal)?) } else { None };
        let on_terminal = bridge.unwrap_or(stdout.as_fd()).is_terminal();
        let mut input = Flow::to_terminal();
        if background {
            input = input.shut();
            input.push(&[END_OF_INPUT]);
        }
        let talk = Self {
            consoles: consoles.into_iter().map(|console| (console, Quiet::default())).collect(),
            stdin,
            stdout,
            bridge,
            input,
            output: if on_terminal { Flow::to_terminal() } else { Flow::to_pipe() },
            says_end: false,
            escape: Escape::default(),
            left: false,
            raw,
        };
        talk.copy_window_size();
        Ok(talk)
    }

    fn copy_window_size(&self) {
        let from = self.bridge.unwrap_or(self.stdin.as_fd());
        sys::copy_window_size(from.as_raw_fd(), self.consoles[0].0.as_raw_fd());
    }

    /// Adds what is waited for; returns for how long.
    ///
    /// Nothing is added that cannot be acted on: poll(2) reports a hang-up whether asked or not.
    fn ask<'b>(&'b self, waits: &mut Vec<(Wait, PollFd<'b>)>) -> PollTimeout {
        if self.input.wants_bytes() {
            let from = self.bridge.unwrap_or(self.stdin.as_fd());
            waits.push((Wait::Input, PollFd::new(from, PollFlags::POLLIN)));
        }
        if !self.output.is_empty() {
            let to = self.bridge.unwrap_or(self.stdout.as_fd());
            waits.push((Wait::Output, PollFd::new(to, PollFlags::POLLOUT)));
        }
        let mut shortest: Option<Duration> = None;
        for (index, (console, quiet)) in self.consoles.iter().enumerate() {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::POLLIN, index > 0 || self.output.wants_bytes());
            flags.set(PollFlags::POLLOUT, index == 0 && !self.input.is_empty());
            match quiet.rest() {
                Some(rest) => shortest = Some(shortest.map_or(rest, |other| other.min(rest))),
                None if flags.is_empty() => {}
                None => waits.push((Wait::Console(index), PollFd::new(console.as_fd(), flags))),
            }
        }
        // A millisecond more, so that the pause is over when poll(2) returns.
        let wait = shortest.map(|rest| rest + Duration::from_millis(1));
        wait.map_or(PollTimeout::NONE, |wait| PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX))
    }

    fn act(&mut self, wait: Wait, found: PollFlags) {
        match wait {
            Wait::Input => {
                let from = self.bridge.unwrap_or(self.stdin.as_fd());
                if self.input.fill(from) {
                    self.says_end = !from.is_terminal();
                    self.left |=
                        self.raw.is_some() && self.escape.typed(self.input.last_read(), Instant::now());
                } else if self.says_end && !self.input.wants_bytes() {
                    self.input.push(&[END_OF_INPUT]);
                }
            }
            Wait::Output => {
                crate::disregard(self.output.drain(self.bridge.unwrap_or(self.stdout.as_fd())));
            }
            Wait::Console(index) => {
                let (console, quiet) = &mut self.consoles[index];
                let console = console.as_fd();
                let mut let_go = Flow::to_pipe();
                let output = if index == 0 { &mut self.output } else { &mut let_go };
                let came = output.wants_bytes() && output.fill_from_console(console);
                let went = found.contains(PollFlags::POLLOUT) && self.input.drain(console);
                quiet.heard(came || went, found.contains(PollFlags::POLLHUP));
            }
            _ => {}
        }
    }

    /// Whether the key that leaves was pressed since this was asked last.
    fn is_left(&mut self) -> bool {
        std::mem::take(&mut self.left)
    }

    /// Passes on what the container wrote before it ended. Ends at once at a signal: the caller may have
    /// nobody who reads.
    fn finish(&mut self, signals: &SignalFd) -> Result<(), Errno> {
        loop {
            if self.output.is_empty() {
                let console = self.consoles[0].0.as_fd();
                // Asking makes the kernel hand over what is on its way through the terminal.
                let asked = vec![(Wait::Console(0), PollFd::new(console, PollFlags::POLLIN))];
                crate::disregard(wait(asked, PollTimeout::ZERO)?);
                if !self.output.fill_from_console(console) {
                    return Ok(());
                }
            }
            let to = self.bridge.unwrap_or(self.stdout.as_fd());
            let found = wait(
                vec![
                    (Wait::Signals, PollFd::new(signals.as_fd(), PollFlags::POLLIN)),
                    (Wait::Output, PollFd::new(to, PollFlags::POLLOUT)),
                ],
                PollTimeout::NONE,
            )?;
            for (wait, flags) in found {
                let stop = wait == Wait::Signals
                    && signals
                        .read_signal()
                        .is_ok_and(|info| info.is_some_and(|info| info.ssi_signo as i32 != libc::SIGWINCH));
                if stop {
                    return Ok(());
                }
                self.act(wait, flags);
            }
        }
    }
}

/// The sooner of two times to wait.
pub(super) fn sooner(timeout: PollTimeout, rest: Option<Duration>) -> PollTimeout {
    let Some(rest) = rest.and_then(|rest| PollTimeout::try_from(rest).ok()) else { return timeout };
    if timeout.is_none() || i32::from(rest) < i32::from(timeout) { rest } else { timeout }
}

/// A container in the foreground that was asked to end.
#[derive(Debug, Default)]
pub(super) struct Stop {
    asking: Option<Asking>,
    since: Option<Instant>,
}

/// How long everybody has before a process 1 that has no handler for the signal is killed.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// A second signal this soon is the same one: who sends it to a process and to its group, as timeout(1) does,
/// sends it twice.
const SAME: Duration = Duration::from_millis(250);

impl Stop {
    /// What follows from who has ended meanwhile; after how long to look again.
    pub(super) fn tick(&mut self) -> Option<Duration> {
        let rest = self.asking.as_mut()?.tick();
        if rest.is_none() {
            self.asking = None;
        }
        rest
    }

    /// The first asks everybody, the second kills.
    fn stop(&mut self, running: &Running, signal: i32) {
        match self.since {
            None => {
                self.since = Some(Instant::now());
                self.asking = Some(running.ask(signal, Vec::new(), STOP_WITHIN, true));
            }
            Some(since) if since.elapsed() < SAME => {}
            // ESRCH: the init has ended meanwhile, which the loop sees next.
            Some(_) => crate::disregard(running.signal(libc::SIGKILL)),
        }
    }
}

/// Passes signals on; returns the first that asks for the end.
pub(super) fn pass_signals(
    running: &Running,
    signals: &SignalFd,
    stop: &mut Stop,
    resize: &dyn Fn(),
) -> Option<i32> {
    let mut asked = None;
    while let Ok(Some(info)) = signals.read_signal() {
        let signal = info.ssi_signo as i32;
        if signal == libc::SIGWINCH {
            resize();
            continue;
        }
        asked = asked.or(ends(signal).then_some(signal));
        // These have other meanings to an init that has handlers for them, such as to read its files again.
        let other = matches!(signal, libc::SIGHUP | libc::SIGQUIT) && takes(running.pid, signal);
        if !running.is_init || other || matches!(signal, libc::SIGUSR1 | libc::SIGUSR2) {
            // ESRCH: the init has ended meanwhile, which the loop sees next.
            crate::disregard(running.signal(signal));
        } else {
            stop.stop(running, signal);
        }
    }
    asked
}
