//! `console` and `logs`.

use std::io::Write;

use browndog_life::attach::{self as life, Left};
use browndog_life::layout::Layout;
use browndog_life::{domains, logs, stop};
use clap::Args;
use serde_json::json;

use crate::exit::Status;
use crate::life::{Format, Outcome, answer};
use crate::out::{Shown, note, printing_stream};

/// Attach to a console; leave it with Ctrl-].
#[derive(Debug, Args)]
#[command(after_help = "\
What the console said before is shown first. One command at a time has a console.

Examples:
  browndog console web
  browndog console --devname console1 web
  echo 'ls /' | browndog console web        what is typed may come from anywhere

Exit status: 0 detached, 1 it could not be attached to or was taken; the init's own where it has ended.")]
pub(crate) struct Console {
    /// Name or uuid.
    domain: String,
    /// Which console: console0, console1, …
    #[arg(long, value_name = "NAME", default_value = "console0", value_parser = number)]
    devname: usize,
    /// Take it from whoever has it.
    #[arg(long)]
    force: bool,
}

fn number(text: &str) -> Result<usize, String> {
    let digits = text.strip_prefix("console").unwrap_or(text);
    digits.parse().map_err(|_| "expected console0, console1, …".to_owned())
}

impl Console {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let view = domains::view(layout, &name)?;
        if !view.phase.is_active() {
            return Err(stop::not_running(&view, "attach to"));
        }
        attach(layout, &name, self.devname, self.force)
    }
}

/// Attaches and says how it ended.
pub(crate) fn attach(layout: &Layout, name: &str, console: usize, force: bool) -> Outcome {
    if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        note(&format!("Connected to domain '{name}'\nEscape character is ^] (Ctrl + ])"));
    }
    Ok(match life::attach(layout, name, console, force)? {
        Left::Detached => Status::DONE,
        Left::Ended(record) => {
            let exit = record.exit;
            note(&format!(
                "Domain '{name}' has ended{}",
                exit.map_or_else(String::new, |exit| format!(" ({})", exit.words()))
            ));
            Status::from(exit.map_or(0, |exit| u8::try_from(exit.code()).unwrap_or(255)))
        }
        Left::Taken => {
            note("the console was taken by another command");
            Status::FAILED
        }
        Left::Lost => {
            note(&format!("the monitor of '{name}' is gone"));
            Status::FAILED
        }
    })
}

/// Print what a console said; it is kept while nobody is attached, and after the end.
#[derive(Debug, Args)]
#[command(after_help = "\
Of each console the last megabyte or two are kept. On a terminal, what would steer it is shown
instead: colours as \\u{1b}[31m. Elsewhere, and with --raw, it is printed as it was said.

Examples:
  browndog logs web
  browndog logs --follow --lines 20 web     and what it says from now on, until it ends")]
pub(crate) struct Logs {
    /// Name or uuid.
    domain: String,
    /// Go on until the domain ends.
    #[arg(long, short)]
    follow: bool,
    /// Only the last lines.
    #[arg(long, short = 'n', value_name = "COUNT")]
    lines: Option<usize>,
    /// Which console.
    #[arg(long, value_name = "NAME", default_value = "console0", value_parser = number)]
    devname: usize,
    /// As it is on a terminal as well: what the container said may then steer it.
    #[arg(long)]
    raw: bool,
    /// How to print it: as it is, or JSON that holds it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Logs {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        // A log outlives a domain that was never defined.
        let name = domains::find(layout, &self.domain).or_else(|error| {
            let log = layout.console_log(&self.domain, self.devname);
            if !self.domain.contains('/') && log.is_file() { Ok(self.domain.clone()) } else { Err(error) }
        })?;
        let path = layout.console_log(&name, self.devname);
        let mut text = Vec::new();
        let position = logs::copy(&path, self.lines, &mut text)?;
        if self.format != Format::Text {
            let value =
                json!({"name": name, "console": self.devname, "text": String::from_utf8_lossy(&text)});
            return Ok(answer(self.format, "", &value));
        }
        let mut shown = Shown::new(self.raw);
        if !self.follow {
            return Ok(printing_stream(shown, &text));
        }
        let mut follow = logs::Follow::new(layout, &name, &path, position)?;
        let mut out = std::io::stdout().lock();
        let mut next = Some(text);
        while let Some(said) = next {
            if shown.write(&mut out, &said).and_then(|()| out.flush()).is_err() {
                return Ok(Status::BROKEN_PIPE);
            }
            next = follow.more()?;
        }
        if shown.finish(&mut out).and_then(|()| out.flush()).is_err() {
            return Ok(Status::BROKEN_PIPE);
        }
        Ok(Status::DONE)
    }
}
