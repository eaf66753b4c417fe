//! In the foreground without a terminal: bytes go through pipes of ours, so that none of the caller's
//! files is a descriptor of the container.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;

use super::begun::{ends, has_ended, still};
use super::{Ended, Running};
use crate::sys;

/// The caller's ends of the pipes.
#[derive(Debug)]
pub struct Streams {
    /// What the program reads; `None` once the caller's input has ended, or the program reads no more.
    input: Option<Pump<OwnedFd>>,
    /// What it writes, as 1 and 2.
    outputs: [Option<Pump<OwnedFd>>; 2],
}

/// One direction: what has been read and not yet been written. It is read only when everything has been written, so
/// that who reads slowly slows down who writes, and nothing grows.
#[derive(Debug)]
struct Pump<F> {
    /// Our end of the pipe.
    pipe: F,
    bytes: Vec<u8>,
    written: usize,
    /// The source has ended.
    ended: bool,
}

/// Bytes of one read.
const READ: usize = 16 << 10;

/// What a pipe takes whole when it reports room (PIPE_BUF of pipe(7)): the caller's descriptors may block, and are
/// shared with others, who would be surprised if they did not any more.
const WRITE: usize = 4096;

impl<F: AsFd> Pump<F> {
    fn new(pipe: F) -> Self {
        Self { pipe, bytes: Vec::new(), written: 0, ended: false }
    }

    fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Reads once.
    fn fill(&mut self, from: i32) {
        self.bytes.resize(READ, 0);
        let read = sys::read(from, &mut self.bytes);
        self.bytes.truncate(read.unwrap_or(0));
        self.written = 0;
        self.ended = !matches!(read, Ok(1..) | Err(Errno::EAGAIN | Errno::EINTR));
    }

    /// Writes once; `false` where nobody takes it any more.
    fn drain(&mut self, to: i32) -> bool {
        let rest = &self.bytes[self.written..];
        match sys::write(to, &rest[..rest.len().min(WRITE)]) {
            Ok(count) => self.written += count,
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => return false,
        }
        true
    }
}

/// What a pipe holds at most (/proc/sys/fs/pipe-max-size).
const PIPE_MAX: usize = 1 << 20;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Signals,
    Program,
    /// The caller's standard input has something.
    Typed,
    /// The program takes input.
    Takes,
    /// The program has written something, as 1 or 2.
    Wrote(usize),
    /// The caller takes it.
    Reads(usize),
}

/// How long a program that was sent a signal to end, and that somebody holds still, may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);
const LOOK: u16 = 100;
/// How long the kernel may take to kill it (milliseconds).
const END_MAX: u16 = 1000;

impl Streams {
    /// Three pipes; returns the program's ends as 0, 1 and 2.
    ///
    /// # Errors
    /// The errno of pipe2(2) or fcntl(2).
    pub fn new() -> Result<(Self, [OwnedFd; 3]), Errno> {
        let pipe = || nix::unistd::pipe2(OFlag::O_CLOEXEC);
        let (input, output, error) = (pipe()?, pipe()?, pipe()?);
        for ours in [&input.1, &output.0, &error.0] {
            // Our end is another open file than the program's.
            crate::disregard(fcntl(ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?);
        }
        let outputs = [Some(Pump::new(output.0)), Some(Pump::new(error.0))];
        Ok((Self { input: Some(Pump::new(input.1)), outputs }, [input.0, output.1, error.1]))
    }

    /// Stays with the program until it has ended and what it wrote is passed on. A signal that asks for the end is
    /// passed on; a program that is held still by somebody then, stopped or frozen, is killed. After its end such a
    /// signal ends the passing on.
    ///
    /// # Errors
    /// The errno of poll(2) or waitid(2).
    pub fn attend(mut self, running: &mut Running, signals: &SignalFd) -> Result<Ended, Errno> {
        let mut asked: Option<(Instant, i32)> = None;
        loop {
            let timeout = if asked.is_some() { PollTimeout::from(LOOK) } else { PollTimeout::NONE };
            let ready = self.wait(Some(running.pidfd.as_fd()), signals, timeout)?;
            if ready.iter().any(|(wait, _)| *wait == Wait::Signals)
                && let Some(signal) = pass_on(running, signals)
            {
                asked = asked.or(Some((Instant::now(), signal)));
            }
            self.act(&ready);
            if ready.iter().any(|(wait, _)| *wait == Wait::Program) {
                let ended = running.wait()?;
                self.finish(signals, asked.is_some())?;
                return Ok(ended);
            }
            if let Some((since, signal)) = asked
                && since.elapsed() > GRACE
                && still(running.pid).is_some()
            {
                // ESRCH: it has ended meanwhile.
                crate::disregard(running.signal(libc::SIGKILL));
                if !has_ended(&running.pidfd, END_MAX) {
                    // A frozen group of version 1 lets nobody die: it ends when it is thawed.
                    running.undo.child_is_gone();
                    return Ok(Ended::Killed(signal));
                }
            }
        }
    }

    fn wait(
        &self,
        program: Option<BorrowedFd<'_>>,
        signals: &SignalFd,
        timeout: PollTimeout,
    ) -> Result<Vec<(Wait, PollFlags)>, Errno> {
        let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let callers = [stdout.as_fd(), stderr.as_fd()];
        let mut waits = vec![(Wait::Signals, PollFd::new(signals.as_fd(), PollFlags::POLLIN))];
        waits.extend(program.map(|program| (Wait::Program, PollFd::new(program, PollFlags::POLLIN))));
        match &self.input {
            Some(pump) if pump.is_empty() && program.is_some() => {
                waits.push((Wait::Typed, PollFd::new(stdin.as_fd(), PollFlags::POLLIN)));
            }
            Some(pump) if program.is_some() => {
                waits.push((Wait::Takes, PollFd::new(pump.pipe.as_fd(), PollFlags::POLLOUT)));
            }
            _ => {}
        }
        for (number, output) in self.outputs.iter().enumerate() {
            match output {
                Some(pump) if pump.is_empty() => {
                    waits.push((Wait::Wrote(number), PollFd::new(pump.pipe.as_fd(), PollFlags::POLLIN)));
                }
                Some(_) => {
                    waits.push((Wait::Reads(number), PollFd::new(callers[number], PollFlags::POLLOUT)));
                }
                None => {}
            }
        }
        let (names, mut fds): (Vec<Wait>, Vec<PollFd<'_>>) = waits.into_iter().unzip();
        match poll(&mut fds, timeout) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Vec::new()),
            Err(errno) => return Err(errno),
        }
        let flags = fds.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        Ok(names.into_iter().zip(flags).filter(|(_, flags)| !flags.is_empty()).collect())
    }

    fn act(&mut self, ready: &[(Wait, PollFlags)]) {
        for (wait, _) in ready {
            match *wait {
                Wait::Typed => {
                    if let Some(pump) = &mut self.input {
                        pump.fill(std::io::stdin().as_raw_fd());
                        if pump.ended {
                            self.input = None;
                        }
                    }
                }
                Wait::Takes => {
                    let taken = self.input.as_mut().is_some_and(|pump| pump.drain(pump.pipe.as_raw_fd()));
                    if !taken {
                        self.input = None;
                    }
                }
                Wait::Wrote(number) => {
                    if let Some(pump) = &mut self.outputs[number] {
                        pump.fill(pump.pipe.as_raw_fd());
                        if pump.ended {
                            self.outputs[number] = None;
                        }
                    }
                }
                Wait::Reads(number) => {
                    let to = [std::io::stdout().as_raw_fd(), std::io::stderr().as_raw_fd()][number];
                    let read = self.outputs[number].as_mut().is_some_and(|pump| pump.drain(to));
                    if !read {
                        self.outputs[number] = None;
                    }
                }
                Wait::Signals | Wait::Program => {}
            }
        }
    }

    /// What is left in the pipes; a process that outlives the program may hold them open, and write for ever. Who has
    /// `asked` for the end waits for no reader.
    fn finish(&mut self, signals: &SignalFd, asked: bool) -> Result<(), Errno> {
        self.input = None;
        let mut reads = 2 * PIPE_MAX / READ;
        loop {
            // Nothing is waited for but who reads too slowly.
            let pending = self.outputs.iter().flatten().any(|pump| !pump.is_empty());
            let timeout = if pending && !asked { PollTimeout::NONE } else { PollTimeout::ZERO };
            let ready = self.wait(None, signals, timeout)?;
            let signalled = ready.iter().any(|(wait, _)| *wait == Wait::Signals);
            if signalled
                && signals
                    .read_signal()
                    .is_ok_and(|info| info.is_some_and(|info| ends(info.ssi_signo as i32)))
            {
                return Ok(());
            }
            let nothing = ready.is_empty() && (asked || !pending);
            if nothing || !pending && reads == 0 {
                return Ok(());
            }
            reads = reads.saturating_sub(usize::from(!pending));
            self.act(&ready);
        }
    }
}

/// Passes signals on to the program; returns one that asks for its end.
fn pass_on(running: &Running, signals: &SignalFd) -> Option<i32> {
    let mut asked = None;
    while let Ok(Some(info)) = signals.read_signal() {
        let signal = info.ssi_signo as i32;
        if signal == libc::SIGWINCH {
            continue;
        }
        // ESRCH: it has ended meanwhile, which the loop sees next.
        crate::disregard(running.signal(signal));
        asked = asked.or(ends(signal).then_some(signal));
    }
    asked
}
