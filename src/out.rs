//! Where verbs print to: buffered standard output, coloured only on a terminal.

use std::io::{self, BufWriter, IsTerminal, Write};

use crate::exit::Status;

/// Runs `body` with standard output, flushes it, and turns a reader that went away into the status
/// that SIGPIPE would have given.
pub(crate) fn printing(body: impl FnOnce(&mut dyn Write) -> io::Result<Status>) -> Status {
    let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout()));
    let result = body(&mut out).and_then(|status| out.flush().map(|()| status));
    result.unwrap_or_else(|error| io_failed(&error))
}

/// The same for a text that holds colours only where they are wanted: nothing looks through it again.
pub(crate) fn printing_as_is(text: &str, status: Status) -> Status {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_or_else(|error| io_failed(&error), |()| status)
}

/// The status for output that could not be written.
fn io_failed(error: &io::Error) -> Status {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Status::BROKEN_PIPE;
    }
    complain(&format!("cannot write the output: {error}"), None);
    Status::USAGE
}

/// Whether standard output shows colours: a terminal that can, and nobody who said no (NO_COLOR).
pub(crate) fn coloured() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// The same for standard error.
pub(crate) fn coloured_errors() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Says on standard error what went wrong and, where there is something to do, what.
pub(crate) fn complain(what: &str, hint: Option<&str>) {
    let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    let mut text = format!("{red}error{red:#}: {what}\n");
    if let Some(hint) = hint {
        text.push_str("  hint: ");
        text.push_str(hint);
        text.push('\n');
    }
    note(text.trim_end());
}

/// Begins a colour on a terminal.
const ESCAPE: u8 = 0x1b;

/// Says something on standard error that is no result.
pub(crate) fn note(text: &str) {
    // One piece, and one write(2).
    let line = [text, "\n"].concat();
    // What has no colours needs nobody who would take them out.
    let written = if line.as_bytes().contains(&ESCAPE) {
        anstream::stderr().lock().write_all(line.as_bytes())
    } else {
        io::stderr().lock().write_all(line.as_bytes())
    };
    // Nobody is left to tell when standard error itself is gone.
    if written.is_err() {
        std::process::exit(1);
    }
}

/// How far long work is: a bar on a terminal, now and then a line elsewhere.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<indicatif::ProgressBar>,
    quarter: usize,
}

impl Progress {
    /// Nothing is shown before the first part.
    pub(crate) fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let style = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}");
        let bar = || {
            indicatif::ProgressBar::new(0)
                .with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
        };
        Self { bar: terminal.then(bar), quarter: 0 }
    }

    /// `done` of `all` parts are done, `what` is next.
    pub(crate) fn show(&mut self, done: usize, all: usize, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
            bar.set_message(what.to_owned());
        } else if done * 4 >= all * (self.quarter + 1) {
            self.quarter = done * 4 / all;
            note(&format!("{done} of {all} done"));
        }
    }

    /// Leaves the terminal as if nothing had been shown.
    pub(crate) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
