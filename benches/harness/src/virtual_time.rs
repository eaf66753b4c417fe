//! `bench start --virtual`: the same start where the clock counts instructions.
//!
//! One boot of a virtual machine gives one number for each runtime and each step; another boot of the
//! same files gives the same numbers, on any machine and under any load. It counts instructions of kernel
//! and runtime, not cache misses: it shows what changed, wall time what it is worth.
//!
//! What a start leaves to the kernel's own threads, and the ticks of its timer, are kept from deciding
//! the figure ([`crate::rounds::Pace`]): otherwise a change that does not touch the start moves it by
//! three in a hundred.

use std::path::Path;
use std::process::Command as Process;
use std::time::Duration;

use browndog_conformance::vm::job::{BINARY_PATH, Command, Ended};
use browndog_conformance::vm::{GuestFile, Lab, pack, qemu::QEMU};
use serde::{Deserialize, Serialize};

use crate::peers::{LeftOut, on_path};
use crate::report::Report;

/// Starts of each subject in the guest: enough for the caches of the kernel to have settled, and for the
/// timer's ticks to come evenly.
const EFFORT: [&str; 7] = ["--rounds", "3", "--starts", "8", "--warmup", "4", "--paced"];

/// Where the floor is in the guest.
const FLOOR_PATH: &str = "/usr/bin/browndog-floor";

/// A guest that counts takes as long as its instructions; on a machine with others, some times that.
const PATIENCE: Duration = Duration::from_secs(900);

/// What the numbers depend on; two results are comparable where all of it is equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// `uname -r` of the guest.
    pub kernel: String,
    /// Version of the emulator, whose devices the kernel talks to.
    pub emulator: String,
    /// Compiler and C library of the binary.
    pub toolchain: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Machine of the guest.
    pub architecture: String,
}

/// A name and its exact time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exact {
    /// Runtime, or step.
    pub name: String,
    /// Nanoseconds of the guest's clock, which are instructions.
    pub ns: u64,
}

/// What one boot says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Virtual {
    /// What it depends on.
    pub circumstances: Circumstances,
    /// Mean start of each runtime, whole process: of paced starts, ticks of the timer included.
    pub subjects: Vec<Exact>,
    /// Median of each step of browndog's plan, from inside: one that no tick hit.
    pub steps: Vec<Exact>,
    /// By which share timing the steps made a start longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbance: Option<f64>,
    /// Who did not take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

impl Virtual {
    /// The time of this runtime.
    pub fn subject(&self, name: &str) -> Option<u64> {
        self.subjects.iter().find(|one| one.name == name).map(|one| one.ns)
    }

    /// Why this runtime was not measured.
    pub fn why_left_out(&self, name: &str) -> String {
        let out = self.left_out.iter().find(|out| out.name == name);
        out.map_or_else(|| "it was not asked for".to_owned(), |out| out.reason.clone())
    }
}

/// Boots `kernel` (a series, `local`, or a path) once and measures in it.
///
/// # Errors
/// Why it could not be measured, in words.
pub fn measure(browndog: &Path, floor: &Path, kernel: &str, only: &[String]) -> Result<Virtual, String> {
    let lab = Lab { virtual_time: true, timeout: PATIENCE, ..Lab::default() };
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let kernel = lab.kernel(kernel).map_err(|error| words(&error))?;
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let mut files = vec![GuestFile {
        path: FLOOR_PATH.trim_start_matches('/').to_owned(),
        mode: 0o755,
        content: read(floor)?,
    }];
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let mut names = vec!["bare", "floor", "browndog"];
    names.retain(|name| wanted(name));
    for peer in ["bwrap", "crun"].into_iter().filter(|name| wanted(name)) {
        if let Some(path) = on_path(peer) {
            files.extend(pack::program(&path).map_err(|error| words(&error))?);
        }
        names.push(peer);
    }
    let mut argv = vec![BINARY_PATH, "bench", "start", "--format", "json", "--floor", FLOOR_PATH];
    let list = names.join(",");
    argv.extend(["--only", &list]);
    argv.extend(EFFORT);
    let mut command = Command::new(argv);
    command.timeout_s = PATIENCE.as_secs();
    let guest = lab.run(&kernel, browndog, &files, &[command]).map_err(|error| words(&error))?;
    let result = guest.results.first().ok_or("the guest did nothing")?;
    if result.ended != Ended::Exit(0) {
        return Err(format!("the bench in the guest failed: {:?}: {}", result.ended, result.stderr.trim()));
    }
    let report: Report = serde_json::from_str(&result.stdout).map_err(|error| error.to_string())?;
    Ok(exact(report, circumstances(guest.release)?))
}

fn exact(report: Report, circumstances: Circumstances) -> Virtual {
    let subjects = report.subjects.iter().map(|row| Exact { name: row.name.clone(), ns: mean(&row.rounds) });
    let steps = report.steps.iter().map(|step| Exact { name: step.name.clone(), ns: step.median });
    Virtual {
        circumstances,
        subjects: subjects.collect(),
        steps: steps.collect(),
        disturbance: report.disturbance.map(|ratio| ratio.estimate - 1.0),
        left_out: report.left_out.clone(),
    }
}

fn mean(rounds: &[Vec<u64>]) -> u64 {
    let all = rounds.iter().flatten();
    all.clone().sum::<u64>() / all.count().max(1) as u64
}

fn circumstances(kernel: String) -> Result<Circumstances, String> {
    let version = Process::new(QEMU.0).arg("--version").output().map_err(|error| error.to_string())?;
    let version = String::from_utf8_lossy(&version.stdout);
    // "QEMU emulator version 7.2.22 (Debian …)": what is in brackets is the packager's.
    let emulator = version.lines().next().unwrap_or_default().split(" (").next().unwrap_or_default();
    Ok(Circumstances {
        kernel,
        emulator: emulator.to_owned(),
        toolchain: format!("{}, {}", env!("BROWNDOG_RUSTC"), env!("BROWNDOG_LIBC")),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
    })
}

/// One number that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// Runtime, or step.
    pub name: String,
    /// Before, in nanoseconds; 0 for a step that was not there.
    pub before: u64,
    /// Now, in nanoseconds; 0 for a step that is not there any more.
    pub now: u64,
}

/// A result against the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// Other circumstances: `what: baseline, here`.
    NotComparable {
        /// What differs.
        because: Vec<String>,
    },
    /// browndog has a baseline, and was not measured: whatever hangs or fails is not as fast as before.
    Missing {
        /// Why it was left out.
        because: String,
    },
    /// Within the threshold.
    Same,
    /// More than the threshold below: the baseline should say so.
    Faster {
        /// browndog's start.
        moved: Moved,
    },
    /// More than the threshold above.
    Slower {
        /// browndog's start.
        moved: Moved,
        /// The steps that grew, most first.
        steps: Vec<Moved>,
    },
}

/// By which share the starts of two results differ at most; a runtime that only one has differs wholly.
pub fn spread(one: &Virtual, other: &Virtual) -> f64 {
    let apart = |subject: &Exact| {
        let same = other.subject(&subject.name).unwrap_or(0);
        same.abs_diff(subject.ns) as f64 / subject.ns.max(1) as f64
    };
    one.subjects.iter().map(apart).fold(0.0, f64::max)
}

/// Compares browndog's start with the baseline's; `threshold` is a share.
pub fn compare(baseline: &Virtual, now: &Virtual, threshold: f64) -> Verdict {
    let because = differences(&baseline.circumstances, &now.circumstances);
    if !because.is_empty() {
        return Verdict::NotComparable { because };
    }
    let Some(before) = baseline.subject("browndog") else {
        return Verdict::NotComparable { because: vec!["the baseline has no browndog".to_owned()] };
    };
    let Some(after) = now.subject("browndog") else {
        return Verdict::Missing { because: now.why_left_out("browndog") };
    };
    let moved = Moved { name: "browndog".to_owned(), before, now: after };
    match after as f64 / before as f64 {
        ratio if ratio > 1.0 + threshold => Verdict::Slower { moved, steps: grown(baseline, now) },
        ratio if ratio < 1.0 - threshold => Verdict::Faster { moved },
        _ => Verdict::Same,
    }
}

fn differences(baseline: &Circumstances, here: &Circumstances) -> Vec<String> {
    let pairs = [
        ("kernel", &baseline.kernel, &here.kernel),
        ("emulator", &baseline.emulator, &here.emulator),
        ("toolchain", &baseline.toolchain, &here.toolchain),
        ("profile", &baseline.profile, &here.profile),
        ("architecture", &baseline.architecture, &here.architecture),
    ];
    let differ = pairs.into_iter().filter(|(_, one, other)| one != other);
    differ.map(|(what, one, other)| format!("{what}: the baseline has {one}, here is {other}")).collect()
}

/// Steps that take longer, and what is in no step: reading the document, planning, looking, cleaning up.
fn grown(baseline: &Virtual, now: &Virtual) -> Vec<Moved> {
    let time = |list: &[Exact], name: &str| {
        list.iter().filter(|step| step.name == name).map(|step| step.ns).sum::<u64>()
    };
    let mut names: Vec<&String> = now.steps.iter().chain(&baseline.steps).map(|step| &step.name).collect();
    names.sort_unstable();
    names.dedup();
    let moved = |name: &String| Moved {
        name: name.clone(),
        before: time(&baseline.steps, name),
        now: time(&now.steps, name),
    };
    let mut list: Vec<Moved> = names.into_iter().map(moved).collect();
    let outside = |result: &Virtual| {
        let inside: u64 = result.steps.iter().map(|step| step.ns).sum();
        result.subject("browndog").unwrap_or(0).saturating_sub(inside)
    };
    list.push(Moved { name: "outside the steps".to_owned(), before: outside(baseline), now: outside(now) });
    list.retain(|one| one.now > one.before + one.before / 100);
    list.sort_by_key(|one| std::cmp::Reverse(one.now - one.before));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(browndog: u64, steps: &[(&str, u64)]) -> Virtual {
        let exact = |name: &str, ns| Exact { name: name.to_owned(), ns };
        Virtual {
            circumstances: Circumstances {
                kernel: "6.12.1".to_owned(),
                emulator: "7.2".to_owned(),
                toolchain: "rustc 1.95".to_owned(),
                profile: "release".to_owned(),
                architecture: "x86_64".to_owned(),
            },
            subjects: vec![exact("floor", 900_000), exact("browndog", browndog)],
            steps: steps.iter().map(|(name, ns)| exact(name, *ns)).collect(),
            disturbance: None,
            left_out: Vec::new(),
        }
    }

    #[test]
    fn the_spread_of_two_boots_is_that_of_the_start_that_differs_most() {
        let one = result(1_000_000, &[]);
        assert_eq!(spread(&one, &one), 0.0);
        assert_eq!(spread(&one, &result(1_002_000, &[])), 0.002);
    }

    #[test]
    fn growth_beyond_the_threshold_names_the_steps_that_grew() {
        let before = result(1_000_000, &[("clone3", 400_000), ("mount:/proc", 20_000)]);
        let now = result(1_030_000, &[("clone3", 400_000), ("mount:/proc", 45_000), ("new", 5_000)]);
        let Verdict::Slower { steps, .. } = compare(&before, &now, 0.02) else { panic!("not slower") };
        assert_eq!(steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["mount:/proc", "new"]);
    }

    #[test]
    fn growth_in_no_step_is_said_to_be_outside() {
        let steps = [("clone3", 400_000)];
        let Verdict::Slower { steps, .. } =
            compare(&result(1_000_000, &steps), &result(1_100_000, &steps), 0.02)
        else {
            panic!("not slower")
        };
        assert_eq!(steps[0].name, "outside the steps");
    }

    #[test]
    fn two_in_a_hundred_is_the_same_and_less_is_an_improvement() {
        let before = result(1_000_000, &[]);
        assert_eq!(compare(&before, &result(1_020_000, &[]), 0.02), Verdict::Same);
        assert!(matches!(compare(&before, &result(900_000, &[]), 0.02), Verdict::Faster { .. }));
    }

    #[test]
    fn a_start_that_was_left_out_is_no_pass() {
        let before = result(1_000_000, &[]);
        let mut hung = result(1_000_000, &[]);
        hung.subjects.clear();
        hung.left_out.push(LeftOut { name: "browndog".to_owned(), reason: "hung".to_owned() });
        assert_eq!(compare(&before, &hung, 0.02), Verdict::Missing { because: "hung".to_owned() });
        let because = vec!["the baseline has no browndog".to_owned()];
        assert_eq!(compare(&hung, &before, 0.02), Verdict::NotComparable { because });
    }

    #[test]
    fn another_kernel_is_not_comparable_and_named() {
        let before = result(1_000_000, &[]);
        let mut other = result(2_000_000, &[]);
        other.circumstances.kernel = "6.12.2".to_owned();
        let Verdict::NotComparable { because } = compare(&before, &other, 0.02) else { panic!("compared") };
        assert_eq!(because, ["kernel: the baseline has 6.12.1, here is 6.12.2"]);
    }
}
