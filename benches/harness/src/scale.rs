//! `bench scale`: what a start costs as the machine fills up, and how many starts a second there are.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::peers::{Cast, LeftOut, Subject};
use crate::report::{Curve, Report};
use crate::rounds::{self, Effort, Progress, Starter, last_words, measure};
use crate::start::{blank, stop_on_signal};
use crate::view::View;
use crate::workplace::Workplace;

/// What to measure.
#[derive(Debug)]
pub struct Request<'a> {
    /// The browndog binary.
    pub browndog: &'a Path,
    /// The floor's binary, where there is one.
    pub floor: Option<&'a Path>,
    /// Names wanted.
    pub only: &'a [String],
    /// Counts of running containers, ascending.
    pub running: &'a [usize],
    /// Counts of starts at a time.
    pub parallel: &'a [usize],
    /// How much at each point.
    pub effort: Effort,
    /// Whether to pin a base mount namespace for the time of the measurement.
    pub base: bool,
}

/// How long a container may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures every curve; what was running is gone afterwards.
///
/// # Errors
/// What could not be set up.
pub fn scale(request: &Request<'_>, progress: Progress<'_>) -> io::Result<Report> {
    let starter = Starter::new(stop_on_signal()?, rounds::PATIENCE)?;
    let place = Workplace::make()?;
    let mut report = blank();
    let view = View::enter(&mut report.machine, request.base)?;
    let cast = Cast { browndog: request.browndog, floor: request.floor, only: request.only };
    let (subjects, absent) = cast.find(&place);
    report.left_out = absent;
    let mut crowd = Crowd { place: &place, browndog: request.browndog, members: Vec::new() };
    let empty = available_kib();
    for &count in request.running {
        if starter.stopped() {
            break;
        }
        progress(crowd.members.len(), count.max(1), "containers");
        crowd.grow(count, &starter)?;
        let over = "running containers";
        if count > 0 {
            // Of all of the machine's memory: on one with others, it may even have grown meanwhile.
            let gone = empty.saturating_sub(available_kib());
            if gone > 0 {
                let kind = ("browndog", over, "KiB of the machine per container, kernel's included");
                add(&mut report.scaling, kind, (count as f64, gone as f64 / count as f64));
            }
            let kind = ("browndog", over, "KiB of launcher and init per container (PSS)");
            add(&mut report.scaling, kind, (count as f64, crowd.proportional_kib() as f64 / count as f64));
        }
        let outcome = measure(&starter, subjects.clone(), request.effort, &mut *progress)?;
        for one in &outcome.measured {
            let mut all: Vec<u64> = one.rounds.iter().flatten().copied().collect();
            all.sort_unstable();
            let at = |place: usize| all[place] as f64 / 1e6;
            let name = one.subject.name.as_str();
            add(&mut report.scaling, (name, over, "fastest start, ms"), (count as f64, at(0)));
            add(&mut report.scaling, (name, over, "median start, ms"), (count as f64, at(all.len() / 2)));
        }
        merge(&mut report.left_out, outcome.left_out);
    }
    drop(crowd);
    for (&width, subject) in
        request.parallel.iter().flat_map(|width| subjects.iter().map(move |s| (width, s)))
    {
        if starter.stopped() || report.left_out.iter().any(|out| out.name == subject.name) {
            continue;
        }
        progress(width, width, &subject.name);
        match throughput(subject, width, request.effort, &place) {
            Ok(rate) => {
                let kind = (subject.name.as_str(), "starts at a time", "starts per second");
                add(&mut report.scaling, kind, (width as f64, rate));
            }
            Err(reason) => merge(&mut report.left_out, vec![LeftOut { name: subject.name.clone(), reason }]),
        }
    }
    report.interrupted = starter.stopped();
    drop(view);
    Ok(report)
}

fn add(curves: &mut Vec<Curve>, (name, over, unit): (&str, &str, &str), point: (f64, f64)) {
    let same = |curve: &&mut Curve| curve.name == name && curve.over == over && curve.unit == unit;
    if let Some(curve) = curves.iter_mut().find(same) {
        curve.points.push(point);
        return;
    }
    let own = str::to_owned;
    curves.push(Curve { name: own(name), over: own(over), unit: own(unit), points: vec![point] });
}

fn merge(list: &mut Vec<LeftOut>, more: Vec<LeftOut>) {
    for out in more {
        if !list.contains(&out) {
            list.push(out);
        }
    }
}

/// Starts per second with `width` workers, each starting one after the other.
fn throughput(subject: &Subject, width: usize, effort: Effort, place: &Workplace) -> Result<f64, String> {
    let all = (effort.rounds * effort.starts).max(width);
    let next = AtomicUsize::new(0);
    // Runtimes that keep their containers by name want one for each at a time, and a control group.
    let words = (0..width).map(|worker| {
        let bundle = place.bundle_of(worker)?;
        let own = |word: &OsString| match word {
            name if name == "bench" => format!("bench{worker}").into(),
            dir if dir == place.dir() => bundle.clone().into(),
            other => other.clone(),
        };
        Ok(subject.command[1..].iter().map(own).collect())
    });
    let words: Vec<Vec<OsString>> =
        words.collect::<io::Result<_>>().map_err(|error| format!("cannot write a bundle: {error}"))?;
    let began = Instant::now();
    let work = &|words: &[OsString]| -> Result<(), String> {
        let mut log = tempfile::tempfile().map_err(|error| error.to_string())?;
        while next.fetch_add(1, Ordering::Relaxed) < all {
            let mut command = Command::new(&subject.command[0]);
            let quiet = command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
            let said = log.try_clone().map_err(|error| error.to_string())?;
            let status = quiet.stderr(said).status().map_err(|error| error.to_string())?;
            if !status.success() {
                let words = last_words(&mut log);
                return Err(format!("{width} at a time: {status}: {words}"));
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = words.iter().map(|words| scope.spawn(move || work(words))).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err("a worker ended early".to_owned())))
    })?;
    Ok(all as f64 / began.elapsed().as_secs_f64())
}

/// Containers that run and wait, each with its launcher.
struct Crowd<'a> {
    place: &'a Workplace,
    browndog: &'a Path,
    members: Vec<Child>,
}

impl Crowd<'_> {
    fn grow(&mut self, count: usize, starter: &Starter) -> io::Result<()> {
        while self.members.len() < count && !starter.stopped() {
            let mut command = Command::new(self.browndog);
            let domain = self.place.path("domain.xml");
            let quiet = command.arg("run").arg(domain).args(["--", "/bin/pause"]).stdin(Stdio::null());
            self.members.push(quiet.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
            if let Some(last) = self.members.last_mut() {
                settle(last)?;
            }
        }
        Ok(())
    }

    /// What all launchers and their inits have, in KiB.
    fn proportional_kib(&self) -> u64 {
        let both = |member: &Child| {
            let children = format!("/proc/{0}/task/{0}/children", member.id());
            let children = std::fs::read_to_string(children).unwrap_or_default();
            let inits: u64 = children.split_whitespace().map(proportional_kib).sum();
            proportional_kib(&member.id().to_string()) + inits
        };
        self.members.iter().map(both).sum()
    }
}

/// A process's memory, shared pages by their share, in KiB (smaps_rollup of proc(5)).
fn proportional_kib(pid: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Waits until the container's init has been executed: the launcher then has a child with that name.
fn settle(member: &mut Child) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let children = format!("/proc/{0}/task/{0}/children", member.id());
    loop {
        let child = std::fs::read_to_string(&children).unwrap_or_default();
        let name =
            child.split_whitespace().next().map(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")));
        if matches!(name, Some(Ok(name)) if name.trim() == "pause") {
            return Ok(());
        }
        if let Some(status) = member.try_wait()? {
            return Err(io::Error::other(format!("a container that should run ended: {status}")));
        }
        if Instant::now() > deadline {
            return Err(io::Error::other("a container did not start in time"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

impl Drop for Crowd<'_> {
    fn drop(&mut self) {
        // The launcher passes the signal on, and removes what it made.
        for member in &self.members {
            let asked = kill(Pid::from_raw(member.id().cast_signed()), Signal::SIGTERM);
            debug_assert!(asked.is_ok());
        }
        for member in &mut self.members {
            let ended = member.wait();
            debug_assert!(ended.is_ok());
        }
    }
}

fn available_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_one_kind_become_one_curve() {
        let mut curves = Vec::new();
        add(&mut curves, ("a", "x", "ms"), (0.0, 1.0));
        add(&mut curves, ("a", "x", "ms"), (1.0, 2.0));
        add(&mut curves, ("a", "x", "KiB"), (1.0, 2.0));
        assert_eq!(curves.iter().map(|curve| curve.points.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_peer_that_fails_has_no_throughput_and_says_why() {
        let command = ["/bin/sh", "-c", "echo no luck >&2; exit 3"].map(Into::into).to_vec();
        let subject = Subject { name: "bad".to_owned(), version: String::new(), command, lacks: Vec::new() };
        let effort = Effort { rounds: 1, starts: 1, warmup: 0, paced: false };
        let place = Workplace::make().unwrap();
        let reason = throughput(&subject, 2, effort, &place).unwrap_err();
        assert!(reason.contains("exit status: 3: no luck"), "{reason}");
    }

    #[test]
    fn a_process_has_memory_and_one_that_is_gone_has_none() {
        assert!(proportional_kib("self") > 0);
        assert_eq!(proportional_kib("0"), 0);
    }

    #[test]
    fn each_worker_has_a_container_of_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        let script = "mkdir \"$0/$1\" || exit 1; sleep 0.05; rmdir \"$0/$1\"";
        let command =
            ["/bin/sh", "-c", script, dir.path().to_str().unwrap(), "bench"].map(Into::into).to_vec();
        let subject =
            Subject { name: "named".to_owned(), version: String::new(), command, lacks: Vec::new() };
        let effort = Effort { rounds: 2, starts: 4, warmup: 0, paced: false };
        assert!(throughput(&subject, 4, effort, &Workplace::make().unwrap()).unwrap() > 0.0);
    }
}
