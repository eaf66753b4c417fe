//! A container in the background, for runtimes that have verbs for one.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::facts::Facts;
use crate::probe::NAME;
use crate::runtimes::Verb;
use crate::spec::Spec;
use crate::stage::{Doing, Finished, Running, SceneError, Stage};

use super::tried::{HARSH, Tried};

/// How long a verb may take to end by itself.
const ALONE: Duration = Duration::from_secs(4);
/// How long a verb may take to end once it was asked to by a signal.
const ASKED: Duration = Duration::from_secs(5);

/// A container that runs; dropping it removes it.
pub(super) struct Background<'a, 'b> {
    stage: &'a Stage<'b>,
    spec: Spec,
    /// Where it was prepared.
    pub(super) place: PathBuf,
}

impl<'a, 'b> Background<'a, 'b> {
    /// Starts the recipe; a runtime without the verb is not applicable.
    pub(super) fn start(stage: &'a Stage<'b>, spec: Spec, place: &Path) -> Result<Self, SceneError> {
        Self::start_by(stage, spec, place, "--clean")
    }

    /// The same from another launcher.
    pub(super) fn start_by(
        stage: &'a Stage<'b>,
        spec: Spec,
        place: &Path,
        how: &str,
    ) -> Result<Self, SceneError> {
        let _foreground = stage.prepared(&spec, place)?;
        let call = stage.runtime.verb(&Verb::Background, &spec.name, place).ok_or_else(|| {
            SceneError::NotApplicable(format!(
                "the adapter of {} starts nothing in the background",
                stage.runtime.name()
            ))
        })?;
        // A file and no pipe: the container keeps it.
        let log = place.join("background.log");
        let file = || File::options().create(true).append(true).open(&log).doing("making a log");
        let mut child = stage
            .launcher(&call, how)
            .stdin(Stdio::null())
            .stdout(file()?)
            .stderr(file()?)
            .spawn()
            .doing("starting the launcher")?;
        let container = Self { stage, spec, place: place.to_owned() };
        let deadline = Instant::now() + HARSH;
        loop {
            match child.try_wait().doing("waiting for the runtime")? {
                Some(status) if status.success() => return Ok(container),
                Some(status) => {
                    let said = std::fs::read_to_string(&log).unwrap_or_default();
                    return Err(SceneError::NotStarted(format!("{status}; {}", said.trim())));
                }
                None if Instant::now() > deadline => {
                    // One that ended in between is gone as well.
                    drop(child.kill());
                    drop(child.wait());
                    return Err(SceneError::Hang("it does not start in the background".into()));
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// A verb on it as it runs.
    pub(super) fn spawn(&self, verb: &Verb) -> Result<Running, SceneError> {
        let call = self.stage.runtime.verb(verb, &self.spec.name, &self.place).ok_or_else(|| {
            SceneError::NotApplicable(format!("{} has no command for {verb:?}", self.stage.runtime.name()))
        })?;
        self.stage.spawn(&call, "--clean")
    }

    /// The same to its end.
    pub(super) fn verb(&self, verb: &Verb) -> Result<Finished, SceneError> {
        self.spawn(verb)?.finish(HARSH)
    }

    /// Runs the probe inside, and what became of it.
    pub(super) fn exec(&self, verb: &Verb) -> Result<Tried, SceneError> {
        match self.verb(verb) {
            Ok(finished) => Ok(Tried {
                seen: crate::probe::told(&finished.stdout, &self.stage.canary.token),
                exit: finished.status.code().or(Some(-1)),
                says: finished.stderr.trim().chars().take(200).collect(),
            }),
            Err(SceneError::Hang(why)) => Ok(Tried { says: why, ..Tried::default() }),
            Err(error) => Err(error),
        }
    }

    /// One of the probe's small commands inside; its exit status.
    pub(super) fn command(&self, words: &[&str]) -> Result<i32, SceneError> {
        let argv = [&[PROBE], words].concat().into_iter().map(str::to_owned).collect();
        Ok(self.verb(&Verb::Exec(argv))?.status.code().unwrap_or(-1))
    }

    /// Facts of the probe inside.
    pub(super) fn facts(&self, areas: &str) -> Result<Facts, SceneError> {
        let tried = self.exec(&Verb::Exec(self.stage.probe_argv(areas, false)))?;
        let word = tried.word();
        tried.seen.ok_or_else(|| SceneError::NotStarted(format!("the probe inside: {word}; {}", tried.says)))
    }

    /// Starts a verb that may never end: whether it ends by itself, by SIGTERM, or not at all.
    pub(super) fn ends(&self, verb: &Verb) -> Result<String, SceneError> {
        let mut running = self.spawn(verb)?;
        Ok(match running.wait_for(ALONE)? {
            Some(true) => "done".into(),
            Some(false) => "refused".into(),
            None => {
                // One that ended in between needs no signal.
                let _sent = running.signal(Signal::SIGTERM).is_ok();
                let ended = running.wait_for(ASKED)?.is_some();
                running.kill();
                if ended { "ended by SIGTERM".into() } else { "deaf to SIGTERM".to_owned() }
            }
        })
    }
}

/// The probe inside.
pub(super) const PROBE: &str = "/browndog-probe";
const _: () = assert!(NAME.len() + 1 == PROBE.len());

impl Drop for Background<'_, '_> {
    fn drop(&mut self) {
        super::life::destroy(self.stage, &self.spec, &self.place);
    }
}
