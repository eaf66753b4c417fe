//! A run: scenes played, checks judged, verdicts collected, on this host or in a guest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::canary::Canary;
use crate::checks;
use crate::environment::KernelVersion;
use crate::facts::Facts;
use crate::judge::{Status, Verdict};
use crate::requirement::{Check, Severity};
use crate::runtimes::{self, Runtime, RuntimeError};
use crate::scenes::{SCENES, Scene};
use crate::stage::{SceneError, Stage};
use crate::vm::job::{CgroupLayout, LAB_MARK};
use crate::vm::{Lab, LabError};

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runtimes by name, or paths of OCI-like commands.
    pub runtimes: Vec<String>,
    /// Which checks.
    pub selection: Selection,
    /// Kernels to boot; empty means this host.
    pub kernels: Vec<String>,
    /// Control groups in guests.
    pub cgroups: CgroupLayout,
    /// How many guests at most beside each other.
    pub jobs: Option<usize>,
    /// browndog under test; in a guest also probe, launcher and init.
    pub binary: PathBuf,
    /// Play only these scenes; empty takes all.
    pub scenes: Vec<String>,
    /// Seconds to wait for anything a container has to do.
    pub patience: u64,
    /// Where guests' kernels are kept.
    pub lab: Lab,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            runtimes: vec!["browndog".into()],
            selection: Selection::default(),
            kernels: Vec::new(),
            cgroups: CgroupLayout::V2,
            jobs: None,
            binary: std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into()),
            scenes: Vec::new(),
            patience: 60,
            lab: Lab::default(),
        }
    }
}

/// Which checks of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Ids, or beginnings of ids; empty takes all.
    pub filters: Vec<String>,
    /// Areas; empty takes all.
    pub areas: Vec<String>,
    /// Severities; empty takes all.
    pub severities: Vec<Severity>,
    /// The i-th of n parts, counted from one.
    pub shard: Option<(usize, usize)>,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Nothing fits the filters.
    #[error("no check fits {0}; `browndog conformance list` prints them")]
    NoCheck(String),
    /// The runtime cannot be used.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The guest cannot be used.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A file of the harness.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// The suite in the guest did not report.
    #[error("the suite in the guest with kernel {release} gave no report: {reason}")]
    NoReport {
        /// Kernel.
        release: String,
        /// What it gave instead.
        reason: String,
    },
    /// A scene that cannot be planned.
    #[error("the scene {scene} cannot be planned: {reason}")]
    NoPlan {
        /// Scene.
        scene: &'static str,
        /// What the planner said.
        reason: String,
    },
    /// The suite does not pass without a fault, so that it can catch none.
    #[error("without a mutant the suite has to pass, and does not: {0}")]
    Unsound(String),
    /// Parts of a run are missing from a merge.
    #[error("these parts of the run are missing: {0}; without them the whole would seem better than it is")]
    MissingShards(String),
    /// A report file cannot be read.
    #[error("{path} is no report: {reason}")]
    BadReport {
        /// File.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Version of the reports written here, and the only one that is read.
pub const SCHEMA: u32 = 1;

/// A report: one cell for each runtime and kernel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Version of this form.
    pub schema: u32,
    /// Which parts of how many this is, as in `2/5`; empty where it is the whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<String>,
    /// The cells.
    pub cells: Vec<Cell>,
}

/// One runtime on one kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Runtime.
    pub runtime: String,
    /// What it says of its version.
    pub runtime_version: String,
    /// `uname -r`.
    pub kernel: String,
    /// `host`, or `vm` with the accelerator.
    pub place: String,
    /// Control group layout.
    pub cgroups: String,
    /// Wall time in milliseconds.
    pub milliseconds: u64,
    /// Verdicts in the order of the catalogue.
    pub results: Vec<CheckResult>,
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Check.
    pub id: String,
    /// Its severity.
    pub severity: Severity,
    /// Its sentence.
    pub requirement: String,
    /// Its scene.
    pub scene: String,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// How long its scene took, told with the first check of each scene.
    #[serde(default)]
    pub milliseconds: u64,
    /// Why the table of known gaps expects it to fail here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

impl CheckResult {
    /// Fails, and the table of known gaps says why. A runtime that refuses to start what it was asked to, or
    /// that never ends, gives no facts to fail on; any other error is of the run and never known.
    pub fn is_known(&self) -> bool {
        use crate::stage::{HANGS, NOT_STARTED};
        let its_own = |reason: &String| [NOT_STARTED, HANGS].iter().any(|begin| reason.starts_with(begin));
        let refused = self.verdict.reasons.first().is_some_and(its_own);
        let fails = match self.verdict.status {
            Status::Fail => true,
            Status::Error => refused,
            Status::Pass | Status::NotApplicable => false,
        };
        fails && self.gap.is_some()
    }
    /// Passes although the table says that it fails here.
    pub fn is_unexpected(&self) -> bool {
        self.gap.is_some() && self.verdict.status == Status::Pass
    }
    /// Speaks against the run: failed or not carried out, and not known before.
    pub fn is_bad(&self) -> bool {
        matches!(self.verdict.status, Status::Fail | Status::Error) && !self.is_known()
    }
}

impl RunReport {
    /// How many verdicts of a kind.
    pub fn count(&self, status: Status) -> usize {
        self.cells.iter().flat_map(|c| &c.results).filter(|r| r.verdict.status == status).count()
    }
    /// Nothing failed that is not known, and nothing was left undone.
    pub fn good(&self) -> bool {
        !self.cells.iter().flat_map(|c| &c.results).any(CheckResult::is_bad)
    }
}

impl Selection {
    /// The checks that fit.
    pub fn checks(&self) -> Result<Vec<Check>, RunError> {
        let fits = |check: &Check| {
            let by_id =
                self.filters.is_empty() || self.filters.iter().any(|f| check.id.starts_with(f.as_str()));
            let by_area = self.areas.is_empty() || self.areas.iter().any(|a| a == check.area());
            let by_severity = self.severities.is_empty() || self.severities.contains(&check.severity);
            by_id && by_area && by_severity
        };
        for filter in &self.filters {
            if !checks::all().iter().any(|c| c.id.starts_with(filter.as_str())) {
                return Err(RunError::NoCheck(format!("{filter:?}")));
            }
        }
        let mut found: Vec<Check> = checks::all().into_iter().filter(fits).collect();
        if let Some((part, parts)) = self.shard {
            // Whole scenes go to one shard: splitting one would play it twice.
            let mut scenes: Vec<&str> = found.iter().map(|c| c.scene).collect();
            scenes.dedup();
            let mut seen: Vec<&str> = Vec::new();
            scenes.retain(|s| {
                let new = !seen.contains(s);
                seen.push(s);
                new
            });
            found.retain(|c| {
                scenes.iter().position(|s| *s == c.scene).is_some_and(|at| at % parts == part - 1)
            });
        }
        if found.is_empty() && self.shard.is_none() {
            return Err(RunError::NoCheck(format!("{self:?}")));
        }
        Ok(found)
    }

    /// Reads `2/5`: the second of five.
    pub fn part(text: &str) -> Option<(usize, usize)> {
        let (part, parts) = text.split_once('/')?;
        let (part, parts) = (part.parse().ok()?, parts.parse().ok()?);
        (1..=parts).contains(&part).then_some((part, parts))
    }

    /// The same selection as words of a command line.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
        for filter in &self.filters {
            add("--filter", filter.clone());
        }
        for area in &self.areas {
            add("--area", area.clone());
        }
        for severity in &self.severities {
            add("--severity", format!("{severity:?}").to_lowercase());
        }
        if let Some((part, parts)) = self.shard {
            add("--shard", format!("{part}/{parts}"));
        }
        words
    }
}

/// Something happened that a watcher may want to see.
#[derive(Debug)]
pub enum Event<'a> {
    /// A scene begins.
    Scene {
        /// Runtime.
        runtime: &'a str,
        /// Scene.
        name: &'a str,
        /// How many scenes there are.
        of: usize,
        /// Which one this is, from one.
        at: usize,
    },
    /// A verdict is there.
    Verdict {
        /// Runtime.
        runtime: &'a str,
        /// The verdict.
        result: &'a CheckResult,
    },
    /// A guest begins.
    Guest {
        /// Its kernel.
        release: &'a str,
    },
}

/// Runs what the options say.
pub fn run(options: &Options, watch: &(dyn Fn(&Event<'_>) + Sync)) -> Result<RunReport, RunError> {
    let checks = options.selection.checks()?;
    let cells = if options.kernels.is_empty() {
        let mut cells = Vec::new();
        for name in &options.runtimes {
            let runtime = runtimes::by_name(name, &options.binary)?;
            cells.push(here(options, runtime.as_ref(), &checks, watch)?);
        }
        cells
    } else {
        crate::guests::all(options, watch)?
    };
    let shards = options.selection.shard.map(|(part, parts)| format!("{part}/{parts}"));
    Ok(RunReport { schema: SCHEMA, shards: shards.into_iter().collect(), cells })
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Has SIGINT or SIGTERM come?
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// From now on SIGINT and SIGTERM end the run in order: the scene at hand is cleaned up, what is left
/// becomes an error of its own, and the report is written. Call it before any thread is started.
pub fn end_in_order() -> nix::Result<()> {
    use nix::sys::signal::{SigSet, Signal};
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    set.add(Signal::SIGTERM);
    set.thread_block()?;
    let _detached = std::thread::spawn(move || {
        while set.wait().is_ok() {
            INTERRUPTED.store(true, Ordering::Relaxed);
        }
    });
    Ok(())
}

/// All chosen checks for one runtime on this machine.
fn here(
    options: &Options,
    runtime: &dyn Runtime,
    checks: &[Check],
    watch: &(dyn Fn(&Event<'_>) + Sync),
) -> Result<Cell, RunError> {
    let begun = Instant::now();
    crate::stage::have_patience(options.patience);
    let work = workshop()?;
    // The suite's own: an older browndog has another probe, which does not know today's facts.
    let mut stage = stage(runtime, &Options::default().binary, work.path())?;
    let kernel = KernelVersion::running();
    let wanted = |s: &&Scene| {
        (options.scenes.is_empty() || options.scenes.iter().any(|n| n == s.name))
            && checks.iter().any(|c| c.scene == s.name)
    };
    let scenes: Vec<&Scene> = SCENES.iter().filter(wanted).collect();
    let mut judged: BTreeMap<&str, CheckResult> = BTreeMap::new();
    for (at, scene) in scenes.iter().enumerate() {
        watch(&Event::Scene { runtime: runtime.name(), name: scene.name, of: scenes.len(), at: at + 1 });
        let played = Instant::now();
        let gathered = if interrupted() { Err(SceneError::Interrupted) } else { (scene.play)(&mut stage) };
        stage.sweep();
        let mut took = u64::try_from(played.elapsed().as_millis()).unwrap_or(u64::MAX);
        for check in checks.iter().filter(|c| c.scene == scene.name) {
            let mut result = judge(check, &gathered, kernel);
            result.milliseconds = std::mem::take(&mut took);
            watch(&Event::Verdict { runtime: runtime.name(), result: &result });
            let _earlier = judged.insert(check.id, result);
        }
    }
    // In the order of the catalogue, whatever the order of the scenes.
    let results: Vec<CheckResult> = checks.iter().filter_map(|c| judged.remove(c.id)).collect();
    Ok(cell_of(runtime, results, begun))
}

/// Verdicts with where they were made, and what the table of known gaps says of them.
pub(crate) fn cell_of(runtime: &dyn Runtime, results: Vec<CheckResult>, begun: Instant) -> Cell {
    let mut cell = Cell {
        runtime: runtime.name().to_owned(),
        runtime_version: runtimes::version(runtime.program()),
        kernel: nix::sys::utsname::uname()
            .map(|u| u.release().to_string_lossy().into_owned())
            .unwrap_or_default(),
        place: if Path::new(LAB_MARK).exists() { "vm".into() } else { "host".into() },
        cgroups: crate::host::cgroup_layout(),
        milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        results,
    };
    crate::gaps::mark(&mut cell);
    cell
}

pub(crate) fn judge(
    check: &Check,
    gathered: &Result<Facts, SceneError>,
    kernel: KernelVersion,
) -> CheckResult {
    let verdict = match gathered {
        Ok(facts) => check.judged(facts, kernel),
        Err(SceneError::NotApplicable(reason)) => Verdict::not_applicable(reason),
        Err(error) => Verdict::error(error.to_string()),
    };
    CheckResult {
        id: check.id.to_owned(),
        severity: check.severity,
        requirement: check.requirement.to_owned(),
        scene: check.scene.to_owned(),
        verdict,
        milliseconds: 0,
        gap: None,
    }
}

/// A directory for a run. Other users have to get at the root file systems in it: an id-mapped root is one of them.
pub(crate) fn workshop() -> Result<tempfile::TempDir, RunError> {
    let work = tempfile::Builder::new()
        .prefix("browndog-conformance-")
        .tempdir()
        .map_err(|source| RunError::Io { what: "making a working directory".into(), source })?;
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(work.path(), open)
        .map_err(|source| RunError::Io { what: "opening the working directory".into(), source })?;
    Ok(work)
}

pub(crate) fn stage<'a>(runtime: &'a dyn Runtime, binary: &Path, work: &Path) -> Result<Stage<'a>, RunError> {
    let probe = work.join(crate::probe::NAME);
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let _length = std::fs::copy(binary, &probe)
        .and_then(|length| std::fs::set_permissions(&probe, executable).map(|()| length))
        .map_err(|source| RunError::Io { what: "copying the probe".into(), source })?;
    let canary = Canary::plant(binary, work)
        .map_err(|source| RunError::Io { what: "planting the canaries".into(), source })?;
    Ok(Stage {
        runtime,
        binary: binary.to_owned(),
        work: work.to_owned(),
        canary,
        plans: None,
        mutation: None,
    })
}

/// Facts of scenes by name, or why a scene gave none.
pub type Gathered = Vec<(String, Result<Facts, String>)>;

/// Plays scenes without judging: all, or those named.
pub fn facts(runtime: &str, binary: &Path, names: &[String]) -> Result<Gathered, RunError> {
    let runtime = runtimes::by_name(runtime, binary)?;
    let work = workshop()?;
    let mut stage = stage(runtime.as_ref(), binary, work.path())?;
    let chosen = SCENES.iter().filter(|s| names.is_empty() || names.iter().any(|n| n == s.name));
    let play = |s: &Scene| {
        let gathered = (s.play)(&mut stage).map_err(|e| e.to_string());
        stage.sweep();
        (s.name.to_owned(), gathered)
    };
    Ok(chosen.map(play).collect())
}

/// The faults that browndog's plans for the scenes allow, by scene.
pub fn mutations(binary: &Path) -> Result<BTreeMap<String, Vec<String>>, RunError> {
    let runtime = runtimes::by_name("browndog", binary)?;
    let work = workshop()?;
    let mut stage = stage(runtime.as_ref(), binary, work.path())?;
    let mut found = BTreeMap::new();
    for scene in SCENES {
        stage.plans = Some(RefCell::default());
        if let Err(error) = (scene.play)(&mut stage)
            && !matches!(error, SceneError::NotApplicable(_))
        {
            return Err(RunError::NoPlan { scene: scene.name, reason: error.to_string() });
        }
        let words = stage.plans.take().map(RefCell::into_inner).unwrap_or_default();
        let _earlier = found.insert(scene.name.to_owned(), words);
    }
    Ok(found)
}
