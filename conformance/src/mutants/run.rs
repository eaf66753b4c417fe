//! Many mutants to a guest, one after the other, and a few guests side by side.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::inside::{Outcome, SOILED};
use super::results::Results;
use super::{Fate, Mutant};
use crate::run::{Options, RunError};
use crate::vm::job::{BINARY_PATH, Command, CommandResult, Ended, Message};
use crate::vm::kernel::Kernel;
use crate::vm::{Lab, LabError};

/// So many in one guest: its boot and its soundness are shared, and not too much is done again when it is lost.
const BATCH: usize = 12;
/// Longest for one scene of one mutant, with and without the fault.
const SCENE_S: u64 = 180;

/// A mutant that takes a busy machine's guest for lost is run again, alone: better to wait.
const SILENCE: Duration = Duration::from_secs(300);

/// How mutants are run.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Play all scenes, also after the first that caught it.
    pub all: bool,
    /// Where results are kept as they come.
    pub results: Option<std::path::PathBuf>,
    /// Go on with what is there.
    pub resume: bool,
    /// What another build caught counts as well.
    pub any_build: bool,
    /// Begin no further guest after this time.
    pub most: Option<Duration>,
}

/// What is still to be done.
#[derive(Debug, Default)]
struct Queue {
    left: VecDeque<Mutant>,
    /// Those during which a guest, or the suite in it, was lost: each alone in a guest, with how that was.
    alone: VecDeque<(Mutant, String)>,
    busy: usize,
    /// How often a mutant's guest was not sound before it.
    unsound: BTreeMap<String, usize>,
    failed: Option<RunError>,
}

/// What a worker does next.
enum Task {
    Batch(Vec<Mutant>),
    Alone(Mutant, String),
    Wait,
    Done,
}

/// Runs the suite with each mutant, many to a guest; what is known already is not run again. Those for
/// which there was no time are missing from the answer.
pub fn run_all(
    options: &Options,
    mutants: &[Mutant],
    how: &How,
    watch: &(dyn Fn(&Fate) + Sync),
) -> Result<Vec<Fate>, RunError> {
    let build = build_of(&options.binary)?;
    let results = Results::open(how.results.as_deref(), how.resume)?;
    let left: VecDeque<Mutant> =
        mutants.iter().filter(|m| !results.known(m, &build, how.any_build)).cloned().collect();
    if left.is_empty() {
        return Ok(results.of(mutants));
    }
    let lab = Lab {
        until: Some(SOILED),
        alone: true,
        timeout: Duration::from_secs(4 * 3600),
        silence: SILENCE,
        ..options.lab.clone()
    };
    let kernel = lab.kernel(options.kernels.first().map_or(super::KERNEL, String::as_str))?;
    let width = options.jobs.unwrap_or_else(|| lab.side_by_side()).clamp(1, left.len().div_ceil(BATCH));
    let share = left.len().div_ceil(width).clamp(1, BATCH);
    let crew = Crew {
        options,
        how,
        lab,
        kernel,
        build,
        share,
        begun: Instant::now(),
        queue: Mutex::new(Queue { left, ..Queue::default() }),
        results: Mutex::new(results),
        watch,
    };
    std::thread::scope(|scope| {
        for _ in 0..width {
            let _worker = scope.spawn(|| crew.work());
        }
    });
    let poisoned = || RunError::Unsound("a worker of the harness panicked".into());
    if let Some(error) = crew.queue.into_inner().map_err(|_| poisoned())?.failed {
        return Err(error);
    }
    Ok(crew.results.into_inner().map_err(|_| poisoned())?.of(mutants))
}

fn build_of(binary: &Path) -> Result<String, RunError> {
    use sha2::Digest;
    let bytes = std::fs::read(binary)
        .map_err(|source| RunError::Io { what: format!("reading {}", binary.display()), source })?;
    Ok(sha2::Sha256::digest(&bytes).iter().take(8).map(|b| format!("{b:02x}")).collect())
}

struct Crew<'a> {
    options: &'a Options,
    how: &'a How,
    lab: Lab,
    kernel: Kernel,
    build: String,
    share: usize,
    begun: Instant,
    queue: Mutex<Queue>,
    results: Mutex<Results>,
    watch: &'a (dyn Fn(&Fate) + Sync),
}

impl Crew<'_> {
    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        // A panic of another worker leaves the queue as good as it was: nothing in it is half done.
        act(&mut self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn next(&self) -> Task {
        let late = self.how.most.is_some_and(|most| self.begun.elapsed() > most);
        self.with(|queue| {
            let over = queue.failed.is_some() || late || crate::run::interrupted();
            if over {
                return Task::Done;
            }
            if let Some((mutant, how)) = queue.alone.pop_front() {
                queue.busy += 1;
                return Task::Alone(mutant, how);
            }
            if queue.left.is_empty() {
                return if queue.busy == 0 { Task::Done } else { Task::Wait };
            }
            queue.busy += 1;
            let most = queue.left.len().min(self.share);
            Task::Batch(queue.left.drain(..most).collect())
        })
    }

    fn work(&self) {
        loop {
            let done = match self.next() {
                Task::Done => return,
                Task::Wait => {
                    std::thread::sleep(Duration::from_millis(200));
                    continue;
                }
                Task::Batch(mutants) => self.batch(mutants),
                Task::Alone(mutant, how) => self.alone(mutant, &how),
            };
            self.with(|queue| {
                queue.busy -= 1;
                if let Err(error) = done {
                    queue.failed = queue.failed.take().or(Some(error));
                }
            });
        }
    }

    fn settle(&self, fate: Fate) -> Result<(), RunError> {
        (self.watch)(&fate);
        self.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(fate)
    }

    /// The command that runs a mutant's scenes in the guest; without a word, as they are.
    fn command(&self, word: Option<&str>, scenes: &[String]) -> Command {
        let mut words = [BINARY_PATH, "conformance", "mutant"].map(str::to_owned).to_vec();
        words.extend(word.iter().flat_map(|w| ["--word".to_owned(), (*w).to_owned()]));
        words.extend(["--scene".to_owned(), scenes.join(",")]);
        if self.how.all {
            words.push("--all".into());
        }
        words.extend(self.options.selection.words());
        let mut command = Command::new(words);
        command.timeout_s = SCENE_S * (scenes.len() as u64 + 1);
        command
    }

    /// Boots a guest for these commands: what came back, and how the guest was lost, if it was.
    fn guest(&self, commands: &[Command]) -> Result<(Vec<CommandResult>, Option<String>), RunError> {
        let mut came = Vec::new();
        let mut watch = |message: &Message| {
            if let Message::Result(result) = message {
                came.push(result.clone());
            }
        };
        match self.lab.run_watched(&self.kernel, &self.options.binary, &[], commands, &mut watch) {
            Ok(_) => Ok((came, None)),
            Err(error @ LabError::Guest { .. }) => Ok((came, Some(error.to_string()))),
            Err(error) => Err(error.into()),
        }
    }

    fn batch(&self, mutants: Vec<Mutant>) -> Result<(), RunError> {
        let commands: Vec<Command> = mutants.iter().map(|m| self.command(Some(&m.word), &m.scenes)).collect();
        let (came, lost) = self.guest(&commands)?;
        let reached = came.len();
        let mut left = VecDeque::from(mutants);
        for result in came {
            let Some(mutant) = left.pop_front() else { break };
            match outcome(&result) {
                Ok(outcome) if !outcome.unsound.is_empty() => self.unsound(mutant, &outcome)?,
                Ok(outcome) if !outcome.soiled.is_empty() => left.push_front(mutant),
                Ok(outcome) => self.settle(self.fate(&mutant, &outcome))?,
                Err(how) => self.with(|queue| queue.alone.push_back((mutant, how))),
            }
        }
        if let Some(how) = lost {
            match left.pop_front() {
                Some(mutant) => self.with(|queue| queue.alone.push_back((mutant, how))),
                None => return Err(RunError::Unsound(format!("after its last mutant {how}"))),
            }
        } else if reached == 0 {
            return Err(RunError::Unsound("a guest ended without a single result".into()));
        }
        self.with(|queue| left.into_iter().rev().for_each(|mutant| queue.left.push_front(mutant)));
        Ok(())
    }

    /// In this guest the suite did not pass without the fault. Once may be the guest; twice is the suite.
    fn unsound(&self, mutant: Mutant, outcome: &Outcome) -> Result<(), RunError> {
        let times = self.with(|queue| {
            let times = queue.unsound.entry(mutant.word.clone()).or_default();
            *times += 1;
            *times
        });
        if times > 1 {
            return Err(RunError::Unsound(outcome.unsound.join("; ")));
        }
        self.with(|queue| queue.left.push_front(mutant));
        Ok(())
    }

    /// In a guest of its own, first without the fault: what is lost twice with it, and never without, is caught.
    fn alone(&self, mutant: Mutant, how: &str) -> Result<(), RunError> {
        let commands = [self.command(None, &mutant.scenes), self.command(Some(&mutant.word), &mutant.scenes)];
        let (came, lost) = self.guest(&commands)?;
        let mut came = came.iter();
        let sound = came.next().map(outcome);
        match &sound {
            Some(Ok(sound)) if sound.unsound.is_empty() => {}
            Some(Ok(sound)) => return Err(RunError::Unsound(sound.unsound.join("; "))),
            Some(Err(why)) => return self.lost_without(mutant, why),
            None => return self.lost_without(mutant, lost.as_deref().unwrap_or("no result came back")),
        }
        match came.next().map(outcome) {
            Some(Ok(outcome)) if outcome.soiled.is_empty() && outcome.unsound.is_empty() => {
                self.settle(self.fate(&mutant, &outcome))
            }
            Some(Ok(outcome)) => {
                Err(RunError::Unsound([outcome.unsound, outcome.soiled].concat().join("; ")))
            }
            again => {
                let again = again.and_then(Result::err).or(lost).unwrap_or_else(|| how.to_owned());
                let mut fate = Fate { broke: Some(again), ..Fate::of(&mutant) };
                fate.build.clone_from(&self.build);
                self.settle(fate)
            }
        }
    }

    /// The guest was lost before the fault was seeded. Once may be this machine; twice is the suite.
    fn lost_without(&self, mutant: Mutant, why: &str) -> Result<(), RunError> {
        self.unsound(mutant, &Outcome { unsound: vec![why.to_owned()], ..Outcome::default() })
    }

    fn fate(&self, mutant: &Mutant, outcome: &Outcome) -> Fate {
        Fate {
            caught_by: outcome.caught.keys().cloned().collect(),
            refused: outcome.refused.clone(),
            build: self.build.clone(),
            ..Fate::of(mutant)
        }
    }
}

/// What the suite in the guest said, or how it was lost.
fn outcome(result: &CommandResult) -> Result<Outcome, String> {
    let parsed = serde_json::from_str(&result.stdout);
    match (&result.ended, parsed) {
        (Ended::Exit(0 | SOILED), Ok(outcome)) => Ok(outcome),
        (Ended::Signal(number), _) => Err(format!("the suite in the guest was killed by signal {number}")),
        (Ended::Timeout, _) => Err("the suite in the guest hangs".into()),
        (ended, _) => {
            Err(format!("the suite in the guest gave no result: {ended:?}: {}", result.stderr.trim()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(ended: Ended, stdout: &str) -> CommandResult {
        CommandResult {
            argv: Vec::new(),
            ended,
            stdout: stdout.into(),
            stderr: "said".into(),
            milliseconds: 0,
        }
    }

    #[test]
    fn a_suite_that_was_killed_gave_no_outcome_whatever_it_printed() {
        let good = serde_json::json!(Outcome::default()).to_string();
        assert_eq!(outcome(&result(Ended::Exit(0), &good)), Ok(Outcome::default()));
        for (ended, text) in [
            (Ended::Signal(9), &*good),
            (Ended::Timeout, &good),
            (Ended::Exit(2), &good),
            (Ended::Exit(0), "half"),
        ] {
            assert!(outcome(&result(ended.clone(), text)).is_err(), "{ended:?} {text}");
        }
    }
}
