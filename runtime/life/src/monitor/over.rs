//! The end of the init: recorded, and followed by what the document says.

use std::time::Duration;

use browndog_runtime::exec::Ended;
use browndog_xml::domain::LifecycleAction;
use nix::errno::Errno;
use nix::libc;
use nix::sys::epoll::{EpollEvent, EpollFlags};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::end::{Cause, Intent};
use super::init;
use super::serve::Monitor;
use super::wake::Token;
use crate::error::{LifeError, Result};
use crate::groups;
use crate::protocol::Reply;
use crate::reconcile::{Keep, finish};
use crate::record::{Exit, Phase};

impl Monitor {
    pub(super) fn init_ended(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        let ended = match running.wait() {
            Ok(ended) => ended,
            // Cannot be: the pidfd said so. Its end is unknown then, not unseen.
            Err(_) => Ended::Killed(libc::SIGKILL),
        };
        for index in 0..self.consoles.len() {
            // Bounded: a process that outlives its init for a moment may still write.
            for _ in 0..64 {
                if !self.read_console(index) {
                    break;
                }
            }
        }
        let kills = super::watch::oom_kills(&self.record);
        self.oom = None;
        self.pressure = None;
        self.stopping = None;
        self.relay = None;
        self.tell_rest();
        for left in running.clean_up() {
            self.note("lifecycle", "left", left);
        }
        // Groups that were added while it ran, which the start knows nothing of.
        let (_, left) = groups::remove(&self.record.made);
        for left in left {
            self.note("lifecycle", "left", left);
        }
        let cause = Cause::of(ended, self.intent);
        self.record.oom_kills = if cause == Cause::Crash { kills } else { 0 };
        if kills > 0 && cause == Cause::Crash {
            self.note("oom", "killed", format!("{kills} process(es) in all"));
        }
        match cause.action(&self.lifecycle) {
            LifecycleAction::Restart => self.restart_later(cause, ended),
            action => {
                if action == LifecycleAction::Preserve {
                    self.note("lifecycle", "preserved", cause.reason());
                }
                self.end_with(cause, Some(ended), action);
            }
        }
    }

    fn restart_later(&mut self, cause: Cause, ended: Ended) {
        // Who asks for a reboot need not wait as one does that ends again and again by itself.
        let pause = self.back_off.after(self.began.elapsed());
        let pause = if self.intent == Intent::Reboot { Duration::ZERO } else { pause };
        self.record.phase = Phase::Restarting;
        cause.reason().clone_into(&mut self.record.reason);
        self.record.exit = Some(Exit::from(ended));
        self.record.init = None;
        self.record.restarts += 1;
        self.save();
        let exit = Exit::from(ended).words();
        let detail = format!("{}, {exit}, in {} ms", cause.reason(), pause.as_millis());
        self.note("lifecycle", "restarting", detail);
        if pause.is_zero() || self.set_timer(pause).is_err() {
            self.start_again();
        }
    }

    /// As soon as what is being done is done.
    pub(super) fn start_soon(&mut self) -> std::result::Result<(), Errno> {
        self.set_timer(Duration::from_millis(1))
    }

    fn set_timer(&mut self, pause: Duration) -> std::result::Result<(), Errno> {
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?;
        timer.set(Expiration::OneShot(pause.into()), TimerSetTimeFlags::empty())?;
        self.epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN, Token::Timer.number()))?;
        self.timer = Some(timer);
        Ok(())
    }

    pub(super) fn start_again(&mut self) {
        self.timer = None;
        if self.running.is_some() {
            return;
        }
        let begun = self.started_again();
        browndog_runtime::sys::monitor::trim_heap();
        match begun {
            Ok(()) => {
                self.note("lifecycle", "started", "restarted");
                self.tell_all(&Reply::Restarted);
            }
            Err(error) => {
                let text = format!("browndog: cannot start again: {error}\r\n");
                if let Some(console) = self.consoles.first_mut() {
                    console.log.write(text.as_bytes());
                }
                self.note("lifecycle", "failed", error.to_string());
                let help = error.hint().unwrap_or_default();
                self.tell_all(&Reply::Failed { what: error.to_string(), help });
                self.end(Cause::Crash, None);
            }
        }
    }

    fn started_again(&mut self) -> Result<()> {
        let path = self.layout.live(&self.record.name);
        let bytes = crate::files::read(&path).map_err(|error| LifeError::file("read", &path, error))?;
        let name = self.layout.definition(&self.record.name);
        let source = browndog_xml::source::Source::from_bytes(name.to_string_lossy(), bytes);
        let document = crate::edit::Document::read(&source)?;
        let started = init::start(&self.layout, &mut self.record, &document)?;
        self.adopt(started).map_err(|errno| LifeError::call("watch over the domain", errno))
    }

    pub(super) fn end(&mut self, cause: Cause, ended: Option<Ended>) {
        self.end_with(cause, ended, LifecycleAction::Destroy);
    }

    fn end_with(&mut self, cause: Cause, ended: Option<Ended>, action: LifecycleAction) {
        self.over = true;
        let phase = if cause == Cause::Crash { Phase::Crashed } else { Phase::ShutOff };
        let keep = if action == LifecycleAction::Preserve { Keep::Record } else { Keep::IfDefined };
        let exit = ended.map(Exit::from).or(self.record.exit);
        if let Err(error) = finish(&self.layout, &mut self.record, phase, cause.reason(), exit, keep) {
            self.note("lifecycle", "record-not-written", error.to_string());
        }
        let reply = Reply::Ended { record: Box::new(self.record.clone()) };
        self.tell_all(&reply);
    }

    fn tell_all(&mut self, reply: &Reply) {
        for client in &mut self.clients {
            // One that does not read has its connection closed at the end.
            crate::disregard(client.tell(reply));
        }
    }
}
