//! Network links of a container: what is made, by which names, with which addresses.

mod back;
pub mod facts;
mod inside;
pub mod libvirt;
mod limit;
pub mod mac;
mod make;
pub mod pin;
mod rtnetlink;
mod settle;

pub(crate) use inside::{remove_macvlan, remove_numbered};
pub use limit::{Direction, Limit};
pub(crate) use make::{Left, add, add_noting, is_inside};
pub use make::{number_of, remove_if};

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

use browndog_xml::domain::{Address, MacvlanMode, Route};

/// One link of the container.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Name inside.
    pub guest_name: String,
    /// Where it comes from.
    pub kind: LinkKind,
    /// Ethernet address inside; the kernel's choice without.
    pub mac: Option<[u8; 6]>,
    /// Addresses inside.
    pub addresses: Vec<LinkAddress>,
    /// Routes inside.
    pub routes: Vec<LinkRoute>,
    /// Up or down.
    pub up: bool,
    /// Bytes.
    pub mtu: Option<u32>,
}

/// What a link is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkKind {
    /// A veth pair whose one end stays on the host (veth(4)).
    Veth(HostEnd),
    /// A macvlan on a device of the host.
    Macvlan {
        /// The host's device.
        parent: String,
        /// How its frames travel.
        mode: MacvlanMode,
    },
    /// A device of the host, which moves in, keeps its name, and moves back at the end.
    Moved {
        /// Whether it was up on the host, and is to be again.
        was_up: bool,
        /// Where it is noted as long as it is away, where the kernel would destroy it.
        pin: Option<String>,
    },
}

/// The host's end of a veth pair.
#[derive(Clone, Debug, PartialEq)]
pub struct HostEnd {
    /// Name.
    pub name: String,
    /// Bridge that it joins.
    pub bridge: Option<String>,
    /// The longest packet that it takes, in bytes: that of its bridge, which would follow another one's.
    pub mtu: Option<u32>,
    /// Ports of the bridge that are isolated, too, cannot be reached.
    pub isolated: bool,
    /// Addresses.
    pub addresses: Vec<LinkAddress>,
    /// Routes.
    pub routes: Vec<LinkRoute>,
}

/// An address with its prefix length in bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkAddress {
    /// Address.
    pub address: IpAddr,
    /// Bits of the network.
    pub prefix: u8,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
}

/// A route through the link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinkRoute {
    /// Destination.
    pub destination: IpAddr,
    /// Bits of the destination; 0 for the default route.
    pub prefix: u8,
    /// Next hop.
    pub gateway: IpAddr,
    /// Metric.
    pub metric: Option<u32>,
}

impl From<&Address> for LinkAddress {
    fn from(address: &Address) -> Self {
        Self { address: address.address, prefix: address.prefix, peer: address.peer }
    }
}

impl From<&Route> for LinkRoute {
    fn from(route: &Route) -> Self {
        let Route { destination, prefix, gateway, metric, .. } = *route;
        Self { destination, prefix, gateway, metric }
    }
}

/// A name of at most 15 bytes (IFNAMSIZ) for the host's end of the `index`th link of a start: two
/// starts of one host have different `instance`s, and so, but for one case in 10^17, different names;
/// that one fails with EEXIST and takes nothing from anyone.
pub fn host_end(instance: &str, index: usize) -> String {
    let mut hash = spread(instance, index);
    let mut name = String::from(HOST_END_PREFIX);
    for _ in 0..11 {
        name.push(char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[(hash % 36) as usize]));
        hash /= 36;
    }
    name
}

/// A number that looks like chance, the same for the same words.
fn spread(instance: &str, index: usize) -> u64 {
    // FNV-1a, then the finaliser of splitmix64, which spreads neighbours.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in instance.bytes().chain(index.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// What the name of every host end begins with, where the document gives none.
pub const HOST_END_PREFIX: &str = "bd";

/// As a trace of the requests that make it.
impl Display for Link {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            LinkKind::Veth(end) => {
                write!(f, "RTM_NEWLINK(veth {} = {}", self.guest_name, end.name)?;
                if let Some(bridge) = &end.bridge {
                    write!(f, ", master {bridge}")?;
                }
                if let Some(mtu) = end.mtu {
                    write!(f, ", mtu {mtu}")?;
                }
                f.write_str(if end.isolated { ", isolated)" } else { ")" })?;
                end.addresses.iter().try_for_each(|address| write!(f, "; host {address}"))?;
                end.routes.iter().try_for_each(|route| write!(f, "; host {route}"))?;
            }
            LinkKind::Macvlan { parent, mode } => {
                write!(f, "RTM_NEWLINK(macvlan {} on {parent}, {})", self.guest_name, mode_name(*mode))?;
            }
            LinkKind::Moved { .. } => write!(f, "RTM_SETLINK({}, IFLA_NET_NS_FD)", self.guest_name)?,
        }
        if let Some(mtu) = self.mtu {
            write!(f, "; mtu {mtu}")?;
        }
        self.addresses.iter().try_for_each(|address| write!(f, "; {address}"))?;
        f.write_str(if self.up { "; up" } else { "; down" })?;
        self.routes.iter().try_for_each(|route| write!(f, "; {route}"))
    }
}

impl Display for LinkAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.peer {
            None => write!(f, "RTM_NEWADDR({}/{})", self.address, self.prefix),
            Some(peer) => write!(f, "RTM_NEWADDR({} peer {peer}/{})", self.address, self.prefix),
        }
    }
}

impl Display for LinkRoute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "RTM_NEWROUTE({}/{} via {}", self.destination, self.prefix, self.gateway)?;
        match self.metric {
            None => f.write_str(")"),
            Some(metric) => write!(f, ", metric {metric})"),
        }
    }
}

/// The mode as ip-link(8) has it.
pub(crate) fn mode_name(mode: MacvlanMode) -> &'static str {
    match mode {
        MacvlanMode::Vepa => "vepa",
        MacvlanMode::Private => "private",
        MacvlanMode::Bridge => "bridge",
        MacvlanMode::Passthrough => "passthru",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn host_ends_of_a_thousand_starts_have_a_thousand_names_of_legal_length() {
        let names: HashSet<String> = (0..1000)
            .flat_map(|start| [0, 1].map(|index| host_end(&format!("4242-{start}"), index)))
            .collect();
        assert_eq!(names.len(), 2000);
        assert!(names.iter().all(|name| name.len() <= 15));
    }
}
