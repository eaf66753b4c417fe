//! `events`: what happens to domains, as it happens.

use std::io::Write;
use std::time::{Duration, Instant};

use browndog_life::domains;
use browndog_life::events::{Event, Follower, From};
use browndog_life::layout::Layout;
use browndog_life::time::rfc3339;
use browndog_xml::visible::{visible, visible_json};
use clap::Args;

use crate::exit::Status;
use crate::life::{Format, Outcome};

/// Print what happens to domains, as it happens.
#[derive(Debug, Args)]
#[command(after_help = "\
Events: lifecycle (defined, started, suspended, resumed, restarting, stopped, crashed, undefined), oom,
pressure, console, device, tune.

Examples:
  browndog events
  browndog events --domain web --event lifecycle --timeout 60
  browndog events --past --no-follow --format jsonl | jq -r .what")]
pub(crate) struct Events {
    /// Only of this domain (name or uuid).
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Only of this kind.
    #[arg(long, value_name = "KIND")]
    event: Option<String>,
    /// Also what the journal has from before.
    #[arg(long)]
    past: bool,
    /// Do not wait for more.
    #[arg(long)]
    no_follow: bool,
    /// End with the first event.
    #[arg(long)]
    once: bool,
    /// End after this long (seconds).
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Accepted for virsh's sake: without --once they are printed in a loop.
    #[arg(long = "loop", hide = true)]
    _loop: bool,
    /// Accepted for virsh's sake: every kind is printed.
    #[arg(long = "all", hide = true)]
    _all: bool,
    /// Accepted for virsh's sake: times are printed in any case.
    #[arg(long = "timestamp", hide = true)]
    _timestamp: bool,
    /// How to print them; JSON is one document a line.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Events {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let only = self.domain.as_deref().map(|argument| {
            // One that is about to be defined may be waited for by its name.
            domains::find(layout, argument).unwrap_or_else(|_| argument.to_owned())
        });
        let from = if self.past { From::Beginning } else { From::Now };
        let mut follower = Follower::new(layout, from)?;
        let deadline = self.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        loop {
            let left = match deadline {
                _ if self.no_follow => Some(Duration::ZERO),
                deadline => deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
            };
            let events = follower.next(left)?;
            let wanted = events.iter().filter(|event| {
                only.as_ref().is_none_or(|name| *name == event.domain)
                    && self.event.as_ref().is_none_or(|kind| *kind == event.event)
            });
            let mut out = std::io::stdout().lock();
            for event in wanted {
                if writeln!(out, "{}", self.line(event)).and_then(|()| out.flush()).is_err() {
                    return Ok(Status::BROKEN_PIPE);
                }
                if self.once {
                    return Ok(Status::DONE);
                }
            }
            if left.is_some_and(|left| left.is_zero()) && events.is_empty() {
                return Ok(Status::DONE);
            }
        }
    }

    fn line(&self, event: &Event) -> String {
        let at = rfc3339(event.at);
        if self.format != Format::Text {
            let line = serde_json::json!({
                "at": at, "domain": event.domain, "event": event.event, "what": event.what, "detail": event.detail,
            });
            return visible_json(&line.to_string()).into_owned();
        }
        let detail = if event.detail.is_empty() { String::new() } else { format!(" ({})", event.detail) };
        let line =
            format!("{at} event '{}' for domain '{}': {}{detail}", event.event, event.domain, event.what);
        visible(&line).into_owned()
    }
}
