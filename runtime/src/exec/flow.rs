//! Bytes on their way from one descriptor to another, for whoever relays a console: the command in the
//! foreground, and the monitor of a background domain.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::sys;

/// One direction: what has been read and not yet been written.
///
/// Its owner polls, and reads only when everything has been written: who reads slowly slows down who
/// writes, as on a pipe, and nothing is lost and nothing grows.
#[derive(Debug)]
pub struct Flow {
    bytes: Vec<u8>,
    written: usize,
    open: bool,
    /// Why the last write failed for good.
    broken: Option<Errno>,
    /// Most bytes of one write.
    most: usize,
}

/// Bytes of one read.
const READ: usize = 4096;

/// What a pipe takes whole when it reports room (PIPE_BUF of pipe(7)).
const PIPE: usize = 4096;

/// What a terminal has room for when it reports room (WAKEUP_CHARS of its line discipline).
const TERMINAL: usize = 256;

impl Flow {
    /// Towards a pipe, a file or a socket, which may block.
    pub fn to_pipe() -> Self {
        Self { bytes: Vec::new(), written: 0, open: true, broken: None, most: PIPE }
    }

    /// Towards a terminal, which may block.
    pub fn to_terminal() -> Self {
        Self { most: TERMINAL, ..Self::to_pipe() }
    }

    /// One that reads nothing.
    pub fn shut(self) -> Self {
        Self { open: false, ..self }
    }

    /// How many bytes were read and not yet written.
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Whether its source has ended, and everything has been written.
    pub fn is_over(&self) -> bool {
        !self.open && self.is_empty()
    }

    /// Why a write failed for good: its reader is gone (EPIPE), or a file takes no more.
    pub fn broken(&self) -> Option<Errno> {
        self.broken
    }

    /// What was read last.
    pub fn last_read(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether everything that was read has been written.
    pub fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Whether to wait for its source.
    pub fn wants_bytes(&self) -> bool {
        self.open && self.is_empty()
    }

    /// Reads once. `false` where nothing came; at the end of the source, it wants no bytes any more.
    pub fn fill(&mut self, from: BorrowedFd<'_>) -> bool {
        self.read(from, true)
    }

    /// Reads once from the launcher's side of a console, which has no end: its other side may be opened
    /// again (EIO means that nobody has it open).
    pub fn fill_from_console(&mut self, console: BorrowedFd<'_>) -> bool {
        self.read(console, false)
    }

    fn read(&mut self, from: BorrowedFd<'_>, ends: bool) -> bool {
        self.bytes.resize(READ, 0);
        let read = sys::read(from.as_raw_fd(), &mut self.bytes);
        self.bytes.truncate(read.unwrap_or(0));
        self.written = 0;
        if ends && !matches!(read, Ok(1..) | Err(Errno::EAGAIN | Errno::EINTR)) {
            self.open = false;
        }
        !self.bytes.is_empty()
    }

    /// Writes once. `false` where nothing went. What a reader that is gone cannot take is let go.
    pub fn drain(&mut self, to: BorrowedFd<'_>) -> bool {
        let rest = &self.bytes[self.written..];
        match sys::write(to.as_raw_fd(), &rest[..rest.len().min(self.most)]) {
            Ok(count) => self.written += count,
            Err(Errno::EINTR | Errno::EAGAIN) => return false,
            Err(errno) => {
                self.broken = Some(errno);
                self.written = self.bytes.len();
            }
        }
        true
    }

    /// Appends bytes of its owner's.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// When to look at a console again that nobody has open: poll(2) would report that without end.
#[derive(Debug, Default)]
pub struct Quiet {
    pause: Duration,
    until: Option<Instant>,
}

/// First and last pause.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(320));

impl Quiet {
    /// What poll(2) said: whether bytes passed, and whether nobody has the other side open.
    pub fn heard(&mut self, bytes: bool, hung_up: bool) {
        if bytes || !hung_up {
            *self = Self::default();
        } else {
            self.pause = (self.pause * 2).clamp(PAUSES.0, PAUSES.1);
            self.until = Some(Instant::now() + self.pause);
        }
    }

    /// How long it is not to be asked; `None` where it may be.
    pub fn rest(&self) -> Option<Duration> {
        let rest = self.until?.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_flow_reads_only_what_it_can_hold_and_passes_everything_on() {
        let (from, feed) = nix::unistd::pipe().expect("a pipe");
        let (sink, to) = nix::unistd::pipe().expect("a pipe");
        let sent: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        assert_eq!(sys::write(feed.as_raw_fd(), &sent), Ok(sent.len()));
        drop(feed);
        let mut flow = Flow::to_terminal();
        let mut came = Vec::new();
        while flow.wants_bytes() {
            crate::disregard(flow.fill(from.as_fd()));
            while !flow.is_empty() {
                assert!(!flow.wants_bytes());
                assert!(flow.drain(to.as_fd()));
                let mut bytes = [0; READ];
                let count = sys::read(sink.as_raw_fd(), &mut bytes).expect("what was written");
                came.extend_from_slice(&bytes[..count]);
            }
        }
        assert_eq!(came, sent);
    }

    #[test]
    fn a_console_that_nobody_has_open_is_left_alone_for_ever_longer_pauses() {
        let mut quiet = Quiet::default();
        assert_eq!(quiet.rest(), None);
        let mut last = Duration::ZERO;
        for _ in 0..12 {
            quiet.heard(false, true);
            assert!(quiet.pause >= last && quiet.pause <= PAUSES.1);
            last = quiet.pause;
        }
        assert!(quiet.rest().is_some());
        quiet.heard(true, true);
        assert_eq!(quiet.rest(), None);
    }
}
