//! Commands come and go: who is let in, who has to go where there is no room, and what they send.

use std::os::fd::{AsFd, AsRawFd};

use browndog_runtime::sys;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::socket::{MsgFlags, Shutdown, SockFlag, accept4, shutdown};

use super::bounds::Kind;
use super::peer;
use super::serve::Monitor;
use super::wake::{Client, Token};
use crate::protocol::{Connection, PACKET, Received, Reply};

/// Connections at once.
const CLIENTS_MAX: usize = 64;
/// Connections of one process at once.
const OF_ONE_MAX: usize = 16;

impl Monitor {
    /// Lets one in, if it is the owner's.
    pub(super) fn accept(&mut self) {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let Ok(fd) = accept4(self.listener.as_raw_fd(), flags) else { return };
        let connection = Connection::new(sys::adopt(fd));
        let pid = match peer::judge(&connection, &self.record) {
            Ok(pid) => pid,
            Err(why) => {
                let what = format!("the monitor of '{}' does not obey: {why}", self.record.name);
                let help = "use browndog where its owner is, not in a container".to_owned();
                let client = Client { id: 0, connection, console: None, missed: 0, pid: 0, asked: false };
                // What it says is not read; closed with that, the answer would be lost.
                crate::disregard(shutdown(client.connection.as_fd().as_raw_fd(), Shutdown::Read));
                let unread = client.connection.receive(&mut [0_u8; PACKET], MsgFlags::MSG_DONTWAIT);
                crate::disregard(unread);
                // One that does not read the answer has its connection closed all the same.
                crate::disregard(client.tell(&Reply::Failed { what, help }));
                self.refused = why;
                return self.tell_bounded(Kind::Refused, 1);
            }
        };
        self.make_room(pid);
        let id = self.next_client;
        self.next_client = self.next_client.wrapping_add(1);
        let event = EpollEvent::new(EpollFlags::EPOLLIN, Token::Client(id).number());
        if self.epoll.add(&connection, event).is_ok() {
            self.clients.push(Client { id, connection, console: None, missed: 0, pid, asked: false });
        }
    }

    /// A newcomer is never kept out by those who sit there: the oldest that has asked for nothing goes, or the oldest
    /// of the process that has most.
    fn make_room(&mut self, pid: i32) {
        let of = |clients: &[Client], pid: i32| clients.iter().filter(|client| client.pid == pid).count();
        while self.clients.len() >= CLIENTS_MAX || of(&self.clients, pid) >= OF_ONE_MAX {
            let crowd = if of(&self.clients, pid) >= OF_ONE_MAX {
                Some(pid)
            } else {
                let pids = self.clients.iter().map(|client| client.pid);
                pids.max_by_key(|pid| of(&self.clients, *pid))
            };
            let idle = self.clients.iter().position(|client| !client.asked && client.console.is_none());
            let oldest = self.clients.iter().position(|client| Some(client.pid) == crowd);
            let Some(at) = idle.or(oldest) else { return };
            self.hang_up(at);
        }
    }

    /// What one has sent.
    pub(super) fn client(&mut self, id: u32) {
        let Some(at) = self.clients.iter().position(|client| client.id == id) else { return };
        // One byte more, by which a packet that is too long is known.
        let mut buffer = [0_u8; PACKET + 1];
        match self.clients[at].connection.receive(&mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(Received::Nothing) => {}
            Ok(Received::Packet(count)) if count > PACKET => {
                let what = format!("not understood: a request of more than {PACKET} bytes");
                // It is hung up on in any case.
                crate::disregard(self.clients[at].tell(&Reply::Failed { what, help: String::new() }));
                self.hang_up(at);
            }
            Ok(Received::Packet(count)) => self.packet(at, &buffer[..count]),
            Ok(Received::End) | Err(_) => self.hang_up(at),
        }
    }

    pub(super) fn hang_up(&mut self, at: usize) {
        let client = self.clients.remove(at);
        if let Some(console) = client.console {
            self.note("console", "detached", console.to_string());
        }
    }
}
