//! Network links of a container: what is made, by which names, with which addresses.

mod rtnetlink;

pub(crate) use rtnetlink::{add, remove};

use std::net::IpAddr;

use browndog_xml::domain::{Interface, InterfaceKind, Origin};

/// One link: a veth pair whose one end is the container's.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Name inside.
    pub guest_name: String,
    /// Name of the host's end.
    pub host_name: String,
    /// Ethernet address inside.
    pub mac: Option<[u8; 6]>,
    /// Bridge that the host's end joins.
    pub bridge: Option<(String, Origin)>,
    /// Addresses inside, with prefix length in bits and peer.
    pub addresses: Vec<(IpAddr, u8, Option<IpAddr>)>,
    /// Routes inside: destination, prefix length, gateway, metric.
    pub routes: Vec<(IpAddr, u8, IpAddr, Option<u32>)>,
    /// Up or down.
    pub up: bool,
    /// Bytes.
    pub mtu: Option<u32>,
}

impl Link {
    /// What `interface` asks for, or why it cannot be had.
    ///
    /// `unnamed` counts the interfaces that take the next `ethN`. The host end's name has the instance
    /// in it, so that starts at the same time never collide.
    pub fn plan(
        interface: &Interface,
        unnamed: &mut u32,
        instance: &str,
        index: usize,
    ) -> Result<Self, (String, String)> {
        let bridge = match &interface.kind {
            InterfaceKind::Bridge(bridge) => Some((bridge.value.as_str().to_owned(), bridge.origin)),
            InterfaceKind::Rfc | InterfaceKind::Ethernet { .. } => None,
            InterfaceKind::Network(name) => {
                return Err((
                    format!("not supported: interface type='network' ({})", name.value),
                    "name the bridge itself: <interface type='bridge'><source bridge='…'/>".to_owned(),
                ));
            }
            InterfaceKind::Direct { dev, .. } => {
                return Err((
                    format!("not supported: interface type='direct' ({})", dev.value),
                    "use <interface type='bridge'>".to_owned(),
                ));
            }
        };
        let guest_name = interface.guest_name.as_ref().map(|name| name.value.as_str().to_owned());
        let guest_name = guest_name.unwrap_or_else(|| {
            *unnamed += 1;
            format!("eth{}", *unnamed - 1)
        });
        let host_name = interface
            .host_name
            .as_ref()
            .map_or_else(|| host_end(instance, index), |name| name.value.as_str().to_owned());
        Ok(Self {
            guest_name,
            host_name,
            mac: interface.mac.as_ref().map(|mac| mac.value.bytes()),
            bridge,
            addresses: interface.addresses.iter().map(|a| (a.address, a.prefix, a.peer)).collect(),
            routes: interface.routes.iter().map(|r| (r.destination, r.prefix, r.gateway, r.metric)).collect(),
            up: interface.link_up.value,
            mtu: interface.mtu.as_ref().map(|mtu| mtu.value),
        })
    }
}

/// `bd` and the instance's process id in base 36 and the index: at most 15 bytes (IFNAMSIZ).
fn host_end(instance: &str, index: usize) -> String {
    let pid: u32 = instance.split('-').next().and_then(|pid| pid.parse().ok()).unwrap_or(0);
    format!("bd{pid:x}.{index}")
}
