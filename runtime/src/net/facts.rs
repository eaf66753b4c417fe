//! What of the host's network a document names, looked at once before planning.

use std::collections::BTreeMap;

use browndog_xml::domain::{Domain, HostdevKind, InterfaceKind};
use nix::errno::Errno;

use super::libvirt::{self, Network};
use super::rtnetlink::Routing;

/// A link of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFact {
    /// Its kind, as ip-link(8) has it: `bridge`, `veth`; empty for a device without one.
    pub kind: String,
    /// Whether it is up.
    pub up: bool,
    /// Its own name, where it was asked for by another one (an altname of ip-link(8)).
    pub name: String,
    /// The longest packet that it takes, in bytes; `None` where it was not looked at.
    pub mtu: Option<u32>,
    /// Whether it carries Ethernet frames to others: the loopback device does not.
    pub ethernet: bool,
}

/// The links and networks that a document names.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// By name: the link, or why it could not be looked at (ENODEV: there is none).
    pub links: BTreeMap<String, Result<LinkFact, Errno>>,
    /// By the name of a libvirt network: what it stands for, or why nothing does.
    pub networks: BTreeMap<String, Result<Network, String>>,
}

impl Facts {
    /// Looks at the network namespace of the caller.
    pub fn look(domain: &Domain) -> Self {
        let mut facts = Self::default();
        let mut names: Vec<String> = moved(domain).map(str::to_owned).collect();
        for interface in &domain.interfaces {
            names.extend(interface.host_name.as_ref().map(|name| name.value.as_str().to_owned()));
            match &interface.kind {
                InterfaceKind::Bridge(bridge) => names.push(bridge.value.as_str().to_owned()),
                InterfaceKind::Direct { dev, .. } => names.push(dev.value.as_str().to_owned()),
                InterfaceKind::Network(network) => {
                    let found = libvirt::find(&network.value);
                    match &found {
                        Ok(Network::Bridge { bridge, .. }) => names.push(bridge.clone()),
                        Ok(Network::Direct { dev, .. }) => names.push(dev.clone()),
                        Err(_) => names.push(network.value.clone()),
                    }
                    let _before = facts.networks.insert(network.value.clone(), found);
                }
                InterfaceKind::Ethernet { .. } | InterfaceKind::Rfc => {}
            }
        }
        facts.look_at_links(names);
        facts.take_bridges_for_networks();
        facts
    }

    /// Everything that `domain` names, assumed to be there and up.
    pub fn assume(domain: &Domain) -> Self {
        let mut facts = Self::default();
        let mut assume = |name: &str, kind: &str| {
            let (kind, own) = (kind.to_owned(), name.to_owned());
            let fact = LinkFact { kind, up: true, name: own, mtu: None, ethernet: true };
            let _before = facts.links.insert(name.to_owned(), Ok(fact));
        };
        moved(domain).for_each(|name| assume(name, ""));
        for interface in &domain.interfaces {
            match &interface.kind {
                InterfaceKind::Bridge(bridge) => assume(bridge.value.as_str(), "bridge"),
                InterfaceKind::Direct { dev, .. } => assume(dev.value.as_str(), ""),
                InterfaceKind::Network(name) => {
                    assume(&name.value, "bridge");
                    let network = Network::Bridge { bridge: name.value.clone(), isolated: false };
                    let _before = facts.networks.insert(name.value.clone(), Ok(network));
                }
                InterfaceKind::Ethernet { .. } | InterfaceKind::Rfc => {}
            }
        }
        facts
    }

    fn look_at_links(&mut self, names: Vec<String>) {
        if names.is_empty() {
            return;
        }
        let routing = Routing::open();
        for name in names {
            let fact = routing.as_ref().map_err(|errno| *errno).and_then(|routing| routing.fact(&name));
            let _before = self.links.insert(name, fact);
        }
    }

    /// A bridge of the network's name stands for a network that libvirt does not know.
    fn take_bridges_for_networks(&mut self) {
        for (name, network) in &mut self.networks {
            let bridge = matches!(self.links.get(name), Some(Ok(fact)) if fact.kind == "bridge");
            if network.is_err() && bridge {
                *network = Ok(Network::Bridge { bridge: name.clone(), isolated: false });
            }
        }
    }

    /// The link of this name.
    pub fn link(&self, name: &str) -> Result<&LinkFact, Errno> {
        self.links.get(name).map_or(Err(Errno::ENODEV), |fact| fact.as_ref().map_err(|errno| *errno))
    }
}

/// The devices that move into the container.
fn moved(domain: &Domain) -> impl Iterator<Item = &str> {
    domain.hostdevs.iter().filter_map(|hostdev| match &hostdev.kind {
        HostdevKind::Net { interface, .. } => Some(interface.value.as_str()),
        _ => None,
    })
}
