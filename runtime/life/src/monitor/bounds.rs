//! What a container can make its monitor say and do, within bounds ([`super::throttle`]).

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::serve::Monitor;
use super::wake::Token;

/// Events that a container can cause without end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Its processes were killed for want of memory.
    Oom,
    /// It stalled for want of memory.
    Pressure,
    /// A process that is not the owner's has tried to command its monitor.
    Refused,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Oom, Self::Pressure, Self::Refused];
}

/// How long what is held back may wait.
const HELD: Duration = Duration::from_secs(10);

impl Monitor {
    /// Notes what has happened `count` times, now or with what follows.
    pub(super) fn tell_bounded(&mut self, kind: Kind, count: u64) {
        match self.dams[kind as usize].more(count, Instant::now()) {
            Some(count) => self.tell_count(kind, count),
            // Without a timer it is told with the next one, or at the end.
            None if count > 0 && self.tell.is_none() => self.tell = self.timer(HELD, Token::Tell).ok(),
            None => {}
        }
    }

    /// What was held back, where its time has come.
    pub(super) fn tell_held(&mut self) {
        self.tell = None;
        for kind in Kind::ALL {
            if let Some(count) = self.dams[kind as usize].more(0, Instant::now()) {
                self.tell_count(kind, count);
            }
        }
        if self.dams.iter().any(super::throttle::Dam::holds) {
            self.tell = self.timer(HELD, Token::Tell).ok();
        }
    }

    /// What was held back, at the end of the init.
    pub(super) fn tell_rest(&mut self) {
        for kind in Kind::ALL {
            if let Some(count) = self.dams[kind as usize].rest() {
                self.tell_count(kind, count);
            }
        }
    }

    fn tell_count(&self, kind: Kind, count: u64) {
        let times = if count == 1 { String::new() } else { format!(", {count} times") };
        match kind {
            Kind::Oom => self.note("oom", "killed", format!("{count} process(es)")),
            Kind::Pressure => {
                self.note("pressure", "memory", format!("stalled for a tenth of a second{times}"));
            }
            Kind::Refused => self.note("monitor", "refused", format!("{}{times}", self.refused)),
        }
    }

    /// The consoles have cost this much: more than their share, and the container has to wait.
    pub(super) fn charge(&mut self, cost: Duration) {
        let Some(wait) = self.share.spend(cost, Instant::now()) else { return };
        // Without a timer nobody would read again: then it is better to read on.
        if let Ok(timer) = self.timer(wait, Token::Relay) {
            self.relay = Some(timer);
            (0..self.consoles.len()).for_each(|index| self.set_interest(index));
        }
    }

    /// The consoles are read again.
    pub(super) fn relay_again(&mut self) {
        self.relay = None;
        (0..self.consoles.len()).for_each(|index| self.set_interest(index));
    }

    fn timer(&self, after: Duration, token: Token) -> Result<TimerFd, Errno> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
        timer.set(Expiration::OneShot(after.into()), TimerSetTimeFlags::empty())?;
        self.epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, token.number()))?;
        Ok(timer)
    }
}
