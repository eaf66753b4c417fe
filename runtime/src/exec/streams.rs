//! In the foreground without a terminal: bytes go through pipes of ours, so that none of the caller's
//! files is a descriptor of the container.
//!
//! One loop waits for everything at once and writes only where there is room: whoever does not read slows down
//! who writes, as on a pipe, and keeps nobody from being heard, signals least of all.

use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signalfd::SignalFd;
use nix::unistd::{Whence, lseek};

use super::begun::{has_ended, still};
use super::flow::Flow;
use super::relay::{Stop, Wait, pass_signals, sooner, wait};
use super::{Ended, Running, standard};
use crate::sys;

/// How long a program that was sent a signal to end, and that somebody holds still, may take before it is killed.
const GRACE: Duration = Duration::from_millis(500);
/// Milliseconds between two looks at it.
const LOOK: u16 = 100;
/// How long the kernel may take to kill it (milliseconds).
const END_MAX: u16 = 1000;

/// Kills a program that is held still. Its end, where that cannot be waited for: a frozen group of version 1 lets
/// nobody die before it is thawed.
fn held_still(running: &mut Running, since: Instant, signal: i32) -> Option<Ended> {
    if running.is_init || since.elapsed() <= GRACE || still(running.pid).is_none() {
        return None;
    }
    // ESRCH: it has ended meanwhile.
    crate::disregard(running.signal(libc::SIGKILL));
    if has_ended(&running.pidfd, END_MAX) {
        return None;
    }
    running.undo.child_is_gone();
    Some(Ended::Killed(signal))
}

/// The caller's ends of the pipes.
#[derive(Debug)]
pub struct Streams {
    /// What the program reads; `None` where that is the caller's, or there is nothing.
    input: Option<Input>,
    /// What it writes, by one pipe for each of the caller's files.
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Input {
    /// `None` once everything is written, or nobody reads it any more.
    to: Option<OwnedFd>,
    flow: Flow,
    /// Where the caller's input has a position: another of the program's end, to know what it has not read.
    back: Option<OwnedFd>,
}

#[derive(Debug)]
struct Output {
    /// `None` once nobody can write to it, or the caller takes no more.
    from: Option<OwnedFd>,
    /// The caller's descriptor.
    to: RawFd,
    flow: Flow,
}

impl Input {
    /// What the program has not read is the caller's again, as it would be had the program read it itself.
    fn give_back(self) {
        let Some(back) = self.back else { return };
        let unread = sys::unread(back.as_fd()).unwrap_or(0) + self.flow.pending();
        // It had a position before.
        crate::disregard(lseek(sys::standard(libc::STDIN_FILENO), -(unread as i64), Whence::SeekCur));
    }
}

pub use crate::survey::Ends;

impl Streams {
    /// Three pipes; returns the program's ends as 0, 1 and 2.
    ///
    /// # Errors
    /// The errno of pipe2(2) or fcntl(2).
    pub fn new() -> Result<(Self, [OwnedFd; 3]), Errno> {
        let mut streams = Self { input: None, outputs: Vec::new() };
        let ends = [streams.pipe_for(0)?, streams.pipe_for(1)?, streams.pipe_for(2)?];
        Ok((streams, ends))
    }

    /// Pipes in the place of those of the caller's descriptors that a container may not have; `None` where it
    /// may have all. Where 1 and 2 are the same file, they are the same pipe.
    ///
    /// # Errors
    /// The errno of pipe2(2), fcntl(2) or dup(2).
    pub fn in_place_of(relayed: [bool; 3]) -> Result<Option<(Self, Ends)>, Errno> {
        if relayed == [false; 3] {
            return Ok(None);
        }
        let mut streams = Self { input: None, outputs: Vec::new() };
        let mut ends = [None, None, None];
        for fd in (0..3).filter(|fd| relayed[*fd]) {
            let same = fd == 2 && relayed[1] && standard::same(1, 2);
            ends[fd] = match &ends[1] {
                Some(output) if same => Some(OwnedFd::try_clone(output).map_err(crate::errno_of)?),
                _ => Some(streams.pipe_for(fd as RawFd)?),
            };
        }
        Ok(Some((streams, ends)))
    }

    /// Makes the pipe for one of the caller's descriptors; returns the program's end.
    fn pipe_for(&mut self, fd: RawFd) -> Result<OwnedFd, Errno> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        if fd == libc::STDIN_FILENO {
            // Our end is ours alone; the program's is another open file.
            crate::disregard(fcntl(&write, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?);
            // Of another job's terminal nobody reads: who tries is stopped.
            if !sys::terminal::in_background(fd) {
                let seekable = lseek(sys::standard(fd), 0, Whence::SeekCur).is_ok();
                let back = if seekable { Some(read.try_clone().map_err(crate::errno_of)?) } else { None };
                self.input = Some(Input { to: Some(write), flow: Flow::to_pipe(), back });
            }
            return Ok(read);
        }
        let flow = if sys::terminal::is_terminal(fd) { Flow::to_terminal() } else { Flow::to_pipe() };
        self.outputs.push(Output { from: Some(read), to: fd, flow });
        Ok(write)
    }

    /// Stays with the program until it has ended and what it wrote is passed on. A program that entered a container
    /// and is held still by somebody in there, stopped or frozen, is killed when it was sent a signal to end. What the caller's side did not
    /// take is in `running.remarks`.
    ///
    /// # Errors
    /// The errno of poll(2) or waitid(2).
    pub fn attend(mut self, running: &mut Running, signals: &SignalFd) -> Result<Ended, Errno> {
        running.stay = None;
        let mut stop = Stop::default();
        let mut asked: Option<(Instant, i32)> = None;
        loop {
            let mut waits = vec![
                (Wait::Signals, PollFd::new(signals.as_fd(), PollFlags::POLLIN)),
                (Wait::Init, PollFd::new(running.pidfd.as_fd(), PollFlags::POLLIN)),
            ];
            self.ask(&mut waits);
            let look = if asked.is_some() { PollTimeout::from(LOOK) } else { PollTimeout::NONE };
            let found = wait(waits, sooner(look, stop.tick()))?;
            if found.iter().any(|(wait, _)| *wait == Wait::Signals)
                && let Some(signal) = pass_signals(running, signals, &mut stop, &|| ())
            {
                asked = asked.or(Some((Instant::now(), signal)));
            }
            found.iter().for_each(|(wait, _)| self.act(*wait, &mut running.remarks));
            if found.iter().any(|(wait, _)| *wait == Wait::Init) {
                self.finish(signals, &mut running.remarks, asked.is_some())?;
                return running.wait();
            }
            if let Some((since, signal)) = asked
                && let Some(ended) = held_still(running, since, signal)
            {
                return Ok(ended);
            }
        }
    }

    /// Adds what is waited for: nothing that cannot be acted on, since poll(2) reports a hang-up whether asked or
    /// not.
    fn ask<'a>(&'a self, waits: &mut Vec<(Wait, PollFd<'a>)>) {
        if let Some(Input { to: Some(to), flow, .. }) = &self.input {
            if flow.wants_bytes() {
                let stdin = sys::standard(libc::STDIN_FILENO);
                waits.push((Wait::Input, PollFd::new(stdin, PollFlags::POLLIN)));
            }
            // Asked for nothing, the kernel still tells that nobody reads any more (POLLERR).
            let flags = if flow.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            waits.push((Wait::Program, PollFd::new(to.as_fd(), flags)));
        }
        for (index, output) in self.outputs.iter().enumerate() {
            match &output.from {
                Some(from) if output.flow.wants_bytes() => {
                    waits.push((Wait::From(index), PollFd::new(from.as_fd(), PollFlags::POLLIN)));
                }
                _ if output.flow.is_empty() => {}
                _ => waits.push((Wait::To(index), PollFd::new(sys::standard(output.to), PollFlags::POLLOUT))),
            }
        }
    }

    fn act(&mut self, wait: Wait, remarks: &mut Vec<String>) {
        match wait {
            Wait::Input => {
                if let Some(input) = &mut self.input {
                    crate::disregard(input.flow.fill(sys::standard(libc::STDIN_FILENO)));
                }
            }
            Wait::Program => {
                if let Some(Input { to, flow, .. }) = &mut self.input
                    && let Some(program) = to
                {
                    let nobody = flow.is_empty();
                    if !nobody {
                        crate::disregard(flow.drain(program.as_fd()));
                    }
                    if nobody || flow.broken().is_some() {
                        // What is still to come stays with the caller.
                        *to = None;
                    }
                }
            }
            Wait::From(index) => {
                if let Output { from: Some(from), flow, .. } = &mut self.outputs[index] {
                    crate::disregard(flow.fill(from.as_fd()));
                }
            }
            Wait::To(index) => self.write(index, remarks),
            _ => {}
        }
        if let Some(input) = self.input.as_mut().filter(|input| input.flow.is_over()) {
            input.to = None;
        }
        for output in self.outputs.iter_mut().filter(|output| output.flow.is_over()) {
            output.from = None;
        }
    }

    fn write(&mut self, index: usize, remarks: &mut Vec<String>) {
        let output = &mut self.outputs[index];
        crate::disregard(output.flow.drain(sys::standard(output.to)));
        let Some(errno) = output.flow.broken().filter(|_| output.from.is_some()) else { return };
        // Who writes learns of it as from any pipe.
        output.from = None;
        if errno != Errno::EPIPE {
            let which = if output.to == libc::STDERR_FILENO { "error" } else { "output" };
            remarks.push(format!("standard {which} took no more: {} ({errno})", errno.desc()));
        }
    }

    /// What is left in the pipes; a process that outlives the program may hold them open. Ends at once at a
    /// signal, and waits for no reader where the caller has `asked` for the end: there may be nobody who reads.
    fn finish(&mut self, signals: &SignalFd, remarks: &mut Vec<String>, asked: bool) -> Result<(), Errno> {
        if let Some(input) = self.input.take() {
            input.give_back();
        }
        loop {
            let mut pending = Vec::new();
            self.ask(&mut pending);
            for (what, _) in wait(pending, PollTimeout::ZERO)? {
                self.act(what, remarks);
            }
            let mut waits = Vec::new();
            self.ask(&mut waits);
            let full = |what: &Wait| matches!(what, Wait::To(_));
            if !waits.iter().any(|(what, _)| full(what)) {
                // Nothing is on its way; is there more?
                let more = wait(waits, PollTimeout::ZERO)?;
                if more.is_empty() {
                    return Ok(());
                }
                more.iter().for_each(|(what, _)| self.act(*what, remarks));
                continue;
            }
            if asked {
                return Ok(());
            }
            waits.retain(|(what, _)| full(what));
            waits.push((Wait::Signals, PollFd::new(signals.as_fd(), PollFlags::POLLIN)));
            let found = wait(waits, PollTimeout::NONE)?;
            if found.iter().any(|(what, _)| *what == Wait::Signals) {
                return Ok(());
            }
            found.iter().for_each(|(what, _)| self.act(*what, remarks));
        }
    }
}
