//! `bench scale`: curves over running containers and parallel starts.

use std::path::PathBuf;

use browndog_bench::rounds::Effort;
use browndog_bench::scale::{Request, scale};
use clap::Args;

use super::{Output, behind_bar, binaries, known_name};
use crate::exit::Status;

/// Start latency with 0 to 1,000 containers running, starts per second with 1 to 16 at a time, memory of each.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog bench scale                                as root: some minutes
  browndog bench scale --running 0,100 --parallel 1,2 --html scale.html
  browndog bench scale --base                         from a base mount namespace (see 'browndog host')

Ctrl-C ends it, prints what was measured and ends what was running.
Exit status: 0 measured, 1 nothing could be measured, 2 usage.")]
pub(super) struct Scale {
    /// Containers running while starts are timed.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 100, 1000], value_name = "N")]
    running: Vec<usize>,
    /// Starts at a time.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16], value_name = "N")]
    parallel: Vec<usize>,
    /// Only these.
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = known_name,
        default_values_t = ["floor", "browndog", "bwrap", "crun"].map(str::to_owned))]
    only: Vec<String>,
    /// Rounds at each point.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Starts in a row within a round.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// Pin a base mount namespace for the time of the measurement, seen by nobody else.
    #[arg(long)]
    base: bool,
    /// The floor's binary; looked for beside this one, then on PATH.
    #[arg(long, value_name = "FILE")]
    floor: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Scale {
    pub(super) fn perform(mut self) -> Result<Status, String> {
        let output = self.output.open()?;
        if self.parallel.contains(&0) {
            return Err("--parallel: no starts at a time are none to measure".to_owned());
        }
        self.running.sort_unstable();
        let (browndog, floor) = binaries(self.floor.as_ref())?;
        let request = Request {
            browndog: &browndog,
            floor: floor.as_deref(),
            only: &self.only,
            running: &self.running,
            parallel: &self.parallel,
            effort: Effort {
                rounds: self.rounds as usize,
                starts: self.starts as usize,
                warmup: 3,
                paced: false,
            },
            base: self.base,
        };
        let report = behind_bar(|progress| scale(&request, progress))
            .map_err(|error| format!("cannot measure: {error}"))?;
        output.give_report(&report, !report.scaling.is_empty())
    }
}
