//! The limits of a document in the words of each version of control groups: one row a file.

use browndog_xml::domain::{BlkioDevice, NumaMode, Origin, Sourced};

use super::super::build::Builder;
use super::super::step::ReadBack;
use crate::survey::blkio::Disk;

/// One write to a file of the group.
#[derive(Debug)]
pub(super) struct Setting {
    pub controller: &'static str,
    pub file: &'static str,
    pub value: String,
    pub check: ReadBack,
    pub origin: Origin,
    /// `MAJOR:MINOR` where the file takes one line for each device.
    pub device: Option<String>,
}

/// Collects rows.
#[derive(Debug, Default)]
struct Rows(Vec<Setting>);

impl Rows {
    fn add(&mut self, controller: &'static str, file: &'static str, value: impl ToString, origin: Origin) {
        self.check(controller, file, value, ReadBack::Same, origin);
    }

    fn bytes(&mut self, file: &'static str, value: u64, origin: Origin) {
        self.check("memory", file, value, ReadBack::Pages, origin);
    }

    fn check(
        &mut self,
        controller: &'static str,
        file: &'static str,
        value: impl ToString,
        check: ReadBack,
        origin: Origin,
    ) {
        self.0.push(Setting { controller, file, value: value.to_string(), check, origin, device: None });
    }

    fn device(
        &mut self,
        controller: &'static str,
        file: &'static str,
        device: &str,
        value: &str,
        origin: Origin,
    ) {
        self.0.push(Setting {
            controller,
            file,
            value: format!("{device} {value}"),
            check: ReadBack::Line,
            origin,
            device: Some(device.to_owned()),
        });
    }
}

/// libvirt's word for no limit (VIR_DOMAIN_MEMORY_PARAM_UNLIMITED, in KiB), here in bytes.
const UNLIMITED: u64 = 9_007_199_254_740_991 << 10;

/// A limit that limits.
fn limited(limit: &Option<Sourced<u64>>) -> Option<&Sourced<u64>> {
    limit.as_ref().filter(|limit| limit.value < UNLIMITED)
}

/// For version 1.
pub(super) fn v1(b: &mut Builder<'_>) -> Vec<Setting> {
    let domain = b.domain;
    let mut rows = Rows::default();
    let both = limited(&domain.memory.memory_and_swap);
    // Memory first: the kernel keeps memory and swap together at least as large.
    if let Some(limit) = limited(&domain.memory.limit).or(both) {
        rows.bytes("memory.limit_in_bytes", limit.value, limit.origin);
    }
    if let Some(soft) = limited(&domain.memory.soft) {
        rows.bytes("memory.soft_limit_in_bytes", soft.value, soft.origin);
    }
    if let Some(both) = both {
        rows.bytes("memory.memsw.limit_in_bytes", both.value, both.origin);
    }
    if let Some(shares) = &domain.cpu.shares {
        rows.add("cpu", "cpu.shares", shares.value, shares.origin);
    }
    if let Some(period) = &domain.cpu.period_us {
        rows.add("cpu", "cpu.cfs_period_us", period.value, period.origin);
    }
    if let Some(quota) = &domain.cpu.quota_us {
        rows.add("cpu", "cpu.cfs_quota_us", quota.value.max(-1), quota.origin);
    }
    cpuset(b, &mut rows, ReadBack::Same);
    blkio_v1(b, &mut rows);
    rows.add("pids", "pids.max", domain.pids.value, domain.pids.origin);
    rows.0
}

/// For version 2.
pub(super) fn v2(b: &mut Builder<'_>) -> Vec<Setting> {
    let domain = b.domain;
    let mut rows = Rows::default();
    let limit = limited(&domain.memory.limit);
    if let Some(limit) = limit {
        rows.bytes("memory.max", limit.value, limit.origin);
    }
    if let Some(soft) = limited(&domain.memory.soft) {
        rows.bytes("memory.high", soft.value, soft.origin);
    }
    if let Some(both) = limited(&domain.memory.memory_and_swap) {
        match limit {
            // Version 2 counts swap alone.
            Some(memory) => {
                let swap = both.value.saturating_sub(memory.value);
                rows.bytes("memory.swap.max", swap, both.origin);
            }
            None => b.problem(
                both.origin,
                "swap_hard_limit is memory and swap together, and control groups version 2 limit each alone",
                "add <hard_limit>: what is between the two is the limit of swap",
            ),
        }
    }
    if let Some(shares) = &domain.cpu.shares {
        rows.add("cpu", "cpu.weight", weight_of_shares(shares.value), shares.origin);
    }
    let (period, quota) = (&domain.cpu.period_us, &domain.cpu.quota_us);
    if let Some(origin) = quota.as_ref().map(|q| q.origin).or(period.as_ref().map(|p| p.origin)) {
        let quota = quota.as_ref().filter(|quota| quota.value >= 0);
        let quota = quota.map_or_else(|| "max".to_owned(), |quota| quota.value.to_string());
        let period = period.as_ref().map_or(PERIOD_DEFAULT_US, |period| period.value);
        rows.add("cpu", "cpu.max", format!("{quota} {period}"), origin);
    }
    // Version 2 takes any set, and falls back to the parent's where none of it is there.
    cpuset(b, &mut rows, ReadBack::Effective);
    io_v2(b, &mut rows);
    rows.add("pids", "pids.max", domain.pids.value, domain.pids.origin);
    rows.0
}

/// The kernel's default `cpu.max` period (cgroup-v2.rst).
const PERIOD_DEFAULT_US: u64 = 100_000;

/// `cpu.shares` 2..262144 onto `cpu.weight` 1..10000, in proportion: what runc and systemd agreed on.
pub fn weight_of_shares(shares: u64) -> u64 {
    let shares = shares.clamp(2, 262_144);
    1 + (shares - 2) * 9_999 / 262_142
}

/// `blkio.weight` 10..1000 onto `io.weight` 1..10000, in proportion, as runc does.
pub fn io_weight(weight: u16) -> u64 {
    1 + (u64::from(weight.clamp(10, 1000)) - 10) * 9_999 / 990
}

/// Processors and memory nodes.
fn cpuset(b: &mut Builder<'_>, rows: &mut Rows, check: ReadBack) {
    if let Some(cpus) = &b.domain.cpu.cpuset {
        rows.check("cpuset", "cpuset.cpus", &cpus.value, check, cpus.origin);
        require_online(b, "CPU", &cpus.value, &b.survey.online.cpus, cpus.origin);
    }
    let Some(numa) = &b.domain.numa else { return };
    let Some(nodes) = &numa.nodes else { return };
    require_online(b, "memory node", &nodes.value, &b.survey.online.nodes, nodes.origin);
    if matches!(numa.mode.value, NumaMode::Strict | NumaMode::Restrictive) {
        rows.check("cpuset", "cpuset.mems", &nodes.value, check, nodes.origin);
    }
}

type IdSet = browndog_xml::value::IdSet;

fn require_online(b: &mut Builder<'_>, what: &str, asked: &IdSet, online: &Option<IdSet>, origin: Origin) {
    let Some(online) = online else { return };
    if let Some(missing) = asked.iter().find(|number| !online.contains(*number)) {
        let message = format!("this machine has no {what} {missing}: online are {online}");
        b.problem(origin, message, "name only what is online");
    }
}

/// The file for weights and the conversion it needs; said where the kernel has none.
fn weight_file(b: &mut Builder<'_>, origin: Origin) -> Option<&'static str> {
    if b.survey.blkio.weight_file.is_none() {
        b.problem(
            origin,
            "this kernel shares no block device by weight: neither bfq nor iocost is there",
            "modprobe bfq (or boot a kernel with CONFIG_BLK_CGROUP_IOCOST), or remove <weight>",
        );
    }
    b.survey.blkio.weight_file
}

fn weight(file: &str, weight: u16) -> String {
    if file == "io.weight" { io_weight(weight).to_string() } else { weight.to_string() }
}

fn group_weight(b: &mut Builder<'_>, rows: &mut Rows, controller: &'static str) {
    if let Some(asked) = &b.domain.blkio.weight
        && let Some(file) = weight_file(b, asked.origin)
    {
        rows.check(controller, file, weight(file, asked.value), ReadBack::Default, asked.origin);
    }
}

fn blkio_v1(b: &mut Builder<'_>, rows: &mut Rows) {
    group_weight(b, rows, "blkio");
    for (index, device) in b.domain.blkio.devices.iter().enumerate() {
        let Some(number) = whole_disk(b, index, device) else { continue };
        if let Some(asked) = &device.weight
            && weight_file(b, asked.origin).is_some()
        {
            rows.device("blkio", "blkio.bfq.weight_device", &number, &asked.value.to_string(), asked.origin);
        }
        for (limit, file) in [
            (&device.read_bytes_sec, "blkio.throttle.read_bps_device"),
            (&device.write_bytes_sec, "blkio.throttle.write_bps_device"),
            (&device.read_iops_sec, "blkio.throttle.read_iops_device"),
            (&device.write_iops_sec, "blkio.throttle.write_iops_device"),
        ] {
            // libvirt's word for no limit is 0.
            if let Some(limit) = limit.as_ref().filter(|limit| limit.value > 0) {
                rows.device("blkio", file, &number, &limit.value.to_string(), limit.origin);
            }
        }
    }
}

fn io_v2(b: &mut Builder<'_>, rows: &mut Rows) {
    group_weight(b, rows, "io");
    for (index, device) in b.domain.blkio.devices.iter().enumerate() {
        let Some(number) = whole_disk(b, index, device) else { continue };
        if let Some(asked) = &device.weight
            && let Some(file) = weight_file(b, asked.origin)
        {
            rows.device("io", file, &number, &weight(file, asked.value), asked.origin);
        }
        let limits = [
            ("rbps", &device.read_bytes_sec),
            ("wbps", &device.write_bytes_sec),
            ("riops", &device.read_iops_sec),
            ("wiops", &device.write_iops_sec),
        ];
        let set = |limit: &Option<Sourced<u64>>| limit.as_ref().filter(|limit| limit.value > 0).cloned();
        let Some(first) = limits.iter().find_map(|(_, limit)| set(limit)) else { continue };
        // All four, in the kernel's own order, so that its answer is the same line.
        let line: Vec<String> = limits
            .iter()
            .map(|(key, limit)| {
                let value = set(limit).map_or_else(|| "max".to_owned(), |limit| limit.value.to_string());
                format!("{key}={value}")
            })
            .collect();
        rows.device("io", "io.max", &number, &line.join(" "), first.origin);
    }
}

/// `MAJOR:MINOR` of the device; said where a limit cannot be had.
fn whole_disk(b: &mut Builder<'_>, index: usize, device: &BlkioDevice) -> Option<String> {
    let path = &device.path;
    match b.survey.blkio.devices.get(index)? {
        Disk::Whole(number) => Some(number.clone()),
        Disk::Partition { of } => {
            let message = format!("{} is a partition: the kernel limits whole disks only", path.value);
            b.problem(path.origin, message, format!("name the disk: {of}"));
            None
        }
        Disk::NoBlockDevice => {
            let message = format!("{} is not a block device", path.value);
            b.problem(path.origin, message, "see lsblk for the names");
            None
        }
        Disk::Missing(errno) => {
            let message = format!("cannot open {}: {} ({errno})", path.value, errno.desc());
            b.problem(path.origin, message, "create it on this host, or correct the path");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Sourced, UNLIMITED, io_weight, limited, weight_of_shares};
    use rstest::rstest;

    #[test]
    fn libvirts_word_for_no_limit_sets_none() {
        assert_eq!(limited(&Some(Sourced::default(UNLIMITED, ""))), None);
        assert!(limited(&Some(Sourced::default(UNLIMITED - 1024, ""))).is_some());
    }

    #[rstest]
    #[case(2, 1)]
    #[case(1024, 39)]
    #[case(262_144, 10_000)]
    #[case(0, 1)]
    fn shares_become_weight_in_proportion(#[case] shares: u64, #[case] weight: u64) {
        assert_eq!(weight_of_shares(shares), weight);
    }

    #[rstest]
    #[case(10, 1)]
    #[case(500, 4950)]
    #[case(1000, 10_000)]
    #[case(0, 1)]
    fn a_weight_of_block_devices_keeps_its_place_in_the_range(#[case] weight: u16, #[case] io: u64) {
        assert_eq!(io_weight(weight), io);
    }
}
