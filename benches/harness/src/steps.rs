//! `bench steps`: what each step of a domain's start costs, from inside.

use std::fs::File;
use std::io;
use std::time::Instant;

use browndog_runtime::exec::{Options, Timing};
use browndog_runtime::launch::{prepare, request};
use browndog_runtime::plan::Request;
use browndog_xml::domain::Domain;
use nix::unistd::{dup, dup2_stdout};

use crate::report::StepCost;
use crate::rounds::{Pace, Progress, Starter};
use crate::stats::{Ratio, Summary, ratio_of_medians};

/// What the steps cost, and what looking cost.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Steps {
    /// In the order of the plan.
    pub steps: Vec<StepCost>,
    /// From before the plan until the container is gone, steps not timed.
    pub plain: Summary,
    /// The same with every step timed.
    pub traced: Summary,
    /// By how much timing the steps made the start longer: median of the pairs' ratios.
    pub disturbance: Ratio,
}

/// Starts `domain` `pairs` times without and with its steps timed, one after the other, in this process;
/// `paced`, each after a wait.
///
/// # Errors
/// Why it could not be started, in words.
pub fn steps(
    domain: &Domain,
    command: Option<&[String]>,
    (pairs, paced): (usize, bool),
    starter: &Starter,
    progress: Progress<'_>,
) -> Result<Steps, String> {
    let quiet = Quiet::begin().map_err(|error| format!("cannot turn the output off: {error}"))?;
    let mut collected: Vec<(String, Vec<u64>)> = Vec::new();
    let (mut plain, mut traced) = (Vec::new(), Vec::new());
    let mut pace = paced.then(|| Pace::new(pairs * 2));
    for pair in 0..pairs {
        if starter.stopped() {
            break;
        }
        progress(pair, pairs, "starts");
        // Each is first in turn: what one start leaves to the next disturbs both.
        for trace in [pair % 2 == 1, pair % 2 == 0] {
            pace.as_mut().map_or(Ok(()), Pace::wait).map_err(|error| error.to_string())?;
            let (total, timings) = start(domain, command, trace)?;
            if trace {
                traced.push(total);
                collect(&mut collected, &timings);
            } else {
                plain.push(total);
            }
        }
    }
    drop(quiet);
    let ratios: Vec<f64> =
        plain.iter().zip(&traced).map(|(&plain, &traced)| traced as f64 / plain as f64).collect();
    let none = || "interrupted before the first start".to_owned();
    Ok(Steps {
        steps: collected.into_iter().filter_map(|(name, times)| cost(name, &times)).collect(),
        plain: Summary::of(&plain).ok_or_else(none)?,
        traced: Summary::of(&traced).ok_or_else(none)?,
        disturbance: ratio_of_medians(&[1.0], &ratios).ok_or_else(none)?,
    })
}

fn cost(name: String, times: &[u64]) -> Option<StepCost> {
    Summary::of(times).map(|summary| StepCost { name, min: summary.min, median: summary.median })
}

/// One start to the end; nanoseconds, and those of each step.
fn start(domain: &Domain, command: Option<&[String]>, trace: bool) -> Result<(u64, Vec<Timing>), String> {
    let began = Instant::now();
    let request = Request {
        command: command.map(|words| words.iter().map(std::ffi::OsString::from).collect()),
        ..request()
    };
    let prepared = prepare(domain, &request);
    let mut running = prepared
        .start(&Options { trace, ..Options::default() })
        .map_err(|error| format!("{error}; `browndog run` says more"))?;
    let _ended = running.wait().map_err(|errno| format!("cannot wait for the init: {errno}"))?;
    let timings = std::mem::take(&mut running.timings);
    let left = running.clean_up();
    let took = began.elapsed().as_nanos() as u64;
    if left.is_empty() { Ok((took, timings)) } else { Err(left.join("; ")) }
}

/// Adds one start's times; the plan of a domain has the same steps every time.
fn collect(collected: &mut Vec<(String, Vec<u64>)>, timings: &[Timing]) {
    if collected.is_empty() {
        let first_of_child = timings.iter().position(|timing| timing.stage == "child");
        collected.extend(timings.iter().enumerate().map(|(index, timing)| {
            // The child's first stamp is taken after its first step, and counts from before the clone.
            let clone = if Some(index) == first_of_child { "clone3, " } else { "" };
            (format!("{clone}{}", timing.id), Vec::new())
        }));
    }
    for ((_, times), timing) in collected.iter_mut().zip(timings) {
        times.push(timing.ns);
    }
}

/// Standard output into nothing, until dropped.
struct Quiet {
    before: std::os::fd::OwnedFd,
}

impl Quiet {
    fn begin() -> io::Result<Self> {
        let before = dup(io::stdout())?;
        dup2_stdout(File::options().write(true).open("/dev/null")?)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let restored = dup2_stdout(&self.before);
        debug_assert!(restored.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_of_the_child_is_said_to_hold_the_clone() {
        let timing = |stage, id: &str| Timing { stage, id: id.to_owned(), ns: 7 };
        let mut collected = Vec::new();
        collect(&mut collected, &[timing("host", "make-cgroup"), timing("child", "make-private")]);
        let names: Vec<&str> = collected.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["make-cgroup", "clone3, make-private"]);
    }
}
