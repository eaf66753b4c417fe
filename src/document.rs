//! Documents named on the command line: found, read, checked, their findings said.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use browndog_runtime::{foreign, given};
use browndog_xml::domain::Domain;
use browndog_xml::limits;
use browndog_xml::source::Source;

use crate::exit::Status;
use crate::out::{coloured_errors, complain, note_drawn};

/// Reads `path`, or standard input for `-`; the error is a sentence.
pub(crate) fn open(path: &Path) -> Result<Source, String> {
    open_into(path, Vec::new())
}

/// The same, with the memory of a document before.
pub(crate) fn open_into(path: &Path, mut memory: Vec<u8>) -> Result<Source, String> {
    memory.clear();
    let stdin = path.as_os_str() == OsStr::new("-");
    let read = if stdin {
        read_into(io::stdin(), &mut memory)
    } else {
        given::open(path).and_then(|file| read_into(file, &mut memory))
    };
    let name = if stdin { "standard input".into() } else { path.to_string_lossy() };
    match read {
        Ok(()) => Ok(Source::from_bytes(name, memory)),
        Err(error) => Err(format!("cannot read {name}: {}", reason(&error))),
    }
}

/// No more than shows that it is too much, however large the file or endless the pipe; nor memory for more,
/// which a vector that doubles would ask for at the end.
fn read_into(mut from: impl Read, memory: &mut Vec<u8>) -> io::Result<()> {
    const MOST: usize = limits::DOCUMENT_BYTES + 1;
    loop {
        // Most documents are read at once; without a size, a file begins with 32 bytes.
        let free = memory.capacity() - memory.len();
        let room = free.max(memory.len()).max(4096).min(MOST - memory.len());
        memory.reserve_exact(room);
        if from.by_ref().take(room as u64).read_to_end(memory)? < room || memory.len() == MOST {
            return Ok(());
        }
    }
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
        note_drawn(reading.report.render_human(&source, coloured_errors()).trim_end());
    }
    reading.domain.map(|domain| (source, domain))
}

/// The files named, and the `.xml` files below the directories named. What cannot be listed has
/// been said, and is in the status.
pub(crate) fn expanded(named: &[PathBuf]) -> (Vec<PathBuf>, Status) {
    let (mut files, mut status) = (Vec::new(), Status::DONE);
    for path in named {
        let before = files.len();
        if !path.is_dir() {
            files.push(path.clone());
        } else if let Err(error) = below(path, &mut files) {
            complain(&format!("cannot read {}: {error}", path.display()), None);
            status = Status::USAGE;
        } else if files.len() == before {
            complain(&format!("no .xml file below {}", path.display()), None);
            status = Status::USAGE;
        }
    }
    (files, status)
}

fn below(dir: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<io::Result<_>>()?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a directory could lead back here.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "xml") {
            // Nobody has named it: it must not keep the reader waiting, nor be taken away by reading.
            let link = || foreign::look(&path).is_ok_and(|it| foreign::reopen(it.as_fd(), false).is_ok());
            if !kind.is_file() && !link() {
                return Err(io::Error::other(format!("{} is no regular file", path.display())));
            }
            found.push(path);
        }
    }
    Ok(())
}
