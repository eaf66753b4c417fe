//! A document named on the command line: read, checked, its findings said.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;

use browndog_xml::domain::Domain;
use browndog_xml::source::Source;

use crate::out::{coloured_errors, complain, note};

/// Reads `path`, or standard input for `-`; the error is a sentence.
pub(crate) fn open(path: &Path) -> Result<Source, String> {
    let stdin = path.as_os_str() == OsStr::new("-");
    let read = if stdin { read_stdin() } else { std::fs::read(path) };
    let name = if stdin { "standard input".into() } else { path.to_string_lossy() };
    let bytes = read.map_err(|error| format!("cannot read {name}: {}", reason(&error)))?;
    Ok(Source::from_bytes(name, bytes))
}

fn read_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map(|_| bytes)
}

/// The error in words, without the number that Rust appends.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        _ => error.to_string(),
    }
}

/// The domain for a verb that acts on it: what is wrong, or has no effect, is said on standard error.
/// `None` where there is no domain; everything has been said then.
pub(crate) fn load(path: &Path) -> Option<(Source, Domain)> {
    let source = match open(path) {
        Ok(source) => source,
        Err(message) => {
            complain(&message, None);
            return None;
        }
    };
    let reading = browndog_xml::read(&source);
    // Whether standard error shows colours is asked only where there is something to show.
    if !reading.report.diagnostics.is_empty() {
        note(reading.report.render_human(&source, coloured_errors()).trim_end());
    }
    reading.domain.map(|domain| (source, domain))
}
