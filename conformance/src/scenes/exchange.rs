//! Names of the root that somebody exchanges all the time, beside many starts.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::facts::Facts;
use crate::snapshot::Snapshot;
use crate::spec::{Spec, Volume};
use crate::stage::{Doing, SceneError, Stage};

use super::tried::{Tried, start};

/// Exchanges two names until it is told that it is over; how often it could.
fn exchanging<T>(a: &Path, b: &Path, play: impl FnOnce() -> T) -> (T, u64) {
    let (over, times) = (AtomicBool::new(false), AtomicU64::new(0));
    let played = std::thread::scope(|scope| {
        let _joined = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok() {
                    let _before = times.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        let played = play();
        over.store(true, Ordering::Relaxed);
        played
    });
    (played, times.into_inner())
}

/// Starts beside each exchange. Instructions are dear in a guest that is translated.
fn rounds() -> usize {
    if Path::new(crate::vm::job::LAB_MARK).exists() { 20 } else { 100 }
}

pub(super) fn exchange(stage: &mut Stage<'_>) -> Result<Facts, SceneError> {
    let mut facts = Facts::default();
    let before = Snapshot::take();
    decoy(stage, &mut facts)?;
    elsewhere(stage, &mut facts)?;
    stage.leaks(&before, "bdc-", &mut facts);
    Ok(facts)
}

/// `proc` and a decoy change places: what is covered has to be what is mounted.
fn decoy(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    let (place, name) = stage.place("exchange")?;
    let root = place.join("root");
    super::twofold::decoy(&root.join("decoy")).doing("making a decoy")?;
    let recipe = |number: usize| {
        let name = format!("{name}.{number}");
        Spec::plain(&name, root.clone(), stage.probe_argv("kernelfs", false))
    };
    // Without anybody beside it.
    let quiet = start(stage, &recipe(0), &place)?;
    // What this runtime covers nowhere is the affair of other checks, wherever the mount is.
    let rest = |entry: &String| entry.split_once(' ').map_or(String::new(), |(_, rest)| rest.to_owned());
    let usual: Vec<String> = quiet.list("kernelfs.exposed").iter().map(rest).collect();
    facts.set("exchange.decoy.alone", quiet.word());
    let (outcomes, times) = exchanging(&root.join("proc"), &root.join("decoy"), || {
        (1..=rounds()).map(|number| start(stage, &recipe(number), &place)).collect::<Result<Vec<_>, _>>()
    });
    let outcomes: Vec<Tried> = outcomes?;
    let mut weaker: Vec<String> = Vec::new();
    for tried in &outcomes {
        weaker
            .extend(tried.list("kernelfs.exposed").into_iter().filter(|entry| !usual.contains(&rest(entry))));
    }
    weaker.truncate(20);
    facts.set("exchange.decoy.weaker", weaker);
    tell(facts, "decoy", &outcomes, times);
    Ok(())
}

/// Names in another directory of the same file system change places, and a target leads upwards by a link.
fn elsewhere(stage: &Stage<'_>, facts: &mut Facts) -> Result<(), SceneError> {
    let (place, name) = stage.place("exchange")?;
    let root = place.join("root");
    std::os::unix::fs::symlink("../run", root.join("var/run")).doing("making a link")?;
    let (volume, others) = (place.join("volume"), place.join("others"));
    for directory in [&volume, &others.join("a"), &others.join("b"), &root.join("run/x")] {
        fs::create_dir_all(directory).doing("making a directory")?;
    }
    let recipe = |number: usize| {
        let argv = stage.probe_argv("kernelfs", false);
        let mut spec = Spec::plain(&format!("{name}.{number}"), root.clone(), argv);
        let target = "/var/run/x".to_owned();
        spec.volumes.push(Volume { source: volume.clone(), target, readonly: false });
        spec
    };
    facts.set("exchange.elsewhere.alone", start(stage, &recipe(0), &place)?.word());
    let (outcomes, times) = exchanging(&others.join("a"), &others.join("b"), || {
        (1..=rounds()).map(|number| start(stage, &recipe(number), &place)).collect::<Result<Vec<_>, _>>()
    });
    tell(facts, "elsewhere", &outcomes?, times);
    Ok(())
}

fn tell(facts: &mut Facts, name: &str, outcomes: &[Tried], times: u64) {
    let fact = |what: &str| format!("exchange.{name}.{what}");
    let count = |word: &str| outcomes.iter().filter(|t| t.word() == word).count();
    facts.set(fact("starts"), outcomes.len());
    facts.set(fact("ran"), count("ran"));
    facts.set(fact("times"), times);
    let odd = outcomes.iter().filter(|t| !["ran", "refused"].contains(&t.word()));
    facts.set(fact("odd"), odd.map(|t| format!("{} {}", t.word(), t.says)).take(5).collect::<Vec<_>>());
    let refused = outcomes.iter().filter(|t| t.word() == "refused");
    facts.set(fact("refusals"), refused.map(|t| t.says.clone()).take(3).collect::<Vec<_>>());
}
