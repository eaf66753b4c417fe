//! `bench start`: everybody starts the same container.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::machine::Machine;
use crate::mechanisms;
use crate::peers::{Cast, LeftOut};
use crate::report::{FORMAT, Report, Row};
use crate::rounds::{Effort, Measured, Progress, Starter, measure};
use crate::steps::{Steps, steps};
use crate::view::View;
use crate::weigh::{Weight, weigh};
use crate::workplace::Workplace;

/// What to measure.
#[derive(Debug)]
pub struct Request<'a> {
    /// The browndog binary.
    pub browndog: &'a Path,
    /// The floor's binary, where there is one.
    pub floor: Option<&'a Path>,
    /// Names wanted; the usual ones where empty.
    pub only: &'a [String],
    /// How much.
    pub effort: Effort,
    /// Whether to price each mechanism of the floor too.
    pub mechanisms: bool,
    /// How long a start may take before it hangs.
    pub patience: Duration,
    /// Whether to pin a base mount namespace for the time of the measurement.
    pub base: bool,
}

/// A file for a report, opened before anything is measured: a path that cannot be written is said now.
#[derive(Debug)]
pub struct Destination {
    file: File,
    path: PathBuf,
}

impl Destination {
    /// Opens `path` for writing; what is there stays there until there is something new.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        Ok(Self { file, path: path.to_owned() })
    }
    /// Writes the report.
    pub fn write(mut self, text: &str) -> io::Result<()> {
        // A pipe or a terminal has no length, and nothing before.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        io::Write::write_all(&mut self.file, text.as_bytes())
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Stops a bench at the first Ctrl-C, or termination signal.
pub fn stop_on_signal() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let _registration = signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A result with nothing but the machine in it.
pub fn blank() -> Report {
    let machine = Machine::here();
    Report {
        format: FORMAT,
        began: now(),
        noise: machine.noise(),
        machine,
        interrupted: false,
        subjects: Vec::new(),
        left_out: Vec::new(),
        steps: Vec::new(),
        disturbance: None,
        floor_steps: Vec::new(),
        mechanisms: Vec::new(),
        scaling: Vec::new(),
    }
}

/// Measures what is asked for.
pub fn start(request: &Request<'_>, progress: Progress<'_>) -> io::Result<Report> {
    let starter = Starter::new(stop_on_signal()?, request.patience)?;
    let place = Workplace::make()?;
    let mut report = blank();
    let view = View::enter(&mut report.machine, request.base)?;
    let cast = Cast { browndog: request.browndog, floor: request.floor, only: request.only };
    let (subjects, absent) = cast.find(&place);
    let outcome = measure(&starter, subjects, request.effort, &mut *progress)?;
    let row = |one| weighed(one, request.floor, &place, starter.stopped());
    report.subjects = outcome.measured.into_iter().filter_map(row).collect();
    report.left_out = absent.into_iter().chain(outcome.left_out).collect();
    report.interrupted = outcome.interrupted;
    if let (true, Some(floor), false) = (request.mechanisms, request.floor, starter.stopped()) {
        let effort = (request.effort.rounds.div_ceil(2), request.effort.starts);
        let priced = mechanisms::measure(floor, &place, &starter, effort, progress)?;
        (report.mechanisms, report.floor_steps) = priced;
        report.interrupted |= starter.stopped();
    }
    if !starter.stopped() {
        match steps_of(&place, &starter, request.effort, progress) {
            Ok(costs) => (report.steps, report.disturbance) = (costs.steps, Some(costs.disturbance)),
            Err(reason) => report.left_out.push(LeftOut { name: "browndog's steps".to_owned(), reason }),
        }
    }
    report.noise = report.noise.take().or_else(|| report.spread_noise());
    drop(view);
    Ok(report)
}

/// The steps of browndog's start of the same container.
fn steps_of(
    place: &Workplace,
    starter: &Starter,
    effort: Effort,
    progress: Progress<'_>,
) -> Result<Steps, String> {
    let text = std::fs::read(place.path("domain.xml")).map_err(|error| error.to_string())?;
    let source = browndog_xml::source::Source::from_bytes("domain.xml", text);
    let domain = browndog_xml::read(&source).domain.ok_or("its document is invalid")?;
    let pairs = (effort.rounds * effort.starts).min(STEP_PAIRS);
    steps(&domain, None, (pairs, effort.paced), starter, progress)
}

/// Starts with the steps timed, and as many without.
const STEP_PAIRS: usize = 50;

fn weighed(one: Measured, floor: Option<&Path>, place: &Workplace, stopped: bool) -> Option<Row> {
    let weight = if stopped { Weight::default() } else { weigh(&one.subject, floor, place.dir()) };
    Row::new(one, weight)
}
