//! What commands and a monitor say to each other: one message a packet (unix(7), SOCK_SEQPACKET).
//!
//! A request is JSON, so is a reply. An attached console sends and gets packets that begin with a letter:
//! `d` and bytes of the terminal, `w` and a window size.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr};
use serde::{Deserialize, Serialize};

use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::record::{Group, Made, Record};

/// The longest packet (bytes); more output of a terminal is more packets.
pub const PACKET: usize = 4096;

/// The longest reply that is read (bytes).
const REPLY_MAX: usize = 4 << 20;

/// Begins a packet of terminal bytes.
pub const DATA: u8 = b'd';
/// Begins a window size: rows and columns, 16 bits each, little-endian.
pub const WINDOW: u8 = b'w';

/// How an init is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The first of the others that the init understands.
    #[default]
    Auto,
    /// A request in its `/run/initctl` (init(8)).
    Initctl,
    /// A signal: systemd's own to systemd, SIGTERM to others.
    Signal,
}

/// What a command asks of a monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Request {
    /// The terminal of a console.
    Attach {
        /// Its number.
        console: usize,
        /// Takes it from whoever has it.
        force: bool,
    },
    /// Kill everything.
    Destroy,
    /// Ask the init to stop.
    Shutdown {
        /// How.
        mode: Mode,
        /// How long who asks will wait (ms); 0: not at all.
        #[serde(default)]
        within_ms: u64,
    },
    /// Ask the init to stop and start again.
    Reboot {
        /// How.
        mode: Mode,
        /// How long who asks will wait (ms); 0: not at all.
        #[serde(default)]
        within_ms: u64,
    },
    /// Freeze.
    Suspend,
    /// Thaw.
    Resume,
    /// Write the record again.
    Rewrite,
    /// Something was made for the domain that ends with it.
    Own {
        /// What.
        made: Made,
        /// The group, where it is one.
        group: Option<Group>,
    },
    /// Something that was made for the domain is gone already.
    Disown {
        /// What.
        made: Made,
    },
    /// Say when it has ended.
    Wait,
}

/// What a monitor answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done {
        /// How.
        how: String,
    },
    /// It is not.
    Failed {
        /// Why.
        what: String,
        /// What to do.
        help: String,
    },
    /// The domain has ended, with this record.
    Ended {
        /// The record as it was written.
        record: Box<Record>,
    },
    /// The domain has been started again.
    Restarted,
    /// The console was taken by another command.
    Taken,
}

/// What a monitor gets from a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Bytes for the terminal that it is attached to.
    Terminal(&'a [u8]),
    /// The size of its window.
    Window {
        /// Lines.
        rows: u16,
        /// Characters of a line.
        columns: u16,
    },
    /// A request, or why it is none.
    Request(std::result::Result<Request, String>),
}

impl<'a> Packet<'a> {
    /// Decodes the packet of a command that is attached to a terminal, or is not.
    pub fn of(packet: &'a [u8], attached: bool) -> Self {
        match (packet, attached) {
            ([DATA, bytes @ ..], true) => Self::Terminal(bytes),
            ([WINDOW, r0, r1, c0, c1], true) => {
                Self::Window { rows: u16::from_le_bytes([*r0, *r1]), columns: u16::from_le_bytes([*c0, *c1]) }
            }
            (text, _) => Self::Request(serde_json::from_slice(text).map_err(|error| error.to_string())),
        }
    }
}

impl Reply {
    /// Decodes what a monitor has sent; `None` where it is no reply.
    pub fn of(packet: &[u8]) -> Option<Self> {
        serde_json::from_slice(packet).ok()
    }
}

/// One end of a connection.
#[derive(Debug)]
pub struct Connection {
    fd: OwnedFd,
}

/// What came.
#[derive(Debug)]
pub enum Received {
    /// A packet of this many bytes.
    Packet(usize),
    /// The other end is gone.
    End,
    /// Nothing, for now.
    Nothing,
}

impl Connection {
    /// An accepted one.
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// To a domain's monitor.
    ///
    /// # Errors
    /// ECONNREFUSED or ENOENT where there is none.
    pub fn open(layout: &Layout, name: &str) -> std::result::Result<Self, Errno> {
        let fd = new_socket(SockFlag::empty())?;
        with_address(&layout.socket(name), |address| socket::connect(fd.as_raw_fd(), address))?;
        Ok(Self { fd })
    }

    /// Sends a packet; never waits where the socket does not.
    ///
    /// # Errors
    /// EAGAIN where the other end reads too slowly.
    pub fn send(&self, packet: &[u8], flags: MsgFlags) -> std::result::Result<(), Errno> {
        socket::send(self.fd.as_raw_fd(), packet, flags | MsgFlags::MSG_NOSIGNAL).map(drop)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The errno of send(2).
    pub fn say(&self, message: &impl Serialize) -> std::result::Result<(), Errno> {
        let text = serde_json::to_vec(message).map_err(|_| Errno::EINVAL)?;
        self.send(&text, MsgFlags::empty())
    }

    /// Receives a packet.
    ///
    /// # Errors
    /// The errno of recv(2).
    pub fn receive(&self, buffer: &mut [u8], flags: MsgFlags) -> std::result::Result<Received, Errno> {
        loop {
            match socket::recv(self.fd.as_raw_fd(), buffer, flags) {
                Ok(0) | Err(Errno::ECONNRESET) => return Ok(Received::End),
                Ok(count) => return Ok(Received::Packet(count)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(Received::Nothing),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The next reply; `None` where the other end is gone, or nothing came within `timeout`.
    ///
    /// # Errors
    /// The errno of poll(2) or recv(2).
    pub fn reply(&self, timeout: Option<Duration>) -> std::result::Result<Heard, Errno> {
        let until = timeout.map(|timeout| std::time::Instant::now() + timeout);
        loop {
            let left = until.map(|until| until.saturating_duration_since(std::time::Instant::now()));
            let wait = left.map_or(PollTimeout::NONE, |left| {
                PollTimeout::try_from(left.as_millis().min(1 << 30) as i32).unwrap_or(PollTimeout::MAX)
            });
            let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, wait) {
                Ok(0) => return Ok(Heard::Nothing),
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
                Ok(_) => {}
            }
            // A record may be long; a packet is taken whole or not at all.
            let peek = MsgFlags::MSG_PEEK | MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT;
            let length = match self.receive(&mut [0_u8; 1], peek)? {
                Received::Packet(length) => length.min(REPLY_MAX),
                _ => 1,
            };
            let mut buffer = vec![0_u8; length];
            return Ok(match self.receive(&mut buffer, MsgFlags::MSG_DONTWAIT)? {
                Received::Nothing => continue,
                Received::End => Heard::End,
                Received::Packet(count) => Reply::of(&buffer[..count]).map_or(Heard::End, Heard::Reply),
            });
        }
    }

    /// Who is at the other end: user and process (unix(7), SO_PEERCRED).
    pub fn peer(&self) -> Option<(u32, i32)> {
        let credentials = socket::getsockopt(&self.fd, socket::sockopt::PeerCredentials).ok()?;
        Some((credentials.uid(), credentials.pid()))
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What came instead of, or as, a reply.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A reply.
    Reply(Reply),
    /// Nothing within the time.
    Nothing,
    /// The monitor is gone.
    End,
}

fn new_socket(flags: SockFlag) -> std::result::Result<OwnedFd, Errno> {
    socket::socket(AddressFamily::Unix, SockType::SeqPacket, flags | SockFlag::SOCK_CLOEXEC, None)
}

/// A socket's address has 108 bytes: the directory is named by a descriptor, however long its path is.
fn with_address<T>(
    path: &Path,
    body: impl FnOnce(&UnixAddr) -> std::result::Result<T, Errno>,
) -> std::result::Result<T, Errno> {
    let dir = File::open(path.parent().unwrap_or(Path::new("/"))).map_err(browndog_runtime::errno_of)?;
    let short = format!("/proc/self/fd/{}/socket", dir.as_raw_fd());
    body(&UnixAddr::new(short.as_str())?)
}

/// The socket at which a domain's monitor listens.
///
/// # Errors
/// The errno of the call that failed.
pub fn listen(layout: &Layout, name: &str) -> std::result::Result<OwnedFd, Errno> {
    let path = layout.socket(name);
    // A socket of an earlier monitor; the caller has the lock that says there is no other now.
    crate::disregard(std::fs::remove_file(&path));
    let fd = new_socket(SockFlag::SOCK_NONBLOCK)?;
    with_address(&path, |address| socket::bind(fd.as_raw_fd(), address))?;
    socket::listen(&fd, socket::Backlog::MAXCONN)?;
    Ok(fd)
}

/// How long a monitor may take for an answer: a freeze is the longest thing it does.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Asks a domain's monitor, and returns how it was done and the connection, on which the end is told.
///
/// # Errors
/// There is no monitor, or it says why not.
pub fn ask(layout: &Layout, name: &str, request: &Request) -> Result<(String, Connection)> {
    let failed = |errno| LifeError::call(format!("talk to the monitor of '{name}'"), errno);
    let connection = Connection::open(layout, name).map_err(failed)?;
    match connection.say(request) {
        // It takes no request of this process, and says why.
        Ok(()) | Err(Errno::EPIPE) => {}
        Err(errno) => return Err(failed(errno)),
    }
    match connection.reply(Some(ANSWER_WITHIN)).map_err(failed)? {
        Heard::Reply(Reply::Done { how }) => Ok((how, connection)),
        Heard::Reply(Reply::Failed { what, help }) => Err(LifeError::refused(what, help)),
        Heard::Reply(_) | Heard::End => Err(LifeError::refused(
            format!("the monitor of '{name}' has ended meanwhile"),
            "look with 'browndog state'",
        )),
        Heard::Nothing => Err(LifeError::refused(
            format!("the monitor of '{name}' does not answer"),
            "it may be stopped (SIGSTOP); when it is killed, its domain goes down with it",
        )),
    }
}
