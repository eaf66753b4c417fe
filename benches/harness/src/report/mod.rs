//! A bench's result as a value; table, JSON and page are views of it.

pub mod html;
mod html_curves;
pub mod text;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::peers::LeftOut;
use crate::rounds::Measured;
use crate::stats::{Ratio, Summary, median};
use crate::weigh::Weight;

/// The shape of the JSON form; changes with it.
pub const FORMAT: u32 = 1;

/// What user and system time of a start are worth (CONFIG_TICK_CPU_ACCOUNTING, `cputime_adjust`).
pub(crate) const ACCOUNTED: &str = "user and system time are the kernel's account (getrusage(2)): where it samples by its tick, their sum is exact, and a start without a tick is user time alone";

/// Everything one bench found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// Seconds since 1970 at the start.
    pub began: u64,
    /// Where.
    pub machine: Machine,
    /// Why the figures mislead, if they do.
    pub noise: Option<String>,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// Who took part.
    pub subjects: Vec<Row>,
    /// Who did not.
    pub left_out: Vec<LeftOut>,
    /// Cost of each plan step, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepCost>,
    /// By how much timing the steps made a start longer, where they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturbance: Option<Ratio>,
    /// Cost of each step of the floor, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floor_steps: Vec<StepCost>,
    /// Cost of each mechanism of the floor, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mechanisms: Vec<Mechanism>,
    /// Start latency as the machine fills up, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scaling: Vec<Curve>,
}

/// One subject's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it cannot do.
    pub lacks: Vec<String>,
    /// Nanoseconds per start.
    pub summary: Summary,
    /// User and system time per start, in microseconds.
    pub cpu_us: f64,
    /// User time alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_us: Option<f64>,
    /// KiB of its largest process.
    pub peak_kib: Option<u64>,
    /// Page faults of one start, its container's included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults: Option<u64>,
    /// System calls of one start.
    pub system_calls: Option<u64>,
    /// All times in nanoseconds, round by round.
    pub rounds: Vec<Vec<u64>>,
}

/// What one step of a plan costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCost {
    /// The step.
    pub name: String,
    /// Smallest time in nanoseconds.
    pub min: u64,
    /// Median in nanoseconds.
    pub median: u64,
}

/// What leaving out or swapping one thing changes in the floor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mechanism {
    /// What was changed.
    pub change: String,
    /// The switch.
    pub switch: String,
    /// The median without the change, in nanoseconds.
    pub base: u64,
    /// The median with it.
    pub median: u64,
    /// The minimum with it.
    pub min: u64,
}

/// A figure over something that grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Whose.
    pub name: String,
    /// What grows: `running containers`, `parallel starts`, `mounts of the host`.
    pub over: String,
    /// What is shown: `median start, ms`, `starts per second`.
    pub unit: String,
    /// The points.
    pub points: Vec<(f64, f64)>,
}

impl Row {
    /// The figures of one subject.
    pub fn new(measured: Measured, weight: Weight) -> Option<Self> {
        let all: Vec<u64> = measured.rounds.iter().flatten().copied().collect();
        let summary = Summary::of(&all)?;
        Some(Self {
            name: measured.subject.name,
            version: measured.subject.version,
            lacks: measured.subject.lacks,
            cpu_us: (measured.user_us + measured.system_us) as f64 / all.len() as f64,
            user_us: Some(measured.user_us as f64 / all.len() as f64),
            summary,
            peak_kib: weight.peak_kib,
            faults: weight.faults,
            system_calls: weight.system_calls,
            rounds: measured.rounds,
        })
    }

    /// The smallest of the rounds' medians: what the machine does when the neighbours are quiet.
    pub fn best_median(&self) -> f64 {
        self.round_medians().into_iter().fold(f64::INFINITY, f64::min)
    }

    /// One median per round.
    pub fn round_medians(&self) -> Vec<f64> {
        let one = |round: &Vec<u64>| median(&round.iter().map(|&ns| ns as f64).collect::<Vec<_>>());
        self.rounds.iter().filter(|round| !round.is_empty()).map(one).collect()
    }
}

impl Report {
    /// The row of this name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.subjects.iter().find(|row| row.name == name)
    }

    /// Why these figures mislead, seen from the figures: the bare process is the same work each time,
    /// so what its rounds differ by is the machine's doing.
    pub fn spread_noise(&self) -> Option<String> {
        let bare = self.row("bare")?;
        let medians = bare.round_medians();
        let worst = medians.iter().copied().fold(0.0, f64::max);
        let times = worst / bare.best_median();
        (times > 1.5).then(|| {
            format!("a bare process took {times:.1} times as long in the worst round as in the best")
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Report {
        let row = |name: &str, ns: u64| Row {
            name: name.to_owned(),
            version: format!("{name} 1.0"),
            lacks: if name == "floor" { vec!["no hardening".to_owned()] } else { Vec::new() },
            summary: Summary::of(&[ns, ns + 1000, ns + 2000]).unwrap(),
            cpu_us: 900.0,
            user_us: Some(300.0),
            peak_kib: Some(580),
            faults: Some(26),
            system_calls: None,
            rounds: vec![vec![ns, ns + 1000, ns + 2000]; 3],
        };
        let machine = Machine {
            kernel: "6.12.0".to_owned(),
            architecture: "x86_64".to_owned(),
            processor: "Some CPU".to_owned(),
            cpus: 2,
            memory_mib: 4096,
            load: 0.1,
            cpu_pressure: Some(0.0),
            cgroups: "v2".to_owned(),
            mounts: 30,
            virtual_machine: true,
            base: false,
        };
        Report {
            format: FORMAT,
            began: 1_767_225_600,
            machine,
            noise: None,
            interrupted: false,
            subjects: vec![row("bare", 100_000), row("floor", 1_000_000), row("browndog", 1_200_000)],
            left_out: vec![LeftOut { name: "youki".to_owned(), reason: "not on PATH".to_owned() }],
            steps: vec![StepCost { name: "clone3".to_owned(), min: 390_000, median: 420_000 }],
            disturbance: None,
            floor_steps: Vec::new(),
            mechanisms: Vec::new(),
            scaling: Vec::new(),
        }
    }

    #[test]
    fn the_json_form_reads_back_as_it_was() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), sample());
    }

    #[test]
    fn a_round_that_was_disturbed_is_recognised() {
        let mut report = sample();
        assert_eq!(report.spread_noise(), None);
        report.subjects[0].rounds[1] = vec![300_000; 3];
        assert!(report.spread_noise().unwrap().contains("3.0 times"));
    }
}
