//! What wakes a monitor, and the commands that are connected to it.

use nix::errno::Errno;
use nix::sys::socket::MsgFlags;

use crate::protocol::{Connection, Reply};

/// What woke the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Init,
    Signal,
    Listener,
    Timer,
    Oom,
    Pressure,
    Stop,
    Relay,
    Tell,
    Console(usize),
    Client(u32),
}

impl Token {
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Init => 0,
            Self::Signal => 1,
            Self::Listener => 2,
            Self::Timer => 3,
            Self::Oom => 4,
            Self::Pressure => 5,
            Self::Stop => 6,
            Self::Relay => 7,
            Self::Tell => 8,
            Self::Console(index) => (1 << 32) | index as u64,
            Self::Client(id) => (2 << 32) | u64::from(id),
        }
    }

    pub(super) fn of(number: u64) -> Self {
        match (number >> 32, number as u32) {
            (0, 0) => Self::Init,
            (0, 1) => Self::Signal,
            (0, 3) => Self::Timer,
            (0, 4) => Self::Oom,
            (0, 5) => Self::Pressure,
            (0, 6) => Self::Stop,
            (0, 7) => Self::Relay,
            (0, 8) => Self::Tell,
            (1, index) => Self::Console(index as usize),
            (2, id) => Self::Client(id),
            _ => Self::Listener,
        }
    }
}

/// A command that is connected.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: u32,
    pub(super) connection: Connection,
    /// The console it is attached to.
    pub(super) console: Option<usize>,
    /// Bytes of the console that it did not read in time.
    pub(super) missed: u64,
    /// Its process.
    pub(super) pid: i32,
    /// Whether it has asked for something.
    pub(super) asked: bool,
}

impl Client {
    /// Without waiting: a monitor has other things to do than one client's reading.
    pub(super) fn tell(&self, reply: &Reply) -> std::result::Result<(), Errno> {
        let text = serde_json::to_vec(reply).map_err(|_| Errno::EINVAL)?;
        self.connection.send(&text, MsgFlags::MSG_DONTWAIT)
    }

    /// Shows terminal bytes; what a client does not read in time is counted, and said when it reads again.
    pub(super) fn show(&mut self, packet: &[u8]) {
        if self.missed > 0 {
            let text = format!("d\r\n[browndog: {} bytes not shown]\r\n", self.missed);
            if self.connection.send(text.as_bytes(), MsgFlags::MSG_DONTWAIT).is_ok() {
                self.missed = 0;
            }
        }
        if self.missed > 0 || self.connection.send(packet, MsgFlags::MSG_DONTWAIT).is_err() {
            self.missed += packet.len() as u64 - 1;
        }
    }
}
