//! Mutants: browndog with one fault seeded, to prove that the suite can fail.
//!
//! They are made from the plans themselves: each step left out, each flag of a step left out, each step
//! weakened. They run in guests, which are thrown away: a container without containment would spoil
//! whatever comes after it. Anywhere else browndog refuses the fault.

mod equivalent;
pub mod inside;
mod order;
mod results;
mod run;
pub mod table;
pub mod verb;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run::{Options, RunError};
use crate::vm::job::{BINARY_PATH, Command};
pub use run::run_all;

/// A seeded fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutant {
    /// What the runtime is told: `skip:STEP`, `drop-flag:STEP:FLAG` or `weaken:STEP:HOW`.
    pub word: String,
    /// The scenes in whose plan the step occurs.
    pub scenes: Vec<String>,
}

/// What the suite made of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// The mutant.
    pub mutant: Mutant,
    /// The checks that pass without it and do not with it, in the scenes that were played.
    pub caught_by: Vec<String>,
    /// What the runtime said when it refused to start with it: no weaker container came to be.
    pub refused: Option<String>,
    /// The guest or the suite in it did not survive it, twice, and survived the same without it.
    pub broke: Option<String>,
    /// SHA-256 of the binary that was tested.
    #[serde(default)]
    pub build: String,
}

impl Fate {
    /// A mutant of which nothing is known yet.
    pub fn of(mutant: &Mutant) -> Self {
        Self {
            mutant: mutant.clone(),
            caught_by: Vec::new(),
            refused: None,
            broke: None,
            build: String::new(),
        }
    }
    /// Something noticed it.
    pub fn noticed(&self) -> bool {
        !self.caught_by.is_empty() || self.refused.is_some() || self.broke.is_some()
    }
    /// No check saw it, and no reason is written down why none could.
    pub fn survived(&self) -> bool {
        !self.noticed() && equivalent::reason(&self.mutant.word).is_none()
    }
    /// Why no check can see it, where none did.
    pub fn equivalent(&self) -> Option<&'static str> {
        if self.noticed() { None } else { equivalent::reason(&self.mutant.word) }
    }
    /// Listed as invisible, and seen.
    pub fn seen_after_all(&self) -> bool {
        self.noticed() && equivalent::reason(&self.mutant.word).is_some()
    }
}

/// Kernel for mutants where none is named.
pub const KERNEL: &str = "6.12";

/// Every mutant of the plans that browndog makes in a guest.
pub fn of_plans(options: &Options) -> Result<Vec<Mutant>, RunError> {
    let lab = &options.lab;
    let kernel = lab.kernel(options.kernels.first().map_or(KERNEL, String::as_str))?;
    let command = Command::new([BINARY_PATH, "conformance", "plans"]);
    let report = lab.run(&kernel, &options.binary, &[], &[command])?;
    let (text, said) = report.results.first().map(|r| (&*r.stdout, &*r.stderr)).unwrap_or_default();
    let plans: BTreeMap<String, Vec<String>> = serde_json::from_str(text).map_err(|e| {
        RunError::NoReport { release: report.release.clone(), reason: format!("no plans: {e}: {said}") }
    })?;
    Ok(of(&plans))
}

/// Without these there is nothing to look at.
const NOTHING_LEFT: [&str; 2] = ["skip:clone", "skip:exec"];

fn of(plans: &BTreeMap<String, Vec<String>>) -> Vec<Mutant> {
    let mut found: Vec<Mutant> = Vec::new();
    // The plain plan first: what it has need not wait for another scene.
    let mut scenes: Vec<&String> = plans.keys().filter(|name| *name != order::NEVER_FAILS).collect();
    scenes.sort_by_key(|name| (*name != "plain", (*name).clone()));
    for scene in scenes {
        for word in plans[scene].iter().filter(|word| !NOTHING_LEFT.contains(&word.as_str())) {
            match found.iter_mut().find(|m| m.word == *word) {
                Some(mutant) if mutant.scenes.last() == Some(scene) => {}
                Some(mutant) => mutant.scenes.push(scene.clone()),
                None => found.push(Mutant { word: word.clone(), scenes: vec![scene.clone()] }),
            }
        }
    }
    for mutant in &mut found {
        order::by_likelihood(&mutant.word, &mut mutant.scenes);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_names_every_scene_whose_plan_has_it_once() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let plans = BTreeMap::from([
            ("latency".to_owned(), words(&["skip:pivot", "skip:only-here"])),
            ("nonroot".to_owned(), words(&["skip:pivot", "skip:pivot", "skip:set-uid"])),
            ("plain".to_owned(), words(&["skip:pivot", "skip:exec", "drop-flag:clone:CLONE_NEWPID"])),
        ]);
        let found: Vec<String> =
            of(&plans).iter().map(|m| format!("{} {}", m.word, m.scenes.join(" "))).collect();
        assert_eq!(
            found,
            ["skip:pivot plain nonroot", "drop-flag:clone:CLONE_NEWPID plain", "skip:set-uid nonroot"]
        );
    }

    #[test]
    fn a_mutant_that_nobody_sees_survives() {
        let fate = Fate::of(&Mutant { word: "skip:x".into(), scenes: vec!["plain".into()] });
        assert!(fate.survived());
        assert!(table::line(&fate).ends_with("SURVIVED"));
    }
}
