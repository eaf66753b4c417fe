//! In the foreground without a terminal: bytes go through pipes of ours, so that none of the caller's
//! files is a descriptor of the container.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signalfd::SignalFd;

use super::relay::pass_signals;
use super::{Ended, Running};
use crate::sys;

/// The caller's ends of the pipes.
#[derive(Debug)]
pub struct Streams {
    /// What the program reads; `None` once the caller's input has ended.
    input: Option<OwnedFd>,
    /// What it writes, as 1 and 2.
    outputs: [Option<OwnedFd>; 2],
}

impl Streams {
    /// Three pipes; returns the program's ends as 0, 1 and 2.
    ///
    /// # Errors
    /// The errno of pipe2(2).
    pub fn new() -> Result<(Self, [OwnedFd; 3]), Errno> {
        let pipe = || nix::unistd::pipe2(OFlag::O_CLOEXEC);
        let (input, output, error) = (pipe()?, pipe()?, pipe()?);
        let streams = Self { input: Some(input.1), outputs: [Some(output.0), Some(error.0)] };
        Ok((streams, [input.0, output.1, error.1]))
    }

    /// Stays with the program until it has ended and what it wrote is passed on.
    ///
    /// # Errors
    /// The errno of poll(2) or waitid(2).
    pub fn attend(mut self, running: &mut Running, signals: &SignalFd) -> Result<Ended, Errno> {
        loop {
            let stdin = std::io::stdin();
            let mut fds = vec![
                PollFd::new(running.pidfd.as_fd(), PollFlags::POLLIN),
                PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            ];
            let mut outputs = [None, None];
            for (place, output) in outputs.iter_mut().zip(&self.outputs) {
                if let Some(output) = output {
                    *place = Some(fds.len());
                    fds.push(PollFd::new(output.as_fd(), PollFlags::POLLIN));
                }
            }
            let typed = self.input.as_ref().map(|_| {
                fds.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
                fds.len() - 1
            });
            match poll(&mut fds, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
            let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
            drop(fds);
            if ready[1] {
                pass_signals(running, signals, None);
            }
            for (number, place) in outputs.into_iter().enumerate() {
                if place.is_some_and(|place| ready[place]) {
                    self.pass_output(number);
                }
            }
            if typed.is_some_and(|place| ready[place]) {
                self.pass_input(stdin.as_fd());
            }
            if ready[0] {
                self.drain();
                return running.wait();
            }
        }
    }

    fn pass_output(&mut self, number: usize) {
        let Some(output) = &self.outputs[number] else { return };
        let to = [std::io::stdout().as_raw_fd(), std::io::stderr().as_raw_fd()][number];
        if !copy(output.as_fd(), to) {
            self.outputs[number] = None;
        }
    }

    fn pass_input(&mut self, stdin: BorrowedFd<'_>) {
        let Some(input) = &self.input else { return };
        if !copy(stdin, input.as_raw_fd()) {
            self.input = None;
        }
    }

    /// What is left in the pipes; a process that outlives the program may hold them open.
    fn drain(&mut self) {
        for number in 0..2 {
            while self.outputs[number].as_ref().is_some_and(|output| readable(output.as_fd())) {
                self.pass_output(number);
            }
        }
    }
}

fn readable(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

/// Copies what is there; `false` at the end of either side.
fn copy(from: BorrowedFd<'_>, to: i32) -> bool {
    let mut buffer = [0_u8; 16 << 10];
    let count = match sys::read(from.as_raw_fd(), &mut buffer) {
        Ok(count) => count,
        Err(Errno::EINTR | Errno::EAGAIN) => return true,
        Err(_) => return false,
    };
    let mut rest = &buffer[..count];
    while !rest.is_empty() {
        match sys::write(to, rest) {
            Ok(written) => rest = &rest[written..],
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(_) => return false,
        }
    }
    count > 0
}
