//! `shutdown`, `reboot`, `destroy`, `suspend`, `resume`, `wait`.

use std::time::Duration;

use browndog_life::domains;
use browndog_life::error::LifeError;
use browndog_life::events::{Follower, From};
use browndog_life::layout::Layout;
use browndog_life::lock::Lock;
use browndog_life::protocol::Mode;
use browndog_life::reconcile;
use browndog_life::record::{Exit, Phase};
use browndog_life::stop::{self, Stopped, Wish};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::exit::Status;
use crate::life::{Format, Outcome, answer, cleaned};
use crate::out::complain;

/// How an init is asked.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum How {
    /// initctl where the init has one, else its signal.
    #[default]
    Auto,
    /// A request in the container's /run/initctl.
    Initctl,
    /// systemd's own signal to systemd, SIGTERM to others.
    Signal,
}

impl How {
    fn mode(self) -> Mode {
        match self {
            Self::Auto => Mode::Auto,
            Self::Initctl => Mode::Initctl,
            Self::Signal => Mode::Signal,
        }
    }
}

/// Ask a domain to stop, wait, and say what came of it.
#[derive(Debug, Args)]
#[command(after_help = "\
A whole system is asked through its init: by a request in its FIFO /run/initctl where it reads one, systemd by
SIGRTMIN+3. Of any other container every process gets SIGTERM. An init that has a handler for it goes on
when the others have ended, or after half of the timeout; one without would never hear it, and is killed
when the others have ended. Nobody else is killed, unless --then-destroy says so.

Examples:
  browndog shutdown web
  browndog shutdown --timeout 60 --then-destroy web
  browndog shutdown --all --then-destroy

Exit status: 0 it has ended (or did not run), 1 it still runs after the timeout, 2 usage.")]
pub(crate) struct Shutdown {
    /// Name or uuid.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    domain: Option<String>,
    /// All domains that run, side by side.
    #[arg(long)]
    all: bool,
    /// How to ask.
    #[arg(long, value_enum, default_value_t)]
    mode: How,
    /// Wait this long (seconds); 0 only asks.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    /// Destroy what has not stopped by then.
    #[arg(long)]
    then_destroy: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Shutdown {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        if self.all {
            return self.everything(layout);
        }
        let name = domains::find(layout, self.domain.as_deref().unwrap_or_default())?;
        let stopped = self.stop(layout, &name)?;
        Ok(tell(&name, &stopped, "shut down", self.timeout, self.format))
    }

    /// Whatever comes of the asking, `--then-destroy` destroys what has not ended.
    fn stop(&self, layout: &Layout, name: &str) -> Result<Stopped, LifeError> {
        let asked = tidy(layout, name).and_then(|()| {
            let within = Duration::from_secs(self.timeout);
            stop::shutdown(layout, name, Wish::Poweroff, self.mode.mode(), within)
        });
        match asked {
            Ok(stopped @ (Stopped::WasOff | Stopped::Ended { .. })) => Ok(stopped),
            stopped if !self.then_destroy => stopped,
            stopped => {
                if let Err(error) = stopped {
                    complain(&format!("'{name}' could not be asked: {error}"), None);
                }
                stop::destroy(layout, name)
            }
        }
    }

    fn everything(&self, layout: &Layout) -> Outcome {
        let mut running = Vec::new();
        let mut status = Status::DONE;
        for (name, view) in domains::views(layout)? {
            match view {
                Ok(view) if !view.phase.is_active() && view.stale.is_none() => {}
                Ok(_) => running.push(name),
                // What cannot be read may run: it is tried all the same.
                Err(_) => running.push(name),
            }
        }
        let next = std::sync::Mutex::new(running.into_iter());
        let done = std::sync::Mutex::new(Vec::new());
        let work = || {
            loop {
                let Some(name) = next.lock().ok().and_then(|mut names| names.next()) else { return };
                let stopped = self.stop(layout, &name);
                if let Ok(mut done) = done.lock() {
                    done.push((name, stopped));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                crate::disregard(scope.spawn(work));
            }
        });
        for (name, stopped) in done.into_inner().unwrap_or_default() {
            status = status.worse(match stopped {
                Ok(stopped) => tell(&name, &stopped, "shut down", self.timeout, self.format),
                Err(error) => crate::life::refuse(&error),
            });
        }
        Ok(status)
    }
}

/// Domains that are waited for at the same time.
const AT_ONCE: usize = 32;

/// Ask a domain to stop and start it again.
#[derive(Debug, Args)]
#[command(after_help = "\
Its document decides what a reboot does: <on_reboot>destroy</on_reboot> ends it.

Exit status: 0 it runs again (or has ended, as its document says), 1 it did not stop in time, could not be
started again, or has ended again at once, 2 usage.")]
pub(crate) struct Reboot {
    /// Name or uuid.
    domain: String,
    /// How to ask.
    #[arg(long, value_enum, default_value_t)]
    mode: How,
    /// Wait this long (seconds); 0 only asks.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Reboot {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        tidy(layout, &name)?;
        let within = Duration::from_secs(self.timeout);
        let stopped = stop::shutdown(layout, &name, Wish::Reboot, self.mode.mode(), within)?;
        Ok(tell(&name, &stopped, "rebooted", self.timeout, self.format))
    }
}

/// Kill a domain; one that does not run is done already.
#[derive(Debug, Args)]
#[command(after_help = "\
Paused domains too. What a killed monitor has left is removed, and said; so is what a killed 'run' has.

Exit status: 0 it does not run, 1 it could not be killed, 2 usage.")]
pub(crate) struct Destroy {
    /// Name or uuid.
    domain: String,
    /// Ask it to shut down first, and wait for ten seconds.
    #[arg(long)]
    graceful: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Destroy {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = match domains::find(layout, &self.domain) {
            // One in the foreground has no record; what its killed launcher left has its name all the same.
            Err(unknown @ LifeError::Unknown { .. }) => {
                let mut removed = Vec::new();
                reconcile::sweep(Some(&self.domain), &mut removed);
                if removed.is_empty() {
                    return Err(unknown);
                }
                cleaned(&removed);
                return Ok(tell(&self.domain, &Stopped::WasOff, "destroyed", 0, self.format));
            }
            found => found?,
        };
        tidy(layout, &name)?;
        if self.graceful {
            let within = Duration::from_secs(10);
            match stop::shutdown(layout, &name, Wish::Poweroff, Mode::Auto, within) {
                Ok(stopped @ Stopped::Ended { .. }) => {
                    return Ok(tell(&name, &stopped, "shut down", 10, self.format));
                }
                Ok(_) => {}
                Err(error) => complain(&format!("'{name}' could not be asked: {error}"), None),
            }
        }
        let stopped = stop::destroy(layout, &name)?;
        // What a killed 'run' of that name has left beside it, which may have ended only now.
        let mut removed = Vec::new();
        reconcile::sweep(Some(&name), &mut removed);
        cleaned(&removed);
        Ok(tell(&name, &stopped, "destroyed", 0, self.format))
    }
}

/// Cleans up after a crash before anything else is done, and says so.
fn tidy(layout: &Layout, name: &str) -> Result<(), LifeError> {
    if domains::view(layout, name)?.stale.is_some() {
        let lock = Lock::take(layout, name, "clean-up")?;
        cleaned(&reconcile::reconcile(layout, &lock, name)?);
    }
    Ok(())
}

fn tell(name: &str, stopped: &Stopped, verb: &str, seconds: u64, format: Format) -> Status {
    let exit = |exit: &Option<Exit>| exit.map_or_else(String::new, |exit| format!(", {}", exit.words()));
    let (text, outcome, how) = match stopped {
        Stopped::WasOff => (format!("Domain '{name}' does not run"), "was-off", ""),
        Stopped::Ended { how, exit: ended } if verb == "rebooted" => {
            let said = exit(ended);
            let text =
                format!("Domain '{name}' has ended and stays down, as its document says ({how}{said})");
            (text, "ended", how.as_str())
        }
        Stopped::Ended { how, exit: ended } => {
            (format!("Domain '{name}' {verb} ({how}{})", exit(ended)), "ended", how.as_str())
        }
        Stopped::Restarted { how } => {
            (format!("Domain '{name}' runs again ({how})"), "restarted", how.as_str())
        }
        Stopped::Failed { how, why: Some(why), .. } => {
            let what = format!("'{name}' has ended ({how}) and could not be started again: {why}");
            complain(what.trim_end(), Some("see 'browndog logs' and 'browndog events --past'"));
            (String::new(), "failed", how.as_str())
        }
        Stopped::Failed { how, exit: ended, .. } => {
            let what = format!("'{name}' was started again ({how}) and does not run{}", exit(ended));
            complain(&what, Some(&format!("see 'browndog logs {name}'")));
            (String::new(), "failed", how.as_str())
        }
        Stopped::Asked { how } => (format!("Domain '{name}' was asked ({how})"), "asked", how.as_str()),
        Stopped::Still { how, phase: Phase::Restarting } => {
            let what = format!("'{name}' has ended ({how}) and waits for its next start");
            complain(&what, Some(&format!("wait for it: 'browndog wait --for running {name}'")));
            (String::new(), "still-running", how.as_str())
        }
        Stopped::Still { how, .. } => {
            let what = format!("'{name}' was asked {how} and still runs after {seconds} s");
            complain(&what, Some(&format!("wait longer with --timeout, or 'browndog destroy {name}'")));
            (String::new(), "still-running", how.as_str())
        }
    };
    let ended = match stopped {
        Stopped::Ended { exit, .. } | Stopped::Failed { exit, .. } => *exit,
        _ => None,
    };
    let value: Value = json!({"name": name, "outcome": outcome, "how": how, "exit": ended, "exit_code": ended.map(Exit::code)});
    let status = answer(format, &text, &value);
    if ["still-running", "failed"].contains(&outcome) { Status::FAILED } else { status }
}

/// Freeze every process of a domain.
#[derive(Debug, Args)]
pub(crate) struct Suspend {
    /// Name or uuid.
    domain: String,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Suspend {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        tidy(layout, &name)?;
        stop::freeze(layout, &name, true)?;
        Ok(answer(
            self.format,
            &format!("Domain '{name}' suspended"),
            &json!({"name": name, "state": "paused"}),
        ))
    }
}

/// Let a suspended domain go on.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Name or uuid.
    domain: String,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Resume {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        tidy(layout, &name)?;
        stop::freeze(layout, &name, false)?;
        Ok(answer(
            self.format,
            &format!("Domain '{name}' resumed"),
            &json!({"name": name, "state": "running"}),
        ))
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
enum For {
    /// It does not run any more.
    #[default]
    Stopped,
    /// It runs.
    Running,
}

/// Wait until a domain has stopped, or runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: of --for stopped, the init's own (128 + N for signal N); of --for running 0; 124 after the
timeout; 1 where it cannot be known, 2 usage.")]
pub(crate) struct Wait {
    /// Name or uuid.
    domain: String,
    /// What to wait for.
    #[arg(long = "for", value_enum, default_value_t)]
    what: For,
    /// At most this long (seconds).
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Wait {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let deadline = self.timeout.map(|seconds| std::time::Instant::now() + Duration::from_secs(seconds));
        // Begun before the first look, so that nothing happens unseen in between.
        let mut follower = Follower::new(layout, From::Now)?;
        loop {
            tidy(layout, &name)?;
            let view = domains::view(layout, &name)?;
            match self.what {
                For::Running if view.phase == Phase::Running => {
                    return Ok(answer(self.format, "", &json!({"name": name, "state": "running"})));
                }
                For::Stopped if !view.phase.is_active() => {
                    let exit = view.record.and_then(|record| record.exit);
                    return Ok(self.stopped(&name, exit, view.persistent));
                }
                _ => {}
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(std::time::Instant::now()));
            let events = follower.next(left)?;
            // The record of one that is not defined is gone with it: its last event says how it ended.
            let ended = events
                .iter()
                .rev()
                .find(|event| event.domain == name && ["stopped", "crashed"].contains(&event.what.as_str()));
            if let (For::Stopped, Some(event), false) =
                (self.what, ended, domains::find(layout, &name).is_ok())
            {
                return Ok(self.stopped(&name, exit_of(&event.detail), false));
            }
            if left.is_some_and(|left| left.is_zero()) && events.is_empty() {
                complain(&format!("'{name}' is still {}", view.phase.word()), None);
                return Ok(Status::from(TIMED_OUT));
            }
        }
    }

    fn stopped(&self, name: &str, exit: Option<Exit>, known: bool) -> Status {
        let value =
            json!({"name": name, "state": "shut off", "exit": exit, "exit_code": exit.map(Exit::code)});
        let status = answer(self.format, "", &value);
        match exit {
            Some(exit) if status == Status::DONE => Status::from(u8::try_from(exit.code()).unwrap_or(255)),
            // It has never run: there is nothing to be reported.
            None if known => status,
            _ => status.worse(Status::FAILED),
        }
    }
}

/// What timeout(1) ends with.
const TIMED_OUT: u8 = 124;

/// `crashed, status 3` or `shutdown, signal 9 (SIGKILL)`.
fn exit_of(detail: &str) -> Option<Exit> {
    let mut words = detail.rsplit(", ").next()?.split(' ');
    let (kind, number) = (words.next()?, words.next()?.parse().ok()?);
    match kind {
        "status" => Some(Exit::Status(number)),
        "signal" => Some(Exit::Signal(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_read_from_its_event() {
        for exit in [Exit::Status(3), Exit::Signal(9), Exit::Signal(40)] {
            assert_eq!(exit_of(&format!("crashed, {}", exit.words())), Some(exit));
        }
        assert_eq!(exit_of("failed"), None);
    }
}
