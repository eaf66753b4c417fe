//! What a domain uses: read from its control groups and its network namespace; nothing is changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::groups::keyed;
use crate::process::ProcessId;
use crate::record::Record;

/// Everything, at one moment. What this machine does not count is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    /// When (ms since 1970).
    pub at: u64,
    /// Processor time.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Block devices.
    pub io: BTreeMap<String, Io>,
    /// Processes and threads.
    pub pids: Pids,
    /// By interface, as the container names it.
    pub interfaces: BTreeMap<String, Interface>,
    /// Pressure stall information by resource (psi.rst).
    pub pressure: BTreeMap<String, Pressure>,
}

/// Processor time, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cpu {
    /// In all.
    pub usage_us: Option<u64>,
    /// In programs.
    pub user_us: Option<u64>,
    /// In the kernel.
    pub system_us: Option<u64>,
    /// Periods in which it could have run.
    pub periods: Option<u64>,
    /// Periods in which its quota ran out.
    pub throttled: Option<u64>,
    /// How long it stood still for that.
    pub throttled_us: Option<u64>,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// Now.
    pub current: Option<u64>,
    /// At most, so far.
    pub peak: Option<u64>,
    /// The limit; `None` without one.
    pub limit: Option<u64>,
    /// Memory of programs.
    pub anonymous: Option<u64>,
    /// Files kept in memory.
    pub file: Option<u64>,
    /// Swapped out.
    pub swap: Option<u64>,
    /// How often the limit was reached.
    pub limit_reached: Option<u64>,
    /// Processes killed for want of memory.
    pub oom_kills: Option<u64>,
}

/// One block device, by `MAJOR:MINOR`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Io {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
}

/// Processes and threads.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pids {
    /// Now.
    pub current: Option<u64>,
    /// The limit.
    pub limit: Option<u64>,
    /// Forks that were refused.
    pub refused: Option<u64>,
}

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Interface {
    /// Bytes received.
    pub rx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Received with errors.
    pub rx_errors: u64,
    /// Dropped when received.
    pub rx_dropped: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Not sent for errors.
    pub tx_errors: u64,
    /// Dropped instead of sent.
    pub tx_dropped: u64,
}

/// Shares of time in which something stood still, in hundredths.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pressure {
    /// Some task, over ten seconds.
    pub some_avg10: f64,
    /// Some task, in all (microseconds).
    pub some_us: u64,
    /// Every task, over ten seconds.
    pub full_avg10: f64,
    /// Every task, in all (microseconds).
    pub full_us: u64,
}

/// Reads what a domain that runs uses.
pub fn read(record: &Record) -> Stats {
    Stats {
        at: crate::time::now_ms(),
        cpu: cpu(record),
        memory: memory(record),
        io: io(record),
        pids: pids(record),
        interfaces: record.init.map_or_else(BTreeMap::new, interfaces),
        pressure: pressure(record),
    }
}

fn number(path: PathBuf) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn cpu(record: &Record) -> Cpu {
    let unified = record.unified().map(|group| group.join("cpu.stat"));
    let of = |key: &str| unified.as_deref().and_then(|path| keyed(path, key));
    let v1 = record.group("cpu").map(|group| group.join("cpu.stat"));
    let throttling = |key: &str| of(key).or_else(|| v1.as_deref().and_then(|path| keyed(path, key)));
    Cpu {
        usage_us: of("usage_usec").or_else(|| {
            let group = record.group("cpuacct")?;
            Some(number(group.join("cpuacct.usage"))? / 1000)
        }),
        user_us: of("user_usec"),
        system_us: of("system_usec"),
        periods: throttling("nr_periods"),
        throttled: throttling("nr_throttled"),
        throttled_us: throttling("throttled_usec")
            .or_else(|| v1.as_deref().and_then(|path| keyed(path, "throttled_time")).map(|ns| ns / 1000)),
    }
}

fn memory(record: &Record) -> Memory {
    if let Some(group) = record.group("memory") {
        let stat = group.join("memory.stat");
        // Version 1 has no word for no limit: the largest number of whole pages.
        let limit = number(group.join("memory.limit_in_bytes")).filter(|&limit| limit < i64::MAX as u64 / 2);
        return Memory {
            current: number(group.join("memory.usage_in_bytes")),
            peak: number(group.join("memory.max_usage_in_bytes")),
            limit,
            anonymous: keyed(&stat, "total_rss"),
            file: keyed(&stat, "total_cache"),
            swap: keyed(&stat, "total_swap"),
            limit_reached: number(group.join("memory.failcnt")),
            oom_kills: keyed(&group.join("memory.oom_control"), "oom_kill"),
        };
    }
    let Some(group) = record.unified() else { return Memory::default() };
    let (stat, events) = (group.join("memory.stat"), group.join("memory.events"));
    Memory {
        current: number(group.join("memory.current")),
        peak: number(group.join("memory.peak")),
        limit: number(group.join("memory.max")),
        anonymous: keyed(&stat, "anon"),
        file: keyed(&stat, "file"),
        swap: number(group.join("memory.swap.current")),
        limit_reached: keyed(&events, "max"),
        oom_kills: keyed(&events, "oom_kill"),
    }
}

fn io(record: &Record) -> BTreeMap<String, Io> {
    if let Some(group) = record.group("blkio") {
        let text = |file: &str| fs::read_to_string(group.join(file)).unwrap_or_default();
        return io_of_v1(
            &text("blkio.throttle.io_service_bytes_recursive"),
            &text("blkio.throttle.io_serviced_recursive"),
        );
    }
    let path = record.unified().map(|group| group.join("io.stat"));
    io_of_v2(&path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default())
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` lines.
fn io_of_v2(text: &str) -> BTreeMap<String, Io> {
    let mut devices = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let Some(device) = words.next().filter(|device| device.contains(':')) else { continue };
        let mut io = Io::default();
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let value = value.parse().unwrap_or(0);
            match key {
                "rbytes" => io.read_bytes = value,
                "wbytes" => io.write_bytes = value,
                "rios" => io.reads = value,
                "wios" => io.writes = value,
                _ => {}
            }
        }
        crate::disregard(devices.insert(device.to_owned(), io));
    }
    devices
}

/// `8:0 Read 1` lines, one file for bytes, one for operations.
fn io_of_v1(bytes: &str, operations: &str) -> BTreeMap<String, Io> {
    let mut devices: BTreeMap<String, Io> = BTreeMap::new();
    for (text, is_bytes) in [(bytes, true), (operations, false)] {
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [device, kind, value] = words[..] else { continue };
            let value: u64 = value.parse().unwrap_or(0);
            let io = devices.entry(device.to_owned()).or_default();
            match (kind, is_bytes) {
                ("Read", true) => io.read_bytes = value,
                ("Write", true) => io.write_bytes = value,
                ("Read", false) => io.reads = value,
                ("Write", false) => io.writes = value,
                _ => {}
            }
        }
    }
    devices
}

fn pids(record: &Record) -> Pids {
    let Some(group) = record.group("pids").or_else(|| record.unified()) else { return Pids::default() };
    Pids {
        current: number(group.join("pids.current")),
        limit: number(group.join("pids.max")),
        refused: keyed(&group.join("pids.events"), "max"),
    }
}

/// The network namespace of a process, as its own `/proc/net/dev` shows it. Looked at while the process is held:
/// another one that has its number by now has other interfaces.
fn interfaces(init: ProcessId) -> BTreeMap<String, Interface> {
    let Some(_held) = init.open() else { return BTreeMap::new() };
    let text = fs::read_to_string(format!("/proc/{}/net/dev", init.pid)).unwrap_or_default();
    // It may have ended between the two: then this was read of nobody, or of somebody else.
    if init.lives() { parse_net_dev(&text) } else { BTreeMap::new() }
}

/// proc_pid_net(5): a name, eight numbers of what was received, eight of what was sent.
fn parse_net_dev(text: &str) -> BTreeMap<String, Interface> {
    let mut interfaces = BTreeMap::new();
    for line in text.lines() {
        let Some((name, numbers)) = line.split_once(':') else { continue };
        let numbers: Vec<u64> = numbers.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [
            rx_bytes,
            rx_packets,
            rx_errors,
            rx_dropped,
            _,
            _,
            _,
            _,
            tx_bytes,
            tx_packets,
            tx_errors,
            tx_dropped,
            ..,
        ] = numbers[..]
        else {
            continue;
        };
        let interface = Interface {
            rx_bytes,
            rx_packets,
            rx_errors,
            rx_dropped,
            tx_bytes,
            tx_packets,
            tx_errors,
            tx_dropped,
        };
        crate::disregard(interfaces.insert(name.trim().to_owned(), interface));
    }
    interfaces
}

fn pressure(record: &Record) -> BTreeMap<String, Pressure> {
    let mut all = BTreeMap::new();
    let Some(group) = record.unified() else { return all };
    for resource in ["cpu", "memory", "io"] {
        if let Some(pressure) = read_pressure(&group.join(format!("{resource}.pressure"))) {
            crate::disregard(all.insert(resource.to_owned(), pressure));
        }
    }
    all
}

fn read_pressure(path: &Path) -> Option<Pressure> {
    let text = fs::read_to_string(path).ok()?;
    let value = |line: &str, key: &str| -> Option<f64> {
        let line = text.lines().find(|text| text.starts_with(line))?;
        line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
    };
    Some(Pressure {
        some_avg10: value("some", "avg10")?,
        some_us: value("some", "total")? as u64,
        full_avg10: value("full", "avg10").unwrap_or(0.0),
        full_us: value("full", "total").unwrap_or(0.0) as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_of_the_same_number_is_not_measured() {
        let own = ProcessId::own();
        assert!(!interfaces(own).is_empty(), "there is lo at least");
        assert!(interfaces(ProcessId { start: own.start + 1, ..own }).is_empty());
    }

    #[test]
    fn traffic_is_read_by_interface() {
        let text = "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed \
            multicast|bytes packets errs drop fifo colls carrier compressed\n    lo: 10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n\
            eth0: 500 5 1 2 0 0 0 0 700 7 3 4 0 0 0 0\n";
        let all = parse_net_dev(text);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["eth0", "lo"]);
        let eth0 = &all["eth0"];
        assert_eq!((eth0.rx_bytes, eth0.rx_dropped, eth0.tx_bytes, eth0.tx_dropped), (500, 2, 700, 4));
    }

    #[test]
    fn block_devices_are_read_from_both_versions() {
        let io = Io { read_bytes: 1, write_bytes: 2, reads: 3, writes: 4 };
        assert_eq!(io_of_v2("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n")["8:0"], io);
        let v1 =
            io_of_v1("8:0 Read 1\n8:0 Write 2\nTotal 3\n", "8:0 Read 3\n8:0 Write 4\n8:0 Sync 1\nTotal 7\n");
        assert_eq!(v1["8:0"], io);
    }
}
