//! Devices: what stands in `<devices>`, and the file systems and links of the RFC.

use std::net::IpAddr;

use super::{Origin, Sourced};
use crate::value::{AbsPath, InterfaceName, MacAddr};

/// One `<filesystem>` or RFC `<mount>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Filesystem {
    /// The element.
    pub origin: Origin,
    /// What is mounted.
    pub source: FilesystemSource,
    /// `<target dir>`: absolute in the container.
    pub target: Sourced<AbsPath>,
    /// `<readonly/>`.
    pub readonly: Option<Origin>,
    /// `<browndog:optional>`: it is left out where its source is not on the host. Few have it, so it is a pointer.
    pub optional: Option<Box<Origin>>,
}

/// `filesystem/@type` with its `<source>`.
#[derive(Clone, Debug, PartialEq)]
pub enum FilesystemSource {
    /// `mount`: a directory or file of the host.
    Host(Sourced<AbsPath>),
    /// `bind`: a directory or file of the container.
    Container(Sourced<AbsPath>),
    /// `ram`: a tmpfs of this many bytes.
    Ram {
        /// Size in bytes.
        bytes: Sourced<u64>,
        /// `<browndog:ram>`, which few have.
        options: Option<Box<RamOptions>>,
    },
    /// `block`: a block device with a file system.
    Block(Sourced<AbsPath>),
    /// `file`: a raw image with a file system, on a loop device.
    Image {
        /// The image on the host.
        file: Sourced<AbsPath>,
    },
}

/// `<browndog:ram>`: what libvirt has no word for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RamOptions {
    /// `@mode`: the mode of its top directory, where it is not [`RAM_MODE`](crate::value::RAM_MODE).
    pub mode: Option<Sourced<u32>>,
    /// `@size`: half of the machine's memory, in the place of its bytes.
    pub half: Option<Origin>,
}

/// One `<interface>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// The element.
    pub origin: Origin,
    /// `@type` with its `<source>`.
    pub kind: InterfaceKind,
    /// `<mac address>`.
    pub mac: Option<Sourced<MacAddr>>,
    /// `<target dev>`: the host end's name.
    pub host_name: Option<Sourced<InterfaceName>>,
    /// `<guest dev>`: the name inside; `ethN` without.
    pub guest_name: Option<Sourced<InterfaceName>>,
    /// `<ip>`s.
    pub addresses: Vec<Address>,
    /// `<route>`s.
    pub routes: Vec<Route>,
    /// `<link state>`; up unless `down`.
    pub link_up: Sourced<bool>,
    /// `<mtu size>`.
    pub mtu: Option<Sourced<u32>>,
    /// `<port isolated='yes'>`.
    pub port_isolated: Option<Sourced<bool>>,
    /// `<bandwidth><inbound>`: towards the container.
    pub inbound: Option<Bandwidth>,
    /// `<bandwidth><outbound>`: out of the container.
    pub outbound: Option<Bandwidth>,
}

/// How much may pass in one direction (formatdomain, "Quality of service").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// The element.
    pub origin: Origin,
    /// Bytes per second. libvirt's kilobyte of a rate has 1000 (it hands "kbps" to tc(8)).
    pub average: u64,
    /// Bytes per second of a burst; above `average`.
    pub peak: Option<u64>,
    /// Bytes of a burst. libvirt's kilobyte of a burst has 1024.
    pub burst: Option<u64>,
}

/// `interface/@type`.
#[derive(Clone, Debug, PartialEq)]
pub enum InterfaceKind {
    /// `bridge`: veth, host end in this bridge.
    Bridge(Sourced<InterfaceName>),
    /// `network`: a libvirt network of this name, or a bridge of that name.
    Network(Sourced<String>),
    /// `ethernet`: veth, host end left alone.
    Ethernet {
        /// Addresses of the host end (`<source><ip>`).
        host_addresses: Vec<Address>,
        /// Routes on the host end (`<source><route>`).
        host_routes: Vec<Route>,
    },
    /// `direct`: macvlan on this device.
    Direct {
        /// The host's device.
        dev: Sourced<InterfaceName>,
        /// macvlan mode.
        mode: Sourced<MacvlanMode>,
    },
    /// RFC `<network>` with an address but no link: loopback only carries the address.
    Rfc,
}

/// `interface/source/@mode` for `type='direct'`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacvlanMode {
    /// libvirt's default.
    Vepa,
    /// Isolated from each other.
    Private,
    /// Direct connection.
    Bridge,
    /// Exclusive use of the device.
    Passthrough,
}

/// `<ip address prefix peer>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    /// The element.
    pub origin: Origin,
    /// Address.
    pub address: IpAddr,
    /// Prefix length in bits.
    pub prefix: u8,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
}

/// `<route>` or the RFC's `<gateway>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The element.
    pub origin: Origin,
    /// Destination network; `0.0.0.0/0` or `::/0` is the default route.
    pub destination: IpAddr,
    /// Prefix length in bits.
    pub prefix: u8,
    /// Next hop.
    pub gateway: IpAddr,
    /// Metric.
    pub metric: Option<u32>,
}

/// One `<hostdev>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hostdev {
    /// The element.
    pub origin: Origin,
    /// `@mode`, `@type` and `<source>`.
    pub kind: HostdevKind,
}

/// `hostdev/@mode` and `@type`.
#[derive(Clone, Debug, PartialEq)]
pub enum HostdevKind {
    /// `capabilities`/`storage`: a block node.
    Storage(Sourced<AbsPath>),
    /// `capabilities`/`misc`: a character node.
    Misc(Sourced<AbsPath>),
    /// `capabilities`/`net`: a host interface moves in.
    Net {
        /// The host's interface.
        interface: Sourced<InterfaceName>,
        /// `<ip>`s.
        addresses: Vec<Address>,
        /// `<route>`s.
        routes: Vec<Route>,
    },
    /// `subsystem`/`usb` by vendor and product.
    UsbById {
        /// Vendor id.
        vendor: Sourced<u16>,
        /// Product id.
        product: Sourced<u16>,
    },
    /// `subsystem`/`usb` by bus and device number.
    UsbByAddress {
        /// Bus number.
        bus: Sourced<u32>,
        /// Device number.
        device: Sourced<u32>,
    },
}

/// One `<disk>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// The element.
    pub origin: Origin,
    /// `<source dev>` (a block device) or `<source file>` (a raw image on a loop device).
    pub source: DiskSource,
    /// `<target dev>`: the node's name below `/dev`.
    pub target: Sourced<String>,
    /// `<readonly/>`.
    pub readonly: Option<Origin>,
}

/// `disk/@type`.
#[derive(Clone, Debug, PartialEq)]
pub enum DiskSource {
    /// `block`.
    Block(Sourced<AbsPath>),
    /// `file`, raw.
    Image(Sourced<AbsPath>),
}

/// One `<console>`.
#[derive(Clone, Debug, PartialEq)]
pub struct Console {
    /// The element.
    pub origin: Origin,
    /// The RFC's `@tty`: a terminal of the host that was asked for.
    pub tty: Option<Sourced<AbsPath>>,
}
