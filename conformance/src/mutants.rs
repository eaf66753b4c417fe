//! Mutants: a runtime with one fault seeded, to prove that the suite can fail.
//!
//! browndog reads `BROWNDOG_MUTATE` only in a guest of ours; anywhere else it refuses to run.

use serde::{Deserialize, Serialize};

use crate::judge::Status;
use crate::run::{Options, RunError, RunReport, run};

/// A seeded fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutant {
    /// What the runtime is told: `skip:STEP` or `drop-flag:STEP:FLAG`.
    pub word: String,
    /// In words.
    pub about: String,
    /// Why no check can see it, where that is so.
    pub equivalent: Option<String>,
}

/// What the suite made of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// The mutant.
    pub mutant: Mutant,
    /// The checks that pass without it and do not with it.
    pub caught_by: Vec<String>,
    /// The runtime refused to start with it: no weaker container, so as good as caught.
    pub refused: bool,
}

/// The faults written by hand that any plan has room for.
pub fn by_hand() -> Vec<Mutant> {
    let one = |word: &str, about: &str| Mutant { word: word.into(), about: about.into(), equivalent: None };
    vec![one("drop-flag:clone:CLONE_NEWPID", "the container gets no PID namespace of its own")]
}

/// Runs the suite without a mutant and then with each, in guests.
pub fn run_all(
    options: &Options,
    mutants: &[Mutant],
    watch: &(dyn Fn(&Fate) + Sync),
) -> Result<Vec<Fate>, RunError> {
    let silent = |_: &crate::run::Event<'_>| {};
    let sound = run(options, &silent)?;
    let mut fates = Vec::new();
    for mutant in mutants {
        let mutated = Options { mutation: Some(mutant.word.clone()), ..options.clone() };
        let report = run(&mutated, &silent)?;
        let fate = compare(mutant, &sound, &report);
        watch(&fate);
        fates.push(fate);
    }
    Ok(fates)
}

fn compare(mutant: &Mutant, sound: &RunReport, mutated: &RunReport) -> Fate {
    let passing = |report: &RunReport| -> Vec<String> {
        let results = report.cells.iter().flat_map(|c| &c.results);
        results.filter(|r| r.verdict.status == Status::Pass).map(|r| r.id.clone()).collect()
    };
    let still = passing(mutated);
    let refused = mutated.cells.iter().flat_map(|c| &c.results).all(|r| r.verdict.status == Status::Error);
    Fate {
        mutant: mutant.clone(),
        caught_by: passing(sound).into_iter().filter(|id| !still.contains(id)).collect(),
        refused,
    }
}

/// The table: a mutant to a line.
pub fn render(fates: &[Fate]) -> String {
    let mut out = String::new();
    for fate in fates {
        let word = match (&fate.mutant.equivalent, fate.refused, fate.caught_by.is_empty()) {
            (_, true, _) => "refused".to_owned(),
            (_, false, false) => format!("caught by {}", fate.caught_by.join(" ")),
            (Some(why), false, true) => format!("equivalent: {why}"),
            (None, false, true) => "SURVIVED".to_owned(),
        };
        out.push_str(&format!("{:<44} {word}\n", fate.mutant.word));
    }
    let survived = fates.iter().filter(|f| f.survived()).count();
    out.push_str(&format!("{} mutants, {survived} survived\n", fates.len()));
    out
}

impl Fate {
    /// No check saw it, and no reason is written down why none could.
    pub fn survived(&self) -> bool {
        self.caught_by.is_empty() && !self.refused && self.mutant.equivalent.is_none()
    }
}

/// Kernel for mutants where none is named: the newest long-term series that the checks know.
pub const KERNEL: &str = "6.12";
