//! What a process is born with: environment, directory, limits, signals, descriptors.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{Mode, umask};

use super::Params;
use super::identity::prctl;
use super::process::{status, visible};
use crate::facts::Facts;
use crate::sys::{Arg, attempt};

const LIMITS: [(&str, Resource); 16] = [
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

pub(super) fn ctx(params: &Params, facts: &mut Facts) {
    let environment: Vec<String> =
        std::env::vars_os().map(|(n, v)| format!("{}={}", n.display(), v.display())).collect();
    let names: Vec<String> = std::env::vars_os().map(|(n, _)| n.display().to_string()).collect();
    facts.set("ctx.environment", environment);
    facts.set("ctx.environment_names", names);
    facts.set("ctx.arguments", params.arguments.len());
    facts.set(
        "ctx.argv0",
        params.arguments.first().map_or_else(String::new, |word| word.to_string_lossy().into_owned()),
    );
    facts.set(
        "ctx.directory",
        std::env::current_dir().map_or_else(|e| e.to_string(), |d| d.display().to_string()),
    );
    let mask = umask(Mode::empty());
    let _zero = umask(mask);
    facts.set("ctx.umask", format!("{:03o}", mask.bits()));
    for (name, resource) in LIMITS {
        if let Ok((soft, hard)) = getrlimit(resource) {
            facts.set(format!("ctx.rlimit.{name}.soft"), limit(soft));
            facts.set(format!("ctx.rlimit.{name}.hard"), limit(hard));
        }
    }
    for (fact, file) in
        [("oom_score_adj", "oom_score_adj"), ("personality", "personality"), ("timerslack", "timerslack_ns")]
    {
        let text = fs::read_to_string(format!("/proc/self/{file}"))
            .map_or_else(|e| e.to_string(), |t| t.trim().to_owned());
        facts.set(format!("ctx.{fact}"), text);
    }
    facts.set(
        "ctx.nice",
        attempt(libc::SYS_getpriority, &mut [Arg::Int(0), Arg::Int(0)]).map_or(99, |n| 20 - n),
    );
    facts.set("ctx.scheduler", attempt(libc::SYS_sched_getscheduler, &mut [Arg::Int(0)]).unwrap_or(-1));
    facts
        .set("ctx.io_priority", attempt(libc::SYS_ioprio_get, &mut [Arg::Int(1), Arg::Int(0)]).unwrap_or(-1));
    match fs::read_to_string("/proc/self/numa_maps") {
        // Each line is an address and the policy that holds there.
        Ok(text) => {
            let policy = text.lines().next().and_then(|line| line.split_whitespace().nth(1));
            facts.set("ctx.memory_policy", policy.unwrap_or_default());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            facts.unsupported("ctx.memory_policy", "memory policies");
        }
        Err(error) => facts.set("ctx.memory_policy", error.to_string()),
    }
    facts.set("ctx.cpus_allowed", status("self", "Cpus_allowed_list").unwrap_or_default());
    signals(facts);
    for (fact, option) in [
        ("dumpable", libc::PR_GET_DUMPABLE),
        ("thp_disable", libc::PR_GET_THP_DISABLE),
        ("mdwe", 66),
        ("no_new_privs", libc::PR_GET_NO_NEW_PRIVS),
    ] {
        facts.set(format!("ctx.{fact}"), prctl(option, 0).unwrap_or(-1));
    }
    for (fact, option) in
        [("parent_death_signal", libc::PR_GET_PDEATHSIG), ("subreaper", libc::PR_GET_CHILD_SUBREAPER)]
    {
        let mut word = [0_u8; 4];
        let got = attempt(
            libc::SYS_prctl,
            &mut [Arg::Int(option), Arg::Out(&mut word), Arg::Int(0), Arg::Int(0), Arg::Int(0)],
        );
        facts.set(format!("ctx.{fact}"), got.map_or(-1, |_| i32::from_ne_bytes(word)));
    }
    tokens(params, facts);
}

fn limit(value: u64) -> String {
    if value == libc::RLIM_INFINITY { "unlimited".into() } else { value.to_string() }
}

/// What Rust's own start changes (it ignores SIGPIPE and handles SIGSEGV and SIGBUS) is left out.
fn signals(facts: &mut Facts) {
    let mask =
        |field: &str| u64::from_str_radix(&status("self", field).unwrap_or_default(), 16).unwrap_or(u64::MAX);
    let numbers = |bits: u64, but: &[u32]| -> Vec<u32> {
        (1..=64).filter(|n| bits & (1 << (n - 1)) != 0 && !but.contains(n)).collect()
    };
    facts.set("ctx.signals_blocked", numbers(mask("SigBlk"), &[]));
    facts.set("ctx.signals_ignored", numbers(mask("SigIgn"), &[13]));
    match super::SIGPIPE_IGNORED.get() {
        Some(ignored) => facts.set("ctx.sigpipe_ignored", *ignored),
        None => facts.set(
            "ctx.sigpipe_ignored",
            serde_json::json!({ "not_applicable": "this probe begins with Rust's own start code, which ignores it" }),
        ),
    }
    facts.set("ctx.signals_caught", numbers(mask("SigCgt"), &[7, 11]));
}

/// Looks for the token in everything a visible process shows.
fn tokens(params: &Params, facts: &mut Facts) {
    let Some(token) = params.text("token") else { return };
    let mut found = Vec::new();
    for pid in visible() {
        for file in ["environ", "cmdline", "mountinfo", "comm"] {
            let path = format!("/proc/{pid}/{file}");
            let own = pid == std::process::id().cast_signed() && file == "cmdline";
            if !own && fs::read(&path).is_ok_and(|bytes| holds(&bytes, token)) {
                found.push(path);
            }
        }
    }
    for path in [
        "/proc/keys",
        "/proc/net/unix",
        "/proc/sysvipc/shm",
        "/proc/self/mountinfo",
        "/proc/version",
        "/proc/cmdline",
    ] {
        if fs::read(path).is_ok_and(|bytes| holds(&bytes, token)) {
            found.push(path.to_owned());
        }
    }
    facts.set("ctx.token_in", found);
    let mut files = Vec::new();
    search("/", token, 0, &mut files);
    facts.set("ctx.token_files", files);
}

fn holds(bytes: &[u8], token: &str) -> bool {
    bytes.windows(token.len()).any(|w| w == token.as_bytes())
}

/// File names and small files with the token, without /proc and /sys.
fn search(top: &str, token: &str, depth: usize, found: &mut Vec<String>) {
    if depth > 6 || found.len() > 20 {
        return;
    }
    for entry in fs::read_dir(top).into_iter().flatten().flatten() {
        let path = entry.path().to_string_lossy().into_owned();
        if ["/proc", "/sys"].contains(&path.as_str()) {
            continue;
        }
        if path.contains(token) {
            found.push(path.clone());
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => search(&path, token, depth + 1, found),
            Ok(kind)
                if kind.is_file()
                    // A directory names a bound device by the file it covers; only the inode tells.
                    && entry.metadata().is_ok_and(|m| m.is_file() && m.len() < 65_536)
                    && fs::read(&path).is_ok_and(|bytes| holds(&bytes, token)) =>
            {
                found.push(path);
            }
            _ => {}
        }
    }
}

pub(super) fn fd(_params: &Params, facts: &mut Facts) {
    let mut numbers = Vec::new();
    let mut outside = Vec::new();
    let directories: Vec<_> = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten().collect();
    for entry in directories {
        let number: i32 = entry.file_name().to_str().and_then(|n| n.parse().ok()).unwrap_or(-1);
        let link = fs::read_link(entry.path()).map_or_else(|e| e.to_string(), |p| p.display().to_string());
        // The descriptor that lists them is our own.
        if link.starts_with("/proc/") && link.ends_with("/fd") {
            continue;
        }
        facts.set(format!("fd.{number}"), link.clone());
        numbers.push(number);
        let is_directory = fs::metadata(entry.path()).is_ok_and(|m| m.is_dir());
        if number > 2 || is_directory {
            outside.push(format!("{number} -> {link}"));
        }
    }
    numbers.sort_unstable();
    facts.set("fd.numbers", numbers);
    facts.set("fd.beyond_standard", outside);
    for (number, name) in [(0, "stdin"), (1, "stdout"), (2, "stderr")] {
        let kind = fs::metadata(format!("/proc/self/fd/{number}")).map_or("none", |m| {
            let kind = m.file_type();
            if kind.is_fifo() {
                "pipe"
            } else if kind.is_char_device() {
                "character device"
            } else if kind.is_socket() {
                "socket"
            } else {
                "file"
            }
        });
        facts.set(format!("fd.{name}_kind"), kind);
    }
    let parent = fs::metadata(".").and_then(|a| Ok((a, fs::metadata("..")?)));
    facts.set(
        "fd.directory_reachable",
        std::env::current_dir()
            .is_ok_and(|d| d.starts_with("/") && !d.display().to_string().contains("unreachable")),
    );
    facts.set("fd.directory_parent_inode", parent.map_or(0, |(_, p)| p.ino()));
}
