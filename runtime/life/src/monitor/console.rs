//! A console: a terminal's master side, its log, and whoever is attached.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use browndog_runtime::sys;
use browndog_runtime::sys::monitor::set_window_size;
use nix::errno::Errno;

use super::log::Log;
use super::rate;

/// One console.
#[derive(Debug)]
pub struct Console {
    master: OwnedFd,
    /// The other side, held so that the terminal does not hang up while the container has it closed, or has
    /// hung it up itself (vhangup(2)): poll(2) would report that without end.
    _peer: OwnedFd,
    /// What it said.
    pub log: Log,
    /// Input that the terminal did not take yet.
    pending: Vec<u8>,
}

impl Console {
    /// Around the master side of a terminal.
    ///
    /// # Errors
    /// The errno of TIOCGPTPEER or fcntl(2).
    pub fn new(master: OwnedFd, log: Log) -> Result<Self, Errno> {
        use nix::fcntl::{FcntlArg, OFlag, fcntl};
        let peer = sys::open_pty_peer(master.as_fd())?;
        let _zero: i32 = fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { master, _peer: peer, log, pending: Vec::new() })
    }

    /// Reads what the container wrote, into `buffer`; nothing where there is nothing.
    pub fn read(&mut self, buffer: &mut [u8]) -> usize {
        let count = sys::read(self.master.as_raw_fd(), buffer).unwrap_or(0);
        if count > 0 {
            rate::count();
            self.log.write(&buffer[..count]);
        }
        count
    }

    /// Gives input to the container, or keeps it until the container takes it.
    pub fn write(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        self.flush();
    }

    /// Gives what is pending.
    pub fn flush(&mut self) {
        while !self.pending.is_empty() {
            match sys::write(self.master.as_raw_fd(), &self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                // A terminal that takes no input any more loses it.
                Err(_) => self.pending.clear(),
            }
        }
        // A sleeping monitor holds no memory for what was typed once.
        self.pending = Vec::new();
    }

    /// Whether input waits for the container: no more is read from the client until it is gone.
    pub fn is_full(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Sets the size of its window.
    pub fn resize(&self, rows: u16, columns: u16) {
        // A terminal without a size works all the same.
        crate::disregard(set_window_size(self.master.as_fd(), rows, columns));
    }
}

impl AsFd for Console {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.master.as_fd()
    }
}
