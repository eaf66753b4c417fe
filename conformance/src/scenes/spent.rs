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
    watches(stage, &mut facts)?;
    Ok(facts)
}

/// Instances of inotify, which are counted for each user: by a container with ids of its own.
fn watches(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    use nix::sys::inotify::{InitFlags, Inotify};
    let (place, name) = stage.place("spent")?;
    let mut spec = Spec::plain(&name, place.join("root"), vec![format!("/{NAME}"), "inotifies".into()]);
    spec.idmap = Some(100_000);
    super::plain::stage_root_to(&place.join("root"), 100_000)?;
    facts.attempt("spent.inotify.before", Inotify::init(InitFlags::IN_CLOEXEC));
    let container = Background::start(stage, spec, &place)?;
    let taken = wait_for(&place.join("root/var/tmp/inotifies"));
    facts.set("spent.inotify.taken", taken.unwrap_or_default());
    facts.attempt("spent.inotify.host", Inotify::init(InitFlags::IN_CLOEXEC));
    fs::write(place.join("root/var/tmp/over"), "").doing("ending it")?;
    drop(container);
    Ok(())
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
