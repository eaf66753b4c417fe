//! Containers in the background beside others: names that look alike, a pause in the middle of a storm of new
//! processes, what lies in the state of the runtime, and a reboot that is asked for by somebody else than PID 1.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::facts::Facts;
use crate::runtimes::Verb;
use crate::snapshot::Snapshot;
use crate::spec::{Capabilities, Spec};
use crate::stage::{Doing, SceneError, Stage};

use super::background::Background;
use super::life::obeying;
use super::tried::HARSH;

/// How long a frozen container is watched.
const WATCHED: Duration = Duration::from_secs(3);

pub(super) fn beside(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let stage = &*stage;
    let mut facts = Facts::default();
    let before = Snapshot::take();
    storm(stage, &mut facts)?;
    alike(stage, &mut facts)?;
    state(stage, &mut facts)?;
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// One of two containers whose names begin alike is removed: the other one goes on.
fn alike(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    for (what, suffix) in [("longer", "0"), ("dotted", ".x")] {
        let (place, spec) = obeying(stage, "alike", &["sleep", "600"])?;
        let (other_place, mut other) = obeying(stage, "alike", &["sleep", "600"])?;
        other.name = format!("{}{suffix}", spec.name);
        let first = Background::start(stage, spec, &place)?;
        let second = Background::start(stage, other, &other_place)?;
        let name = |fact: &str| format!("beside.{what}.{fact}");
        facts.set(name("before"), first.command(&["exit", "7"])?);
        drop(first);
        facts.set(name("after"), second.command(&["exit", "7"])?);
    }
    Ok(())
}

/// A container that makes new processes all the time is frozen and goes on.
fn storm(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    let (place, spec) = obeying(stage, "storm", &["storm", "/var/tmp/storm"])?;
    let container = Background::start(stage, spec, &place)?;
    let file = place.join("root/var/tmp/storm");
    let count = || fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let moves = |from: Option<u64>| {
        let begun = Instant::now();
        while begun.elapsed() < HARSH {
            if count() > from {
                return true;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    };
    facts.set("beside.storm.before", moves(None));
    facts.set("beside.storm.pause", container.ends(&Verb::Pause)?);
    let frozen = count();
    std::thread::sleep(WATCHED);
    facts.set("beside.storm.stands", count() == frozen);
    facts.set("beside.storm.resume", container.ends(&Verb::Resume)?);
    facts.set("beside.storm.goes_on", moves(frozen));
    Ok(())
}

/// Files of the state while a container runs: who may write to them, and whether one is followed through a link.
fn state(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    let (place, spec) = obeying(stage, "state", &["sleep", "600"])?;
    let state = place.join("state");
    let container = Background::start_by(stage, spec.clone(), &place, "--lax")?;
    let all = super::plain::tree(&state);
    let mode =
        |line: &&String| u32::from_str_radix(line.split(' ').next().unwrap_or_default(), 8).unwrap_or(0);
    let writable = all.iter().filter(|line| mode(line) & 0o170_000 != 0o120_000 && mode(line) & 0o022 != 0);
    facts.set("beside.state.files", all.len());
    facts.set("beside.state.writable", writable.cloned().collect::<Vec<_>>());
    let files = files(&state);
    drop(container);
    // Where a file was and is no more there is a link to somebody else's.
    let mut victims = Vec::new();
    for (number, path) in files.iter().filter(|p| fs::symlink_metadata(p).is_err()).enumerate() {
        let victim = place.join(format!("victim-{number}"));
        fs::write(&victim, "untouched").doing("writing a victim")?;
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).doing("making a directory of the state")?;
        }
        symlink(&victim, path).doing("setting a link")?;
        victims.push((path.clone(), victim));
    }
    let again = Background::start(stage, spec, &place);
    facts.set("beside.state.again", if again.is_ok() { "ran" } else { "refused" });
    drop(again);
    let touched = |victim: &PathBuf| fs::read_to_string(victim).is_ok_and(|text| text != "untouched");
    let followed = victims.iter().filter(|(_, victim)| touched(victim) || !victim.exists());
    facts.set("beside.state.links", victims.len());
    facts.set("beside.state.followed", followed.map(|(p, _)| p.display().to_string()).collect::<Vec<_>>());
    Ok(())
}

/// Regular files below a directory.
fn files(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![top.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

/// A process that is not PID 1 asks for a reboot: without the right to, and with it.
pub(super) fn reboot(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    for (name, may) in [("plain", false), ("may", true)] {
        let (place, mut spec): (_, Spec) = obeying(stage, "reboot", &["reboot-by-child"])?;
        if may {
            spec.capabilities = Capabilities::With(vec!["sys_boot"]);
            spec.filter = false;
        }
        let mut started = stage.start(&spec, &place)?;
        let asked = match started.line("ASKING", HARSH) {
            Err(SceneError::Interrupted) => return Err(SceneError::Interrupted),
            line => line.is_ok(),
        };
        facts.set(format!("reboot.{name}.asked"), asked);
        let (said, status) = match started.finish(HARSH) {
            Ok(finished) => {
                let line = finished.stdout.lines().find_map(|l| l.strip_prefix("REBOOT "));
                (line.unwrap_or("nothing").to_owned(), finished.status.code().unwrap_or(-1))
            }
            // LXC and libvirt start it anew, and so again and again.
            Err(SceneError::Hang(_)) => ("nothing".to_owned(), -2),
            Err(error) => return Err(error),
        };
        facts.set(format!("reboot.{name}.said"), said);
        facts.set(format!("reboot.{name}.status"), status);
        super::life::destroy(stage, &spec, &place);
    }
    stage.canary.noticed(&mut facts);
    Ok(facts)
}
