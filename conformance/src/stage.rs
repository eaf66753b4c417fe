//! The stage of a scene: a place on disk, canaries on the host, one container at a time, and an eye on it from outside.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::facts::Facts;
use crate::probe::{FACTS, HOLD, NAME};
use crate::runtimes::{Call, Runtime, RuntimeError, Verb};
use crate::snapshot::Snapshot;
use crate::spec::Spec;

/// Longest time a container may take to say something, unless the run has less.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Seconds of patience with anything; a run may be told to have less.
static PATIENCE_SECONDS: AtomicU64 = AtomicU64::new(60);

/// From now on nothing is waited for longer than this.
pub fn have_patience(seconds: u64) {
    PATIENCE_SECONDS.store(seconds.max(1), Ordering::Relaxed);
}

/// When waiting ends.
fn deadline(patience: Duration) -> Instant {
    Instant::now() + patience.min(Duration::from_secs(PATIENCE_SECONDS.load(Ordering::Relaxed)))
}

/// How long a busy machine may take to show a process that is there already.
const SHOWN: Duration = Duration::from_secs(20);

/// What has been left behind for so long, and neither more nor less of it, stays: a busy machine takes a container
/// that has ended apart for seconds.
const SETTLED: Duration = Duration::from_secs(5);

/// How long to wait at a time, so that an interrupted run does not wait for a container that hangs.
const SLICE: Duration = Duration::from_millis(50);

/// After the end of a runtime's process: nothing more comes from what it has started, or nothing that is waited for.
const SILENCE: Duration = Duration::from_secs(2);

/// How the reason begins where the runtime itself gave up.
pub const NOT_STARTED: &str = "the container did not start: ";

/// How the reason begins where it never ended.
pub const HANGS: &str = "the container hangs: ";

/// Why a scene gave no facts.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// The runtime cannot express it.
    #[error("{0}")]
    NotApplicable(String),
    /// The runtime did not start the container.
    #[error("{NOT_STARTED}{0}")]
    NotStarted(String),
    /// It did not end, or said nothing.
    #[error("{HANGS}{0}")]
    Hang(String),
    /// The run was ended before this scene.
    #[error("the run was interrupted before this scene was over")]
    Interrupted,
    /// The harness itself failed.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The kernel's answer.
        source: std::io::Error,
    },
    /// The adapter failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

/// Adds what was attempted to an I/O error.
pub trait Doing<T> {
    /// Names the attempt.
    fn doing(self, what: impl Into<String>) -> Result<T, SceneError>;
}
impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, what: impl Into<String>) -> Result<T, SceneError> {
        self.map_err(|source| SceneError::Io { what: what.into(), source })
    }
}

/// Where scenes of one run happen.
pub struct Stage<'a> {
    /// Runtime under test.
    pub runtime: &'a dyn Runtime,
    /// The binary that is probe and launcher.
    pub binary: PathBuf,
    /// Directory for this run.
    pub work: PathBuf,
    /// What no container may see.
    pub canary: crate::canary::Canary,
    /// Ask browndog which faults its plans allow instead of starting anything; they are collected here.
    pub plans: Option<RefCell<Vec<String>>>,
    /// A fault for browndog (only inside a guest).
    pub mutation: Option<String>,
}

/// A container in the foreground.
pub struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    errors: mpsc::Receiver<String>,
    output: String,
    /// What facts of this run have in them.
    token: String,
    /// When the launcher was spawned.
    pub begun: Instant,
}

/// How a foreground run ended.
#[derive(Debug)]
pub struct Finished {
    /// Status of the runtime's process.
    pub status: ExitStatus,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on standard error.
    pub stderr: String,
}

impl Stage<'_> {
    /// A new place with a fresh root, and a name nobody else uses.
    pub fn place(&self, scene: &str) -> Result<(PathBuf, String), SceneError> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{scene}-{number}", crate::sweep::own_mark());
        let place = self.work.join(&name);
        fs::create_dir_all(place.join("state")).doing("making a place for the scene")?;
        crate::image::build(&place.join("root"), &self.work.join(NAME))
            .doing("making the root file system")?;
        Ok((place, name))
    }

    /// Clears away what the scene at hand has left.
    pub fn sweep(&self) {
        if self.plans.is_none() {
            crate::sweep::sweep(&self.work, &self.canary.token, self.canary.pid());
        }
    }

    /// Arguments with which the probe reports these areas.
    pub fn probe_argv(&self, areas: &str, hold: bool) -> Vec<String> {
        let mut argv = vec![format!("/{NAME}"), "--facts".into(), areas.into()];
        argv.extend(self.canary.params.iter().flat_map(|(n, v)| ["--param".to_owned(), format!("{n}={v}")]));
        if hold {
            argv.push("--hold".into());
        }
        argv
    }

    /// Starts the recipe in the foreground, from the dirty launcher.
    pub fn start(&self, spec: &Spec, place: &Path) -> Result<Running, SceneError> {
        self.start_by(spec, place, "--dirty")
    }

    /// Starts it from another launcher: a word that `probe launch` knows.
    pub fn start_by(&self, spec: &Spec, place: &Path, how: &str) -> Result<Running, SceneError> {
        self.spawn(&self.prepared(spec, place)?, how)
    }

    /// The command that runs the recipe in the foreground.
    pub fn prepared(&self, spec: &Spec, place: &Path) -> Result<Call, SceneError> {
        if let Some(reason) = self.runtime.cannot(spec) {
            return Err(SceneError::NotApplicable(reason));
        }
        self.planned(spec, place)?;
        Ok(self.runtime.prepare(spec, place)?)
    }

    /// Collects the faults that the plan for a recipe allows; a scene of a planning stage ends here.
    pub fn planned(&self, spec: &Spec, place: &Path) -> Result<(), SceneError> {
        let Some(plans) = &self.plans else { return Ok(()) };
        let file = place.join("domain.xml");
        fs::write(&file, spec.xml()).doing("writing the domain")?;
        // From the dirty launcher, like the start: what it has to put back is part of the plan.
        let output = Command::new(&self.binary)
            .args(["probe", "launch", "--dirty"])
            .arg(&self.binary)
            .args(["plan", "--mutations"])
            .arg(&file)
            .output()
            .doing("asking for a plan")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.is_empty() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(SceneError::NotStarted(format!("no plan: {why}")));
        }
        plans.borrow_mut().extend(text.lines().map(str::to_owned));
        Err(SceneError::NotApplicable("only planned".into()))
    }

    /// A command of the runtime's below the launcher.
    pub fn launcher(&self, call: &Call, how: &str) -> Command {
        let mut command = Command::new(&self.binary);
        let _filled = command
            .args(["probe", "launch", how])
            .args(&call.argv)
            .envs(call.env.iter().map(|(n, v)| (n, v)))
            .env("BROWNDOG_CANARY", &self.canary.token)
            .envs(self.mutation.iter().map(|word| ("BROWNDOG_MUTATE", format!("where-it-is:{word}"))));
        command
    }

    /// Runs a command of the runtime's.
    pub fn spawn(&self, call: &Call, how: &str) -> Result<Running, SceneError> {
        let begun = Instant::now();
        let mut child = self
            .launcher(call, how)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .doing("starting the launcher")?;
        let lines = lines_of(child.stdout.take());
        let errors = lines_of(child.stderr.take());
        let token = self.canary.token.clone();
        Ok(Running { child, lines, errors, output: String::new(), token, begun })
    }

    /// Runs another verb to its end.
    pub fn verb(&self, verb: &Verb, name: &str, place: &Path) -> Result<Finished, SceneError> {
        let call = self.runtime.verb(verb, name, place).ok_or_else(|| {
            SceneError::NotApplicable(format!("{} has no command for {verb:?}", self.runtime.name()))
        })?;
        self.spawn(&call, "--clean")?.finish(PATIENCE)
    }

    /// Starts, takes the probe's facts, looks at the container from outside, ends it, and compares
    /// the host before and after.
    pub fn observe(&mut self, spec: &Spec, place: &Path) -> Result<Facts, SceneError> {
        self.observe_with(spec, place, &|_, _| {})
    }

    /// The same with one more look while the container waits.
    pub fn observe_with(
        &mut self,
        spec: &Spec,
        place: &Path,
        look: &dyn Fn(&mut Facts, u32),
    ) -> Result<Facts, SceneError> {
        let before = Snapshot::take();
        let mut running = self.start(spec, place)?;
        let mut facts = running.facts(PATIENCE)?;
        let init = running
            .init()
            .ok_or_else(|| SceneError::NotStarted("its init cannot be found from outside".into()))?;
        crate::host::look(&mut facts, init);
        crate::swept::look(&mut facts, init, spec);
        if let Some(own) = crate::host::namespace(&running.pid().to_string(), "mnt") {
            facts.set("host.ns.mnt.runtime", own);
        }
        look(&mut facts, init);
        running.release();
        let finished = running.finish(PATIENCE)?;
        facts.set("run.exit", finished.status.code().unwrap_or(-1));
        facts.set("run.stderr", finished.stderr.trim());
        facts.set("run.runtime", self.runtime.name());
        self.canary.noticed(&mut facts);
        self.leaks(&before, &spec.name, &mut facts);
        Ok(facts)
    }

    /// Compares the host with what it was, once it had a moment to settle. On a machine that others
    /// use as well only what bears our marks counts; in a guest everything does.
    pub fn leaks(&self, before: &Snapshot, name: &str, facts: &mut Facts) {
        let guest = Path::new(crate::vm::job::LAB_MARK).exists();
        let work = self.work.to_string_lossy().into_owned();
        // Another run on the same machine has names, and a token, of its own.
        let own = crate::sweep::own_mark();
        let name = if name == "bdc-" { own.as_str() } else { name };
        let started = crate::snapshot::started_by(&self.canary.token);
        let belongs = |kind: &str, n: &str| {
            if kind == "files" && n.contains(&work) || n.contains("probe canary") {
                return false;
            }
            if !guest && kind == "mounts" && crate::snapshot::is_copied(n, &work) {
                return false;
            }
            guest && kind != "processes" || n.contains(name) || n.contains(&work) || n.contains(&started)
        };
        let (mut seen, mut since) = (Facts::default(), Instant::now());
        loop {
            let mut found = Facts::default();
            before.compare(&Snapshot::take(), &belongs, &mut found);
            let clean = found.0.values().all(|v| v.as_array().is_some_and(Vec::is_empty));
            if found != seen {
                (seen, since) = (found.clone(), Instant::now());
            }
            if clean || since.elapsed() > SETTLED {
                take_away(&found.list("leak.cgroups"), name);
                facts.absorb(found);
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Removes what a runtime left of ours once it has been recorded, the deepest first: the machine has to
/// be as it was, whatever was tested on it.
fn take_away(left: &[String], name: &str) {
    let mut paths: Vec<&str> =
        left.iter().filter_map(|l| l.strip_prefix("+ ")).filter(|p| p.contains(name)).collect();
    paths.sort_by_key(|p| std::cmp::Reverse(p.len()));
    for path in paths {
        if let Err(error) = fs::remove_dir(path) {
            eprintln!("browndog conformance: {path} was left behind and cannot be removed: {error}");
        }
    }
}

/// Lines of a pipe, from a thread of their own, so that waiting can have an end.
fn lines_of<R: Read + Send + 'static>(pipe: Option<R>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let _detached = std::thread::spawn(move || {
        let Some(pipe) = pipe else { return };
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        // An error of the pipe ends the output like its end does; the status says the rest.
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            if sender.send(String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

impl Running {
    /// Process id of the runtime's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the line of facts.
    pub fn facts(&mut self, patience: Duration) -> Result<Facts, SceneError> {
        let text = self.line(FACTS, patience)?;
        crate::probe::read(&text, &self.token).map_err(SceneError::NotStarted)
    }

    /// Waits for a line that begins so, and gives its rest.
    pub fn line(&mut self, prefix: &str, patience: Duration) -> Result<String, SceneError> {
        let begun = Instant::now();
        let deadline = deadline(patience);
        loop {
            match self.lines.recv_timeout(SLICE.min(deadline.saturating_duration_since(Instant::now()))) {
                Ok(line) => {
                    self.output.push_str(&line);
                    if let Some(at) = line.find(prefix) {
                        return Ok(line[at + prefix.len()..].trim_end().to_owned());
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) if crate::run::interrupted() => {
                    self.kill();
                    return Err(SceneError::Interrupted);
                }
                Err(mpsc::RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    self.kill();
                    let waited = begun.elapsed().as_secs();
                    return Err(SceneError::Hang(format!("no {:?} within {waited} s", prefix.trim())));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().doing("waiting for the runtime")?;
                    let errors: String = self.errors.iter().collect();
                    return Err(SceneError::NotStarted(format!(
                        "{status}; {}{}",
                        self.output,
                        errors.trim()
                    )));
                }
            }
        }
    }

    /// Waits until the probe holds.
    pub fn held(&mut self, patience: Duration) -> Result<(), SceneError> {
        self.line(HOLD, patience).map(drop)
    }

    /// The container's init as the host sees it: the probe's file name, not the runtime's, below our process.
    pub fn init(&self) -> Option<u32> {
        let deadline = Instant::now() + SHOWN;
        loop {
            if let Some(pid) = self.probe_now() {
                return Some(pid);
            }
            if Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The same without waiting for it.
    pub fn probe_now(&self) -> Option<u32> {
        crate::host::descendants(self.child.id()).into_iter().find(|p| crate::host::is_probe(*p))
    }

    /// Lets the probe go on.
    pub fn release(&mut self) {
        if let Some(mut stdin) = self.child.stdin.take() {
            // A probe that is gone already needs no word.
            drop(stdin.write_all(b"go\n"));
        }
    }

    /// The way in, for who wants to write more than a word.
    pub fn take_stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits for the end as closely as can be: for measuring.
    pub fn finish_closely(mut self, patience: Duration) -> Result<Finished, SceneError> {
        drop(self.child.stdin.take());
        let deadline = deadline(patience);
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.output.push_str(&line);
        }
        self.finish(patience)
    }

    /// Waits so long for the end: whether it ended with status 0, or nothing where it goes on.
    pub fn wait_for(&mut self, patience: Duration) -> Result<Option<bool>, SceneError> {
        let deadline = deadline(patience);
        loop {
            let status = self.child.try_wait().doing("waiting for the runtime")?;
            if status.is_some() || Instant::now() > deadline || crate::run::interrupted() {
                return Ok(status.map(|s| s.success()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal to the runtime's process.
    pub fn signal(&self, signal: nix::sys::signal::Signal) -> nix::Result<()> {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id().cast_signed()), signal)
    }

    /// Ends the runtime's process by force.
    pub fn kill(&mut self) {
        drop(self.child.kill());
    }

    /// Waits for the end.
    pub fn finish(mut self, patience: Duration) -> Result<Finished, SceneError> {
        drop(self.child.stdin.take());
        let begun = Instant::now();
        let deadline = deadline(patience);
        let status = loop {
            if let Some(status) = self.child.try_wait().doing("waiting for the runtime")? {
                break status;
            }
            if Instant::now() > deadline || crate::run::interrupted() {
                self.kill();
                let _status = self.child.wait().doing("waiting for the runtime")?;
                if crate::run::interrupted() {
                    return Err(SceneError::Interrupted);
                }
                return Err(SceneError::Hang(format!(
                    "it did not end within {} s",
                    begun.elapsed().as_secs()
                )));
            }
            std::thread::sleep(Duration::from_micros(200));
        };
        let grace = Instant::now() + PATIENCE;
        let drain = |receiver: &mpsc::Receiver<String>| {
            let mut text = String::new();
            // Somebody else may hold the pipe open: then silence is its end.
            let rest = || SILENCE.min(grace.saturating_duration_since(Instant::now()));
            while let Ok(line) = receiver.recv_timeout(rest()) {
                text.push_str(&line);
            }
            text
        };
        let stdout = std::mem::take(&mut self.output) + &drain(&self.lines);
        Ok(Finished { status, stdout, stderr: drain(&self.errors) })
    }
}

impl Drop for Running {
    /// A scene that ends early leaves no process to nobody.
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.kill();
            drop(self.child.wait());
        }
    }
}
