//! System V and POSIX IPC, keys, names of the machine, clocks.

use std::fs;

use nix::errno::Errno;

use super::Params;
use super::identity::{close, errno_of};
use crate::facts::{Facts, spell};
use crate::sys::{Arg, attempt};

/// Key of every System V canary the harness plants.
pub const KEY: i32 = 0x0b0d_0906;

pub(super) fn ipc(params: &Params, facts: &mut Facts) {
    let rows = |file: &str| -> usize {
        fs::read_to_string(format!("/proc/sysvipc/{file}")).map_or(0, |t| t.lines().count().saturating_sub(1))
    };
    for (name, file, get) in [
        ("shm", "shm", attempt(libc::SYS_shmget, &mut [Arg::Int(KEY), Arg::Int(0), Arg::Int(0)])),
        ("msg", "msg", attempt(libc::SYS_msgget, &mut [Arg::Int(KEY), Arg::Int(0)])),
        ("sem", "sem", attempt(libc::SYS_semget, &mut [Arg::Int(KEY), Arg::Int(0), Arg::Int(0)])),
    ] {
        facts.attempt(format!("ipc.{name}_by_key"), get);
        facts.set(format!("ipc.{name}_listed"), rows(file));
    }
    by_number(params, facts);
    stat_sweep(facts);
    let mqueues: Vec<String> = names("/dev/mqueue");
    facts.set("ipc.mqueue_names", mqueues);
    facts.attempt("ipc.mq_open", open_queue(b"/browndog-canary\0"));
    let own = attempt(
        libc::SYS_mq_open,
        &mut [Arg::In(b"browndog-own\0"), Arg::Int(libc::O_CREAT | libc::O_RDWR), Arg::Int(0o600), Arg::Null],
    );
    facts.set("ipc.mq_create", spell(own));
    if let Ok(fd) = own {
        close(fd);
        facts.set("ipc.mqueue_mount_shows_own", names("/dev/mqueue").iter().any(|n| n == "browndog-own"));
        facts.attempt("ipc.mq_unlink", attempt(libc::SYS_mq_unlink, &mut [Arg::In(b"browndog-own\0")]));
    }
    let shm: Vec<String> = names("/dev/shm").into_iter().filter(|n| n != "browndog-probe").collect();
    facts.set("ipc.posix_shm_names", shm);
    facts.attempt_io("ipc.posix_shm_open", fs::File::open("/dev/shm/browndog-canary"));
    let made = attempt(
        libc::SYS_shmget,
        &mut [Arg::Int(KEY + 1), Arg::Int(4096), Arg::Int(libc::IPC_CREAT | 0o600)],
    );
    facts.set("ipc.shm_create", spell(made));
}

fn open_queue(name: &[u8]) -> Result<i64, Errno> {
    // The kernel wants the name without the slash that mq_open(3) demands.
    let fd = attempt(
        libc::SYS_mq_open,
        &mut [Arg::In(&name[1..]), Arg::Int(libc::O_RDONLY), Arg::Int(0), Arg::Null],
    )?;
    close(fd);
    Ok(0)
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut list: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    list.sort();
    list
}

/// The identifiers of the canaries, as a process that has guessed them would use them.
fn by_number(params: &Params, facts: &mut Facts) {
    let id = |name: &str| params.number(name).and_then(|n| i32::try_from(n).ok());
    let mut buffer = [0_u8; 256];
    if let Some(id) = id("shm_id") {
        facts.attempt(
            "ipc.shm_by_id",
            attempt(libc::SYS_shmctl, &mut [Arg::Int(id), Arg::Int(2), Arg::Out(&mut buffer)]),
        );
    }
    if let Some(id) = id("msg_id") {
        facts.attempt(
            "ipc.msg_by_id",
            attempt(libc::SYS_msgctl, &mut [Arg::Int(id), Arg::Int(2), Arg::Out(&mut buffer)]),
        );
        let received = attempt(
            libc::SYS_msgrcv,
            &mut [Arg::Int(id), Arg::Out(&mut buffer), Arg::Int(64), Arg::Int(0), Arg::Int(libc::IPC_NOWAIT)],
        );
        facts.attempt("ipc.msg_receive", received);
    }
    if let Some(id) = id("sem_id") {
        facts.attempt(
            "ipc.sem_by_id",
            attempt(libc::SYS_semctl, &mut [Arg::Int(id), Arg::Int(0), Arg::Int(12)]),
        );
        let operation = [0_u8, 0, 1, 0, 0, 8];
        facts.attempt(
            "ipc.sem_operate",
            attempt(libc::SYS_semop, &mut [Arg::Int(id), Arg::In(&operation), Arg::Int(1)]),
        );
    }
}

/// `SHM_STAT`, `MSG_STAT` and `SEM_STAT` over the first indices.
fn stat_sweep(facts: &mut Facts) {
    let mut buffer = [0_u8; 512];
    for (name, number, command) in [("shm", libc::SYS_shmctl, 13), ("msg", libc::SYS_msgctl, 11)] {
        let found: Vec<i32> = (0..64)
            .filter(|i| {
                attempt(number, &mut [Arg::Int(*i), Arg::Int(command), Arg::Out(&mut buffer)]).is_ok()
            })
            .collect();
        facts.set(format!("ipc.{name}_stat_sweep"), found);
    }
    let found: Vec<i32> = (0..64)
        .filter(|i| {
            attempt(libc::SYS_semctl, &mut [Arg::Int(*i), Arg::Int(0), Arg::Int(18), Arg::Out(&mut buffer)])
                .is_ok()
        })
        .collect();
    facts.set("ipc.sem_stat_sweep", found);
}

pub(super) fn uts(_params: &Params, facts: &mut Facts) {
    let name =
        nix::unistd::gethostname().map_or_else(|e| e.to_string(), |n| n.to_string_lossy().into_owned());
    facts.set("uts.hostname", name.clone());
    facts
        .set("uts.proc_hostname", fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim());
    let domain = nix::sys::utsname::uname().map(|u| u.domainname().to_string_lossy().into_owned());
    facts.set("uts.domainname", domain.unwrap_or_default());
    facts.attempt("uts.set", nix::unistd::sethostname(&name));
    facts.attempt_io("uts.proc_write", super::identity::write_existing("/proc/sys/kernel/hostname", &name));
    facts.set("uts.namespace", crate::host::namespace("self", "uts").unwrap_or_default());
}

/// The canary's key, looked for in the session of keys that this process has.
pub(crate) fn key_in_session() -> Result<i64, nix::errno::Errno> {
    key_in(-3)
}

/// The same in a keyring by its special number: -3 is the session's, -4 the user's (keyctl(2)).
pub(crate) fn key_in(keyring: i32) -> Result<i64, nix::errno::Errno> {
    // KEYCTL_SEARCH 10.
    let wanted = [Arg::In(b"user\0"), Arg::In(b"browndog-canary\0"), Arg::Int(0)];
    let mut words: Vec<Arg<'_>> = [Arg::Int(10), Arg::Int(keyring)].into_iter().chain(wanted).collect();
    attempt(libc::SYS_keyctl, &mut words)
}

pub(super) fn keys(params: &Params, facts: &mut Facts) {
    let mut buffer = [0_u8; 256];
    let keyctl = |arguments: &mut [Arg<'_>]| attempt(libc::SYS_keyctl, arguments);
    facts.attempt("key.search_session", key_in_session());
    // KEYCTL_DESCRIBE 6, KEYCTL_READ 11.
    facts.attempt("key.search_user", key_in(-4));
    facts.attempt(
        "key.add",
        attempt(
            libc::SYS_add_key,
            &mut [Arg::In(b"user\0"), Arg::In(b"browndog-own\0"), Arg::In(b"x"), Arg::Int(1), Arg::Int(-2)],
        ),
    );
    facts.attempt(
        "key.request",
        attempt(
            libc::SYS_request_key,
            &mut [Arg::In(b"user\0"), Arg::In(b"browndog-canary\0"), Arg::Null, Arg::Int(0)],
        ),
    );
    if let Some(serial) = params.number("key_serial").and_then(|n| i32::try_from(n).ok()) {
        facts.attempt(
            "key.describe_by_number",
            keyctl(&mut [Arg::Int(6), Arg::Int(serial), Arg::Out(&mut buffer), Arg::Int(256)]),
        );
        facts.attempt(
            "key.read_by_number",
            keyctl(&mut [Arg::Int(11), Arg::Int(serial), Arg::Out(&mut buffer), Arg::Int(256)]),
        );
        let readable = (-50..=50)
            .filter(|d| {
                keyctl(&mut [
                    Arg::Int(11),
                    Arg::Int(serial.wrapping_add(*d)),
                    Arg::Out(&mut buffer),
                    Arg::Int(256),
                ])
                .is_ok()
            })
            .count();
        facts.set("key.readable_near", readable);
    }
    for file in ["keys", "key-users"] {
        let lines = fs::read_to_string(format!("/proc/{file}")).map_or(0, |t| t.lines().count());
        facts.set(format!("key.proc_{file}_lines"), lines);
    }
}

pub(super) fn time(_params: &Params, facts: &mut Facts) {
    let clock = |id: i32| -> [u8; 16] {
        let mut now = [0_u8; 16];
        // A clock that cannot be read leaves zeros, and setting it to that is refused or seen.
        let _worked = attempt(libc::SYS_clock_gettime, &mut [Arg::Int(id), Arg::Out(&mut now)]).is_ok();
        now
    };
    let now = clock(libc::CLOCK_REALTIME);
    facts.attempt(
        "time.clock_settime",
        attempt(libc::SYS_clock_settime, &mut [Arg::Int(libc::CLOCK_REALTIME), Arg::In(&now)]),
    );
    facts.attempt("time.settimeofday", attempt(libc::SYS_settimeofday, &mut [Arg::Null, Arg::In(&[0; 8])]));
    // struct timex with modes ADJ_SETOFFSET and an offset of nothing.
    let mut timex = [0_u8; 208];
    timex[..4].copy_from_slice(&0x0100_u32.to_ne_bytes());
    facts.attempt("time.adjtimex", attempt(libc::SYS_adjtimex, &mut [Arg::Out(&mut timex)]));
    // The first call wrote the clock into the buffer; taken for an offset, it would double the clock.
    timex.fill(0);
    timex[..4].copy_from_slice(&0x0100_u32.to_ne_bytes());
    facts.attempt(
        "time.clock_adjtime",
        attempt(libc::SYS_clock_adjtime, &mut [Arg::Int(libc::CLOCK_REALTIME), Arg::Out(&mut timex)]),
    );
    facts.attempt_io("time.rtc_open", fs::File::open("/dev/rtc0").or_else(|_| fs::File::open("/dev/rtc")));
    let seconds = |id: i32| clock(id)[..8].try_into().map_or(0, i64::from_ne_bytes);
    facts.set("time.monotonic_s", seconds(libc::CLOCK_MONOTONIC));
    facts.set("time.boottime_s", seconds(libc::CLOCK_BOOTTIME));
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    facts.set("time.uptime_s", uptime.split('.').next().and_then(|s| s.parse::<i64>().ok()).unwrap_or(-1));
    match crate::host::namespace("self", "time") {
        Some(name) => facts.set("time.namespace", name),
        None => facts.unsupported("time.namespace", "time namespace"),
    }
    facts.set(
        "time.offsets",
        fs::read_to_string("/proc/self/timens_offsets")
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
    );
    facts.set(
        "time.offsets_write",
        spell(
            super::identity::write_existing("/proc/self/timens_offsets", "monotonic 1 0").map_err(errno_of),
        ),
    );
}
