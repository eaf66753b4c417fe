//! The state that a process hands down to what it starts, back to what the kernel starts with.
//!
//! A step only where the launcher's is different: most have nothing to undo.

use browndog_xml::domain::Origin;
use nix::libc;

use super::build::Builder;
use super::step::{Beneath, ChildStep, HostStep};
use crate::host::COREDUMP_FILTER;

/// One thing that is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// `sched_setaffinity(0, all)`.
    Affinity,
    /// `setpriority(PRIO_PROCESS, 0, 0)`.
    Nice,
    /// `sched_setscheduler(0, SCHED_OTHER, 0)`.
    Scheduler,
    /// `ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_NONE)`.
    IoPriority,
    /// `prctl(PR_SET_TIMERSLACK, 50000)`.
    TimerSlack,
    /// `prctl(PR_SET_SECUREBITS, 0)`.
    Securebits,
    /// `prctl(PR_SET_THP_DISABLE, 0)`.
    HugePages,
    /// `prctl(PR_SET_MEMORY_MERGE, 0)`.
    MergedMemory,
    /// `set_mempolicy(MPOL_DEFAULT)`.
    MemoryPolicy,
    /// `write(/proc/self/oom_score_adj, 0)`; a floor that a privileged process has set stays.
    OomScore,
    /// `keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)`.
    Keyring,
}

impl Reset {
    fn name(self) -> &'static str {
        match self {
            Self::Affinity => "affinity",
            Self::Nice => "nice",
            Self::Scheduler => "scheduler",
            Self::IoPriority => "io-priority",
            Self::TimerSlack => "timer-slack",
            Self::Securebits => "securebits",
            Self::HugePages => "huge-pages",
            Self::MergedMemory => "merged-memory",
            Self::MemoryPolicy => "memory-policy",
            Self::OomScore => "oom-score",
            Self::Keyring => "keyring",
        }
    }
}

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Affinity => "sched_setaffinity(0, every processor)",
            Self::Nice => "setpriority(PRIO_PROCESS, 0, 0)",
            Self::Scheduler => "sched_setscheduler(0, SCHED_OTHER, 0)",
            Self::IoPriority => "ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_CLASS_NONE)",
            Self::TimerSlack => "prctl(PR_SET_TIMERSLACK, 50000)",
            Self::Securebits => "prctl(PR_SET_SECUREBITS, 0)",
            Self::HugePages => "prctl(PR_SET_THP_DISABLE, 0)",
            Self::MergedMemory => "prctl(PR_SET_MEMORY_MERGE, 0)",
            Self::MemoryPolicy => "set_mempolicy(MPOL_DEFAULT)",
            Self::OomScore => "write(\"/proc/self/oom_score_adj\", \"0\")",
            Self::Keyring => "keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)",
        })
    }
}

/// What the launcher puts back of its own, and the child has from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Which of its memory goes into a core dump: of a program's memory, and handed down by exec.
    CoredumpFilter,
    /// How likely it is to be killed where memory is short.
    OomScore,
}

impl Own {
    /// Its file.
    pub fn file(self) -> &'static str {
        match self {
            Self::CoredumpFilter => "/proc/self/coredump_filter",
            Self::OomScore => "/proc/self/oom_score_adj",
        }
    }

    /// What the kernel starts with.
    pub fn value(self) -> String {
        match self {
            Self::CoredumpFilter => format!("{COREDUMP_FILTER:#x}"),
            Self::OomScore => "0".to_owned(),
        }
    }
}

const OWN: Origin = Origin::Default("a container starts as the kernel starts a process, whoever starts it");
const KEYS: Origin = Origin::Default("keys of the caller's session are not the container's");

/// What a program in a container that runs would have of the caller's: the same as an init, put back before it
/// joins anything. Afterwards the process has no privilege over the caller's machine, and /proc is the container's,
/// which may have put something else there.
pub(super) fn reset_entered(b: &mut Builder<'_>) {
    let why = "before anything of the container is joined: afterwards it is not this machine's to change";
    if b.host.context.oom_score_adj != crate::host::Context::default().oom_score_adj {
        b.host_step("reset:oom-score", HostStep::ResetOwn(Own::OomScore), OWN, why);
    }
    reset_own(b);
    for reset in resets(b, false).into_iter().filter(|reset| *reset != Reset::OomScore) {
        let origin = if reset == Reset::Keyring { KEYS } else { OWN };
        b.child(("reset", reset.name()), ChildStep::Reset(reset), origin, why);
    }
}

fn reset_own(b: &mut Builder<'_>) {
    if b.host.context.coredump_filter != COREDUMP_FILTER {
        let why = "what a program dumps is its own affair, and exec hands it down";
        b.host_step("reset:coredump-filter", HostStep::ResetOwn(Own::CoredumpFilter), OWN, why);
    }
}

/// Every reset that this launcher makes necessary.
pub(super) fn reset(b: &mut Builder<'_>) {
    reset_own(b);
    for reset in resets(b, b.user_namespace) {
        let why = "while the process still has the privilege for it, and a /proc that nothing covers yet";
        let origin = if reset == Reset::Keyring { KEYS } else { OWN };
        if reset == Reset::OomScore && b.domain.idmap.is_some() {
            let why = "while the child waits: it is nobody who may, once it is root of its own namespace";
            b.attend("reset:oom-score", HostStep::ResetOomScore, origin, why);
            continue;
        }
        b.child(("reset", reset.name()), ChildStep::Reset(reset), origin, why);
    }
}

/// What is different from a process as the kernel starts it; `mapped` where the process is in a user namespace of
/// the container's by then.
fn resets(b: &mut Builder<'_>, mapped: bool) -> Vec<Reset> {
    let host = b.host;
    let context = &host.context;
    let default = crate::host::Context::default();
    let privileged = !b.host.rootless && !mapped && b.host.bounding & crate::host::CAP_SYS_NICE != 0;
    let mut resets = vec![Reset::Affinity];
    if context.keyrings {
        resets.push(Reset::Keyring);
    } else if context.keyrings_refused {
        let message = "the container keeps the session keyring of its caller: a filter around browndog refuses keyctl(2)";
        b.note(
            KEYS,
            message,
            "the container's own filter refuses keyctl(2) too; an outer container's profile can allow it",
        );
    }
    if context.nice > 0 && !privileged {
        let message = format!("the container keeps the caller's nice value {}", context.nice);
        b.note(OWN, message, "start as root and without <idmap>, or from a shell that is not nice");
    } else if context.nice != default.nice {
        resets.push(Reset::Nice);
    }
    let differs = [
        (context.scheduler != default.scheduler, Reset::Scheduler),
        (context.io_priority != default.io_priority, Reset::IoPriority),
        (context.timer_slack_ns != default.timer_slack_ns, Reset::TimerSlack),
        (context.securebits != default.securebits, Reset::Securebits),
        (context.thp_disable != default.thp_disable, Reset::HugePages),
        (context.memory_merge != default.memory_merge, Reset::MergedMemory),
        (context.memory_mode != default.memory_mode, Reset::MemoryPolicy),
        (context.oom_score_adj != default.oom_score_adj, Reset::OomScore),
    ];
    resets.extend(differs.iter().filter(|(differs, _)| *differs).map(|(_, reset)| *reset));
    resets
}

/// Linux that moves a process into its new time namespace when it executes.
const TIME_ON_EXEC: (u32, u32) = (6, 3);

/// A time namespace with the document's offsets.
pub(super) fn time(b: &mut Builder<'_>) {
    let Some(time) = &b.domain.extension.time else { return };
    let (major, minor) = TIME_ON_EXEC;
    if !b.host.at_least(major, minor) {
        let message = format!("a time namespace needs Linux {major}.{minor}, and this is {}", b.host.kernel);
        return b.problem(time.origin, message, "remove the element, or use a newer kernel");
    }
    let (monotonic, boottime) = time.value;
    let offsets = format!("monotonic {monotonic} 0\nboottime {boottime} 0\n");
    let why = "while nobody is in it, since then its offsets are fixed; exec enters it";
    b.child("unshare-time", ChildStep::UnshareTime, time.origin, why);
    let step = ChildStep::WriteFile {
        target: Beneath::new("/proc/self/timens_offsets").within(),
        contents: offsets.into_bytes(),
    };
    b.child("set-time", step, time.origin, why);
}

/// Soft limits as the kernel starts with (INIT_RLIMITS); those that it computes from the machine's memory
/// stay the caller's, and so does every hard limit: no container has more than who starts it.
const SOFT: [(&str, u64); 11] = [
    ("as", libc::RLIM64_INFINITY),
    ("core", 0),
    ("cpu", libc::RLIM64_INFINITY),
    ("data", libc::RLIM64_INFINITY),
    ("fsize", libc::RLIM64_INFINITY),
    ("locks", libc::RLIM64_INFINITY),
    ("msgqueue", 819_200),
    ("nofile", 1024),
    ("rss", libc::RLIM64_INFINITY),
    ("rttime", libc::RLIM64_INFINITY),
    ("stack", 8 << 20),
];

/// The soft limit that stands where the document says nothing, and the caller's hard one.
pub(super) fn default_limit(b: &Builder<'_>, name: &str) -> Option<(u64, u64)> {
    let (_, soft) = SOFT.iter().find(|(known, _)| *known == name)?;
    let (_, have, hard) = b.host.context.limits.iter().find(|(known, ..)| *known == name)?;
    let soft = *soft.min(hard);
    (soft != *have).then_some((soft, *hard))
}
