//! `bench start --virtual`: exact figures, and the gate on them.

use std::fmt::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use browndog_bench::virtual_time::{Exact, Moved, Verdict, Virtual, compare, measure, spread};
use clap::Args;

use super::{Format, cannot, print};
use crate::exit::Status;
use crate::out::{complain, note};

/// What belongs to `--virtual`.
#[derive(Debug, Args)]
pub(super) struct Exactly {
    /// Measure in a virtual machine whose clock counts instructions: exact, and the same every time.
    #[arg(long = "virtual")]
    pub wanted: bool,
    /// The kernel of that machine: a series, `local`, or a path.
    #[arg(long, value_name = "KERNEL", default_value = "6.12", requires = "wanted")]
    kernel: String,
    /// Boot it this often, and say whether every boot gave the same.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), requires = "wanted")]
    boots: u32,
    /// Compare with this result: more than 2 % slower is a failure, and the steps that grew are named.
    #[arg(long, value_name = "FILE", requires = "wanted")]
    baseline: Option<PathBuf>,
    /// Make the result the baseline.
    #[arg(long, requires = "baseline")]
    update: bool,
}

/// Share below which a change does not matter.
const THRESHOLD: f64 = 0.02;

/// Share by which two boots of the same files may differ: a tenth of a percent was seen.
const SPREAD: f64 = THRESHOLD / 4.0;

/// Share by which timing the steps may make a start longer: promised is a hundredth, but where the linker puts
/// things moves the figure by a third of one, so that only twice as much is a failure.
const DISTURBANCE: f64 = 0.02;

impl Exactly {
    /// Measures, prints, and judges.
    pub(super) fn perform(
        &self,
        browndog: &Path,
        floor: Option<&Path>,
        only: &[String],
        format: Format,
    ) -> Result<Status, String> {
        // A baseline that cannot be read or written is said now, not after minutes.
        let baseline = match (&self.baseline, self.update) {
            (Some(path), false) => Some(read(path)?),
            (Some(path), true) => writable(path).map(|()| None)?,
            (None, _) => None,
        };
        let floor = floor.ok_or("the floor is not built; try: cargo build --release -p browndog-floor")?;
        if let Err(error) = browndog_conformance::vm::Lab::default().kernel(&self.kernel) {
            complain(&format!("nothing was measured: {error}"), None);
            return Ok(Status::NOT_COMPARABLE);
        }
        let result = self.repeat(browndog, floor, only)?;
        if let (Some(path), true) = (&self.baseline, self.update) {
            if result.subject("browndog").is_none() {
                let because = result.why_left_out("browndog");
                return Err(format!(
                    "{} stays as it is: browndog was not measured: {because}",
                    path.display()
                ));
            }
            let text = serde_json::to_string_pretty(&result).map_err(|error| error.to_string())? + "\n";
            std::fs::write(path, text).map_err(|error| cannot("write", path, &error))?;
            note(&format!("{} is the baseline now", path.display()));
        }
        if result.disturbance.is_some_and(|share| share > DISTURBANCE) {
            complain(&format!("timing the steps costs more than two hundredths:\n{}", table(&result)), None);
            return Ok(Status::FAILED);
        }
        let verdict = baseline.map(|baseline| compare(&baseline, &result, THRESHOLD));
        let status = verdict.as_ref().map_or(Status::DONE, status);
        let table = || table(&result) + &verdict.as_ref().map_or(String::new(), sentence);
        match (format, &verdict) {
            (Format::Json, Some(verdict)) => {
                print(format, &serde_json::json!({ "result": result, "compared": verdict }), table, status)
            }
            _ => print(format, &result, table, status),
        }
    }

    fn repeat(&self, browndog: &Path, floor: &Path, only: &[String]) -> Result<Virtual, String> {
        let first = measure(browndog, floor, &self.kernel, only)?;
        let mut widest = 0.0_f64;
        for boot in 2..=self.boots {
            let again = measure(browndog, floor, &self.kernel, only)?;
            let apart = spread(&first, &again);
            if apart > SPREAD {
                return Err(format!(
                    "boot {boot} gave other figures than the first:\n{}{}",
                    table(&first),
                    table(&again)
                ));
            }
            widest = widest.max(apart);
        }
        match self.boots {
            1 => {}
            boots if widest == 0.0 => note(&format!("{boots} boots, every start the same to the nanosecond")),
            boots => note(&format!("{boots} boots, the starts within {:.3} % of the first", widest * 100.0)),
        }
        Ok(first)
    }
}

fn status(verdict: &Verdict) -> Status {
    match verdict {
        Verdict::Same | Verdict::Faster { .. } => Status::DONE,
        Verdict::Slower { .. } | Verdict::Missing { .. } => Status::FAILED,
        Verdict::NotComparable { .. } => Status::NOT_COMPARABLE,
    }
}

fn read(path: &Path) -> Result<Virtual, String> {
    let text = browndog_runtime::given::read_to_string(path).map_err(|error| cannot("read", path, &error))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is no virtual result: {error}", path.display()))
}

/// Opens without truncating: an interrupted update leaves the old baseline. Nor is a reader waited for.
fn writable(path: &Path) -> Result<(), String> {
    let mut options = std::fs::OpenOptions::new();
    let opened = options.append(true).create(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
    opened.map(drop).map_err(|error| cannot("write", path, &error))
}

fn table(result: &Virtual) -> String {
    let c = &result.circumstances;
    let mut text =
        format!("{} {}, {}, {}, {}\n\n", c.architecture, c.kernel, c.emulator, c.toolchain, c.profile);
    let floor = result.subject("floor");
    let mut row = |one: &Exact, extra: String| {
        // Writing to a String cannot fail.
        let written = writeln!(text, "{:<34} {:>12.3} us{extra}", one.name, one.ns as f64 / 1e3);
        debug_assert!(written.is_ok());
    };
    for subject in &result.subjects {
        let floors = floor.map(|floor| format!("   {:.3} x floor", subject.ns as f64 / floor as f64));
        row(subject, floors.unwrap_or_default());
    }
    for step in &result.steps {
        row(step, String::new());
    }
    if let Some(share) = result.disturbance {
        text.push_str(&format!("timing the steps made a start {:+.2} % longer\n", share * 100.0));
    }
    for out in &result.left_out {
        text.push_str(&format!("left out: {}: {}\n", out.name, out.reason));
    }
    text
}

fn sentence(verdict: &Verdict) -> String {
    let change = |moved: &Moved| {
        let percent = moved.now as f64 / moved.before.max(1) as f64 * 100.0 - 100.0;
        format!(
            "{}: {:.3} us, was {:.3} ({percent:+.1} %)\n",
            moved.name,
            moved.now as f64 / 1e3,
            moved.before as f64 / 1e3
        )
    };
    match verdict {
        Verdict::Same => "\nwithin 2 % of the baseline\n".to_owned(),
        Verdict::Faster { moved } => {
            format!("\nfaster than the baseline, which --update would make say so: {}", change(moved))
        }
        Verdict::Slower { moved, steps } => {
            let steps: String = steps.iter().map(|step| format!("  {}", change(step))).collect();
            format!("\nSLOWER than the baseline: {}{steps}", change(moved))
        }
        Verdict::Missing { because } => format!("\nbrowndog was not measured: {because}\n"),
        Verdict::NotComparable { because } => {
            format!("\nnot comparable with the baseline:\n  {}\n", because.join("\n  "))
        }
    }
}
