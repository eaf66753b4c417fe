//! The typed domain: what both dialects lower to and what the runtime plans from.
//!
//! No XML text is left in it: every value is checked, and every value knows where it came from
//! ([`Origin`]), so that a plan step or an error can point into the document. Where the format has
//! a default there is no `Option`: the default stands here with [`Origin::Default`].
//! Elements that have no effect on a container are not in here; the checker has said so.

mod devices;
mod extension;

use std::net::IpAddr;

use crate::source::Span;
use crate::value::{AbsPath, Capability, DomainName, Hostname, IdSet};
pub use devices::{
    Address, Bandwidth, Console, Disk, DiskSource, Filesystem, FilesystemSource, Hostdev, HostdevKind,
    Interface, InterfaceKind, MacvlanMode, RamOptions, Route,
};
pub use extension::Extension;
use uuid::Uuid;

impl Domain {
    /// The place of `origin` in the document: of a default, that of the whole domain. `None` where nobody wrote it.
    pub(crate) fn span_of(&self, origin: Origin) -> Option<Span> {
        match (origin, self.origin.origin) {
            (Origin::Xml(span), _) | (Origin::Default(_), Origin::Xml(span)) => Some(span),
            (Origin::Default(_), Origin::Default(_)) => None,
        }
    }
}

/// Where a value came from.
///
/// All origins are equal: two documents that say the same are the same, wherever they say it.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// Written in the document at this place.
    Xml(Span),
    /// Not written; the sentence says whose default it is and why.
    Default(&'static str),
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Origin {}

/// A value and where it came from.
///
/// Equality looks at the value alone: two documents that say the same are the same.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    /// The checked value.
    pub value: T,
    /// The place in the document, or the default's reason.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value written at `span`.
    pub const fn xml(value: T, span: Span) -> Self {
        Self { value, origin: Origin::Xml(span) }
    }
    /// A value that stands for something not written, because of `reason`.
    pub const fn default(value: T, reason: &'static str) -> Self {
        Self { value, origin: Origin::Default(reason) }
    }
}

impl<T: PartialEq> PartialEq for Sourced<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
impl<T: Eq> Eq for Sourced<T> {}

/// Which vocabulary the document used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `<domain type='linuxcontainer'>`, the RFC of December 2007 to January 2008.
    LinuxContainer,
    /// `<domain type='lxc'>`, libvirt's container driver.
    Lxc,
}

/// One container.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// The vocabulary it was written in.
    pub dialect: Dialect,
    /// The `<domain>` start tag.
    pub origin: Sourced<()>,
    /// `<name>`.
    pub name: Sourced<DomainName>,
    /// `<uuid>`; `None` where the document has none (one is made when the domain is defined or run).
    pub uuid: Option<Sourced<Uuid>>,
    /// `<title>`.
    pub title: Option<Sourced<String>>,
    /// `<description>`.
    pub description: Option<Sourced<String>>,
    /// The UTS name: extension, RFC `network/@hostname`, or the name filtered as libvirt does.
    pub hostname: Sourced<Hostname>,
    /// `<memory>`, `<currentMemory>`, `<memtune>`.
    pub memory: Memory,
    /// `<vcpu>`, `<cputune>`, `<cpushare>`.
    pub cpu: Cpu,
    /// `<numatune><memory>`.
    pub numa: Option<Numa>,
    /// `<blkiotune>`.
    pub blkio: Blkio,
    /// Most processes at once (extension); a default limit holds without it.
    pub pids: Sourced<u64>,
    /// `<resource><partition>`; `/machine` without.
    pub partition: Sourced<AbsPath>,
    /// `<idmap>`.
    pub idmap: Option<IdMap>,
    /// What runs, as whom, with which environment.
    pub init: Init,
    /// `<os><type arch>`, as libvirt and uname(1) name it; the machine's own without.
    pub arch: Option<Sourced<String>>,
    /// `<os><type arch>` asks for a 32-bit personality on a 64-bit host.
    pub personality32: Option<Origin>,
    /// `<features><privnet/>`, or the RFC's `<network>` with an address.
    pub private_network: Option<Origin>,
    /// `<features><capabilities>`.
    pub capabilities: Capabilities,
    /// `<filesystem>`s and RFC `<mount>`s in document order.
    pub filesystems: Vec<Filesystem>,
    /// `<interface>`s in document order.
    pub interfaces: Vec<Interface>,
    /// `<hostdev>`s in document order.
    pub hostdevs: Vec<Hostdev>,
    /// `<disk>`s in document order.
    pub disks: Vec<Disk>,
    /// `<console>`s in document order.
    pub consoles: Vec<Console>,
    /// RFC `<nameserver>`s, in document order, for the container's resolv.conf.
    pub nameservers: Vec<Sourced<IpAddr>>,
    /// `<lxc:namespace>`.
    pub share: Share,
    /// `<clock>` and its timers that give device nodes (`rtc`, `hpet` with offset `localtime`).
    pub clock_devices: Vec<Sourced<ClockDevice>>,
    /// `<on_poweroff>`, `<on_reboot>`, `<on_crash>`.
    pub lifecycle: Lifecycle,
    /// `<seclabel>`.
    pub seclabels: Vec<Seclabel>,
    /// What neither dialect can say (the browndog extension namespace).
    pub extension: Extension,
    /// What the document rightly asks for and browndog cannot do: a start has to be refused with
    /// these sentences. Not empty is no fault of the document.
    pub unsupported: Vec<Sourced<String>>,
}

/// Memory bounds; all sizes in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// `<memtune><hard_limit>` where given, else `<memory>`: the limit that is applied.
    pub limit: Option<Sourced<u64>>,
    /// `<memory>`: the ceiling for later changes.
    pub maximum: Option<Sourced<u64>>,
    /// `<currentMemory>`.
    pub current: Option<Sourced<u64>>,
    /// `<memtune><soft_limit>`.
    pub soft: Option<Sourced<u64>>,
    /// `<memtune><swap_hard_limit>`: memory and swap together, on every cgroup version.
    pub memory_and_swap: Option<Sourced<u64>>,
}

/// CPU share and placement.
#[derive(Clone, Debug, PartialEq)]
pub struct Cpu {
    /// `<vcpu>`: reported only.
    pub count: Sourced<u32>,
    /// `<vcpu cpuset>`.
    pub cpuset: Option<Sourced<IdSet>>,
    /// `<cputune><shares>` or RFC `<cpushare>`: cgroup v1 `cpu.shares` units (1024 is one share).
    pub shares: Option<Sourced<u64>>,
    /// `<cputune><period>` (or `global_period`), in microseconds.
    pub period_us: Option<Sourced<u64>>,
    /// `<cputune><quota>` (or `global_quota`), in microseconds; negative means no quota.
    pub quota_us: Option<Sourced<i64>>,
}

/// `<numatune><memory mode nodeset>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Numa {
    /// How strictly.
    pub mode: Sourced<NumaMode>,
    /// Which nodes; `None` with placement `auto`.
    pub nodes: Option<Sourced<IdSet>>,
}

/// `numatune/memory/@mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumaMode {
    /// Only these nodes; applied through the cpuset controller.
    Strict,
    /// These nodes first: `set_mempolicy` `MPOL_PREFERRED`.
    Preferred,
    /// Round robin: `set_mempolicy` `MPOL_INTERLEAVE`.
    Interleave,
    /// Only through the cpuset controller.
    Restrictive,
}

/// `<blkiotune>`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blkio {
    /// `<weight>`, 10 to 1000.
    pub weight: Option<Sourced<u16>>,
    /// `<device>`s.
    pub devices: Vec<BlkioDevice>,
}

/// `<blkiotune><device>`.
#[derive(Clone, Debug, PartialEq)]
pub struct BlkioDevice {
    /// The block device on the host.
    pub path: Sourced<AbsPath>,
    /// `<weight>`.
    pub weight: Option<Sourced<u16>>,
    /// `<read_bytes_sec>`.
    pub read_bytes_sec: Option<Sourced<u64>>,
    /// `<write_bytes_sec>`.
    pub write_bytes_sec: Option<Sourced<u64>>,
    /// `<read_iops_sec>`.
    pub read_iops_sec: Option<Sourced<u64>>,
    /// `<write_iops_sec>`.
    pub write_iops_sec: Option<Sourced<u64>>,
}

/// `<idmap>`: checked ranges (none empty, none overlapping, none past the last id).
#[derive(Clone, Debug, PartialEq)]
pub struct IdMap {
    /// The element.
    pub origin: Origin,
    /// `<uid>`s, sorted by `start`.
    pub uid: Vec<Sourced<IdRange>>,
    /// `<gid>`s, sorted by `start`.
    pub gid: Vec<Sourced<IdRange>>,
}

/// One range of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdRange {
    /// First id inside the container.
    pub start: u32,
    /// First id on the host.
    pub target: u32,
    /// How many.
    pub count: u32,
}

/// What the container runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Init {
    /// One command from `<os><init>`, one or more from RFC `<application>`; never empty.
    pub commands: Vec<Command>,
    /// `<os><initenv name>`.
    pub env: Vec<Sourced<(String, String)>>,
    /// `<os><initdir>`; `/` without.
    pub dir: Sourced<AbsPath>,
    /// `<os><inituser>`.
    pub user: Option<Sourced<Account>>,
    /// `<os><initgroup>`.
    pub group: Option<Sourced<Account>>,
}

/// One program and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// `argv[0]` and the file to execute: absolute, or (RFC `<application>` only) a name looked up
    /// in the container's `PATH`.
    pub program: Sourced<String>,
    /// `argv[1..]`.
    pub args: Vec<Sourced<String>>,
}

/// `inituser` and `initgroup`: resolved in the container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Account {
    /// Looked up in the container's passwd or group file, then read as a number.
    Name(String),
    /// `+N`.
    Id(u32),
}

/// `<features><capabilities>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Capabilities {
    /// `@policy`.
    pub policy: Sourced<CapabilityPolicy>,
    /// `<NAME state>`; later wins, as in document order.
    pub overrides: Vec<Sourced<(Capability, bool)>>,
}

/// `capabilities/@policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CapabilityPolicy {
    /// browndog's restricted set.
    Default,
    /// Everything the kernel knows.
    Allow,
    /// Nothing.
    Deny,
}

/// `<lxc:namespace>`: namespaces joined instead of made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// `<lxc:sharenet>`.
    pub net: Option<Sourced<ShareTarget>>,
    /// `<lxc:shareipc>`.
    pub ipc: Option<Sourced<ShareTarget>>,
    /// `<lxc:shareuts>`.
    pub uts: Option<Sourced<ShareTarget>>,
}

/// Whose namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ShareTarget {
    /// Another domain's, by name.
    Name(String),
    /// A host process's.
    Pid(u32),
    /// `/run/netns/NAME` (net only).
    NetNs(String),
}

/// Nodes that `<clock offset='localtime'>` timers ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClockDevice {
    /// `/dev/rtc` from `/dev/rtc0`.
    Rtc,
    /// `/dev/hpet`.
    Hpet,
}

/// What happens when the container ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    /// `<on_poweroff>`.
    pub on_poweroff: Sourced<LifecycleAction>,
    /// `<on_reboot>`.
    pub on_reboot: Sourced<LifecycleAction>,
    /// `<on_crash>`.
    pub on_crash: Sourced<LifecycleAction>,
}

/// `<on_*>` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LifecycleAction {
    /// Remove everything.
    Destroy,
    /// Start again.
    Restart,
    /// Keep the record (state and log) for a look.
    Preserve,
}

/// One `<seclabel>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Seclabel {
    /// The element.
    pub origin: Origin,
    /// `@type`.
    pub kind: SeclabelKind,
    /// `@model`.
    pub model: Option<Sourced<String>>,
    /// `<label>`: the process label set before exec.
    pub label: Option<Sourced<String>>,
}

/// `seclabel/@type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeclabelKind {
    /// A label made for this domain.
    Dynamic,
    /// The label as written.
    Static,
    /// No label.
    None,
}
