//! The monitor's loop: it sleeps until its init ends, a console speaks, or a command asks.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::Instant;

use browndog_runtime::exec::Running;
use browndog_xml::domain::Lifecycle;
use nix::errno::Errno;
use nix::libc;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::timerfd::TimerFd;

use super::bounds::Kind;
use super::console::Console;
use super::end::{BackOff, Cause, Intent};
use super::init::Started;
use super::log::Log;
use super::stopping::Stopping;
use super::throttle::{Dam, Share, spent};
use super::wake::{Client, Token};
use super::watch::{OomWatch, PressureWatch};
use crate::error::{LifeError, Result};
use crate::events;
use crate::groups;
use crate::layout::Layout;
use crate::protocol::{DATA, Mode, PACKET, Packet, Reply, Request};
use crate::record::Record;

/// As much of a console's past as one who attaches is shown (bytes).
const REPLAY: u64 = 8192;

/// A monitor at work.
#[derive(Debug)]
pub struct Monitor {
    pub(super) layout: Layout,
    pub(super) record: Record,
    pub(super) lifecycle: Lifecycle,
    pub(super) running: Option<Running>,
    pub(super) consoles: Vec<Console>,
    pub(super) clients: Vec<Client>,
    pub(super) next_client: u32,
    pub(super) intent: Intent,
    pub(super) back_off: BackOff,
    pub(super) began: Instant,
    pub(super) epoll: Epoll,
    signals: SignalFd,
    pub(super) listener: OwnedFd,
    pub(super) timer: Option<TimerFd>,
    pub(super) oom: Option<OomWatch>,
    pub(super) pressure: Option<PressureWatch>,
    /// Everybody was asked to end, and some have not.
    pub(super) stopping: Option<Stopping>,
    /// What is done about the end of a domain that waits for its next start, after the answer.
    pub(super) afterwards: Option<Cause>,
    pub(super) dams: [Dam; 3],
    /// Why the last one was refused that is not the owner.
    pub(super) refused: String,
    /// Tells what a dam has held back.
    pub(super) tell: Option<TimerFd>,
    pub(super) share: Share,
    /// Until then nothing is read from the consoles.
    pub(super) relay: Option<TimerFd>,
    pub(super) over: bool,
    /// Held for as long as the monitor lives.
    _alive: File,
}

impl Monitor {
    /// Of a domain that has just been started.
    ///
    /// # Errors
    /// The call that failed; the domain is killed then.
    pub fn new(
        layout: Layout,
        record: Record,
        started: Started,
        listener: OwnedFd,
        alive: File,
    ) -> Result<Self> {
        let failed = |errno| LifeError::call("watch over the domain", errno);
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(failed)?;
        let mut mask = SigSet::empty();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            mask.add(signal);
        }
        mask.thread_block().map_err(failed)?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&mask, flags).map_err(failed)?;
        let mut monitor = Self {
            layout,
            record,
            lifecycle: started.lifecycle.clone(),
            running: None,
            consoles: Vec::new(),
            clients: Vec::new(),
            next_client: 0,
            intent: Intent::None,
            back_off: BackOff::default(),
            began: Instant::now(),
            epoll,
            signals,
            listener,
            timer: None,
            oom: None,
            pressure: None,
            stopping: None,
            afterwards: None,
            dams: Default::default(),
            refused: String::new(),
            tell: None,
            share: Share::default(),
            relay: None,
            over: false,
            _alive: alive,
        };
        let event = |token: Token| EpollEvent::new(EpollFlags::EPOLLIN, token.number());
        monitor.epoll.add(&monitor.signals, event(Token::Signal)).map_err(failed)?;
        monitor.epoll.add(&monitor.listener, event(Token::Listener)).map_err(failed)?;
        monitor.adopt(started).map_err(failed)?;
        Ok(monitor)
    }

    /// What is known of the domain.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Watches over a container that was started.
    pub(super) fn adopt(&mut self, started: Started) -> std::result::Result<(), Errno> {
        let mut running = started.running;
        let masters = running.console.take().into_iter().chain(std::mem::take(&mut running.more_consoles));
        self.consoles.clear();
        for (index, master) in masters.enumerate() {
            let log = Log::new(self.layout.console_log(&self.record.name, index));
            let console = Console::new(master, log)?;
            self.epoll.add(&console, EpollEvent::new(EpollFlags::EPOLLIN, Token::Console(index).number()))?;
            self.consoles.push(console);
        }
        self.epoll.add(&running.pidfd, EpollEvent::new(EpollFlags::EPOLLIN, Token::Init.number()))?;
        self.oom = OomWatch::new(&self.record);
        if let Some(watch) = &self.oom {
            self.epoll.add(watch, EpollEvent::new(EpollFlags::EPOLLIN, Token::Oom.number()))?;
        }
        self.pressure = PressureWatch::new(&self.record);
        if let Some(watch) = &self.pressure {
            self.epoll.add(watch, EpollEvent::new(EpollFlags::EPOLLPRI, Token::Pressure.number()))?;
        }
        self.running = Some(running);
        self.lifecycle = started.lifecycle;
        self.began = Instant::now();
        self.intent = Intent::None;
        self.stopping = None;
        Ok(())
    }

    /// Until the domain has ended for good.
    pub fn serve(&mut self) {
        let mut events = [EpollEvent::empty(); 8];
        while !self.over {
            let Ok(count) = self.epoll.wait(&mut events, EpollTimeout::NONE) else { continue };
            // The end of the init is looked at last: what it said before comes first.
            let mut tokens: Vec<(Token, EpollFlags)> =
                events[..count].iter().map(|event| (Token::of(event.data()), event.events())).collect();
            tokens.sort_by_key(|(token, _)| *token == Token::Init);
            for (token, flags) in tokens {
                self.attend(token, flags);
                if let Some(cause) = self.afterwards.take() {
                    self.end(cause, None);
                }
            }
        }
    }

    fn attend(&mut self, token: Token, flags: EpollFlags) {
        match token {
            Token::Init => self.init_ended(),
            Token::Signal => self.signalled(),
            Token::Listener => self.accept(),
            Token::Timer => self.start_again(),
            Token::Oom => {
                let killed = self.oom.as_mut().map_or(0, OomWatch::look);
                self.tell_bounded(Kind::Oom, killed);
            }
            Token::Stop => self.stop_tick(),
            Token::Relay => self.relay_again(),
            Token::Tell => self.tell_held(),
            Token::Pressure => self.tell_bounded(Kind::Pressure, 1),
            Token::Console(index) => self.console(index, flags),
            Token::Client(id) => self.client(id),
        }
    }

    pub(super) fn note(&self, event: &str, what: &str, detail: impl Into<String>) {
        events::note(&self.layout, &self.record.name, event, what, detail);
    }

    /// The record is for others: one that cannot be written (a full disk) does not end the domain.
    pub(super) fn save(&self) {
        if let Err(error) = self.record.save(&self.layout) {
            self.note("lifecycle", "record-not-written", error.to_string());
        }
    }

    fn signalled(&mut self) {
        while let Ok(Some(info)) = self.signals.read_signal() {
            // The terminal that the command was typed at is of no concern; a manager that ends us is.
            if info.ssi_signo as i32 != libc::SIGHUP {
                crate::disregard(self.ask_init(Intent::Shutdown, Mode::Auto, 0));
            }
        }
    }

    fn console(&mut self, index: usize, flags: EpollFlags) {
        let Some(console) = self.consoles.get_mut(index) else { return };
        if flags.contains(EpollFlags::EPOLLOUT) {
            console.flush();
            self.set_interest(index);
        }
        if flags.contains(EpollFlags::EPOLLIN) {
            let before = spent();
            // What there is more of wakes the loop again.
            crate::disregard(self.read_console(index));
            self.charge(spent().saturating_sub(before));
        }
    }

    /// One buffer full; whether there was something.
    pub(super) fn read_console(&mut self, index: usize) -> bool {
        let mut packet = [0_u8; PACKET];
        packet[0] = DATA;
        let Some(console) = self.consoles.get_mut(index) else { return false };
        let count = console.read(&mut packet[1..]);
        if count == 0 {
            return false;
        }
        for client in self.clients.iter_mut().filter(|client| client.console == Some(index)) {
            client.show(&packet[..=count]);
        }
        true
    }

    /// While the terminal takes no input, none is taken from those attached.
    pub(super) fn set_interest(&mut self, index: usize) {
        let Some(console) = self.consoles.get(index) else { return };
        let full = console.is_full();
        let out = if full { EpollFlags::EPOLLOUT } else { EpollFlags::empty() };
        let input = if self.relay.is_some() { EpollFlags::empty() } else { EpollFlags::EPOLLIN };
        let mut event = EpollEvent::new(input | out, Token::Console(index).number());
        // A descriptor that is registered can be changed.
        crate::disregard(self.epoll.modify(console, &mut event));
        for client in self.clients.iter().filter(|client| client.console == Some(index)) {
            let flags = if full { EpollFlags::empty() } else { EpollFlags::EPOLLIN };
            let mut event = EpollEvent::new(flags, Token::Client(client.id).number());
            crate::disregard(self.epoll.modify(&client.connection, &mut event));
        }
    }

    pub(super) fn packet(&mut self, at: usize, packet: &[u8]) {
        let attached = self.clients[at].console;
        match Packet::of(packet, attached.is_some()) {
            Packet::Terminal(bytes) => {
                if let Some((index, console)) = attached.and_then(|at| Some((at, self.consoles.get_mut(at)?)))
                {
                    console.write(bytes);
                    self.set_interest(index);
                }
            }
            Packet::Window { rows, columns } => {
                if let Some(console) = attached.and_then(|index| self.consoles.get(index)) {
                    console.resize(rows, columns);
                }
            }
            Packet::Request(request) => {
                self.clients[at].asked = true;
                let reply = match request {
                    Ok(request) => self.request(at, request),
                    Err(error) => Err(LifeError::refused(format!("not understood: {error}"), "")),
                };
                let reply = match reply {
                    Ok(how) => Reply::Done { how },
                    Err(error) => {
                        Reply::Failed { what: error.to_string(), help: error.hint().unwrap_or_default() }
                    }
                };
                let Some(client) = self.clients.get(at) else { return };
                if client.tell(&reply).is_err() {
                    // It does not read what it asks for.
                    return self.hang_up(at);
                }
                self.replay(at);
            }
        }
    }

    fn request(&mut self, at: usize, request: Request) -> Result<String> {
        match request {
            Request::Attach { console, force } => self.attach(at, console, force),
            Request::Destroy => {
                self.intent = Intent::Destroy;
                self.kill();
                Ok("killed".to_owned())
            }
            Request::Shutdown { mode, within_ms } => self.ask_init(Intent::Shutdown, mode, within_ms),
            Request::Reboot { mode, within_ms } => self.ask_init(Intent::Reboot, mode, within_ms),
            Request::Suspend => self.suspend(),
            Request::Resume => self.resume(),
            Request::Rewrite => self.record.save(&self.layout).map(|()| "written".to_owned()),
            Request::Own { made, group } => {
                super::own::check(&self.layout, &self.record, &made, group.as_ref())?;
                let before = (self.record.made.len(), self.record.groups.len());
                self.record.made.push(made);
                self.record.groups.extend(group);
                let saved = self.record.save(&self.layout);
                if saved.is_err() {
                    self.record.made.truncate(before.0);
                    self.record.groups.truncate(before.1);
                }
                saved.map(|()| "owned".to_owned())
            }
            Request::Disown { made } => {
                self.record.made.retain(|known| *known != made);
                self.record.save(&self.layout).map(|()| "disowned".to_owned())
            }
            Request::Wait => Ok("waiting".to_owned()),
        }
    }

    /// Everything at once; the end is noticed like any other.
    fn kill(&mut self) {
        groups::kill(&self.record.groups);
        match &self.running {
            // ESRCH: it has ended by itself.
            Some(running) => crate::disregard(running.signal(libc::SIGKILL)),
            // It was waiting for its next start.
            None => self.afterwards = Some(Cause::Destroyed),
        }
    }

    fn attach(&mut self, at: usize, index: usize, force: bool) -> Result<String> {
        if index >= self.consoles.len() {
            return Err(LifeError::refused(
                format!("'{}' has no console{index}", self.record.name),
                format!(
                    "it has {}: console0 to console{}",
                    self.consoles.len(),
                    self.consoles.len().max(1) - 1
                ),
            ));
        }
        if let Some(other) = self.clients.iter_mut().find(|client| client.console == Some(index)) {
            if !force {
                let pid = other.connection.peer().map_or(0, |(_, pid)| pid);
                return Err(LifeError::refused(
                    format!("console{index} of '{}' is in use by process {pid}", self.record.name),
                    "take it with --force",
                ));
            }
            other.console = None;
            // It may be one that never reads: then it learns nothing.
            crate::disregard(other.tell(&Reply::Taken));
        }
        self.clients[at].console = Some(index);
        self.note("console", "attached", index.to_string());
        Ok(format!("console{index}"))
    }

    /// What the console said last, for one who has just attached.
    fn replay(&mut self, at: usize) {
        let Some(client) = self.clients.get_mut(at) else { return };
        let Some(console) = client.console.and_then(|index| self.consoles.get(index)) else { return };
        for part in console.log.tail(REPLAY).chunks(PACKET - 1) {
            client.show(&[&[DATA], part].concat());
        }
    }
}
