//! What a process is born with: descriptors, environment, limits, signals.

use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation};

/// Names that runtimes document as their own additions.
const DOCUMENTED: [&str; 14] = [
    "BROWNDOG_DECLARED",
    "PATH",
    "HOME",
    "TERM",
    "USER",
    "LOGNAME",
    "container",
    "container_uuid",
    "container_ttys",
    "LIBVIRT_LXC_UUID",
    "LIBVIRT_LXC_NAME",
    "LIBVIRT_LXC_CMDLINE",
    "PWD",
    "NOTIFY_SOCKET",
];

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "fd-01",
        Isolation,
        "plain",
        "The payload has descriptors 0, 1 and 2 and no other.",
        "close_range(2)",
        |j| {
            j.is("fd.numbers", vec![0, 1, 2]);
        },
    ),
    Check::new(
        "fd-02",
        Isolation,
        "plain",
        "Descriptors that the caller left open at 3, 17, 255 and 900 do not pass.",
        "CVE-2024-21626 class",
        |j| j.none("fd.beyond_standard"),
    ),
    Check::new(
        "fd-03",
        Isolation,
        "plain",
        "The host sees no object of its own held open by init.",
        "proc_pid_fd(5); CVE-2016-9962",
        |j| {
            j.none("host.init.descriptors");
        },
    ),
    Check::new(
        "fd-03b",
        Isolation,
        "plain",
        "No path through a descriptor, cwd or root of init leads to a file of the host.",
        "CVE-2024-21626",
        |j| {
            for prefix in [
                "/proc/1/root",
                "/proc/1/cwd",
                "/proc/self/root/..",
                "/..",
                "/proc/self/fd/3",
                "/proc/self/fd/17",
                "/proc/1/fd/3",
            ] {
                j.refused(&format!("esc.host_path_by.{prefix}"));
            }
        },
    ),
    Check::new(
        "fd-04",
        Isolation,
        "plain",
        "The working directory is inside the root.",
        "getcwd(2); CVE-2024-21626",
        |j| {
            j.is("fd.directory_reachable", true);
            let seen =
                j.fact("host.init.cwd").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            j.expect(!seen.contains("unreachable"), format!("the host sees {seen:?}"));
        },
    ),
    Check::new(
        "fd-06",
        Functional,
        "plain",
        "The limit of descriptors is not the caller's.",
        "getrlimit(2)",
        |j| {
            j.is_not("ctx.rlimit.nofile.soft", "1111");
            j.is_not("ctx.rlimit.nofile.hard", "2222");
        },
    ),
    Check::new(
        "fd-07",
        Isolation,
        "closed",
        "A caller that has closed its standard descriptors gives the payload nothing in their place: the null device, a pipe or a terminal, and no file of the runtime's.",
        "open(2), lowest descriptor; CVE-2002-0572 class",
        |j| {
            j.is("fd.numbers", vec![0, 1, 2]);
            j.none("fd.beyond_standard");
            for number in 0..3 {
                let name = format!("fd.{number}");
                let link = j.fact(&name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
                let harmless = ["/dev/null", "/dev/pts/", "/dev/console", "pipe:"];
                j.expect(harmless.iter().any(|h| link.starts_with(h)), format!("{name} is {link:?}"));
            }
        },
    ),
    Check::new(
        "ctx-01",
        Isolation,
        "plain",
        "The environment holds the declared names and documented additions only.",
        "execve(2)",
        |j| {
            j.only("ctx.environment_names", &DOCUMENTED);
            j.holds("ctx.environment", "BROWNDOG_DECLARED=a value with spaces, 'quotes' & <signs>");
        },
    ),
    Check::new(
        "ctx-01b",
        Isolation,
        "plain",
        "The caller's token shows in no environment, command line or table inside.",
        "proc(5)",
        |j| j.none("ctx.token_in"),
    ),
    Check::new(
        "ctx-01c",
        Isolation,
        "plain",
        "The caller's token shows in no file inside.",
        "pivot_root(2)",
        |j| j.none("ctx.token_files"),
    ),
    Check::new(
        "ctx-02",
        Functional,
        "plain",
        "Arguments arrive all, the first being the program.",
        "execve(2)",
        |j| {
            j.is("ctx.argv0", "/browndog-probe");
            j.same("ctx.arguments", "spec.argc");
        },
    ),
    Check::new(
        "ctx-03",
        Functional,
        "plain",
        "The working directory is the root where none is declared.",
        "chdir(2)",
        |j| j.is("ctx.directory", "/"),
    ),
    Check::new("ctx-03b", Functional, "plain", "The umask is 022, whatever the caller's.", "umask(2)", |j| {
        j.is("ctx.umask", "022")
    }),
    Check::new(
        "ctx-04",
        Functional,
        "plain",
        "The core file limit is not the caller's.",
        "getrlimit(2)",
        |j| j.is_not("ctx.rlimit.core.hard", "4096"),
    ),
    Check::new(
        "ctx-05",
        Functional,
        "plain",
        "oom_score_adj is not the caller's.",
        "proc_pid_oom_score_adj(5)",
        |j| j.is("ctx.oom_score_adj", "0"),
    ),
    Check::new(
        "ctx-05b",
        Functional,
        "plain",
        "Niceness, scheduler and I/O priority are the defaults.",
        "sched(7), ioprio_get(2)",
        |j| {
            j.is("ctx.nice", 0);
            j.is("ctx.scheduler", 0);
            // Nothing set: older kernels say the priority that follows from niceness 0.
            if let Some(value) = j.fact("ctx.io_priority").and_then(serde_json::Value::as_i64) {
                j.expect([0, 4].contains(&value), format!("ctx.io_priority is {value}, expected 0 or 4"));
            }
        },
    ),
    Check::new(
        "ctx-05e",
        Functional,
        "plain",
        "The memory policy of the caller does not pass.",
        "set_mempolicy(2); numa(7), numa_maps",
        |j| j.is("ctx.memory_policy", "default"),
    ),
    Check::new(
        "ctx-05f",
        Isolation,
        "plain",
        "The payload cannot ask to be spared when memory is short.",
        "proc_pid_oom_score_adj(5); capabilities(7), CAP_SYS_RESOURCE",
        |j| {
            j.refused("claim.oom_less");
            j.refused("claim.oom_never");
        },
    ),
    Check::new(
        "ctx-05g",
        Isolation,
        "plain",
        "The payload cannot take processors and disks from everybody else by real-time classes.",
        "sched(7); sched_setattr(2); ioprio_set(2); capabilities(7), CAP_SYS_NICE",
        |j| {
            for class in ["fifo", "round_robin", "deadline", "io_real_time"] {
                j.refused(&format!("claim.{class}"));
            }
        },
    ),
    Check::new(
        "ctx-05c",
        Functional,
        "plain",
        "Timer slack is not the caller's.",
        "prctl(2), PR_SET_TIMERSLACK",
        |j| j.is("ctx.timerslack", "50000"),
    ),
    Check::new(
        "ctx-05d",
        Functional,
        "plain",
        "The payload may run on every processor of its cpuset, not only on the one that the caller was bound to.",
        "sched_setaffinity(2); cpuset(7)",
        |j| {
            let all = j.fact("host.own.cpus").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
            if all == 1 {
                return j.not_applicable("the machine has one processor, which the caller cannot make fewer");
            }
            j.works("limit.cpus_widen");
            j.same("limit.cpus", "limit.cpus_after");
            let own = j.facts().list("limit.cpus").len();
            j.expect(own > 1, format!("limit.cpus has {own} of the machine's {all} processors"));
        },
    ),
    Check::new(
        "ctx-06",
        Functional,
        "plain",
        "No signal is blocked, whatever the caller blocked.",
        "signal(7)",
        |j| j.none("ctx.signals_blocked"),
    ),
    Check::new(
        "ctx-06b",
        Functional,
        "plain",
        "No signal is ignored, whatever the caller ignored.",
        "signal(7)",
        |j| j.none("ctx.signals_ignored"),
    ),
    Check::new(
        "ctx-06c",
        Functional,
        "plain",
        "No signal is caught at the first instruction.",
        "signal(7)",
        |j| j.none("ctx.signals_caught"),
    ),
    Check::new(
        "ctx-06d",
        Functional,
        "plain",
        "SIGPIPE, which runtimes ignore themselves, is not ignored: who writes to a pipe without a reader ends.",
        "signal(7); execve(2), ignored signals",
        |j| j.is("ctx.sigpipe_ignored", false),
    ),
    Check::new(
        "ctx-07",
        Functional,
        "plain",
        "No parent-death signal and no subreaper flag is left.",
        "prctl(2)",
        |j| {
            j.is("ctx.parent_death_signal", 0);
            j.is("ctx.subreaper", 0);
        },
    ),
    Check::new(
        "ctx-07b",
        Functional,
        "plain",
        "Dumpable is the default after exec, and transparent huge pages are not switched off.",
        "prctl(2)",
        |j| {
            j.is("ctx.dumpable", 1);
            j.is("ctx.thp_disable", 0);
        },
    ),
    Check::new(
        "ctx-08",
        Functional,
        "plain",
        "The variables that libvirt's container driver promises are set.",
        "libvirt LXC driver documentation, container initialization",
        |j| {
            if j.facts().text("run.runtime").is_some_and(|r| !["browndog", "libvirt"].contains(&r)) {
                j.not_applicable("only libvirt's driver and browndog promise them");
                return;
            }
            let environment = j.facts().list("ctx.environment");
            j.note("ctx.environment");
            for name in
                ["container", "container_uuid", "LIBVIRT_LXC_UUID", "LIBVIRT_LXC_NAME", "PATH", "TERM"]
            {
                j.expect(
                    environment.iter().any(|e| e.starts_with(&format!("{name}="))),
                    format!("{name} is not set"),
                );
            }
            let own = format!("LIBVIRT_LXC_NAME={}", j.facts().text("spec.name").unwrap_or_default());
            j.expect(environment.contains(&own), format!("{own} is not there"));
        },
    ),
];
