//! A domain that was asked to stop, or to start again: who is asked, and what follows when they have ended.

use std::path::PathBuf;
use std::time::Duration;

use browndog_runtime::exec::asking::{Asking, frozen_above};
use nix::errno::Errno;
use nix::libc;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::end::{Cause, Intent};
use super::serve::Monitor;
use super::wake::Token;
use crate::error::{LifeError, Result};
use crate::protocol::Mode;
use crate::record::Phase;
use crate::{frozen, groups, stop};

/// How long everybody has where the command does not wait.
const WITHIN: Duration = Duration::from_secs(10);

/// Those who were asked, and when they are looked at next.
#[derive(Debug)]
pub(super) struct Stopping {
    asking: Asking,
    timer: TimerFd,
}

impl Stopping {
    fn set(&self, after: Duration) -> std::result::Result<(), Errno> {
        self.timer.set(Expiration::OneShot(after.into()), TimerSetTimeFlags::empty())
    }
}

impl Monitor {
    /// Asks the domain to stop or to start again, and says how.
    pub(super) fn ask_init(&mut self, intent: Intent, mode: Mode, within_ms: u64) -> Result<String> {
        let Some(running) = &self.running else {
            return self.ask_nobody(intent);
        };
        let wish = if intent == Intent::Reboot { stop::Wish::Reboot } else { stop::Wish::Poweroff };
        let told = stop::ask(running.pid, wish, mode, |signal| running.signal(signal))?;
        let mut how = match told {
            Some(how) => how,
            None => self.ask_everybody(within_ms)?,
        };
        self.intent = intent;
        if self.record.phase == Phase::Paused || frozen::is_own(&self.record.groups) {
            // Who is frozen hears nothing.
            groups::thaw_own(&self.record)?;
            self.record.phase = Phase::Running;
        }
        if let Some(above) = frozen_above(&self.group_paths()) {
            how += &format!(", which it hears when {} is thawed", above.display());
        }
        if intent == Intent::Shutdown {
            self.record.phase = Phase::InShutdown;
            "user".clone_into(&mut self.record.reason);
            self.save();
        }
        Ok(how)
    }

    /// It has ended and waits for its next start.
    fn ask_nobody(&mut self, intent: Intent) -> Result<String> {
        if intent == Intent::Shutdown {
            self.afterwards = Some(Cause::Destroyed);
        } else {
            self.start_soon().map_err(|errno| LifeError::call("start it again", errno))?;
        }
        Ok("while it waited for its next start".to_owned())
    }

    fn group_paths(&self) -> Vec<PathBuf> {
        self.record.groups.iter().map(|group| group.path.clone()).collect()
    }

    fn ask_everybody(&mut self, within_ms: u64) -> Result<String> {
        let failed = |errno| LifeError::call("watch over the stop", errno);
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).map_err(failed)?;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, Token::Stop.number());
        self.epoll.add(&timer, event).map_err(failed)?;
        let Some(running) = &self.running else { return Ok(String::new()) };
        let patience = if within_ms == 0 { WITHIN } else { Duration::from_millis(within_ms) };
        // The earlier one's timer leaves with it.
        self.stopping = None;
        let asking = running.ask(libc::SIGTERM, self.group_paths(), patience, false);
        let how = asking.how().to_owned();
        let stopping = Stopping { asking, timer };
        stopping.set(Duration::from_millis(1)).map_err(failed)?;
        self.stopping = Some(stopping);
        Ok(how)
    }

    /// Looks who has ended.
    pub(super) fn stop_tick(&mut self) {
        let Some(stopping) = &mut self.stopping else { return };
        let next = stopping.asking.tick();
        // Without a timer nobody would look again: then whoever waits may destroy it.
        if next.is_none_or(|next| stopping.set(next).is_err()) {
            self.stopping = None;
        }
    }
}
