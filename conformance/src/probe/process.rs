//! What a process knows about itself and can reach of others.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpgrp, getpid, getppid, getsid};

use super::Params;
use crate::facts::Facts;
use crate::sys::{Arg, attempt};

/// One field of `/proc/PID/status`.
pub(super) fn status(pid: &str, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|l| l.starts_with(&format!("{field}:")))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The processes `/proc` lists.
pub(super) fn visible() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<i32> = entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids
}

fn pidfd_open(pid: i32) -> Result<i64, Errno> {
    attempt(libc::SYS_pidfd_open, &mut [Arg::Int(pid), Arg::Int(0)])
}

pub(super) fn pid(params: &Params, facts: &mut Facts) {
    facts.set("pid.self", getpid().as_raw());
    facts.set("pid.parent", getppid().as_raw());
    let levels: Vec<String> =
        status("self", "NSpid").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    facts.set("pid.levels", levels.len());
    facts.set(
        "pid.proc_self",
        fs::read_link("/proc/self").map_or_else(|e| e.to_string(), |p| p.display().to_string()),
    );
    facts.set("pid.proc_1_comm", fs::read_to_string("/proc/1/comm").unwrap_or_default().trim());
    facts.set("pid.session", getsid(None).map_or(-1, Pid::as_raw));
    facts.set("pid.group", getpgrp().as_raw());
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_comm = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    facts.set(
        "pid.tty_nr",
        after_comm.split_whitespace().nth(4).and_then(|n| n.parse::<i64>().ok()).unwrap_or(-1),
    );
    facts.set("pid.visible", visible());
    addressable(params, facts);
}

/// Asks for every number, not only for those that `/proc` lists.
fn addressable(params: &Params, facts: &mut Facts) {
    let mut by_kill = Vec::new();
    for number in 2..=70_000 {
        if kill(Pid::from_raw(number), None) != Err(Errno::ESRCH) && by_kill.len() < 20 {
            by_kill.push(number);
        }
    }
    facts.set("pid.addressable", by_kill);
    let mut by_pidfd = Vec::new();
    for number in (2..=70_000).step_by(7) {
        match pidfd_open(number) {
            Err(Errno::ESRCH | Errno::ENOENT) => {}
            // A thread that leads no group is somebody's as well.
            _ if by_pidfd.len() < 20 => by_pidfd.push(number),
            _ => {}
        }
    }
    facts.set("pid.addressable_by_pidfd", by_pidfd);
    if let Some(canary) = params.number("canary_pid").and_then(|n| i32::try_from(n).ok()) {
        facts.attempt("pid.canary_kill", kill(Pid::from_raw(canary), None));
        facts.attempt("pid.canary_pidfd", pidfd_open(canary));
    }
}
