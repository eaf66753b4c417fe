//! System V and POSIX IPC, kernel keyrings, clocks.

use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation};

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "ipc-01",
        Isolation,
        "plain",
        "Shared memory of the host is not found by its key.",
        "sysvipc(7); ipc_namespaces(7)",
        |j| {
            j.differ("host.ns.ipc.init", "host.ns.ipc.own");
            j.is("ipc.shm_by_key", "ENOENT");
            j.is("ipc.shm_listed", 0);
        },
    ),
    Check::new(
        "ipc-01b",
        Isolation,
        "plain",
        "Shared memory of the host is not found by its identifier.",
        "shmctl(2)",
        |j| {
            j.refused_with("ipc.shm_by_id", &["EINVAL", "EIDRM", "EPERM"]);
            j.none("ipc.shm_stat_sweep");
        },
    ),
    Check::new(
        "ipc-02",
        Isolation,
        "plain",
        "A message queue of the host is not found by its key.",
        "sysvipc(7)",
        |j| {
            j.is("ipc.msg_by_key", "ENOENT");
            j.is("ipc.msg_listed", 0);
        },
    ),
    Check::new(
        "ipc-02b",
        Isolation,
        "plain",
        "A message queue of the host is neither described nor read by its identifier.",
        "msgctl(2), msgrcv(2)",
        |j| {
            j.refused_with("ipc.msg_by_id", &["EINVAL", "EIDRM", "EPERM"]);
            j.refused_with("ipc.msg_receive", &["EINVAL", "EIDRM", "EPERM"]);
            j.none("ipc.msg_stat_sweep");
        },
    ),
    Check::new(
        "ipc-03",
        Isolation,
        "plain",
        "A semaphore of the host is not found by its key.",
        "sysvipc(7)",
        |j| {
            j.is("ipc.sem_by_key", "ENOENT");
            j.is("ipc.sem_listed", 0);
        },
    ),
    Check::new(
        "ipc-03b",
        Isolation,
        "plain",
        "A semaphore of the host is neither read nor changed by its identifier.",
        "semctl(2), semop(2)",
        |j| {
            j.refused_with("ipc.sem_by_id", &["EINVAL", "EIDRM", "EPERM"]);
            j.refused_with("ipc.sem_operate", &["EINVAL", "EIDRM", "EPERM"]);
            j.none("ipc.sem_stat_sweep");
        },
    ),
    Check::new(
        "ipc-04",
        Isolation,
        "plain",
        "A POSIX message queue of the host cannot be opened.",
        "mq_overview(7)",
        |j| {
            j.is("ipc.mq_open", "ENOENT");
            j.none("ipc.mqueue_names");
        },
    ),
    Check::new(
        "ipc-04b",
        Functional,
        "plain",
        "POSIX message queues work, and /dev/mqueue shows them.",
        "mq_overview(7)",
        |j| {
            j.works("ipc.mq_create");
            j.is("ipc.mqueue_mount_shows_own", true);
        },
    ),
    Check::new(
        "ipc-05",
        Isolation,
        "plain",
        "POSIX shared memory of the host cannot be opened.",
        "shm_overview(7)",
        |j| {
            j.is("ipc.posix_shm_open", "ENOENT");
            j.none("ipc.posix_shm_names");
        },
    ),
    Check::new(
        "ipc-05b",
        Functional,
        "plain",
        "/dev/shm is there and can be written.",
        "shm_overview(7)",
        |j| j.works("dev.shm_write"),
    ),
    Check::new("ipc-07", Functional, "plain", "System V shared memory can be made.", "shmget(2)", |j| {
        j.works("ipc.shm_create")
    }),
    Check::new(
        "key-01",
        Isolation,
        "plain",
        "A key in the caller's session keyring is not found.",
        "keyrings(7), session-keyring(7)",
        |j| j.refused("key.search_session"),
    ),
    Check::new(
        "key-01b",
        Isolation,
        "plain",
        "A key in the user's keyring is not found.",
        "user-keyring(7)",
        |j| {
            j.note("host.key_in_user_keyring");
            let there = j.facts().get("host.key_in_user_keyring") == Some(&true.into());
            j.control(there, "the caller finds a key in its own user's keyring");
            j.refused("key.search_user");
        },
    ),
    Check::new(
        "key-01c",
        Isolation,
        "opened",
        "Without a filter, too, a key in the caller's session is not found: the session of keys is the container's own.",
        "session-keyring(7); keyctl(2), KEYCTL_JOIN_SESSION_KEYRING",
        |j| {
            let _there = j.fact("host.key_in_session");
            j.note("key.add");
            j.refused("key.search_session");
        },
    ),
    Check::new(
        "key-02",
        Isolation,
        "plain",
        "A key of the host cannot be described or read by its number, nor any near it.",
        "keyctl(2)",
        |j| {
            j.refused("key.describe_by_number");
            j.refused("key.read_by_number");
            j.is("key.readable_near", 0);
        },
    ),
    Check::new(
        "key-02b",
        Isolation,
        "plain",
        "request_key finds no key of the host.",
        "request_key(2)",
        |j| j.refused("key.request"),
    ),
    Check::new(
        "key-03",
        Isolation,
        "plain",
        "/proc/keys shows no key of the host.",
        "proc(5), /proc/keys",
        |j| {
            let lines = j.facts().number("key.proc_keys_lines").unwrap_or(-1);
            j.note("key.proc_keys_lines");
            j.expect(lines == 0, format!("/proc/keys has {lines} lines"));
        },
    ),
    Check::new(
        "time-01",
        Isolation,
        "plain",
        "clock_settime and settimeofday are refused.",
        "clock_settime(2); capabilities(7), CAP_SYS_TIME",
        |j| {
            j.refused("time.clock_settime");
            j.refused("time.settimeofday");
        },
    ),
    Check::new(
        "time-01b",
        Isolation,
        "plain",
        "The clock cannot be slewed or stepped by adjtimex.",
        "adjtimex(2)",
        |j| {
            j.refused("time.adjtimex");
            j.refused("time.clock_adjtime");
        },
    ),
    Check::new("time-01c", Isolation, "plain", "The hardware clock cannot be opened.", "rtc(4)", |j| {
        j.refused("time.rtc_open")
    }),
    Check::new(
        "time-03",
        Functional,
        "plain",
        "Without declared offsets no clock is shifted.",
        "time_namespaces(7)",
        |j| {
            let _present = j.fact("time.namespace");
            let offsets = j.facts().text("time.offsets").unwrap_or_default().to_owned();
            j.note("time.offsets");
            j.expect(
                offsets.is_empty() || offsets == "monotonic 0 0 boottime 0 0",
                format!("offsets are {offsets:?}"),
            );
        },
    ),
    Check::new(
        "time-03b",
        Isolation,
        "plain",
        "Offsets cannot be written once the container runs.",
        "time_namespaces(7)",
        |j| j.denied("time.offsets_write"),
    ),
];
