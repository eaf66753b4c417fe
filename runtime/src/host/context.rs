//! What the caller's process has that a container would inherit.

use nix::libc;
use nix::sys::resource::Resource;
use serde::Serialize;

use crate::sys::{self, context};

/// Anonymous memory, private and shared, ELF headers, private huge pages (core(5)).
pub const COREDUMP_FILTER: u32 = 0x33;

/// CAP_SYS_NICE (linux/capability.h).
pub(crate) const CAP_SYS_NICE: u64 = 1 << 23;

/// Names of getrlimit(2) and what they stand for.
pub(crate) const LIMITS: [(&str, Resource); 16] = [
    ("as", Resource::RLIMIT_AS),
    ("core", Resource::RLIMIT_CORE),
    ("cpu", Resource::RLIMIT_CPU),
    ("data", Resource::RLIMIT_DATA),
    ("fsize", Resource::RLIMIT_FSIZE),
    ("locks", Resource::RLIMIT_LOCKS),
    ("memlock", Resource::RLIMIT_MEMLOCK),
    ("msgqueue", Resource::RLIMIT_MSGQUEUE),
    ("nice", Resource::RLIMIT_NICE),
    ("nofile", Resource::RLIMIT_NOFILE),
    ("nproc", Resource::RLIMIT_NPROC),
    ("rss", Resource::RLIMIT_RSS),
    ("rtprio", Resource::RLIMIT_RTPRIO),
    ("rttime", Resource::RLIMIT_RTTIME),
    ("sigpending", Resource::RLIMIT_SIGPENDING),
    ("stack", Resource::RLIMIT_STACK),
];

/// The launcher's own state where it matters; the default is a process as the kernel starts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Context {
    /// nice(2).
    pub nice: i32,
    /// Scheduling policy (sched(7)); 0 is SCHED_OTHER.
    pub scheduler: i64,
    /// I/O priority (ioprio_set(2)); 0 is none.
    pub io_priority: i64,
    /// Timer slack in nanoseconds (PR_SET_TIMERSLACK).
    pub timer_slack_ns: i64,
    /// Secure bits (capabilities(7)).
    pub securebits: i64,
    /// personality(2).
    pub personality: i64,
    /// Whether huge pages are switched off (PR_SET_THP_DISABLE).
    pub thp_disable: i64,
    /// Whether equal pages of its memory are merged with those of others (PR_SET_MEMORY_MERGE).
    pub memory_merge: i64,
    /// Mode of the memory policy (set_mempolicy(2)); 0 is MPOL_DEFAULT.
    pub memory_mode: i32,
    /// `/proc/self/oom_score_adj`.
    pub oom_score_adj: i32,
    /// `/proc/self/coredump_filter`.
    pub coredump_filter: u32,
    /// Resource limits: name, soft, hard.
    pub limits: Vec<(&'static str, u64, u64)>,
    /// Whether the kernel has keyrings, and lets this process have one.
    pub keyrings: bool,
    /// Whether a filter keeps this process from having one of its own.
    pub keyrings_refused: bool,
}

/// The kernel's default (init_task).
pub(crate) const TIMER_SLACK_NS: i64 = 50_000;

impl Default for Context {
    fn default() -> Self {
        Self {
            nice: 0,
            scheduler: 0,
            io_priority: 0,
            timer_slack_ns: TIMER_SLACK_NS,
            securebits: 0,
            personality: 0,
            thp_disable: 0,
            memory_merge: 0,
            memory_mode: 0,
            oom_score_adj: 0,
            coredump_filter: COREDUMP_FILTER,
            limits: Vec::new(),
            keyrings: true,
            keyrings_refused: false,
        }
    }
}

impl Context {
    /// The caller's, on a kernel with or without keyrings. What cannot be asked for is taken as the default.
    pub(super) fn probe(keyrings: bool, filtered: bool) -> Self {
        let refused = keyrings && filtered && super::outer::refuses_keyrings();
        let default = Self::default();
        let limit = |(name, resource): &(&'static str, Resource)| {
            let (soft, hard) = context::getrlimit(*resource).ok()?;
            // What this process has lifted for itself is not for the container.
            Some((*name, soft, crate::own::callers_hard(name).unwrap_or(hard)))
        };
        let prctl = |option, or| sys::prctl(option, 0, 0, 0, 0).unwrap_or(or);
        Self {
            nice: context::getpriority().map_or(0, |value| 20 - value as i32),
            scheduler: context::sched_getscheduler().unwrap_or(0),
            io_priority: context::ioprio_get().unwrap_or(0),
            timer_slack_ns: prctl(libc::PR_GET_TIMERSLACK, default.timer_slack_ns),
            securebits: prctl(libc::PR_GET_SECUREBITS, 0),
            personality: sys::personality(0xffff_ffff).unwrap_or(0),
            thp_disable: prctl(libc::PR_GET_THP_DISABLE, 0),
            memory_merge: prctl(libc::PR_GET_MEMORY_MERGE, 0),
            memory_mode: context::memory_mode().unwrap_or(0),
            oom_score_adj: super::read_number_of("/proc/self/oom_score_adj").unwrap_or(0),
            coredump_filter: coredump_filter().unwrap_or(default.coredump_filter),
            limits: LIMITS.iter().filter_map(limit).collect(),
            keyrings: keyrings && !refused,
            keyrings_refused: refused,
        }
    }
}

/// A hexadecimal number without a prefix (core(5)).
fn coredump_filter() -> Option<u32> {
    let text = crate::beginning_of::<16>("/proc/self/coredump_filter").ok()?;
    u32::from_str_radix(text.trim(), 16).ok()
}
