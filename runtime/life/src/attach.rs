//! A console at the caller's terminal: attach, type, detach with `^]`.

use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use browndog_runtime::exec::terminal::Raw;
use browndog_runtime::sys;
use browndog_runtime::sys::monitor::window_size;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::MsgFlags;

use crate::error::{LifeError, Result};
use crate::layout::Layout;
use crate::protocol::{self, Connection, DATA, PACKET, Received, Reply, Request, WINDOW};
use crate::record::Record;

/// Leaves the console: Ctrl and `]`.
const ESCAPE: u8 = 0x1d;

/// Why one is no longer attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// `^]` was typed, or the input ended.
    Detached,
    /// The domain has ended.
    Ended(Box<Record>),
    /// Another command has taken the console.
    Taken,
    /// The monitor is gone.
    Lost,
}

/// Attaches the caller's standard input and output to a console until one of them leaves.
///
/// # Errors
/// There is no such console, or somebody has it.
pub fn attach(layout: &Layout, name: &str, console: usize, force: bool) -> Result<Left> {
    let (_, connection) = protocol::ask(layout, name, &Request::Attach { console, force })?;
    let failed = |errno| LifeError::call("attend to the console", errno);
    let stdin = std::io::stdin();
    let terminal = stdin.is_terminal();
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGWINCH);
    mask.thread_block().map_err(failed)?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let resized = SignalFd::with_flags(&mask, flags).map_err(failed)?;
    let raw = terminal.then(Raw::stdin).transpose().map_err(failed)?;
    if terminal {
        send_size(&connection);
    }
    let left = relay(&connection, stdin.as_fd(), &resized).map_err(failed)?;
    drop(raw);
    Ok(left)
}

fn send_size(connection: &Connection) {
    let Ok((rows, columns)) = window_size(std::io::stdin().as_fd()) else { return };
    let [r0, r1] = rows.to_le_bytes();
    let [c0, c1] = columns.to_le_bytes();
    // The monitor is gone: the loop sees that next.
    crate::disregard(connection.send(&[WINDOW, r0, r1, c0, c1], MsgFlags::empty()));
}

fn relay(
    connection: &Connection,
    stdin: BorrowedFd<'_>,
    resized: &SignalFd,
) -> std::result::Result<Left, Errno> {
    loop {
        let mut fds = [
            PollFd::new(connection.as_fd(), PollFlags::POLLIN),
            PollFd::new(resized.as_fd(), PollFlags::POLLIN),
            PollFd::new(stdin, PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        let [from_monitor, size, typed] = [0, 1, 2].map(|at: usize| fds[at].any().unwrap_or(false));
        if size {
            while let Ok(Some(_)) = resized.read_signal() {}
            send_size(connection);
        }
        if from_monitor && let Some(left) = show(connection)? {
            return Ok(left);
        }
        if typed && !pass(connection, stdin)? {
            return Ok(Left::Detached);
        }
    }
}

/// One packet of the monitor's.
fn show(connection: &Connection) -> std::result::Result<Option<Left>, Errno> {
    let mut buffer = [0_u8; 4 * PACKET];
    let count = match connection.receive(&mut buffer, MsgFlags::MSG_DONTWAIT)? {
        Received::Packet(count) => count,
        Received::Nothing => return Ok(None),
        Received::End => return Ok(Some(Left::Lost)),
    };
    if let [DATA, bytes @ ..] = &buffer[..count] {
        let mut rest = bytes;
        while !rest.is_empty() {
            match sys::write(std::io::stdout().as_raw_fd(), rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                // Nobody reads any more.
                Err(_) => return Ok(Some(Left::Detached)),
            }
        }
        return Ok(None);
    }
    Ok(match serde_json::from_slice(&buffer[..count]) {
        Ok(Reply::Ended { record }) => Some(Left::Ended(record)),
        Ok(Reply::Taken) => Some(Left::Taken),
        // It was started again: the console is the same.
        _ => None,
    })
}

/// What was typed, up to the escape; `false` where it was typed, or the input has ended.
fn pass(connection: &Connection, stdin: BorrowedFd<'_>) -> std::result::Result<bool, Errno> {
    let mut buffer = [0_u8; PACKET];
    buffer[0] = DATA;
    let count = match sys::read(stdin.as_raw_fd(), &mut buffer[1..]) {
        Ok(count) => count,
        Err(Errno::EINTR | Errno::EAGAIN) => return Ok(true),
        Err(_) => 0,
    };
    let typed = &buffer[1..=count];
    let end = typed.iter().position(|&byte| byte == ESCAPE);
    let length = end.unwrap_or(count);
    if length > 0 {
        match connection.send(&buffer[..=length], MsgFlags::empty()) {
            Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(count > 0 && end.is_none())
}
