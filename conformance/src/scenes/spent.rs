//! What a container takes until there is none left, and whether the host still has some.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::facts::Facts;
use crate::probe::NAME;
use crate::spec::Spec;
use crate::stage::{Doing, SceneError, Stage};

use super::background::Background;

/// How long the container may take to take everything, in a guest that is translated.
const TAKING: Duration = Duration::from_secs(120);

/// Terminals. A machine that others use is not filled up.
pub(super) fn spent(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let stage = &*stage;
    let (place, name) = stage.place("spent")?;
    let argv = ["ptys", "8192"].map(str::to_owned);
    let argv: Vec<String> = [format!("/{NAME}")].into_iter().chain(argv).collect();
    let mut spec = Spec::plain(&name, place.join("root"), argv);
    spec.rlimits.push(("nofile".into(), 16_384, 16_384));
    spec.console = stage.runtime.name() == "browndog";
    stage.planned(&spec, &place)?;
    if !Path::new(crate::vm::job::LAB_MARK).exists() {
        return Err(SceneError::NotApplicable(
            "taking every terminal of the machine is played in guests only".into(),
        ));
    }
    let mut facts = Facts::default();
    facts.set("spent.ptys.before", nix::pty::openpty(None, None).is_ok());
    let container = Background::start(stage, spec, &place)?;
    let (told, over) = (place.join("root/var/tmp/ptys"), place.join("root/var/tmp/over"));
    let taken = wait_for(&told);
    facts.set("spent.ptys.taken", taken.clone().unwrap_or_default());
    facts.attempt("spent.ptys.host", nix::pty::openpty(None, None));
    fs::write(over, "").doing("ending it")?;
    drop(container);
    let begun = Instant::now();
    while nix::pty::openpty(None, None).is_err() && begun.elapsed() < TAKING {
        std::thread::sleep(Duration::from_millis(20));
    }
    facts.set("spent.ptys.after", nix::pty::openpty(None, None).is_ok());
    Ok(facts)
}

fn wait_for(file: &Path) -> Option<String> {
    let begun = Instant::now();
    while begun.elapsed() < TAKING && !crate::run::interrupted() {
        match fs::read_to_string(file) {
            Ok(text) if text.ends_with('\n') => return Some(text.trim().to_owned()),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    None
}
