//! Interleaved rounds: everybody a few times, then everybody again.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::peers::{LeftOut, Subject};

/// A start that takes longer than this hangs, unless the caller knows better.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long a start may go on after a Ctrl-C.
const GRACE: Duration = Duration::from_secs(1);

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds over everybody.
    pub rounds: usize,
    /// Starts in a row within a round.
    pub starts: usize,
    /// Starts before the first round, not counted.
    pub warmup: usize,
    /// Whether each start waits until what the one before left to the kernel is over; see [`Pace`].
    pub paced: bool,
}

impl Effort {
    /// The waits between these starts.
    pub fn pace(&self) -> Option<Pace> {
        self.paced.then(|| Pace::new(self.rounds * self.starts))
    }
}

/// Starts that do not disturb each other, for a clock that counts instructions.
///
/// A container's end is not over with its process: namespaces, groups and programs are taken apart by
/// the kernel's own threads milliseconds later, and whether they get their turn within the next start or
/// after it, and how many ticks of the timer hit that, hangs on a few instructions more or less. Here
/// they all get their turn before, and over all starts the ticks come evenly.
#[derive(Debug)]
pub struct Pace {
    turns: u32,
    turn: u32,
}

/// Between two starts, at least: a multiple of every tick there is (CONFIG_HZ 100, 250, 300, 1000), and
/// about as long as grace periods and deferred work take.
const BETWEEN: Duration = Duration::from_millis(40);

/// The longest tick that is evened out, and a multiple of the shorter ones.
const TICK: Duration = Duration::from_millis(20);

impl Pace {
    /// So many starts, over which the ticks are spread.
    pub fn new(turns: usize) -> Self {
        Self { turns: u32::try_from(turns).unwrap_or(u32::MAX).max(1), turn: 0 }
    }

    /// Returns at the moment of the next start.
    ///
    /// Works instead of sleeping: an emulator lets an idle guest's clock jump, and by how much depends on
    /// what the emulator's own threads have done by then.
    pub fn wait(&mut self) -> io::Result<()> {
        let now = || nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).map(Duration::from);
        let moment = self.after(now()?);
        self.turn += 1;
        let mut noise = 1;
        while now()? < moment {
            noise = std::hint::black_box(work(noise));
        }
        Ok(())
    }

    fn after(&self, now: Duration) -> Duration {
        let whole = now.as_nanos() / BETWEEN.as_nanos() + 2;
        let phase = TICK * (self.turn % self.turns) / self.turns;
        BETWEEN * u32::try_from(whole).unwrap_or(u32::MAX) + phase
    }
}

/// Some ten thousand instructions in long straight runs, which an emulator is quick with (xorshift).
fn work(mut state: u64) -> u64 {
    let step = |mut x: u64| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^ (x << 17)
    };
    for _ in 0..64 {
        state = step(step(step(step(step(step(step(step(state))))))));
        state = step(step(step(step(step(step(step(step(state))))))));
        state = step(step(step(step(step(step(step(step(state))))))));
    }
    state
}

/// One subject's times.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Who.
    pub subject: Subject,
    /// Nanoseconds per start, round by round.
    pub rounds: Vec<Vec<u64>>,
    /// User time of all counted starts, in microseconds.
    pub user_us: u64,
    /// System time of all counted starts, in microseconds.
    pub system_us: u64,
}

/// Everything measured, and who dropped out.
#[derive(Debug)]
pub struct Outcome {
    /// Who stayed.
    pub measured: Vec<Measured>,
    /// Who did not, with the reason.
    pub left_out: Vec<LeftOut>,
    /// Whether it was ended before all rounds were done.
    pub interrupted: bool,
}

/// Starts things, one at a time, with an eye on those that hang.
#[derive(Debug)]
pub struct Starter {
    log: File,
    watched: Arc<Mutex<Option<Watched>>>,
    stop: Arc<AtomicBool>,
    patience: Duration,
}

/// A start under way.
#[derive(Clone, Copy, Debug)]
struct Watched {
    pid: Pid,
    began: Instant,
    patience: Duration,
}

impl Starter {
    /// A starter that stops at once when `stop` becomes true, and ends what takes longer than `patience`.
    pub fn new(stop: Arc<AtomicBool>, patience: Duration) -> io::Result<Self> {
        let watched = Arc::new(Mutex::new(None::<Watched>));
        let seen = Arc::downgrade(&watched);
        let asked = Arc::clone(&stop);
        let _watcher = std::thread::spawn(move || {
            while let Some(watched) = seen.upgrade() {
                kill_overdue(&watched, asked.load(Ordering::Relaxed));
                drop(watched);
                std::thread::sleep(Duration::from_millis(500));
            }
        });
        // In memory: what a subject has to say is not to wait for a disk.
        let log = memfd_create(c"log", MFdFlags::MFD_CLOEXEC)?.into();
        Ok(Self { log, watched, stop, patience })
    }

    /// Whether somebody asked to stop.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// One start to exit; nanoseconds, or what went wrong.
    pub fn time(&self, command: &mut Command) -> Result<u64, String> {
        let began = Instant::now();
        let child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
        let status = self.wait(child)?;
        let took = began.elapsed();
        match (status.code(), status.signal()) {
            (Some(0), _) => Ok(took.as_nanos() as u64),
            (_, Some(9)) if took >= self.patience => {
                Err(format!("hung: no end within {} s", self.patience.as_secs()))
            }
            _ => Err(format!("{status}: {}", last_words(&mut &self.log))),
        }
    }

    /// Waits without reaping first, so that the watcher never kills a number that means another process.
    fn wait(&self, mut child: Child) -> Result<std::process::ExitStatus, String> {
        let pid = Pid::from_raw(child.id().cast_signed());
        self.watch(Some(Watched { pid, began: Instant::now(), patience: self.patience }));
        let ended = loop {
            match waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
                Err(nix::errno::Errno::EINTR) => {}
                other => break other,
            }
        };
        self.watch(None);
        let reaped = child.wait().map_err(|error| error.to_string());
        ended.map_err(|error| error.to_string()).and(reaped)
    }

    fn watch(&self, what: Option<Watched>) {
        *self.watched.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = what;
    }

    /// The command of `subject`, which says to the log what it has to say.
    pub fn command(&self, subject: &Subject) -> io::Result<Command> {
        let mut command = Command::new(&subject.command[0]);
        let log = self.log.try_clone()?;
        let _set = command.args(&subject.command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // A group of its own: what hangs is ended with everything that it has started.
        let _set = command.process_group(0);
        Ok(command)
    }
}

/// The last line in a log.
pub(crate) fn last_words(log: &mut (impl Read + Seek)) -> String {
    let mut bytes = Vec::new();
    let read = log.seek(SeekFrom::Start(0)).and_then(|_| log.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    match read {
        Ok(_) => text.trim().lines().last().unwrap_or("no message").to_owned(),
        Err(error) => error.to_string(),
    }
}

fn kill_overdue(watched: &Mutex<Option<Watched>>, stopped: bool) {
    let watched = watched.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let overdue = |one: &Watched| {
        let took = one.began.elapsed();
        took > one.patience || (stopped && took > GRACE)
    };
    if let Some(one) = watched.filter(overdue) {
        // It may have ended by itself just now; it is not reaped, so the number is still its own.
        if let Err(error) = killpg(one.pid, Signal::SIGKILL) {
            debug_assert_eq!(error, nix::errno::Errno::ESRCH);
        }
    }
}

/// User and system time of all ended children, in microseconds.
fn cpu_time() -> (u64, u64) {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or((0, 0), |usage| {
        let us = |time: nix::sys::time::TimeVal| time.num_microseconds().unsigned_abs();
        (us(usage.user_time()), us(usage.system_time()))
    })
}

/// Hears of every part that begins: how many are done, of how many, and whose turn it is.
pub type Progress<'a> = &'a mut dyn FnMut(usize, usize, &str);

/// Measures `subjects`.
pub fn measure(
    starter: &Starter,
    subjects: Vec<Subject>,
    effort: Effort,
    progress: Progress<'_>,
) -> io::Result<Outcome> {
    let parts = subjects.len() * (effort.rounds + 1);
    let mut field = Field::default();
    for (done, subject) in subjects.into_iter().enumerate() {
        progress(done, parts, &subject.name);
        field.admit(starter, subject, effort)?;
    }
    let everybody = field.runners.len();
    let mut done = parts - everybody * effort.rounds;
    for round in 0..effort.rounds {
        for turn in 0..everybody {
            // Everybody is first, last and everybody's neighbour in turn.
            let who = (turn + round) % everybody;
            if !starter.stopped() {
                progress(done, parts, &field.runners[who].measured.subject.name);
                field.turn(starter, who, effort.starts);
            }
            done += 1;
        }
    }
    let stayed = |one: &Runner| one.command.is_some() && !one.measured.rounds.is_empty();
    Ok(Outcome {
        measured: field.runners.into_iter().filter(stayed).map(|one| one.measured).collect(),
        left_out: field.left_out,
        interrupted: starter.stopped(),
    })
}

/// Who runs.
struct Runner {
    /// None for one who dropped out.
    command: Option<Command>,
    measured: Measured,
    pace: Option<Pace>,
}

/// Everybody.
#[derive(Default)]
struct Field {
    runners: Vec<Runner>,
    left_out: Vec<LeftOut>,
}

impl Field {
    /// Warms `subject` up; one that fails already now is left out.
    fn admit(&mut self, starter: &Starter, subject: Subject, effort: Effort) -> io::Result<()> {
        let (warmup, pace) = (effort.warmup, effort.pace());
        let mut command = starter.command(&subject)?;
        let warm = |_| if starter.stopped() { Ok(()) } else { starter.time(&mut command).map(drop) };
        match (0..warmup.max(1)).try_for_each(warm) {
            Err(reason) if !starter.stopped() => {
                self.left_out.push(LeftOut { name: subject.name, reason });
            }
            _ => {
                let measured = Measured { subject, rounds: Vec::new(), user_us: 0, system_us: 0 };
                self.runners.push(Runner { command: Some(command), measured, pace });
            }
        }
        Ok(())
    }

    fn turn(&mut self, starter: &Starter, who: usize, starts: usize) {
        let Runner { command, measured, pace } = &mut self.runners[who];
        let Some(running) = command else { return };
        let result = batch(starter, running, (measured, pace), starts);
        // What a Ctrl-C ended did not fail.
        if let Err(reason) = result
            && !starter.stopped()
        {
            self.left_out.push(LeftOut { name: measured.subject.name.clone(), reason });
            *command = None;
        }
    }
}

fn batch(
    starter: &Starter,
    command: &mut Command,
    (into, pace): (&mut Measured, &mut Option<Pace>),
    starts: usize,
) -> Result<(), String> {
    let before = cpu_time();
    let mut one = || {
        pace.as_mut().map_or(Ok(()), Pace::wait).map_err(|error| error.to_string())?;
        starter.time(command)
    };
    let times: Result<Vec<u64>, String> = (0..starts).map(|_| one()).collect();
    let after = cpu_time();
    into.rounds.push(times?);
    into.user_us += after.0 - before.0;
    into.system_us += after.1 - before.1;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(name: &str, script: &str) -> Subject {
        let command = ["/bin/sh", "-c", script].map(Into::into).to_vec();
        Subject { name: name.to_owned(), version: String::new(), command, lacks: Vec::new() }
    }

    fn run(subjects: Vec<Subject>, stop: bool) -> Outcome {
        let starter = Starter::new(Arc::new(AtomicBool::new(stop)), Duration::from_secs(5)).unwrap();
        let effort = Effort { rounds: 2, starts: 3, warmup: 1, paced: false };
        measure(&starter, subjects, effort, &mut |_, _, _| {}).unwrap()
    }

    #[test]
    fn every_subject_has_every_round() {
        let outcome = run(vec![subject("a", "exit 0"), subject("b", "exit 0")], false);
        assert_eq!(outcome.measured.iter().map(|one| one.rounds.len()).collect::<Vec<_>>(), [2, 2]);
        assert!(outcome.measured.iter().all(|one| one.rounds.iter().all(|round| round.len() == 3)));
    }

    #[test]
    fn a_peer_that_fails_is_left_out_with_its_own_words() {
        let outcome = run(vec![subject("bad", "echo no luck >&2; exit 3"), subject("good", "exit 0")], false);
        assert_eq!(outcome.measured.len(), 1);
        assert!(outcome.left_out[0].reason.ends_with("no luck"), "{}", outcome.left_out[0].reason);
    }

    #[test]
    fn a_peer_that_hangs_is_ended_with_what_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > '{}'; wait", note.display());
        let outcome = run(vec![subject("stuck", &script), subject("good", "exit 0")], false);
        assert_eq!(outcome.measured.len(), 1);
        assert_eq!(outcome.left_out[0].reason, "hung: no end within 5 s");
        let pid = std::fs::read_to_string(note).unwrap();
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        // Killed, and perhaps not yet reaped by whoever adopts orphans here.
        let over = |state: String| state.is_empty() || state.contains(") Z ");
        while !over(state()) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn paced_starts_are_apart_and_meet_a_tick_at_every_phase() {
        let mut pace = Pace::new(4);
        let now = Duration::from_millis(1_234);
        let mut phases = Vec::new();
        for turn in 0..4 {
            pace.turn = turn;
            let moment = pace.after(now);
            assert!(moment - now >= BETWEEN, "{moment:?}");
            phases.push((moment.as_nanos() % BETWEEN.as_nanos()) as u64 / 1_000_000);
        }
        assert_eq!(phases, [0, 5, 10, 15]);
    }

    #[test]
    fn an_interrupted_bench_keeps_what_it_has_and_says_so() {
        let outcome = run(vec![subject("a", "exit 0")], true);
        assert!(outcome.interrupted && outcome.left_out.is_empty());
    }
}
