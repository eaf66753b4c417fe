//! One mutant, in the guest: each of its scenes without the fault, once for the guest, and then with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::checks;
use crate::environment::KernelVersion;
use crate::judge::Status;
use crate::requirement::Check;
use crate::run::{CheckResult, Options, RunError, judge, stage, workshop};
use crate::scenes::{SCENES, Scene};
use crate::snapshot::Snapshot;
use crate::stage::Stage;
use crate::vm::job::LAB_MARK;

/// Exit status that ends the guest: it is no longer what it was, and the next mutant needs a fresh one.
pub const SOILED: i32 = 75;

/// Where the verdicts without a fault are kept for the other mutants of the guest.
const KEPT: &str = "/browndog/sound";

/// What stays when every process is gone.
const LASTING: [&str; 9] =
    ["mounts", "propagation", "cgroups", "cgroup_settings", "links", "files", "loops", "ipc", "sysctls"];

/// Scenes of one container that only looks around: nothing in them is a matter of timing.
const STILL: [&str; 7] = ["plain", "nonroot", "strict", "readonly", "declared", "shifted", "volumes"];

/// Options of `conformance mutant`.
#[derive(Clone, Debug, clap::Args)]
pub struct OneArgs {
    /// The fault; without one the scenes are played as they are.
    #[arg(long, value_name = "WORD")]
    pub word: Option<String>,
    /// Its scenes.
    #[arg(long = "scene", value_name = "NAME", value_delimiter = ',', required = true)]
    pub scenes: Vec<String>,
    /// Play all of them, also after the first that caught it.
    #[arg(long)]
    pub all: bool,
    /// Which checks.
    #[command(flatten)]
    pub selection: crate::command::SelectionArgs,
}

/// What one mutant came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Checks that pass without it and do not with it, with what they said.
    pub caught: BTreeMap<String, String>,
    /// The runtime refused to start; its words.
    pub refused: Option<String>,
    /// What an earlier one left on the machine: then nothing was played.
    pub soiled: Vec<String>,
    /// Checks that do not pass without it either.
    pub unsound: Vec<String>,
    /// Milliseconds for each scene played.
    pub scenes: Vec<(String, u64)>,
}

/// Obeys, and prints the outcome; the exit status is [`SOILED`] where the machine is not what it was.
pub fn main(args: &OneArgs) -> Result<i32, RunError> {
    if !Path::new(LAB_MARK).exists() {
        return Err(RunError::NoReport {
            release: "here".into(),
            reason: "a mutant runs only in a throw-away virtual machine".into(),
        });
    }
    let chosen = args.selection.selection().checks()?;
    let mut outcome = Outcome { soiled: soil()?, ..Outcome::default() };
    if !outcome.soiled.is_empty() {
        println!("{}", serde_json::json!(outcome));
        return Ok(SOILED);
    }
    let scenes = args.scenes.iter().filter_map(|name| SCENES.iter().find(|s| s.name == name));
    for scene in scenes {
        let checks: Vec<Check> = chosen.iter().copied().filter(|c| c.scene == scene.name).collect();
        if checks.is_empty() {
            continue;
        }
        let begun = Instant::now();
        let passing = sound(scene, &mut outcome)?;
        if let Some(word) = &args.word
            && outcome.unsound.is_empty()
        {
            let mut seen = seeded(word, scene, &checks, &passing, &mut outcome)?;
            // One that a hair turned is tried again: what does not come back was no catch.
            if !seen.is_empty() && seen.len() < 3 && !STILL.contains(&scene.name) {
                let again = seeded(word, scene, &checks, &passing, &mut outcome)?;
                seen.retain(|id, _| again.contains_key(id));
            }
            outcome.caught.extend(seen);
        }
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        outcome.scenes.push((scene.name.to_owned(), took));
        let settled = !outcome.caught.is_empty() || outcome.refused.is_some();
        if !outcome.unsound.is_empty() || settled && !args.all {
            break;
        }
    }
    println!("{}", serde_json::json!(outcome));
    Ok(if outcome.unsound.is_empty() { 0 } else { SOILED })
}

/// The checks of the scene that pass on this machine without a fault. What neither passes, nor does not
/// apply, nor is known, makes the machine unfit.
fn sound(scene: &Scene, outcome: &mut Outcome) -> Result<Vec<String>, RunError> {
    let file = PathBuf::from(KEPT).join(scene.name);
    let kept = std::fs::read_to_string(&file).ok();
    if let Some(passing) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
        return Ok(passing);
    }
    let all: Vec<Check> = checks::all().into_iter().filter(|c| c.scene == scene.name).collect();
    let results = play(None, scene, &all)?;
    let bad = results.iter().filter(|r| r.is_bad());
    outcome.unsound.extend(bad.map(|r| format!("{}: {}", r.id, r.verdict.reasons.join("; "))));
    let passing: Vec<String> =
        results.iter().filter(|r| r.verdict.status == Status::Pass).map(|r| r.id.clone()).collect();
    if outcome.unsound.is_empty() {
        let io = |source| RunError::Io { what: format!("writing {}", file.display()), source };
        std::fs::create_dir_all(KEPT).map_err(io)?;
        std::fs::write(&file, serde_json::json!(passing).to_string()).map_err(io)?;
    }
    Ok(passing)
}

/// What passes without the fault and does not with it.
fn seeded(
    word: &str,
    scene: &Scene,
    checks: &[Check],
    passing: &[String],
    outcome: &mut Outcome,
) -> Result<BTreeMap<String, String>, RunError> {
    let results = play(Some(word), scene, checks)?;
    let bad: Vec<&CheckResult> =
        results.iter().filter(|r| r.verdict.status != Status::Pass && passing.contains(&r.id)).collect();
    let said = |r: &CheckResult| r.verdict.reasons.first().cloned().unwrap_or_default();
    let not_started =
        |r: &&CheckResult| r.verdict.status == Status::Error && said(r).contains("did not start");
    if !bad.is_empty() && bad.iter().all(not_started) {
        outcome.refused = bad.first().map(|r| said(r));
        return Ok(BTreeMap::new());
    }
    Ok(bad.into_iter().map(|r| (r.id.clone(), said(r))).collect())
}

fn play(word: Option<&str>, scene: &Scene, checks: &[Check]) -> Result<Vec<CheckResult>, RunError> {
    let begun = Instant::now();
    let options = Options::default();
    let runtime = crate::runtimes::by_name("browndog", &options.binary)?;
    let work = workshop()?;
    let mut stage: Stage<'_> = stage(runtime.as_ref(), &options.binary, work.path())?;
    stage.mutation = word.map(str::to_owned);
    let gathered = (scene.play)(&mut stage);
    stage.sweep();
    let kernel = KernelVersion::running();
    let results = checks.iter().map(|check| judge(check, &gathered, kernel)).collect();
    Ok(crate::run::cell_of(runtime.as_ref(), results, begun).results)
}

/// What differs from the machine as the first mutant found it. Everything else was killed meanwhile.
fn soil() -> Result<Vec<String>, RunError> {
    let file = Path::new(KEPT).join("machine");
    let now: BTreeSet<String> = Snapshot::take().lines(&LASTING);
    let io = |source| RunError::Io { what: format!("writing {}", file.display()), source };
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let then: BTreeSet<String> = text.lines().map(str::to_owned).collect();
            Ok(then.symmetric_difference(&now).take(8).cloned().collect())
        }
        Err(_) => {
            std::fs::create_dir_all(KEPT).map_err(io)?;
            let text: Vec<String> = now.into_iter().collect();
            std::fs::write(&file, text.join("\n")).map_err(io)?;
            Ok(Vec::new())
        }
    }
}
