//! Mutants: browndog with one fault seeded, to prove that the suite can fail.
//!
//! They are made from the plans themselves: each step left out, each flag of a step left out. Every
//! one runs in a guest of its own, which is thrown away: a container without containment would
//! spoil whatever comes after it. Anywhere else browndog refuses the fault.

mod equivalent;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::judge::Status;
use crate::run::{Options, RunError, RunReport, run};
use crate::vm::job::{BINARY_PATH, Command};

/// A seeded fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutant {
    /// What the runtime is told: `skip:STEP` or `drop-flag:STEP:FLAG`.
    pub word: String,
    /// The scenes in whose plan the step occurs.
    pub scenes: Vec<String>,
}

/// What the suite made of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// The mutant.
    pub mutant: Mutant,
    /// The checks that pass without it and do not with it, in the first scene that saw it.
    pub caught_by: Vec<String>,
    /// What the runtime said when it refused to start with it: no weaker container came to be.
    pub refused: Option<String>,
    /// The guest or the suite in it did not survive it.
    pub broke: Option<String>,
}

impl Fate {
    /// No check saw it, and no reason is written down why none could.
    pub fn survived(&self) -> bool {
        self.caught_by.is_empty()
            && self.refused.is_none()
            && self.broke.is_none()
            && equivalent::reason(&self.mutant.word).is_none()
    }
}

/// Kernel for mutants where none is named.
pub const KERNEL: &str = "6.12";

/// Flags that a step's call shows and that can be left out one by one.
const FLAGS: [&str; 3] = ["CLONE_NEW", "MS_", "MOUNT_ATTR_"];
/// Flags that are no property of what is made but how it is done.
const HOW: [&str; 3] = ["MS_REC", "MS_PRIVATE", "MS_BIND"];

/// Every mutant of the plans that browndog makes in a guest.
pub fn of_plans(options: &Options) -> Result<Vec<Mutant>, RunError> {
    let lab = &options.lab;
    let kernel = lab.kernel(options.kernels.first().map_or(KERNEL, String::as_str))?;
    let command = Command::new([BINARY_PATH, "conformance", "plans"]);
    let report = lab.run(&kernel, &options.binary, &[], &[command])?;
    let text = report.results.first().map(|r| r.stdout.clone()).unwrap_or_default();
    let plans: BTreeMap<String, Value> = serde_json::from_str(&text).map_err(|e| RunError::NoReport {
        release: report.release.clone(),
        reason: format!(
            "no plans: {e}: {}",
            report.results.first().map(|r| r.stderr.clone()).unwrap_or_default()
        ),
    })?;
    Ok(of(&plans))
}

fn of(plans: &BTreeMap<String, Value>) -> Vec<Mutant> {
    let mut found: Vec<Mutant> = Vec::new();
    // The plain plan first: what it has need not wait for another scene.
    let order = |name: &String| (name != "plain", name.clone());
    let mut scenes: Vec<&String> = plans.keys().collect();
    scenes.sort_by_key(|n| order(n));
    for scene in scenes {
        for word in words(&plans[scene]) {
            match found.iter_mut().find(|m| m.word == word) {
                Some(mutant) => mutant.scenes.push(scene.clone()),
                None => found.push(Mutant { word, scenes: vec![scene.clone()] }),
            }
        }
    }
    found
}

fn words(plan: &Value) -> Vec<String> {
    let mut words = Vec::new();
    for step in plan["steps"].as_array().into_iter().flatten() {
        let (Some(id), Some(call)) = (step["id"].as_str(), step["call"].as_str()) else { continue };
        // Without these two there is nothing to look at.
        if !["clone", "exec"].contains(&id) {
            words.push(format!("skip:{id}"));
        }
        let names = call.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let flags: BTreeSet<&str> =
            names.filter(|n| FLAGS.iter().any(|f| n.starts_with(f)) && !HOW.contains(n)).collect();
        words.extend(flags.iter().map(|f| format!("drop-flag:{id}:{f}")));
    }
    words
}

/// Runs the suite without a mutant and then with each, every time in a fresh guest.
pub fn run_all(
    options: &Options,
    mutants: &[Mutant],
    watch: &(dyn Fn(&Fate) + Sync),
) -> Result<Vec<Fate>, RunError> {
    let sound = run(options, &|_| {})?;
    let passing: Vec<String> =
        results(&sound).filter(|(_, s, _)| *s == Status::Pass).map(|(id, _, _)| id).collect();
    if passing.is_empty() {
        let reason = results(&sound).flat_map(|(_, _, why)| why).next().unwrap_or_default();
        return Err(RunError::NoReport {
            release: "any".into(),
            reason: format!("no check passes without a mutant: {reason}"),
        });
    }
    let width = options.jobs.unwrap_or_else(|| options.lab.side_by_side()).max(1);
    let next = Mutex::new(mutants.iter().enumerate());
    let fates: Mutex<BTreeMap<usize, Fate>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..width {
            let _worker = scope.spawn(|| {
                loop {
                    let Some((at, mutant)) = next.lock().ok().and_then(|mut n| n.next()) else { return };
                    let fate = fate(options, mutant, &passing);
                    watch(&fate);
                    if let Ok(mut fates) = fates.lock() {
                        let _earlier = fates.insert(at, fate);
                    }
                }
            });
        }
    });
    Ok(fates.into_inner().map(|f| f.into_values().collect()).unwrap_or_default())
}

fn fate(options: &Options, mutant: &Mutant, passing: &[String]) -> Fate {
    let mutated = Options {
        mutation: Some(mutant.word.clone()),
        scenes: mutant.scenes.clone(),
        until_caught: passing.to_vec(),
        jobs: Some(1),
        ..options.clone()
    };
    let mut fate = Fate { mutant: mutant.clone(), caught_by: Vec::new(), refused: None, broke: None };
    match run(&mutated, &|_| {}) {
        Err(error) => fate.broke = Some(error.to_string()),
        Ok(report) => {
            let bad: Vec<_> =
                results(&report).filter(|(id, s, _)| *s != Status::Pass && passing.contains(id)).collect();
            let not_started = |why: &Vec<String>| why.iter().any(|w| w.contains("did not start"));
            if !bad.is_empty() && bad.iter().all(|(_, s, why)| *s == Status::Error && not_started(why)) {
                fate.refused = bad.first().and_then(|(_, _, why)| why.first().cloned());
            } else {
                fate.caught_by = bad.into_iter().map(|(id, _, _)| id).collect();
            }
        }
    }
    fate
}

fn results(report: &RunReport) -> impl Iterator<Item = (String, Status, Vec<String>)> {
    let all = report.cells.iter().flat_map(|c| &c.results);
    all.map(|r| (r.id.clone(), r.verdict.status, r.verdict.reasons.clone()))
}

/// One line of the table.
pub fn line(fate: &Fate) -> String {
    let first = |text: &str| text.lines().next().unwrap_or_default().chars().take(140).collect::<String>();
    let word = match fate {
        Fate { broke: Some(why), .. } => format!("caught: the guest did not survive it: {}", first(why)),
        Fate { refused: Some(why), .. } => format!("refused: {}", first(why)),
        Fate { caught_by, .. } if caught_by.len() > 8 => {
            format!("caught by {} and {} more", caught_by[..8].join(" "), caught_by.len() - 8)
        }
        Fate { caught_by, .. } if !caught_by.is_empty() => format!("caught by {}", caught_by.join(" ")),
        _ => match equivalent::reason(&fate.mutant.word) {
            Some(why) => format!("equivalent: {why}"),
            None => "SURVIVED".to_owned(),
        },
    };
    format!("{:<56} {word}", fate.mutant.word)
}

/// The table: a mutant to a line, and the sum.
pub fn render(fates: &[Fate]) -> String {
    let mut out: String = fates.iter().map(|f| line(f) + "\n").collect();
    let count = |test: &dyn Fn(&Fate) -> bool| fates.iter().filter(|f| test(f)).count();
    let equivalents =
        count(&|f| f.caught_by.is_empty() && f.refused.is_none() && f.broke.is_none() && !f.survived());
    out.push_str(&format!(
        "{} mutants: {} caught, {} refused by the runtime or the kernel, {equivalents} equivalent, {} survived\n",
        fates.len(),
        count(&|f| !f.caught_by.is_empty() || f.broke.is_some()),
        count(&|f| f.refused.is_some()),
        count(&Fate::survived),
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_but_clone_and_exec_is_left_out_and_every_flag_on_its_own() {
        let plan = serde_json::json!({ "steps": [
            { "id": "clone", "call": "clone3(CLONE_PIDFD|CLONE_NEWPID|CLONE_NEWNS)" },
            { "id": "make-private", "call": "mount(NULL, \"/\", NULL, MS_REC|MS_PRIVATE)" },
            { "id": "mount:/proc", "call": "mount(\"proc\", \"/proc\", \"proc\", MS_NOSUID|MS_NODEV)" },
            { "id": "exec", "call": "execve(\"/bin/true\")" },
        ]});
        let words: Vec<String> =
            of(&BTreeMap::from([("plain".to_owned(), plan)])).into_iter().map(|m| m.word).collect();
        assert_eq!(
            words,
            [
                "drop-flag:clone:CLONE_NEWNS",
                "drop-flag:clone:CLONE_NEWPID",
                "skip:make-private",
                "skip:mount:/proc",
                "drop-flag:mount:/proc:MS_NODEV",
                "drop-flag:mount:/proc:MS_NOSUID",
            ]
        );
    }

    #[test]
    fn a_mutant_that_nobody_sees_survives() {
        let mutant = Mutant { word: "skip:x".into(), scenes: vec!["plain".into()] };
        let fate = Fate { mutant, caught_by: Vec::new(), refused: None, broke: None };
        assert!(fate.survived());
        assert!(line(&fate).ends_with("SURVIVED"));
    }
}
