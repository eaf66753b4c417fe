//! Where verbs print to: buffered standard output, coloured only on a terminal.

use std::io::{self, BufWriter, IsTerminal, Write};

use browndog_xml::visible::{VisibleBytes, visible_json, visible_lines};

use crate::exit::Status;

/// Runs `body` with standard output, flushes it, and turns a reader that went away into the status
/// that SIGPIPE would have given.
pub(crate) fn printing(body: impl FnOnce(&mut dyn Write) -> io::Result<Status>) -> Status {
    let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout()));
    let result = body(&mut out).and_then(|status| out.flush().map(|()| status));
    result.unwrap_or_else(|error| io_failed(&error))
}

/// Prints JSON of any form: what is hidden in its strings is written as an escape, which says the same.
pub(crate) fn printing_json(text: &str, status: Status) -> Status {
    printing(|out| out.write_all(visible_json(text).as_bytes()).map(|()| status))
}

/// Prints a document, or anything else that is what was asked for: as it is, but for a terminal with hidden
/// characters shown.
pub(crate) fn printing_document(text: &[u8], status: Status) -> Status {
    printing_stream(Shown::new(false), text).worse(status)
}

/// Prints all of a stream.
pub(crate) fn printing_stream(mut shown: Shown, bytes: &[u8]) -> Status {
    let mut out = io::stdout().lock();
    let written =
        shown.write(&mut out, bytes).and_then(|()| shown.finish(&mut out)).and_then(|()| out.flush());
    written.map_or_else(|error| io_failed(&error), |()| Status::DONE)
}

/// A stream of foreign bytes on standard output: shown for a terminal, elsewhere as it is.
#[derive(Debug)]
pub(crate) struct Shown(Option<VisibleBytes>);

impl Shown {
    /// `raw`: as it is on a terminal as well.
    pub(crate) fn new(raw: bool) -> Self {
        Self((!raw && io::stdout().is_terminal()).then(VisibleBytes::default))
    }

    /// Writes the next piece.
    pub(crate) fn write(&mut self, out: &mut dyn Write, piece: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Some(visible) => out.write_all(visible.push(piece).as_bytes()),
            None => out.write_all(piece),
        }
    }

    /// Writes what was held back for a next piece.
    pub(crate) fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |visible| out.write_all(visible.finish().as_bytes()))
    }
}

/// The same as [`printing`] for a text that holds colours only where they are wanted: nothing looks through it again.
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
    Status::FAILED
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
    let mut text = format!("{red}error{red:#}: {}\n", visible_lines(what));
    if let Some(hint) = hint {
        text.push_str("  hint: ");
        text.push_str(&visible_lines(hint));
        text.push('\n');
    }
    note_drawn(text.trim_end());
}

/// Begins a colour on a terminal.
const ESCAPE: u8 = 0x1b;

/// Says something on standard error that is no result; hidden characters in it are shown.
pub(crate) fn note(text: &str) {
    note_drawn(&visible_lines(text));
}

/// The same for a text that may hold colours of ours, and in which nothing foreign can be hidden.
pub(crate) fn note_drawn(text: &str) {
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
