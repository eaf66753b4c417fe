//! The price of each mechanism: the floor with one thing left out or swapped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::peers::unified_cgroup;
use crate::report::{Mechanism, StepCost};
use crate::rounds::{Progress, Starter};
use crate::workplace::Workplace;

/// What is changed, and the floor's switches for it; `PREPARED` stands for the prepared directory.
const CHANGES: [(&str, &str); 24] = [
    ("as it is", ""),
    ("no network namespace", "-net"),
    ("loopback left down", "-lo"),
    ("no cgroup", "-cgroup"),
    ("cgroup joined by a write, not by the clone", "procs"),
    ("memory copied (fork), not borrowed (vfork)", "fork"),
    ("no pid namespace", "-pid"),
    ("no ipc namespace, no mqueue", "-ipc -mqueue"),
    ("no uts namespace", "-uts"),
    ("no cgroup namespace", "-cgroupns"),
    ("no mount namespace, no mounts", "-mount"),
    ("no /dev", "-dev"),
    ("no /proc", "-proc"),
    ("no /sys", "-sysfs"),
    ("no /dev/shm", "-shm"),
    ("no /dev/mqueue", "-mqueue"),
    ("no /dev/pts", "-devpts"),
    ("fsopen and move_mount for every mount", "newapi"),
    ("masks, capabilities, no_new_privs, filter", "harden"),
    ("/dev cloned from a prepared tree", "devtree=PREPARED"),
    ("empty base mount namespace, no pivot", "base=PREPARED"),
    ("base namespace and prepared /dev", "prepared=PREPARED"),
    ("both, and no network namespace", "prepared=PREPARED -net"),
    ("no namespaces, no cgroup", "-net -pid -ipc -uts -cgroupns -mount -cgroup"),
];

/// Measures all changes in interleaved rounds of `starts` each, and the floor's own steps.
pub fn measure(
    floor: &Path,
    place: &Workplace,
    starter: &Starter,
    (rounds, starts): (usize, usize),
    progress: Progress<'_>,
) -> io::Result<(Vec<Mechanism>, Vec<StepCost>)> {
    let prepared = Prepared::make(floor, place.path("prepared"))?;
    let mut best = vec![(u64::MAX, u64::MAX); CHANGES.len()];
    let mut steps: Vec<StepCost> = Vec::new();
    for round in 0..rounds {
        for (index, (change, switches)) in CHANGES.iter().enumerate() {
            if starter.stopped() {
                break;
            }
            progress(round * CHANGES.len() + index, rounds * CHANGES.len(), change);
            let costs = run(floor, place, &prepared.dir, switches, starts)?;
            let total = costs.last().map_or((u64::MAX, u64::MAX), |total| (total.min, total.median));
            best[index] = (best[index].0.min(total.0), best[index].1.min(total.1));
            if index == 0 {
                steps = smaller(steps, costs);
            }
        }
    }
    let base = best[0].1;
    let measured = CHANGES.iter().zip(best).filter(|(_, (min, _))| *min != u64::MAX);
    let rows = measured.map(|((change, switches), (min, median))| Mechanism {
        change: (*change).to_owned(),
        switch: (*switches).to_owned(),
        base,
        median,
        min,
    });
    // The last line is the total.
    let _total = steps.pop();
    Ok((rows.collect(), steps))
}

/// Step by step the smaller of both; the first time there is only one.
fn smaller(old: Vec<StepCost>, new: Vec<StepCost>) -> Vec<StepCost> {
    if old.is_empty() {
        return new;
    }
    let both = old.into_iter().zip(new);
    both.map(|(a, b)| StepCost { name: a.name, min: a.min.min(b.min), median: a.median.min(b.median) })
        .collect()
}

fn run(
    floor: &Path,
    place: &Workplace,
    prepared: &Path,
    switches: &str,
    starts: usize,
) -> io::Result<Vec<StepCost>> {
    let mut command = Command::new(floor);
    let cgroup = unified_cgroup().map_or("-cgroup".to_owned(), |dir| format!("cgroup={}", dir.display()));
    let _set = command.arg(place.path("root")).arg(format!("loop={starts}")).arg(cgroup);
    let words = switches.split(' ').filter(|word| !word.is_empty());
    let _set = command.args(words.map(|word| word.replace("PREPARED", &prepared.to_string_lossy())));
    costs(&succeeded(command.output()?)?)
}

/// Reads `step<TAB>min<TAB>median` lines.
fn costs(output: &Output) -> io::Result<Vec<StepCost>> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let mut fields = line.split('\t');
        let (name, min, median) =
            (fields.next()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(StepCost { name: name.to_owned(), min, median })
    };
    let costs: Option<Vec<StepCost>> = text.lines().map(line).collect();
    costs
        .filter(|costs| !costs.is_empty())
        .ok_or_else(|| io::Error::other(format!("the floor printed {text:?}")))
}

fn succeeded(output: Output) -> io::Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// The prepared namespace and /dev, removed with the value.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    floor: &'a Path,
    dir: PathBuf,
}

impl<'a> Prepared<'a> {
    pub(crate) fn make(floor: &'a Path, dir: PathBuf) -> io::Result<Self> {
        fs::create_dir(&dir)?;
        let prepared = Self { floor, dir };
        let _output = succeeded(Command::new(floor).arg(prepared.word("make")).output()?)?;
        Ok(prepared)
    }
    fn word(&self, what: &str) -> String {
        format!("{what}={}", self.dir.display())
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        let removed = Command::new(self.floor).arg(self.word("remove")).output().and_then(succeeded);
        // The mounts are in the bench's own namespace or below its own directory; the end of both follows.
        debug_assert!(removed.is_ok(), "{removed:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_none() {
        assert_eq!(CHANGES[0].1, "");
    }

    #[test]
    fn the_smaller_time_of_each_step_is_kept() {
        let cost = |min, median| vec![StepCost { name: "clone3".to_owned(), min, median }];
        assert_eq!(smaller(cost(5, 9), cost(6, 8)), cost(5, 8));
    }
}
