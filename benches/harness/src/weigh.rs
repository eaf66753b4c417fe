//! What the clock does not tell: peak memory, page faults and the number of system calls.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::peers::{Subject, on_path};

/// The cost of one start beyond its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// KiB of the largest process.
    pub peak_kib: Option<u64>,
    /// Page faults of all processes.
    pub faults: Option<u64>,
    /// System calls of all processes.
    pub system_calls: Option<u64>,
}

/// Weighs one start of `subject`.
///
/// Peak memory and page faults are asked of the kernel by the floor, a process so small that what a child
/// inherits of it before its exec does not hide the child's own peak.
pub fn weigh(subject: &Subject, floor: Option<&Path>, scratch: &Path) -> Weight {
    let said = floor.and_then(|floor| usage(subject, floor)).unwrap_or_default();
    let figure =
        |name: &str| said.lines().rev().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Weight {
        peak_kib: figure("peak_kib "),
        faults: figure("faults "),
        system_calls: on_path("strace").and_then(|strace| system_calls(subject, &strace, scratch)),
    }
}

fn usage(subject: &Subject, floor: &Path) -> Option<String> {
    let output =
        Command::new(floor).arg("weigh").args(&subject.command).stdin(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()
}

fn system_calls(subject: &Subject, strace: &Path, scratch: &Path) -> Option<u64> {
    let log = scratch.join("strace");
    let status = Command::new(strace)
        .args(["-f", "-qq", "-c", "-U", "calls,name", "-o"])
        .arg(&log)
        .args(&subject.command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    let text = fs::read_to_string(&log).ok()?;
    let total = text.lines().rfind(|line| line.trim_end().ends_with("total"))?;
    if status.success() { total.split_whitespace().next()?.parse().ok() } else { None }
}
