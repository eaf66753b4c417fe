//! Asking a whole container to end: every process of it, not its process 1 alone.
//!
//! The kernel kills everybody in a PID namespace when its process 1 ends (pid_namespaces(7)), and drops a
//! signal that process 1 has no handler for. So the others are asked first and have their time:
//! - where process 1 takes the signal, it gets it as well, and is stopped (SIGSTOP) until those have ended that
//!   the signal ends, or for half of the time; then it goes on and does what it does about the signal;
//! - where it does not, it is left alone until the others have ended, those too that it has begun
//!   meanwhile. If it is there then, it gets SIGKILL: the effect that the signal has on any other process.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::libc;

use super::signals;
use crate::process::Stat;
use crate::sys;

/// How often processes that were begun meanwhile are asked: a shell in a loop begins another at once.
const ROUNDS: u32 = 20;
/// How long a process 1 without a handler may do nothing after everybody else has ended. One that does something
/// has half of the time: a shell writes down what its server said, and may wait for a processor before.
const BY_ITSELF: Duration = Duration::from_millis(100);
/// Between two looks at who is still there; the first is doubled up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));
/// Processes that only ignore the signal are looked at this rarely.
const SELDOM: Duration = Duration::from_millis(200);

/// A process, which another one with its number is not taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Member {
    pid: i32,
    /// Clock ticks since boot (proc_pid_stat(5)).
    start: u64,
}

/// A container that was asked to end.
#[derive(Debug)]
pub struct Asking {
    place: Place,
    pidfd: Arc<OwnedFd>,
    signal: i32,
    /// Process 1 takes the signal.
    takes: bool,
    /// Those who were asked, do not ignore it, and have not ended.
    waited: Vec<Member>,
    rounds: u32,
    began: Instant,
    patience: Duration,
    /// Process 1 that takes no signal is killed after [`Asking::patience`], whoever is still there.
    bounded: bool,
    alone_since: Option<Instant>,
    /// What process 1 had done when it was last seen to have done something, and when that was.
    idle_since: Option<(String, Instant)>,
    pause: Duration,
    over: bool,
}

impl Asking {
    /// Asks everybody of the container of this `init` by `signal`. `groups`: its control groups; without any, who
    /// is in its PID namespace. `patience`: how long they have; `bounded`: whether a process 1 without a handler
    /// is killed then.
    pub fn begin(
        init: i32,
        pidfd: Arc<OwnedFd>,
        signal: i32,
        groups: Vec<PathBuf>,
        patience: Duration,
        bounded: bool,
    ) -> Self {
        let place = Place { init, groups };
        place.thaw();
        let mut asking = Self {
            takes: signals::takes(init, signal),
            place,
            pidfd,
            signal,
            waited: Vec::new(),
            rounds: 0,
            began: Instant::now(),
            patience,
            bounded,
            alone_since: None,
            idle_since: None,
            pause: PAUSES.0,
            over: false,
        };
        asking.first();
        asking
    }

    fn first(&mut self) {
        if self.takes && self.place.others().iter().any(|member| !ignores(member.pid, self.signal)) {
            self.to_init(libc::SIGSTOP);
        }
        let there = self.ask_others();
        if self.takes {
            self.to_init(self.signal);
            if self.waited.is_empty() {
                self.go_on();
            }
        } else if !there {
            self.end_init();
        }
    }

    /// What is to be said of how it was asked.
    pub fn how(&self) -> &'static str {
        match (self.takes, self.over) {
            (true, _) => "by SIGTERM",
            (false, true) => "by SIGKILL, since its init has no handler for SIGTERM and is alone",
            (false, false) => "by SIGTERM, and its init, which has no handler for SIGTERM, after the others",
        }
    }

    /// Looks who has ended and does what follows; after how long to look again, `None` where nothing is left to
    /// be done but to wait for the end.
    pub fn tick(&mut self) -> Option<Duration> {
        if self.over {
            return None;
        }
        // From the end, as far as the first that lives: who waits for one of them waits for all.
        let ended = self.waited.iter().rev().take_while(|member| !member.lives()).count();
        self.waited.truncate(self.waited.len() - ended);
        let late = self.began.elapsed() >= if self.takes { self.patience / 2 } else { self.patience };
        if self.takes {
            if self.waited.is_empty() || late {
                self.go_on();
            }
        } else if late && self.bounded {
            self.end_init();
        } else if self.waited.is_empty() {
            return self.next_round();
        }
        (!self.over).then(|| self.next_pause())
    }

    /// Everybody who was asked has ended, and a process 1 without a handler has not.
    fn next_round(&mut self) -> Option<Duration> {
        let there = self.ask_others();
        if !self.waited.is_empty() {
            (self.alone_since, self.idle_since) = (None, None);
            self.rounds += 1;
            if self.rounds > ROUNDS {
                self.end_init();
            }
            return (!self.over).then(|| self.next_pause());
        }
        if there {
            // They ignore the signal: only who may kill ends them.
            return Some(SELDOM);
        }
        let long = self.alone_since.get_or_insert_with(Instant::now).elapsed() >= self.patience / 2;
        if long || self.is_idle() {
            self.end_init();
        }
        (!self.over).then(|| self.next_pause())
    }

    /// Whether process 1 sleeps, and has for a while.
    fn is_idle(&mut self) -> bool {
        let status = fs::read_to_string(format!("/proc/{}/status", self.place.init)).unwrap_or_default();
        let words = ["State:", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
        let done: String =
            status.lines().filter(|line| words.iter().any(|word| line.starts_with(word))).collect();
        match &self.idle_since {
            Some((before, since)) if *before == done && !done.starts_with("State:\tR") => {
                since.elapsed() >= BY_ITSELF
            }
            _ => {
                self.idle_since = Some((done, Instant::now()));
                false
            }
        }
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSES.1);
        pause
    }

    /// Everybody but process 1, those too that are begun meanwhile; whether anybody is there.
    fn ask_others(&mut self) -> bool {
        let mut asked: HashSet<Member> = HashSet::new();
        for _ in 0..ROUNDS {
            let new: Vec<Member> =
                self.place.others().into_iter().filter(|member| !asked.contains(member)).collect();
            if new.is_empty() {
                break;
            }
            for member in new {
                let deaf = ignores(member.pid, self.signal);
                if self.place.send(member, self.signal) && !deaf {
                    self.waited.push(member);
                }
                asked.extend([member]);
            }
        }
        self.pause = PAUSES.0;
        !asked.is_empty()
    }

    fn to_init(&self, signal: i32) {
        // ESRCH: it has ended, which its pidfd says to whoever waits.
        crate::disregard(sys::pidfd_send_signal(self.pidfd.as_raw_fd(), signal, 0, 0));
    }

    fn go_on(&mut self) {
        self.to_init(libc::SIGCONT);
        self.over = true;
    }

    fn end_init(&mut self) {
        self.to_init(libc::SIGKILL);
        self.over = true;
    }
}

/// Where a container's processes are.
#[derive(Debug)]
struct Place {
    init: i32,
    groups: Vec<PathBuf>,
}

impl Place {
    /// Everybody but process 1.
    fn others(&self) -> Vec<Member> {
        let groups: Vec<&PathBuf> = self.groups.iter().filter(|group| group.is_dir()).collect();
        let pids = match groups.as_slice() {
            [] => in_namespace(self.init),
            groups => {
                let mut pids = Vec::new();
                groups.iter().for_each(|group| members(group, &mut pids, 0));
                pids.sort_unstable();
                pids.dedup();
                pids
            }
        };
        let own = std::process::id().cast_signed();
        let pids = pids.into_iter().filter(|pid| *pid > 0 && *pid != self.init && *pid != own);
        pids.filter_map(Member::new).collect()
    }

    /// To a process that is still the one that was seen, and still of this container; whether it was sent.
    fn send(&self, member: Member, signal: i32) -> bool {
        let Ok(fd) = sys::pidfd_open(member.pid, 0) else { return false };
        let fd = sys::adopt(fd as i32);
        if !member.lives() || !self.holds(member.pid) {
            return false;
        }
        let sent = sys::pidfd_send_signal(fd.as_raw_fd(), signal, 0, 0).is_ok();
        // One that is stopped hears nothing until it goes on.
        crate::disregard(sys::pidfd_send_signal(fd.as_raw_fd(), libc::SIGCONT, 0, 0));
        sent
    }

    fn holds(&self, pid: i32) -> bool {
        let names: Vec<_> = self.groups.iter().filter_map(|group| group.file_name()?.to_str()).collect();
        if names.is_empty() {
            return in_namespace(self.init).contains(&pid);
        }
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        text.lines().any(|line| line.split('/').any(|part| names.contains(&part)))
    }

    /// Who is frozen hears nothing: its own groups, and those that it has made below them.
    fn thaw(&self) {
        self.groups.iter().for_each(|group| thaw(group, 0));
    }
}

/// The deepest group below a container's own that is looked at.
const DEPTH: u32 = 32;

fn below(group: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

fn members(group: &Path, pids: &mut Vec<i32>, depth: u32) {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
    if depth < DEPTH {
        below(group).for_each(|group| members(&group, pids, depth + 1));
    }
}

fn thaw(group: &Path, depth: u32) {
    for (file, frozen, value) in [("cgroup.freeze", "1", "0"), ("freezer.state", "FR", "THAWED")] {
        let path = group.join(file);
        // FROZEN and FREEZING; most groups have neither file.
        if fs::read_to_string(&path).is_ok_and(|text| text.starts_with(frozen)) {
            crate::disregard(fs::write(&path, value));
        }
    }
    if depth < DEPTH {
        below(group).for_each(|group| thaw(&group, depth + 1));
    }
}

/// The group above these that keeps them frozen, which is not theirs to thaw.
pub fn frozen_above(groups: &[PathBuf]) -> Option<PathBuf> {
    let frozen = |group: &&Path| {
        let read = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
        read("cgroup.freeze").trim() == "1" || read("freezer.self_freezing").trim() == "1"
    };
    groups.iter().find_map(|group| group.ancestors().skip(1).find(frozen).map(PathBuf::from))
}

/// Who is in the PID namespace of `init`, entered it, or descends from somebody in it.
fn in_namespace(init: i32) -> Vec<i32> {
    let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let Some(own) = namespace(init) else { return Vec::new() };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let parents: HashMap<i32, i32> =
        pids.iter().filter_map(|pid| Some((*pid, Stat::read(*pid)?.parent))).collect();
    let descends = |pid: i32| {
        let mut at = pid;
        for _ in 0..parents.len() {
            match parents.get(&at) {
                Some(parent) if *parent == init => return true,
                Some(parent) => at = *parent,
                None => return false,
            }
        }
        false
    };
    pids.into_iter().filter(|pid| descends(*pid) || namespace(*pid).as_ref() == Some(&own)).collect()
}

fn ignores(pid: i32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    signals::has(&status, "SigIgn:", signal)
}

impl Member {
    fn new(pid: i32) -> Option<Self> {
        let stat = Stat::read(pid).filter(Stat::lives)?;
        Some(Self { pid, start: stat.start })
    }

    /// Whether it is there, and no zombie.
    fn lives(&self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.lives() && stat.start == self.start)
    }
}
