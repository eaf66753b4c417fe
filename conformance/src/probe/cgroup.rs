//! Control groups from inside: what is shown, what can be written, what limits do.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Params;
use super::identity::{errno_of, write_existing};
use super::mounts::table;
use crate::facts::{Facts, spell};

pub(super) fn cgroup(_params: &Params, facts: &mut Facts) {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut paths: Vec<String> =
        text.lines().filter_map(|l| l.splitn(3, ':').nth(2).map(str::to_owned)).collect();
    paths.sort();
    paths.dedup();
    facts.set("cgroup.paths", paths);
    let mounts: Vec<_> = table("self").into_iter().filter(|m| m.kind.starts_with("cgroup")).collect();
    facts.set("cgroup.mounts", mounts.iter().map(|m| m.target.clone()).collect::<Vec<_>>());
    facts.set(
        "cgroup.mount_roots",
        mounts
            .iter()
            .map(|m| m.root.clone())
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>(),
    );
    let writable: Vec<String> =
        mounts.iter().filter(|m| m.options.split(',').all(|o| o != "ro")).map(|m| m.target.clone()).collect();
    facts.set("cgroup.mounts_writable", writable);
    let (mut opened, mut tried) = (Vec::new(), 0);
    for mount in &mounts {
        sweep(Path::new(&mount.target), 3, &mut tried, &mut opened);
    }
    facts.set("cgroup.files_tried", tried);
    facts.set("cgroup.files_opened", opened);
    let release: Vec<String> = mounts
        .iter()
        .map(|m| format!("{}/release_agent", m.target))
        .filter(|p| OpenOptions::new().write(true).open(p).is_ok())
        .collect();
    facts.set("cgroup.release_agent_opened", release);
    move_out(&mounts.iter().map(|m| m.target.clone()).collect::<Vec<_>>(), facts);
    let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    facts.set("cgroup.controllers", words(&controllers));
    facts.attempt_io("cgroup.make_group", fs::create_dir("/sys/fs/cgroup/browndog-try"));
    let _worked = fs::remove_dir("/sys/fs/cgroup/browndog-try").is_ok();
    facts.set("cgroup.namespace", crate::host::namespace("self", "cgroup").unwrap_or_default());
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn sweep(top: &Path, depth: usize, tried: &mut u32, opened: &mut Vec<String>) {
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => sweep(&path, depth - 1, tried, opened),
            Ok(kind) if kind.is_file() => {
                *tried += 1;
                if OpenOptions::new().write(true).open(&path).is_ok() && opened.len() < 40 {
                    opened.push(path.display().to_string());
                }
            }
            _ => {}
        }
    }
}

/// Writes itself into the groups above, by every name they may have.
fn move_out(mounts: &[String], facts: &mut Facts) {
    let mut worked = Vec::new();
    for mount in mounts {
        for up in
            ["../cgroup.procs", "../../cgroup.procs", "../../../cgroup.procs", "../../../../cgroup.procs"]
        {
            let path = format!("{mount}/{up}");
            if write_existing(&path, "1").is_ok() {
                worked.push(path);
            }
        }
        let procs = format!("{mount}/cgroup.procs");
        facts
            .set(format!("cgroup.write_procs.{mount}"), spell(write_existing(&procs, "1").map_err(errno_of)));
    }
    facts.set("cgroup.moved_out_by", worked);
}

/// Groups in groups, as deep as may be: at most a hundred.
pub(super) fn nested(_params: &Params, facts: &mut Facts) {
    let mut path = std::path::PathBuf::from("/sys/fs/cgroup");
    let mut made = Vec::new();
    let mut end = "enough".to_owned();
    // What lies there may be a memory file system, in which directories are no groups.
    let groups = path.join("cgroup.procs").exists();
    while groups && made.len() < 100 {
        path.push("g");
        if let Err(error) = fs::create_dir(&path) {
            end = spell::<()>(Err(errno_of(error)));
            break;
        }
        made.push(path.clone());
    }
    facts.set("nested.depth", made.len());
    facts.set("nested.end", end);
    for path in made.iter().rev() {
        let _gone = fs::remove_dir(path).is_ok();
    }
}

/// Forks until it is refused, at most `fork_most` times; the children sleep and are ended.
pub(super) fn forks(params: &Params, facts: &mut Facts) {
    let most = params.number("fork_most").unwrap_or(200);
    let mut children = Vec::new();
    let mut end = "none".to_owned();
    for _ in 0..most {
        match std::process::Command::new(format!("/{}", super::NAME)).args(["sleep", "30"]).spawn() {
            Ok(child) => children.push(child),
            Err(error) => {
                end = spell::<()>(Err(errno_of(error)));
                break;
            }
        }
    }
    facts.set("limit.forked", children.len());
    facts.set("limit.fork_end", end);
    for mut child in children {
        // One that is gone already has been ended by the limit's own means.
        drop(child.kill());
        drop(child.wait());
    }
}

/// What two threads that never rest get of the processors: the share of the time that the kernel has counted
/// for them, taken whenever one of them goes on after a pause, and of these the smallest.
///
/// A quota is a debt that is paid: where the clock of a machine stumbles while a thread runs, the kernel
/// counts more than it gave, and keeps the group from running until that is made up for. At the end of such a
/// pause the group has had what it may have, whatever happened before; in between it may have had much more.
pub(super) fn spin(_params: &Params, facts: &mut Facts) {
    let begun = (Instant::now(), used());
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(move || spun(begun))).collect();
    let (mut pauses, mut least) = (0, f64::INFINITY);
    for thread in threads {
        match thread.join() {
            Ok((seen, share)) => (pauses, least) = (pauses + seen, least.min(share)),
            Err(_) => eprintln!("browndog probe: a spinning thread panicked"),
        }
    }
    // Nobody made it pause: all that it got.
    let share = if pauses == 0 { share_since(begun) } else { least };
    facts.set("limit.cpu_pauses", pauses);
    facts.set("limit.cpu_used_share", (share * 1000.0).round() / 1000.0);
}

/// Spins until it has been made to pause three times after the first second, of which one may have been a
/// stumble, or for four seconds: how many pauses there were, and the smallest share at the end of one.
fn spun(begun: (Instant, f64)) -> (u32, f64) {
    // Ten of the periods in which a quota is given out by default: what is left of the first no longer counts.
    const FIRST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(4);
    // A turn of another process is shorter, and a period's rest after a fifth of it longer.
    const PAUSE: Duration = Duration::from_millis(20);
    let (mut pauses, mut least, mut last) = (0, f64::INFINITY, Instant::now());
    loop {
        let now = Instant::now();
        let elapsed = now - begun.0;
        if now - last >= PAUSE && elapsed >= FIRST {
            pauses += 1;
            least = least.min(share_since(begun));
        }
        last = now;
        if pauses >= 3 || elapsed >= MOST {
            return (pauses, least);
        }
    }
}

fn share_since((instant, before): (Instant, f64)) -> f64 {
    (used() - before) / instant.elapsed().as_secs_f64()
}

/// Processor time of this process in seconds, to the nanosecond (clock_gettime(2)).
fn used() -> f64 {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.map_or(0.0, |t| t.tv_sec() as f64 + t.tv_nsec() as f64 / 1e9)
}

/// The processors this process may run on.
pub(crate) fn processors() -> Vec<usize> {
    use nix::sched::{CpuSet, sched_getaffinity};
    let set = sched_getaffinity(nix::unistd::Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|n| set.is_set(*n).unwrap_or(false)).collect()
}

/// CPUs this process may run on, and whether it can widen the set.
pub(super) fn cpus(_params: &Params, facts: &mut Facts) {
    use nix::sched::{CpuSet, sched_setaffinity};
    facts.set("limit.cpus", processors());
    let mut all = CpuSet::new();
    for number in 0..CpuSet::count() {
        if all.set(number).is_err() {
            break;
        }
    }
    facts.attempt("limit.cpus_widen", sched_setaffinity(nix::unistd::Pid::from_raw(0), &all));
    facts.set("limit.cpus_after", processors());
}

/// A child that touches memory until it is killed; PID 1 has to survive it.
pub(super) fn hog(params: &Params, facts: &mut Facts) {
    let mebibytes = params.text("hog_mib").unwrap_or("256").to_owned();
    let status = std::process::Command::new(format!("/{}", super::NAME)).args(["hog", &mebibytes]).status();
    use std::os::unix::process::ExitStatusExt;
    match status {
        Ok(status) => {
            facts.set("limit.hog_signal", status.signal().unwrap_or(0));
            facts.set("limit.hog_exit", status.code().unwrap_or(-1));
        }
        Err(error) => facts.set("limit.hog_signal", error.to_string()),
    }
    // Files in memory count like memory.
    let mut written = 0;
    let mut end = "none".to_owned();
    if let Ok(mut file) = fs::File::create("/dev/shm/fill") {
        let chunk = vec![1_u8; 1 << 20];
        for _ in 0..params.number("shm_mib").unwrap_or(96) {
            match file.write_all(&chunk) {
                Ok(()) => written += 1,
                Err(error) => {
                    end = spell::<()>(Err(errno_of(error)));
                    break;
                }
            }
        }
    }
    let _worked = fs::remove_file("/dev/shm/fill").is_ok();
    facts.set("limit.shm_written_mib", written);
    facts.set("limit.shm_end", end);
}
