//! Starting in the background: the command checks and waits, a monitor does it and stays.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::atomic::{self, Keep};
use crate::edit::Document;
use crate::error::{LifeError, Result};
use crate::groups::wait_until;
use crate::layout::{Layout, make_dir};
use crate::lock::{self, Lock};
use crate::monitor::{Arguments, NAME, Outcome};
use crate::record::Record;
use crate::{definitions, domains, reconcile};

/// A domain that was started.
#[derive(Debug)]
pub struct Started {
    /// Its record.
    pub record: Record,
    /// What the runtime notes.
    pub notes: String,
    /// What was cleaned up first.
    pub cleaned: Vec<String>,
}

/// Starts a defined domain; with `reaper`, the small process 1 is around its init for this start.
///
/// # Errors
/// It runs already, another command has it, its definition is invalid, or it does not start; nothing is
/// left then.
pub fn start(layout: &Layout, name: &str, reaper: bool) -> Result<Started> {
    let lock = Lock::take(layout, name, "start")?;
    let cleaned = ready(layout, &lock, name)?;
    if !definitions::exists(layout, name) {
        return Err(LifeError::refused(
            format!("'{name}' is not defined: its record is kept for a look"),
            format!("'browndog create FILE' starts it anew; 'browndog undefine {name}' forgets it"),
        ));
    }
    let document = reaped(definitions::read(layout, name)?, reaper)?;
    launch(layout, &lock, &document).map(|started| Started { cleaned, ..started })
}

/// Starts a domain that is not defined; it is forgotten when it ends. `reaper` as in [`start`].
///
/// # Errors
/// As [`start`]; or there is a definition of this name.
pub fn create(layout: &Layout, document: Document, reaper: bool) -> Result<Started> {
    let document = reaped(document, reaper)?;
    let name = document.name().to_owned();
    definitions::demand_name(&name)?;
    let lock = Lock::take(layout, &name, "create")?;
    let cleaned = ready(layout, &lock, &name)?;
    let uuid = document.uuid();
    if definitions::exists(layout, &name)
        && uuid.is_none_or(|uuid| definitions::uuid_of(layout, &name) != Some(uuid))
    {
        return Err(LifeError::refused(
            format!("there is a definition of '{name}' already"),
            format!("start that with 'browndog start {name}', or give this document another name"),
        ));
    }
    let document = definitions::with_uuid(document, None)?;
    if !definitions::exists(layout, &name) {
        crate::logs::forget(layout, &name)?;
    }
    launch(layout, &lock, &document).map(|started| Started { cleaned, ..started })
}

/// The same as the document of one start. It is what a restart reads and `dumpxml` shows.
fn reaped(document: Document, reaper: bool) -> Result<Document> {
    let on = "<browndog:init xmlns:browndog='urn:browndog:domain:1' state='on'/>";
    if reaper { document.with(&["browndog:init"], Some(on)) } else { Ok(document) }
}

/// Makes sure that the domain does not run and that nothing of an earlier run is in the way.
fn ready(layout: &Layout, lock: &Lock, name: &str) -> Result<Vec<String>> {
    let mut cleaned = reconcile::reconcile(layout, lock, name)?;
    let view = domains::view(layout, name)?;
    // A monitor that has recorded the end is about to be gone.
    let free = || !lock::is_held(&layout.alive(name));
    if view.phase.is_active() || !wait_until(Duration::from_secs(5), free) {
        let help = match &view.doubt {
            Some(doubt) => format!("whether it does cannot be said from here: {doubt}"),
            None => format!("see 'browndog info {name}'; attach with 'browndog console {name}'"),
        };
        let state = format!("already {}", view.phase.word());
        return Err(LifeError::State { name: name.to_owned(), verb: "start", state, help });
    }
    reconcile::sweep(None, &mut cleaned);
    Ok(cleaned)
}

fn launch(layout: &Layout, lock: &Lock, document: &Document) -> Result<Started> {
    // Also of one that was defined before addresses were kept.
    let document = &definitions::with_macs(document.clone())?;
    let name = document.name();
    make_dir(&layout.domain(name))?;
    let text = document.source.text().as_bytes();
    atomic::write(&layout.live(name), text, Keep::Boot).inspect_err(|_| {
        // Nothing was started: what was just made goes again, unless a record is in it.
        crate::disregard(std::fs::remove_dir(layout.domain(name)));
    })?;
    let arguments = Arguments { layout: layout.clone(), name: name.to_owned() };
    let failed = |error| LifeError::file("execute", std::path::Path::new(OWN), error);
    // Not left to the spawn, whose error would name the program.
    let null = std::path::Path::new("/dev/null");
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(null)
        .map_err(|error| LifeError::file("open", null, error))?;
    let mut monitor = Command::new(OWN)
        .arg0(NAME)
        .args(arguments.words())
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == browndog_runtime::launch::MUTATE))
        .stdin(Stdio::from(lock.share()?))
        .stdout(Stdio::piped())
        .stderr(Stdio::from(null))
        .spawn()
        .map_err(failed)?;
    let mut text = Vec::new();
    if let Some(mut outcome) = monitor.stdout.take() {
        let _count: usize = outcome.read_to_end(&mut text).map_err(failed)?;
    }
    match serde_json::from_slice(&text) {
        Ok(Outcome::Started { record, notes }) => Ok(Started { record: *record, notes, cleaned: Vec::new() }),
        Ok(Outcome::Failed { rendered }) => {
            crate::disregard(monitor.wait());
            Err(LifeError::Start { rendered, code: 125 })
        }
        Err(_) => {
            let status = monitor.wait().map_err(failed)?;
            let mut said = reconcile::reconcile(layout, lock, name)?;
            reconcile::sweep(Some(name), &mut said);
            Err(LifeError::refused(
                format!("the monitor of '{name}' ended before it said what became of the start ({status})"),
                said.join("; "),
            ))
        }
    }
}

/// This program, whatever its path is now.
const OWN: &str = "/proc/self/exe";
