//! Where verbs print to: buffered standard output, coloured only on a terminal.

use std::io::{self, BufWriter, Write};

use crate::exit::Status;

/// Runs `body` with standard output, flushes it, and turns a reader that went away into the status
/// that SIGPIPE would have given.
pub(crate) fn printing(body: impl FnOnce(&mut dyn Write) -> io::Result<Status>) -> Status {
    let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout()));
    let result = body(&mut out).and_then(|status| out.flush().map(|()| status));
    result.unwrap_or_else(|error| io_failed(&error))
}

/// The status for output that could not be written.
fn io_failed(error: &io::Error) -> Status {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Status::BROKEN_PIPE;
    }
    complain(&format!("cannot write the output: {error}"), None);
    Status::USAGE
}

/// Says on standard error what went wrong and, where there is something to do, what.
pub(crate) fn complain(what: &str, hint: Option<&str>) {
    let mut err = anstream::stderr().lock();
    let red = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    let mut text = format!("{red}error{red:#}: {what}\n");
    if let Some(hint) = hint {
        text.push_str("  hint: ");
        text.push_str(hint);
        text.push('\n');
    }
    // Nobody is left to tell when standard error itself is gone.
    if err.write_all(text.as_bytes()).is_err() {
        std::process::exit(1);
    }
}
