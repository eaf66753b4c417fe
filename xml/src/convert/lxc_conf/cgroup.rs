//! `lxc.cgroup.*` and `lxc.cgroup2.*`.

use super::build::Build;
use super::parse::Line;
use crate::convert::{Element, Findings, Place};
use crate::value::{parse_u64, quoted};

/// Limits so far, as the elements that say them.
#[derive(Default)]
pub(super) struct Limits {
    pub(super) memory: Option<Element>,
    soft: Option<Element>,
    both: Option<Element>,
    /// Version 2 counts swap on its own.
    swap: Option<(u64, Place)>,
    memory_bytes: Option<u64>,
    cpus: Option<Element>,
    nodes: Option<Element>,
    shares: Option<Element>,
    period: Option<Element>,
    quota: Option<Element>,
    weight: Option<Element>,
    pub(super) pids: Option<Element>,
}

impl Limits {
    /// Everything but memory itself and the number of processes.
    pub(super) fn write(&mut self, root: &mut Element, findings: &mut Findings) {
        if let Some((swap, place)) = self.swap.take() {
            match self.memory_bytes.and_then(|memory| memory.checked_add(swap)) {
                Some(both) => self.both = Some(kib("swap_hard_limit", both, place)),
                None => findings.lost(
                    place,
                    "lxc.cgroup2.memory.swap.max",
                    "lxc.cgroup2.memory.swap.max: a bound on swap is carried together with one on memory",
                ),
            }
        }
        let mut groups = [
            ("memtune", vec![self.soft.take(), self.both.take()]),
            ("cputune", vec![self.shares.take(), self.period.take(), self.quota.take()]),
            ("numatune", vec![self.nodes.take()]),
            ("blkiotune", vec![self.weight.take()]),
        ];
        root.children.extend(self.cpus.take());
        for (name, parts) in &mut groups {
            let mut group = Element::new(name);
            group.children.extend(parts.drain(..).flatten());
            root.push_filled(group);
        }
    }
}

fn kib(name: &'static str, bytes: u64, place: Place) -> Element {
    Element::text(name, bytes.div_ceil(1024)).with("unit", "KiB").at(place)
}

/// Bytes: a number with a suffix of the kernel (k, m, g in powers of 1024); `None` is no limit.
fn bytes(text: &str) -> Option<Option<u64>> {
    if matches!(text, "max" | "-1") {
        return Some(None);
    }
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    parse_u64(digits).and_then(|number| number.checked_mul(1 << shift)).map(Some)
}

/// Sets a limit. Two hierarchies may say the same; where they differ, the first one holds.
fn set(build: &mut Build<'_>, line: &Line, slot: fn(&mut Limits) -> &mut Option<Element>, element: Element) {
    let element = element.at(line.place);
    match slot(&mut build.limits) {
        Some(earlier) if earlier.text == element.text && earlier.attributes == element.attributes => {}
        Some(_) => build.lost(
            line,
            "another value is set above, for the other version of control groups or under another name",
        ),
        empty => *empty = Some(element),
    }
}

fn size(
    build: &mut Build<'_>,
    line: &Line,
    name: &'static str,
    slot: fn(&mut Limits) -> &mut Option<Element>,
) {
    match bytes(&line.value) {
        Some(Some(bytes)) => {
            if name == "memory" {
                build.limits.memory_bytes = Some(bytes);
            }
            set(build, line, slot, kib(name, bytes, line.place));
        }
        Some(None) => {}
        None => bad(build, line, "an amount of memory"),
    }
}

fn bad(build: &mut Build<'_>, line: &Line, what: &str) {
    build.wrong(
        line,
        &format!("{} is not {what}", quoted(&line.value)),
        "the kernel would refuse it as well",
    );
}

fn file(line: &Line) -> &str {
    line.key.split_once("cgroup.").or_else(|| line.key.split_once("cgroup2.")).map_or("", |(_, file)| file)
}

/// `lxc.cgroup.CONTROLLER.FILE`: version 1.
pub(super) fn legacy(build: &mut Build<'_>, line: &Line) {
    let value = &line.value;
    match file(line) {
        "memory.limit_in_bytes" => size(build, line, "memory", |limits| &mut limits.memory),
        "memory.soft_limit_in_bytes" => size(build, line, "soft_limit", |limits| &mut limits.soft),
        "memory.memsw.limit_in_bytes" => size(build, line, "swap_hard_limit", |limits| &mut limits.both),
        "cpu.shares" => set(build, line, |limits| &mut limits.shares, Element::text("shares", value)),
        "cpu.cfs_period_us" => set(build, line, |limits| &mut limits.period, Element::text("period", value)),
        "cpu.cfs_quota_us" => set(build, line, |limits| &mut limits.quota, Element::text("quota", value)),
        "blkio.weight" => set(build, line, |limits| &mut limits.weight, Element::text("weight", value)),
        _ => common(build, line),
    }
}

/// `lxc.cgroup2.CONTROLLER.FILE`: version 2.
pub(super) fn unified(build: &mut Build<'_>, line: &Line) {
    let value = &line.value;
    match file(line) {
        "memory.max" => size(build, line, "memory", |limits| &mut limits.memory),
        "memory.high" => size(build, line, "soft_limit", |limits| &mut limits.soft),
        "memory.swap.max" => match bytes(value) {
            Some(bytes) => build.limits.swap = bytes.map(|bytes| (bytes, line.place)),
            None => bad(build, line, "an amount of memory"),
        },
        "cpu.max" => quota(build, line),
        "cpu.weight" => match parse_u64(value) {
            Some(weight @ 1..=10_000) => {
                // The kernel's own formula, the other way round.
                let shares = 2 + (weight - 1) * 262_142 / 9_999;
                build.otherwise(line, &format!("the weight {weight} is {shares} shares"));
                set(build, line, |limits| &mut limits.shares, Element::text("shares", shares));
            }
            _ => bad(build, line, "a weight from 1 to 10000"),
        },
        "io.weight" => match parse_u64(value.trim_start_matches("default ")) {
            Some(weight @ 10..=1_000) => {
                set(build, line, |limits| &mut limits.weight, Element::text("weight", weight));
            }
            Some(_) => build.lost(line, "a weight from 10 to 1000 can be carried"),
            None => bad(build, line, "a weight"),
        },
        _ => common(build, line),
    }
}

fn quota(build: &mut Build<'_>, line: &Line) {
    let mut words = line.value.split_whitespace();
    let (quota, period) = (words.next().unwrap_or("max").to_owned(), words.next().map(str::to_owned));
    if quota != "max" {
        set(build, line, |limits| &mut limits.quota, Element::text("quota", quota));
        let period = period.unwrap_or_else(|| "100000".to_owned());
        set(build, line, |limits| &mut limits.period, Element::text("period", period));
    }
}

/// What is carried, for suggestions.
const FILES: [&str; 17] = [
    "memory.max",
    "memory.high",
    "memory.swap.max",
    "memory.limit_in_bytes",
    "memory.soft_limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "cpu.max",
    "cpu.weight",
    "cpu.shares",
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
    "io.weight",
    "blkio.weight",
    "cpuset.cpus",
    "cpuset.mems",
    "pids.max",
    "devices.allow",
];

/// Files that both versions have.
fn common(build: &mut Build<'_>, line: &Line) {
    let value = &line.value;
    match file(line) {
        "cpuset.cpus" => {
            set(build, line, |limits| &mut limits.cpus, Element::text("vcpu", "1").with("cpuset", value));
        }
        "cpuset.mems" => {
            let nodes = Element::new("memory").with("mode", "strict").with("nodeset", value);
            set(build, line, |limits| &mut limits.nodes, nodes);
        }
        "pids.max" if value == "max" => build.lost(line, "there is always a bound on processes"),
        "pids.max" => {
            set(build, line, |limits| &mut limits.pids, Element::new("browndog:pids").with("limit", value));
        }
        "devices.deny" if matches!(value.as_str(), "a" | "a *:* rwm") => {}
        "devices.deny" => build.lost(line, "what is not given is denied"),
        "devices.allow" => device(build, line),
        other => {
            let near = crate::nearest::suggestion(other, &FILES);
            build.lost(line, &format!("this file of the control group is not written{near}"));
        }
    }
}

/// Device numbers that every container has: null, zero, full, random, urandom, tty, console, ptmx, pts.
const GIVEN: &[&str] = &["1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2", "136:*"];

fn device(build: &mut Build<'_>, line: &Line) {
    let words: Vec<&str> = line.value.split_whitespace().collect();
    match words[..] {
        ["c", numbers, _] if GIVEN.contains(&numbers) => {}
        ["c" | "b", "*:*", "m"] => build.lost(line, "nodes of devices that are not given cannot be made"),
        _ => build.lost(
            line,
            "a device is given by its node: <hostdev mode='capabilities' type='misc'> or 'storage'",
        ),
    }
}
