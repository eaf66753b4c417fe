//! What of the machine's processors, memory nodes and block devices a document names.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use browndog_xml::domain::Domain;
use browndog_xml::value::IdSet;
use nix::errno::Errno;
use nix::libc;

/// A device of `<blkiotune>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disk {
    /// A disk, as `MAJOR:MINOR`.
    Whole(String),
    /// A part of a disk.
    Partition {
        /// The disk's path.
        of: String,
    },
    /// Something else.
    NoBlockDevice,
    /// It cannot be looked at.
    Missing(Errno),
}

/// Block devices, and how the kernel shares them.
#[derive(Clone, Debug, Default)]
pub struct Blkio {
    /// `blkio.devices` of the document, in its order.
    pub devices: Vec<Disk>,
    /// The file of a group that holds its weight, where the kernel has one.
    pub weight_file: Option<&'static str>,
}

/// What is online; `None` where nobody asked.
#[derive(Clone, Debug, Default)]
pub struct Online {
    /// Processors.
    pub cpus: Option<IdSet>,
    /// Memory nodes.
    pub nodes: Option<IdSet>,
}

impl Online {
    /// Reads what a document's sets are compared with.
    pub fn look(domain: &Domain) -> Self {
        let read = |wanted: bool, path: &str| {
            let text = wanted.then(|| fs::read_to_string(path).ok()).flatten()?;
            IdSet::parse(text.trim()).ok()
        };
        Self {
            cpus: read(domain.cpu.cpuset.is_some(), "/sys/devices/system/cpu/online"),
            nodes: read(domain.numa.is_some(), "/sys/devices/system/node/online"),
        }
    }
}

impl Blkio {
    /// Looks at the devices that a document names.
    pub fn look(domain: &Domain) -> Self {
        let asks = domain.blkio.weight.is_some()
            || domain.blkio.devices.iter().any(|device| device.weight.is_some());
        Self {
            devices: domain.blkio.devices.iter().map(|device| disk(device.path.value.as_str())).collect(),
            weight_file: asks.then(weight_file).flatten(),
        }
    }

    /// Every device assumed to be a disk, for plans that are never started.
    pub fn assume(domain: &Domain) -> Self {
        let devices = (0..domain.blkio.devices.len()).map(|index| Disk::Whole(format!("8:{}", index * 16)));
        Self { devices: devices.collect(), weight_file: Some("io.weight") }
    }
}

fn disk(path: &str) -> Disk {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) => return Disk::Missing(crate::errno_of(error)),
    };
    if !found.file_type().is_block_device() {
        return Disk::NoBlockDevice;
    }
    let number = format!("{}:{}", libc::major(found.rdev()), libc::minor(found.rdev()));
    let entry = format!("/sys/dev/block/{number}");
    if !fs::exists(format!("{entry}/partition")).unwrap_or(false) {
        return Disk::Whole(number);
    }
    let place = fs::canonicalize(entry).unwrap_or_default();
    let of = place.parent().and_then(|disk| disk.file_name()).unwrap_or_default();
    Disk::Partition { of: format!("/dev/{}", of.to_string_lossy()) }
}

/// Files of weights stand in groups below the root only; what stands in the root tells which they are.
fn weight_file() -> Option<&'static str> {
    let has = |path: &str| fs::exists(format!("/sys/fs/cgroup/{path}")).unwrap_or(false);
    if has("blkio/blkio.bfq.io_service_bytes") {
        return Some("blkio.bfq.weight");
    }
    if !has("cgroup.controllers") {
        return None;
    }
    if knows_bfq() {
        return Some("io.bfq.weight");
    }
    has("io.cost.qos").then_some("io.weight")
}

/// Whether a disk of this machine can have the scheduler that shares by weight.
fn knows_bfq() -> bool {
    let Ok(disks) = fs::read_dir("/sys/block") else { return false };
    let schedulers =
        disks.flatten().filter_map(|disk| fs::read_to_string(disk.path().join("queue/scheduler")).ok());
    schedulers
        .into_iter()
        .any(|list| list.split_whitespace().any(|name| name.trim_matches(['[', ']']) == "bfq"))
}
