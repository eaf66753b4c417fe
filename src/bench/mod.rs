//! `bench`: how fast, where does the time go, did it get worse.

mod exact;
mod scale;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use browndog_bench::compare::{Change, Verdict, compare};
use browndog_bench::report::{Report, html, text};
use browndog_bench::rounds::{self, Effort, PATIENCE, Starter};
use browndog_bench::start::{Destination, Request, start};
use browndog_bench::start::{blank, stop_on_signal};
use browndog_bench::steps::steps;
use browndog_runtime::launch::gain_privilege;
use clap::{Args, Subcommand, ValueEnum};

use crate::document::load;
use crate::exit::Status;
use crate::out::{Progress, complain, printing};

/// Measure container starts: against the kernel's own floor, against peers, against last time.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Start(Start),
    Steps(Steps),
    Scale(scale::Scale),
    Compare(Compare),
}

/// Start the same container with browndog, the floor and every peer found on PATH, in interleaved rounds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog bench start                              about half a minute
  browndog bench start --only floor,browndog --rounds 50 --json new.json --html new.html
  browndog bench compare old.json new.json
  browndog bench start --base                       from a base mount namespace (see 'browndog host')
  browndog bench start --virtual --boots 2          exact figures, two boots compared
  browndog bench start --virtual --baseline benches/virtual.json

Ctrl-C ends it and prints what was measured.
Exit status: 0 measured, 1 nothing could be measured, or slower than the baseline, 2 usage,
3 there is no such kernel here, or the baseline was made with another kernel, emulator or tool chain.")]
struct Start {
    /// Rounds over everybody.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Starts in a row within a round.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// Starts of each before the first round, not counted.
    #[arg(long, default_value_t = 5)]
    warmup: u32,
    /// Only these: bare, floor, floor-hardened, browndog, bwrap, crun, runc, youki, lxc-execute, systemd-nspawn.
    #[arg(long, value_delimiter = ',', value_name = "NAME", value_parser = known_name)]
    only: Vec<String>,
    /// The floor's binary; looked for beside this one, then on PATH.
    #[arg(long, value_name = "FILE")]
    floor: Option<PathBuf>,
    /// Price each mechanism too: the floor with one thing left out or swapped.
    #[arg(long)]
    mechanisms: bool,
    /// Seconds after which a start hangs: its runtime is then left out, and named.
    #[arg(long, default_value_t = PATIENCE.as_secs(), value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    patience: u64,
    /// Leave the kernel time between starts to clear up after the one before.
    #[arg(long)]
    paced: bool,
    /// Pin a base mount namespace for the time of the measurement, seen by nobody else.
    #[arg(long)]
    base: bool,
    #[command(flatten)]
    exactly: exact::Exactly,
    #[command(flatten)]
    output: Output,
}

/// Where a result goes.
#[derive(Debug, Args)]
struct Output {
    /// Write the result here as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the result here as a page that needs nothing but itself.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Start a domain many times and show what each step of its plan costs, from inside.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog bench steps domains/hello.xml
  browndog bench steps domains/browndog.xml --html steps.html -- /bin/true

Exit status: 0 measured, 1 the domain cannot be started, 2 usage.")]
struct Steps {
    /// The document; `-` is standard input.
    file: PathBuf,
    /// Run this instead of the document's init.
    #[arg(last = true)]
    command: Vec<String>,
    /// Starts with the steps timed, and as many without, one after the other.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    #[command(flatten)]
    output: Output,
}

/// Compare two results; what got slower beyond chance and threshold is a regression.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 no regression, 1 a regression, 2 usage or an unreadable result.")]
struct Compare {
    /// The result before.
    old: PathBuf,
    /// The result after.
    new: PathBuf,
    /// Percent below which a change does not matter.
    #[arg(long, default_value_t = 5.0)]
    threshold: f64,
    /// How to print the verdict.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table.
    Human,
    /// One JSON document.
    Json,
}

fn known_name(name: &str) -> Result<String, String> {
    use browndog_bench::peers::{NAMES, ON_REQUEST};
    let mut known = NAMES.iter().chain(&ON_REQUEST);
    known.find(|known| **known == name).map(|&known| known.to_owned()).ok_or_else(|| "not known".to_owned())
}

impl Bench {
    pub(crate) fn perform(self) -> Status {
        let done = match self.what {
            What::Start(start) => start.perform(),
            What::Steps(steps) => steps.perform(),
            What::Scale(scale) => scale.perform(),
            What::Compare(compare) => compare.perform(),
        };
        done.unwrap_or_else(|message| {
            complain(&message, None);
            Status::USAGE
        })
    }
}

impl Output {
    /// Opens the files: one that cannot be written is said now, not after minutes.
    fn open(&self) -> Result<Opened, String> {
        let open = |path: &PathBuf| Destination::open(path).map_err(|error| cannot("write", path, &error));
        let (json, html) = (self.json.as_ref().map(open), self.html.as_ref().map(open));
        Ok(Opened { json: json.transpose()?, html: html.transpose()?, format: self.format })
    }
}

/// Where a result goes, open.
struct Opened {
    json: Option<Destination>,
    html: Option<Destination>,
    format: Format,
}

impl Opened {
    /// Writes and prints `result`; the page and the table are of `report`.
    fn give<T: serde::Serialize>(
        self,
        (result, report): (&T, &Report),
        table: impl FnOnce() -> String,
        status: Status,
    ) -> Result<Status, String> {
        save(self.json, || as_json(result))?;
        save(self.html, || Ok(html::page(report)))?;
        print(self.format, result, table, status)
    }

    /// The same for a result that is its own report; one in which nothing was `measured` is a failure.
    fn give_report(self, report: &Report, measured: bool) -> Result<Status, String> {
        let status = if measured { Status::DONE } else { Status::FAILED };
        self.give((report, report), || text::table(report), status)
    }
}

/// Measures behind a progress bar.
fn behind_bar<T, E>(measure: impl FnOnce(rounds::Progress<'_>) -> Result<T, E>) -> Result<T, E> {
    let mut bar = Progress::new();
    let measured = measure(&mut |done, all, who| bar.show(done, all, who));
    bar.clear();
    measured
}

/// This binary, and the floor's: the one asked for, or the one found.
fn binaries(floor: Option<&PathBuf>) -> Result<(PathBuf, Option<PathBuf>), String> {
    let browndog = std::env::current_exe().map_err(|error| format!("cannot find this binary: {error}"))?;
    let floor = floor.cloned().or_else(|| find_floor(&browndog));
    Ok((browndog, floor))
}

impl Start {
    fn perform(self) -> Result<Status, String> {
        let (browndog, floor) = binaries(self.floor.as_ref())?;
        if self.exactly.wanted {
            if self.output.json.is_some() || self.output.html.is_some() || self.mechanisms || self.base {
                return Err("--virtual prints its result, with --format json as JSON".to_owned());
            }
            return self.exactly.perform(&browndog, floor.as_deref(), &self.only, self.output.format);
        }
        let output = self.output.open()?;
        let request = Request {
            browndog: &browndog,
            floor: floor.as_deref(),
            only: &self.only,
            effort: Effort {
                rounds: self.rounds as usize,
                starts: self.starts as usize,
                warmup: self.warmup as usize,
                paced: self.paced,
            },
            mechanisms: self.mechanisms,
            patience: Duration::from_secs(self.patience),
            base: self.base,
        };
        let report = behind_bar(|progress| start(&request, progress))
            .map_err(|error| format!("cannot measure: {error}"))?;
        output.give_report(&report, !report.subjects.is_empty())
    }
}

impl Steps {
    fn perform(self) -> Result<Status, String> {
        let output = self.output.open()?;
        let Some((_, domain)) = load(&self.file) else { return Ok(Status::FAILED) };
        // Before the first thread: a user namespace is entered by a process with one.
        gain_privilege().map_err(|error| error.to_string())?;
        let starter = stop_on_signal().and_then(|stop| Starter::new(stop, PATIENCE));
        let starter = starter.map_err(|error| error.to_string())?;
        let command = (!self.command.is_empty()).then_some(self.command.as_slice());
        let pairs = (self.runs as usize, false);
        let measured = behind_bar(|progress| steps(&domain, command, pairs, &starter, progress));
        let costs = match measured {
            Ok(costs) => costs,
            Err(message) => {
                complain(&message, None);
                return Ok(Status::FAILED);
            }
        };
        let mut report = blank();
        report.steps.clone_from(&costs.steps);
        report.disturbance = Some(costs.disturbance);
        output.give((&costs, &report), || text::steps(&report, &costs), Status::DONE)
    }
}

impl Compare {
    fn perform(self) -> Result<Status, String> {
        let changes = compare(&read(&self.old)?, &read(&self.new)?, self.threshold / 100.0);
        if changes.is_empty() {
            return Err("the two results have nobody in common".to_owned());
        }
        let worse = changes.iter().any(|change| change.verdict == Verdict::Regression);
        let status = if worse { Status::FAILED } else { Status::DONE };
        print(self.format, &changes, || changes.iter().map(line).collect(), status)
    }
}

/// One change as a line.
fn line(change: &Change) -> String {
    let verdict = match change.verdict {
        Verdict::Regression => "REGRESSION",
        Verdict::Improvement => "improvement",
        Verdict::Same => "same",
    };
    let ratio = change.ratio;
    let of = if change.in_floors { "of floors" } else { "of times" };
    format!(
        "{:<16}{verdict:<12} {:.3} times {of} (95 %: {:.3} to {:.3})\n",
        change.name, ratio.estimate, ratio.low, ratio.high
    )
}

fn print<T: serde::Serialize>(
    format: Format,
    value: &T,
    table: impl FnOnce() -> String,
    status: Status,
) -> Result<Status, String> {
    let text = match format {
        Format::Human => table(),
        Format::Json => as_json(value)?,
    };
    Ok(printing(|out| out.write_all(text.as_bytes()).map(|()| status)))
}

fn as_json<T: serde::Serialize>(value: &T) -> Result<String, String> {
    serde_json::to_string(value).map(|text| text + "\n").map_err(|error| error.to_string())
}

fn save(to: Option<Destination>, text: impl FnOnce() -> Result<String, String>) -> Result<(), String> {
    let Some(to) = to else { return Ok(()) };
    let path = to.path().to_owned();
    to.write(&text()?).map_err(|error| cannot("write", &path, &error))
}

fn read(path: &Path) -> Result<Report, String> {
    let text = browndog_runtime::given::read_to_string(path).map_err(|error| cannot("read", path, &error))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not a bench result: {error}", path.display()))
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

/// The floor beside this binary, where cargo puts it, or on PATH.
fn find_floor(browndog: &Path) -> Option<PathBuf> {
    let name = "browndog-floor";
    let beside = browndog.with_file_name(name);
    if beside.is_file() { Some(beside) } else { browndog_bench::peers::on_path(name) }
}
