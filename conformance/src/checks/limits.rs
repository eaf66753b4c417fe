//! Limits by their effect, declared settings, shifted clocks, other containers, and time taken.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Latency, Leak};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "cgroup-05",
        Isolation,
        "limits",
        "A fork bomb ends at the declared number of processes, with EAGAIN.",
        "cgroup-v2, pids.max",
        |j| {
            j.is("limit.fork_end", "EAGAIN");
            j.within("limit.forked", 1.0, 24.0);
        },
    ),
    Check::new(
        "cgroup-05b",
        Functional,
        "limits",
        "The kernel has counted the refused forks of the container's group.",
        "cgroup-v2, pids.events",
        |j| {
            if let Some(text) = j.fact("host.cgroup.pids.events").and_then(|v| v.as_str()) {
                let counted = text.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0_u64);
                j.expect(counted > 0, format!("pids.events is {text:?}, expected a count above 0"));
            }
        },
    ),
    Check::new(
        "cgroup-06",
        Isolation,
        "limits",
        "A process that touches more memory than declared is killed.",
        "cgroup-v2, memory.max",
        |j| j.is("limit.hog_signal", 9),
    ),
    Check::new(
        "cgroup-06b",
        Functional,
        "limits",
        "The container itself survives that one of its processes is killed for want of memory.",
        "cgroup-v2, memory.oom.group",
        |j| j.is("run.exit", 0),
    ),
    Check::new(
        "cgroup-07",
        Isolation,
        "limits",
        "Shared memory counts against the limit, or is bounded itself.",
        "cgroup-v2, memory.stat shmem; tmpfs(5), size",
        |j| {
            j.within("limit.shm_written_mib", 1.0, 96.0);
        },
    ),
    Check::new(
        "cgroup-10",
        Isolation,
        "limits",
        "A busy process gets no more than the declared fifth of a processor: that, and what is left of one period in ten.",
        "cgroup-v2, cpu.max",
        |j| {
            j.note("limit.cpu_pauses");
            j.within("limit.cpu_used_share", 0.01, 0.26);
        },
    ),
    Check::new(
        "cgroup-10b",
        Functional,
        "limits",
        "The kernel has throttled the container's group.",
        "cgroup-v2, cpu.stat nr_throttled",
        |j| {
            if let Some(text) = j.fact("host.cgroup.cpu.stat").and_then(|v| v.as_str()) {
                let line = text.lines().find_map(|l| l.strip_prefix("nr_throttled "));
                let times = line.and_then(|n| n.parse().ok()).unwrap_or(0_u64);
                j.expect(times > 0, format!("nr_throttled is {times}, expected more than 0"));
            }
        },
    ),
    Check::new(
        "cgroup-11",
        Functional,
        "limits",
        "The declared CPU shares are set, converted where the hierarchy has weights.",
        "cgroup-v2, cpu.weight",
        // The line from 2…262144 to 1…10000, its predecessors, and the curve of 2025 through 1024 and 100.
        |j| {
            one_of(
                j,
                &[
                    ("cpu.shares", &["2048"]),
                    ("cpu.weight", &["79", "78", "170", "200", "153", "173", "174"]),
                ],
            )
        },
    ),
    Check::new(
        "cgroup-12",
        Isolation,
        "limits",
        "Processes run on the declared CPU only, and cannot widen that.",
        "cpuset(7)",
        |j| {
            if j.fact("limit.cpus").is_some() {
                j.is("limit.cpus", serde_json::json!([0]));
                j.is("limit.cpus_after", serde_json::json!([0]));
            }
        },
    ),
    Check::new(
        "cgroup-17",
        Isolation,
        "limits",
        "The limits of memory and processes are those declared.",
        "cgroups(7)",
        |j| {
            one_of(j, &[("memory.limit_in_bytes", &["100663296"]), ("memory.max", &["100663296"])]);
            one_of(j, &[("pids.max", &["24"])]);
        },
    ),
    Check::new(
        "leak-02b",
        Leak,
        "limits",
        "No control group remains after limits were run into.",
        "cgroups(7)",
        |j| j.none("leak.cgroups"),
    ),
    Check::new(
        "ctx-04b",
        Functional,
        "declared",
        "Declared resource limits are exact, soft and hard.",
        "getrlimit(2)",
        |j| {
            for (name, value) in
                [("nofile.soft", "333"), ("nofile.hard", "444"), ("nproc.soft", "555"), ("nproc.hard", "666")]
            {
                j.is(&format!("ctx.rlimit.{name}"), value);
            }
        },
    ),
    Check::new("proc-07", Functional, "declared", "Declared sysctls are applied.", "proc_sys(5)", |j| {
        j.is("sysctl.value.net/ipv4/ip_forward", "1");
        j.is("sysctl.value.kernel/msgmax", "4321");
    }),
    Check::new(
        "proc-06",
        Isolation,
        "declared",
        "Declared sysctls act inside only.",
        "proc_sys(5); network_namespaces(7), ipc_namespaces(7)",
        |j| {
            super::life::started(j, "sysctl.value.net/ipv4/ip_forward", "1");
            j.is("host.sysctls_unchanged", true);
        },
    ),
    Check::new(
        "uts-01c",
        Functional,
        "declared",
        "The declared host name is the container's.",
        "uts_namespaces(7)",
        |j| {
            j.is("uts.hostname", "declared-host");
            j.is("uts.proc_hostname", "declared-host");
            j.is_not("host.hostname", "declared-host");
        },
    ),
    Check::new(
        "ctx-03c",
        Functional,
        "declared",
        "The working directory is the declared one.",
        "chdir(2)",
        |j| j.is("ctx.directory", "/var/tmp"),
    ),
    Check::new(
        "time-02",
        Functional,
        "shifted",
        "Declared offsets appear in the container's clocks.",
        "time_namespaces(7)",
        |j| {
            shifted(j, "time.monotonic_s", "host.monotonic_s", 100_000);
            shifted(j, "time.boottime_s", "host.boottime_s", 200_000);
        },
    ),
    Check::new(
        "time-02b",
        Functional,
        "shifted",
        "The declared offset of the boot time appears in /proc/uptime.",
        "time_namespaces(7)",
        |j| shifted(j, "time.uptime_s", "host.boottime_s", 200_000),
    ),
    Check::new(
        "time-02c",
        Isolation,
        "shifted",
        "The offsets cannot be changed from inside.",
        "time_namespaces(7)",
        |j| j.denied("time.offsets_write"),
    ),
    Check::new("peer-01", Isolation, "peers", "Two containers share no namespace.", "namespaces(7)", |j| {
        for kind in ["pid", "mnt", "ipc", "uts", "net", "cgroup"] {
            j.differ(&format!("peer.ns.{kind}.holder"), &format!("peer.ns.{kind}.observer"));
        }
    }),
    Check::new(
        "peer-01b",
        Isolation,
        "peers",
        "What one container holds in memory, queues and files, another does not find.",
        "ipc_namespaces(7), shm_overview(7)",
        |j| {
            let held: &[&str] = &["shm", "msg", "queue", "file"];
            for what in held {
                j.holds("peer.held", what);
            }
            for name in ["ipc.shm_by_key", "ipc.msg_by_key", "ipc.mq_open", "ipc.posix_shm_open"] {
                j.refused_with(name, &["ENOENT"]);
            }
            j.none("ipc.posix_shm_names");
        },
    ),
    Check::new(
        "peer-01c",
        Isolation,
        "peers",
        "An abstract socket of one container cannot be reached from another.",
        "unix(7), network_namespaces(7)",
        |j| {
            j.holds("peer.held", "socket");
            j.refused_with("net.abstract_stream", &["ECONNREFUSED"]);
        },
    ),
    Check::new(
        "peer-01d",
        Isolation,
        "peers",
        "No process of one container is seen in another.",
        "pid_namespaces(7)",
        |j| {
            j.is("pid.visible", serde_json::json!([1]));
            j.none("pid.addressable");
        },
    ),
    Check::new(
        "peer-04",
        Isolation,
        "peers",
        "A container goes on while another one ends.",
        "kill(2)",
        |j| j.is("peer.holder_exit", 0),
    ),
    Check::new(
        "race-02",
        Functional,
        "parallel",
        "Of ten containers started at once each gives its own word and its own status.",
        "wait(2)",
        |j| j.none("race.parallel_wrong"),
    ),
    Check::new(
        "race-02b",
        Leak,
        "parallel",
        "Ten containers at once leave nothing behind.",
        "cgroups(7), umount(2)",
        |j| super::life::nothing_left_after(j, "race.parallel_ran", true),
    ),
    Check::new(
        "lat-01",
        Latency,
        "latency",
        "Start to the first instruction of the init, median and 99th percentile.",
        "clock_gettime(2), CLOCK_MONOTONIC",
        |j| {
            super::life::started(j, "lat.ran", true);
            j.within("lat.first_instruction.p50_ms", 0.000_1, 1e9);
            j.within("lat.first_instruction.p99_ms", 0.000_1, 1e9);
        },
    ),
    Check::new(
        "lat-02",
        Latency,
        "latency",
        "Start to exit beside the same program without a container, in turns.",
        "clock_gettime(2), CLOCK_MONOTONIC",
        |j| {
            super::life::started(j, "lat.ran", true);
            j.within("lat.rounds", 15.0, 1e9);
            j.within("lat.start_to_exit.p50_ms", 0.000_1, 1e9);
            j.within("lat.start_to_exit.p99_ms", 0.000_1, 1e9);
            j.within("lat.floor.p50_ms", 0.000_1, 1e9);
            j.within("lat.floor.p99_ms", 0.000_1, 1e9);
            j.within("lat.ratio_to_floor", 0.000_1, 1e9);
        },
    ),
];

/// One of the files that hierarchies call by different names is there, and says one of its values.
fn one_of(j: &mut Judge<'_>, files: &[(&str, &[&str])]) {
    for (file, values) in files {
        let name = format!("host.cgroup.{file}");
        if let Some(value) = j.facts().text(&name) {
            j.note(&name);
            j.expect(
                values.contains(&value),
                format!("{name} is {value:?}, expected {}", values.join(" or ")),
            );
            return;
        }
    }
    let _missing = j.fact(&format!("host.cgroup.{}", files[0].0));
}

/// A clock inside is ahead of one outside by `offset` seconds; the start may have taken a minute.
fn shifted(j: &mut Judge<'_>, inside: &str, outside: &str, offset: i64) {
    let (Some(a), Some(b)) = (
        j.fact(inside).and_then(serde_json::Value::as_i64),
        j.fact(outside).and_then(serde_json::Value::as_i64),
    ) else {
        return;
    };
    let ahead = a - b;
    j.expect((ahead - offset).abs() <= 60, format!("{inside} is ahead by {ahead} s, expected {offset} s"));
}
