//! A monitor's first moments: away from the command that started it, then the start itself.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd, OwnedFd};

use browndog_runtime::launch::gain_privilege;
use browndog_runtime::own;
use browndog_runtime::sys;
use browndog_runtime::sys::monitor::trim_heap;
use browndog_xml::source::Source;
use nix::libc;

use super::serve::Monitor;
use super::{Arguments, NAME, Outcome, init, place};
use crate::edit::Document;
use crate::error::{LifeError, Result};
use crate::layout::{Layout, make_dir};
use crate::record::Record;
use crate::{events, lock, protocol, reconcile};

/// The command's lock, inherited: held until the start is over, also when the command is killed.
const LOCK: i32 = 0;
/// Where the outcome is said.
const OUTCOME: i32 = 1;

/// Starts the domain and stays with it; returns the exit status, which nobody waits for.
pub fn main(arguments: Arguments, words: &[OsString]) -> u8 {
    let limits = own::lift_limits(own::Who::Monitor);
    if let Err(rendered) = prepare(words) {
        // The command, when it is still there, says that the monitor failed.
        return u8::from(say(OUTCOME, &Outcome::Failed { rendered }).is_err()) + 1;
    }
    let Ok((lock, outcome)) = detach() else { return 1 };
    match begin(&arguments) {
        Ok((mut monitor, notes)) => {
            let limits = limits.iter().map(|said| format!("note: {said}\n"));
            let notes = limits.chain([notes]).collect();
            let record = Box::new(monitor.record().clone());
            // A command that was killed meanwhile has nobody to tell.
            crate::disregard(say(outcome.as_raw_fd(), &Outcome::Started { record, notes }));
            drop((lock, outcome));
            let places = place::move_away();
            trim_heap();
            monitor.serve();
            // Everything is recorded and said: the next start need not wait for what follows.
            drop(monitor);
            place::leave(&places);
            0
        }
        Err(error) => {
            let hint = error.hint().map(|hint| format!("   = help: {hint}\n")).unwrap_or_default();
            let text = error.to_string();
            let rendered = if text.starts_with("error") { text } else { format!("error: {text}\n{hint}") };
            crate::disregard(say(outcome.as_raw_fd(), &Outcome::Failed { rendered }));
            drop((lock, outcome));
            1
        }
    }
}

/// Root of a user namespace, where need be, and out of reach of containers.
fn prepare(words: &[OsString]) -> std::result::Result<(), String> {
    gain_privilege().map_err(|error| error.render("the domain", &Source::new("", "")))?;
    crate::program::make_safe(OsStr::new(NAME), words)
        .map_err(|errno| format!("error: cannot protect the monitor's program: {} ({errno:?})", errno.desc()))
}

fn say(fd: i32, outcome: &Outcome) -> std::result::Result<(), nix::errno::Errno> {
    let text = serde_json::to_vec(outcome).unwrap_or_default();
    let mut rest = text.as_slice();
    while !rest.is_empty() {
        rest = &rest[sys::write(fd, rest)?..];
    }
    Ok(())
}

/// A session of its own, nothing of the command's but the lock and the outcome's pipe.
fn detach() -> std::result::Result<(OwnedFd, OwnedFd), nix::errno::Errno> {
    // EPERM: it leads a session already.
    crate::disregard(sys::setsid());
    nix::unistd::chdir("/")?;
    let _mask = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let io = |error: std::io::Error| {
        error.raw_os_error().map_or(nix::errno::Errno::EIO, nix::errno::Errno::from_raw)
    };
    let away = |fd: i32| sys::adopt(fd).try_clone().map(|copy| (copy, fd)).map_err(io);
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").map_err(io)?;
    let mut moved = Vec::new();
    for fd in [LOCK, OUTCOME] {
        let (copy, fd) = away(fd)?;
        sys::dup3(null.as_raw_fd(), fd, 0).map(drop)?;
        moved.push(copy);
    }
    sys::dup3(null.as_raw_fd(), 2, 0).map(drop)?;
    let outcome = moved.pop().ok_or(nix::errno::Errno::EBADF)?;
    let lock = moved.pop().ok_or(nix::errno::Errno::EBADF)?;
    // What a shell had open is not ours to keep: only the two, which are the highest but one.
    close_others(&[null.as_raw_fd(), lock.as_raw_fd(), outcome.as_raw_fd()]);
    Ok((lock, outcome))
}

/// Closes every descriptor above 2 but those.
fn close_others(keep: &[i32]) {
    let mut keep: Vec<u32> = keep.iter().map(|&fd| fd as u32).collect();
    keep.sort_unstable();
    let mut from = 3;
    for fd in keep {
        if fd > from {
            // Nothing open in between is no failure.
            crate::disregard(sys::close_range(from, fd - 1, 0));
        }
        from = fd + 1;
    }
    crate::disregard(sys::close_range(from, u32::MAX, 0));
}

/// The domain's directory, the lock that says that we live, the socket, and the start.
fn begin(arguments: &Arguments) -> Result<(Monitor, String)> {
    let Arguments { layout, name } = arguments;
    let alive = be_alive(layout, name)?;
    let begun = start(layout, name, alive);
    if begun.is_err() {
        // The start has undone its own; the record of an earlier run stays with a defined domain.
        crate::disregard(forget_start(layout, name));
    }
    begun
}

fn start(layout: &Layout, name: &str, alive: File) -> Result<(Monitor, String)> {
    let path = layout.live(name);
    let bytes = crate::files::read(&path).map_err(|error| LifeError::file("read", &path, error))?;
    let document = Document::read(&Source::from_bytes(layout.definition(name).to_string_lossy(), bytes))?;
    let mut record = Record::starting(name, &document.uuid().unwrap_or_default());
    let socket = protocol::listen(layout, name)
        .map_err(|errno| LifeError::call(format!("listen at {}", layout.socket(name).display()), errno))?;
    let started = init::start(layout, &mut record, &document)?;
    let notes = started.notes.clone();
    let monitor = Monitor::new(layout.clone(), record, started, socket, alive)?;
    events::note(layout, name, "lifecycle", "started", "booted");
    Ok((monitor, notes))
}

/// Takes the lock that says that the domain's monitor lives.
fn be_alive(layout: &Layout, name: &str) -> Result<File> {
    let path = layout.alive(name);
    make_dir(&layout.domain(name))?;
    let file = crate::files::open(&path, nix::fcntl::OFlag::O_RDWR | nix::fcntl::OFlag::O_CREAT);
    let file = file.map_err(|error| LifeError::file("open", &path, error))?;
    lock::live(&file).map_err(|errno| match errno {
        nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES => LifeError::State {
            name: name.to_owned(),
            verb: "start",
            state: "running".to_owned(),
            help: String::new(),
        },
        errno => LifeError::file("lock", &path, errno.into()),
    })?;
    Ok(file)
}

/// After a start that failed: as it was before.
fn forget_start(layout: &Layout, name: &str) -> Result<()> {
    let mut record = match crate::record::read(layout, name)? {
        crate::record::Found::Record(record) => *record,
        _ => Record::starting(name, ""),
    };
    if record.phase.is_active() || !crate::definitions::exists(layout, name) {
        let keep = reconcile::Keep::IfDefined;
        reconcile::finish(layout, &mut record, crate::record::Phase::ShutOff, "failed", None, keep)?;
    }
    Ok(())
}

/// Where nothing may ever be at 0, 1 and 2 but what was put there.
const _: () = assert!(LOCK == libc::STDIN_FILENO && OUTCOME == libc::STDOUT_FILENO);
