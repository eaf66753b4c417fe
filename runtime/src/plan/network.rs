//! The network namespace: its own loopback, and the links the document names.

use std::collections::HashSet;

use browndog_xml::domain::{
    Address, Bandwidth, HostdevKind, Interface, InterfaceKind, MacvlanMode, Origin, Route,
};
use browndog_xml::value::MacAddr;
use nix::errno::Errno;

use super::build::Builder;
use super::step::{ChildStep, HostStep};
use crate::net::libvirt::Network;
use crate::net::{self, Direction, HostEnd, Limit, Link, LinkKind};

const PRIVATE: Origin = Origin::Default("a network namespace starts with its loopback down");

/// Loopback and links.
pub(super) fn configure(b: &mut Builder<'_>) {
    if !b.network_namespace {
        return;
    }
    let origin = b.domain.private_network.unwrap_or(PRIVATE);
    let why = "in its own network namespace; needs CAP_NET_ADMIN over it";
    b.child("loopback-up", ChildStep::LoopbackUp, origin, why);
    let mut names = Names::of(b);
    let domain = b.domain;
    let macs = net::mac::of_interfaces(domain, &net::mac::seed(domain, &b.request.instance));
    for ((index, interface), mac) in domain.interfaces.iter().enumerate().zip(macs) {
        let guest_name = names.take(b, interface);
        if let Some((kind, mtu)) = source(b, interface, names.free_host_end(b, index)) {
            let mtu = interface.mtu.as_ref().map(|mtu| mtu.value).or(mtu);
            let link = inside(interface, guest_name, kind, mac.map(MacAddr::bytes), mtu);
            let (name, end) = (link.guest_name.clone(), host_end(&link));
            attend(b, "add-interface", interface.origin, link, WHILE_WAITING);
            bound(b, interface.inbound.as_ref(), Direction::Inbound, &name, end.as_deref());
            bound(b, interface.outbound.as_ref(), Direction::Outbound, &name, end.as_deref());
        }
    }
    let mut is_pinned = false;
    for hostdev in &domain.hostdevs {
        if let HostdevKind::Net { interface, addresses, routes } = &hostdev.kind {
            let name = interface.value.as_str();
            let Some(Moves { name, was_up, is_software }) = moves(b, name, interface.origin) else {
                continue;
            };
            names.claim(b, &name, interface.origin);
            let instance = b.request.instance.clone();
            let pin = is_software.then(|| net::pin::path_of(&instance));
            if is_software && !is_pinned {
                is_pinned = true;
                b.attend("pin-network", HostStep::PinNetwork { instance }, hostdev.origin, PINNED);
            }
            let link = Link {
                guest_name: name,
                kind: LinkKind::Moved { was_up, pin },
                mac: None,
                addresses: addresses.iter().map(Into::into).collect(),
                routes: routes.iter().map(Into::into).collect(),
                up: true,
                mtu: None,
            };
            attend(b, "move-interface", hostdev.origin, link, MOVED);
        }
    }
}

const WHILE_WAITING: &str = "while the child waits: the link is there, named and addressed, before init runs";
const MOVED: &str =
    "while the child waits; moved back when the container ends, without the addresses it had before";

const PINNED: &str = "the kernel destroys a device of software with the network that it is in: pinned, it waits there \
    for the next command when the launcher is killed";

fn attend(b: &mut Builder<'_>, verb: &str, origin: Origin, link: Link, why: &'static str) {
    if b.host.rootless {
        let help = "start as root, or use <privnet/> for a loopback only";
        b.problem(origin, "an interface cannot be made without root", help);
    }
    if !link.up && !link.routes.is_empty() {
        let message = format!("{} is to be down, and routes need a link that is up", link.guest_name);
        b.problem(origin, message, "remove <link state='down'/>, or the routes");
    }
    b.attend(format!("{verb}:{}", link.guest_name), HostStep::AddInterface(Box::new(link)), origin, why);
}

fn host_end(link: &Link) -> Option<String> {
    match &link.kind {
        LinkKind::Veth(end) => Some(end.name.clone()),
        _ => None,
    }
}

const WAITS: &str =
    "at the host's end, out of the container's reach: what is too much waits, then is dropped";
const DROPPED: &str = "at the host's end, out of the container's reach: what is too much is dropped";

/// Bounds one direction of a link.
fn bound(
    b: &mut Builder<'_>,
    asked: Option<&Bandwidth>,
    direction: Direction,
    name: &str,
    end: Option<&str>,
) {
    let Some(asked) = asked else { return };
    let Some(end) = end else {
        let help = "remove <bandwidth>, or use <interface type='bridge'>";
        let why =
            "a macvlan has no end on the host at which it could be bounded: libvirt refuses this as well";
        return b.problem(asked.origin, why, help);
    };
    let (limit, raised) = match Limit::of(asked, direction, end) {
        Ok(limit) => limit,
        Err(why) => return b.problem(asked.origin, why, "write a smaller @burst"),
    };
    if raised {
        let why = "@burst holds no packet of the largest size, which could never pass: 65600 bytes are taken";
        b.note(asked.origin, why, "write burst='65', or leave it out");
    }
    let (verb, why) = match direction {
        Direction::Inbound => ("limit-inbound", WAITS),
        Direction::Outbound => ("limit-outbound", DROPPED),
    };
    b.attend(format!("{verb}:{name}"), HostStep::LimitInterface(limit), asked.origin, why);
}

/// The names inside: each once. Unnamed interfaces are `ethN`, counted past those that are taken.
struct Names<'a> {
    taken: HashSet<String>,
    /// Names the document gives, which unnamed interfaces leave alone wherever they stand.
    reserved: HashSet<String>,
    /// Names the document gives to the host's ends.
    hosts: HashSet<&'a str>,
    next: u32,
}

impl<'a> Names<'a> {
    fn of(b: &Builder<'a>) -> Self {
        let guests = b.domain.interfaces.iter().filter_map(|interface| interface.guest_name.as_ref());
        let moved = b.domain.hostdevs.iter().filter_map(|hostdev| match &hostdev.kind {
            HostdevKind::Net { interface, .. } => Some(interface),
            _ => None,
        });
        let reserved = guests.chain(moved).map(|name| name.value.as_str().to_owned()).collect();
        let hosts = b.domain.interfaces.iter().filter_map(|interface| interface.host_name.as_ref());
        let hosts = hosts.map(|name| name.value.as_str()).collect();
        Self { taken: HashSet::from(["lo".to_owned()]), reserved, hosts, next: 0 }
    }

    fn take(&mut self, b: &mut Builder<'_>, interface: &Interface) -> String {
        if let Some(name) = &interface.guest_name {
            self.claim(b, name.value.as_str(), name.origin);
            return name.value.as_str().to_owned();
        }
        loop {
            let name = format!("eth{}", self.next);
            self.next += 1;
            if !self.reserved.contains(&name) {
                return name;
            }
        }
    }

    /// A name for the host's end of an interface. One that another interface of the document has was this start's, at
    /// another place in it.
    fn free_host_end(&self, b: &Builder<'_>, index: usize) -> String {
        let mut made = (index..).map(|at| net::host_end(&b.request.instance, at));
        made.find(|name| !self.hosts.contains(name.as_str())).unwrap_or_default()
    }

    fn claim(&mut self, b: &mut Builder<'_>, name: &str, origin: Origin) {
        if name.contains('%') {
            b.problem(origin, format!("{name}: the kernel would replace the % by a number"), "write a name");
        } else if !self.taken.insert(name.to_owned()) {
            let help = "give each interface a <guest dev> of its own, and none the name lo";
            b.problem(origin, format!("two links of the container have the name {name}"), help);
        }
    }
}

fn inside(
    interface: &Interface,
    guest_name: String,
    kind: LinkKind,
    mac: Option<[u8; 6]>,
    mtu: Option<u32>,
) -> Link {
    // The kernel's choice would be the device's own, and what the document names is read there.
    let mac = match &kind {
        LinkKind::Macvlan { mode: MacvlanMode::Passthrough, .. } => {
            interface.mac.as_ref().map(|mac| mac.value.bytes())
        }
        _ => mac,
    };
    Link {
        guest_name,
        kind,
        mac,
        addresses: interface.addresses.iter().map(Into::into).collect(),
        routes: interface.routes.iter().map(Into::into).collect(),
        up: interface.link_up.value,
        mtu,
    }
}

/// What a link is made of, and the MTU of what it joins.
type Joined = (LinkKind, Option<u32>);

/// What the link is made of; `None` where it cannot be had, which is said.
fn source(b: &mut Builder<'_>, interface: &Interface, made: String) -> Option<Joined> {
    match &interface.kind {
        InterfaceKind::Bridge(bridge) => {
            in_bridge(b, interface, made, bridge.value.as_str(), bridge.origin, false)
        }
        InterfaceKind::Direct { dev, mode } => {
            direct(b, interface, dev.value.as_str(), mode.value, dev.origin)
        }
        InterfaceKind::Ethernet { host_addresses, host_routes } => {
            loose(b, interface, made, host_addresses, host_routes)
        }
        InterfaceKind::Rfc => {
            let why = "the document names no bridge: the host's end of the link is not connected to anything";
            b.note(interface.origin, why, "in an lxc document: <interface type='bridge'>");
            loose(b, interface, made, &[], &[])
        }
        InterfaceKind::Network(name) => match b.survey.network.networks.get(&name.value) {
            Some(Ok(Network::Bridge { bridge, isolated })) => {
                in_bridge(b, interface, made, bridge, name.origin, *isolated)
            }
            Some(Ok(Network::Direct { dev, mode })) => direct(b, interface, dev, *mode, name.origin),
            other => {
                let reason = other.and_then(|found| found.as_ref().err().cloned()).unwrap_or_default();
                let message = format!("no network '{}' can be used: {reason}", name.value);
                let help = "name the bridge itself: <interface type='bridge'><source bridge='…'/>";
                b.problem(name.origin, message, help);
                None
            }
        },
    }
}

fn in_bridge(
    b: &mut Builder<'_>,
    interface: &Interface,
    made: String,
    bridge: &str,
    origin: Origin,
    isolated: bool,
) -> Option<Joined> {
    let mtu = match b.survey.network.link(bridge) {
        Ok(fact) if fact.kind == "bridge" => fact.mtu,
        Ok(_) => {
            let help = "name a Linux bridge; for a plain device: <interface type='direct'>";
            b.problem(origin, format!("{bridge} is not a bridge"), help);
            return None;
        }
        Err(errno) => {
            let help = match interface.kind {
                InterfaceKind::Network(_) => "start the network: virsh net-start",
                _ => "make it first: ip link add NAME type bridge && ip link set NAME up",
            };
            absent(b, bridge, "bridge", errno, origin, help);
            return None;
        }
    };
    if let (Some(wide), Some(mtu)) = (&interface.mtu, mtu)
        && wide.value > mtu
    {
        let message = format!(
            "the bridge {bridge} takes packets of {mtu} bytes: longer ones of the container's are dropped"
        );
        b.note(wide.origin, message, format!("ip link set {bridge} mtu {}", wide.value));
    }
    let isolated = interface.port_isolated.as_ref().map_or(isolated, |port| port.value);
    // Unlike the container's end: a bridge that nobody has set takes the smallest MTU of its ports, or the one that a
    // first port brings.
    let end = HostEnd {
        name: host_name(b, interface, made),
        bridge: Some(bridge.to_owned()),
        mtu: mtu.or(interface.mtu.as_ref().map(|mtu| mtu.value)),
        isolated,
        addresses: Vec::new(),
        routes: Vec::new(),
    };
    Some((LinkKind::Veth(end), mtu))
}

fn loose(
    b: &mut Builder<'_>,
    interface: &Interface,
    made: String,
    addresses: &[Address],
    routes: &[Route],
) -> Option<Joined> {
    no_port(b, interface);
    let end = HostEnd {
        name: host_name(b, interface, made),
        bridge: None,
        mtu: interface.mtu.as_ref().map(|mtu| mtu.value),
        isolated: false,
        addresses: addresses.iter().map(Into::into).collect(),
        routes: routes.iter().map(Into::into).collect(),
    };
    Some((LinkKind::Veth(end), None))
}

fn direct(
    b: &mut Builder<'_>,
    interface: &Interface,
    dev: &str,
    mode: MacvlanMode,
    origin: Origin,
) -> Option<Joined> {
    no_port(b, interface);
    if let Some(name) = &interface.host_name {
        let message = format!("{} is not used: a macvlan has no end on the host", name.value);
        b.note(name.origin, message, "remove <target>, or use <guest dev> for the name inside");
    }
    let (up, mtu, ethernet) = match b.survey.network.link(dev) {
        Ok(fact) => (fact.up, fact.mtu, fact.ethernet),
        Err(errno) => {
            absent(b, dev, "network device", errno, origin, "see ip link for the names");
            return None;
        }
    };
    if !ethernet {
        let help =
            "name a card of the host, or a dummy, veth or bond device: see ip link for those of type ether";
        b.problem(origin, format!("{dev} carries no Ethernet: nothing can be made on it"), help);
    } else if !up {
        let message = format!("{dev} is down, and so is everything on it");
        b.note(origin, message, format!("ip link set {dev} up"));
    }
    if let (Some(wide), Some(mtu)) = (&interface.mtu, mtu)
        && wide.value > mtu
    {
        let message = format!("an MTU of {} is more than the {mtu} of {dev}", wide.value);
        b.problem(
            wide.origin,
            message,
            format!("write a smaller one, or: ip link set {dev} mtu {}", wide.value),
        );
    }
    Some((LinkKind::Macvlan { parent: dev.to_owned(), mode }, None))
}

fn no_port(b: &mut Builder<'_>, interface: &Interface) {
    if let Some(port) = interface.port_isolated.as_ref().filter(|port| port.value) {
        let help = "remove <port>, or use <interface type='bridge'>";
        b.problem(port.origin, "only a port of a bridge can be isolated", help);
    }
}

/// A device that can move.
struct Moves {
    /// Its own name.
    name: String,
    was_up: bool,
    is_software: bool,
}

/// The device that is to move; `None`, and said, where it cannot.
fn moves(b: &mut Builder<'_>, name: &str, origin: Origin) -> Option<Moves> {
    match b.survey.network.link(name) {
        Ok(fact) if fact.name == "lo" => {
            b.problem(origin, "the host's loopback cannot move", "name another device");
            None
        }
        Ok(fact) => {
            let (name, is_software) = (fact.name.clone(), !fact.kind.is_empty());
            Some(Moves { name, was_up: fact.up, is_software })
        }
        Err(errno) => {
            let help = "see ip link for the names; 'browndog list' gives back what a killed start has taken";
            absent(b, name, "network device", errno, origin, help);
            None
        }
    }
}

fn absent(b: &mut Builder<'_>, name: &str, what: &str, errno: Errno, origin: Origin, help: &str) {
    let message = match errno {
        Errno::ENODEV => format!("this host has no {what} {name}"),
        errno => format!("cannot look at {name}: {} ({errno})", errno.desc()),
    };
    b.problem(origin, message, help);
}

/// The name of the host's end. Names that libvirt makes itself stand in documents it has printed, and
/// mean nothing: it makes a new one at each start, and so does this.
fn host_name(b: &mut Builder<'_>, interface: &Interface, made: String) -> String {
    const MADE: [&str; 3] = ["vnet", "macvtap", "macvlan"];
    let Some(name) = &interface.host_name else { return made };
    let text = name.value.as_str();
    if text.contains('%') || MADE.iter().any(|prefix| text.starts_with(prefix)) {
        return made;
    }
    if b.survey.network.link(text).is_ok() {
        let help = "choose another name, or leave <target> out";
        b.problem(name.origin, format!("the host has a link {text} already"), help);
    }
    text.to_owned()
}
