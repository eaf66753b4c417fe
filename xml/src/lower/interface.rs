//! `<interface>`, and the addresses and routes of `<hostdev type='net'>`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::devices::bare_interface;
use super::{Context, Draft, link_address, number, owned};
use crate::codes::Code;
use crate::domain::{Address, Bandwidth, InterfaceKind, MacvlanMode, Origin, Route, Sourced};
use crate::report::Diagnostic;
use crate::schema::Support;
use crate::source::Span;
use crate::tree::NodeId;
use crate::value::{InterfaceName, MacAddr, parse_ip, parse_netmask};

pub(super) fn lower(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let Some((written, _)) = context.view.attribute(node, "type") else { return };
    let Some(kind) = kind(draft, context, node, written) else {
        // libvirt makes a network namespace for any interface: an empty one is the safe reading.
        if draft.private_network.is_none() {
            draft.private_network = Some(context.origin(node));
        }
        return;
    };
    let mut interface = bare_interface(context, node, kind);
    (interface.addresses, interface.routes) = addresses(draft, context, node);
    for child in context.view.children(node) {
        let name = context.view.name(child);
        if let Support::CannotStart(reason) = context.view.tree.nodes[child].element.support {
            let span = context.view.span(child);
            draft.cannot_start(context, span, format!("<{name}> cannot be had: {reason}"));
        }
        match name {
            "mac" => interface.mac = context.attribute(child, "address", MacAddr::parse),
            "target" => {
                // libvirt gives these names itself, anew at each start.
                let given = context.view.attribute(child, "dev").filter(|(dev, _)| dev.starts_with("vnet"));
                match given {
                    Some((dev, span)) => {
                        let message = format!("the name '{dev}' has no effect: libvirt gives 'vnet…' itself");
                        context.report.push(Diagnostic::warning(Code::Ignored, span, message));
                    }
                    None => interface.host_name = draft.link_name(context, child, "dev"),
                }
            }
            "guest" => interface.guest_name = draft.link_name(context, child, "dev"),
            "link" => {
                if let Some(state) = context.attribute(child, "state", |state| Ok(state == "up")) {
                    interface.link_up = state;
                }
            }
            "mtu" => interface.mtu = mtu(draft, context, child),
            "port" => interface.port_isolated = context.attribute(child, "isolated", |yes| Ok(yes == "yes")),
            "bandwidth" if matches!(interface.kind, InterfaceKind::Direct { .. }) => {
                let span = context.view.span(child);
                draft.cannot_start(
                    context,
                    span,
                    "<bandwidth> cannot be had: a macvlan has no end on the host at which it could be bounded; \
                     <interface type='bridge'> has"
                        .to_owned(),
                );
            }
            "bandwidth" => {
                let part = |name| context.view.child(child, name);
                let (inbound, outbound) = (part("inbound"), part("outbound"));
                interface.inbound = inbound.and_then(|part| bandwidth(draft, context, part));
                interface.outbound = outbound.and_then(|part| bandwidth(draft, context, part));
            }
            "script" | "downscript" => {
                let span = context.view.span(child);
                draft.cannot_start(
                    context,
                    span,
                    "a script is not run: libvirt's driver refuses that for containers".to_owned(),
                );
            }
            _ => {}
        }
    }
    draft.interfaces.push(interface);
}

/// `<inbound>` or `<outbound>`.
fn bandwidth(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) -> Option<Bandwidth> {
    if context.view.attribute(node, "floor").is_some() {
        let span = attribute_span(context, node, "floor");
        let why = "@floor cannot be had: it is a share of a whole network's bandwidth, and links are bounded \
                   one by one";
        draft.cannot_start(context, span, why.to_owned());
    }
    let average = context.attribute(node, "average", number)?.value * BYTES_OF_A_RATE;
    let peak = context.attribute(node, "peak", number).map(|peak| peak.value * BYTES_OF_A_RATE);
    if peak.is_some_and(|peak| peak < average) {
        let span = attribute_span(context, node, "peak");
        draft.cannot_start(context, span, "@peak is below @average: no burst is slower".to_owned());
    }
    Some(Bandwidth {
        origin: context.origin(node),
        average,
        peak: peak.filter(|&peak| peak > average),
        burst: context.attribute(node, "burst", number).map(|burst| burst.value * 1024),
    })
}

/// libvirt hands rates to tc(8) as "kbps" and bursts as "kb": 1000 bytes a second, and 1024 bytes.
const BYTES_OF_A_RATE: u64 = 1000;

/// libvirt takes any number and fails at the start.
fn mtu(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) -> Option<Sourced<u32>> {
    let size = context.attribute(node, "size", number)?;
    if (68..=65_535).contains(&size.value) {
        return Some(Sourced { value: size.value as u32, origin: size.origin });
    }
    let span = attribute_span(context, node, "size");
    draft.cannot_start(context, span, format!("an MTU of {} is not in the range 68 to 65535", size.value));
    None
}

impl Draft {
    /// The name of a link. One that the kernel would refuse is libvirt's to define, and nobody's to start.
    pub(super) fn link_name(
        &mut self,
        context: &mut Context<'_, '_>,
        node: NodeId,
        name: &str,
    ) -> Option<Sourced<InterfaceName>> {
        let (text, span) = context.view.attribute(node, name)?;
        match InterfaceName::parse(text) {
            Ok(value) => Some(Sourced::xml(value, span)),
            Err(error) => {
                self.cannot_start(context, span, error.message);
                None
            }
        }
    }
}

fn kind(
    draft: &mut Draft,
    context: &mut Context<'_, '_>,
    node: NodeId,
    written: &str,
) -> Option<InterfaceKind> {
    let source = context.view.child(node, "source");
    match written {
        "bridge" => Some(InterfaceKind::Bridge(draft.link_name(context, source?, "bridge")?)),
        "network" => Some(InterfaceKind::Network(context.attribute(source?, "network", owned)?)),
        "direct" => {
            let dev = draft.link_name(context, source?, "dev")?;
            let mode = context.attribute(source?, "mode", |mode| {
                Ok(match mode {
                    "private" => MacvlanMode::Private,
                    "bridge" => MacvlanMode::Bridge,
                    "passthrough" => MacvlanMode::Passthrough,
                    _ => MacvlanMode::Vepa,
                })
            });
            let mode =
                mode.unwrap_or_else(|| Sourced::default(MacvlanMode::Vepa, "libvirt's default for macvlan"));
            Some(InterfaceKind::Direct { dev, mode })
        }
        "ethernet" => {
            let (host_addresses, host_routes) =
                source.map(|source| addresses(draft, context, source)).unwrap_or_default();
            Some(InterfaceKind::Ethernet { host_addresses, host_routes })
        }
        _ => None,
    }
}

/// The `<ip>`s and `<route>`s below an element.
pub(super) fn addresses(
    draft: &mut Draft,
    context: &mut Context<'_, '_>,
    node: NodeId,
) -> (Vec<Address>, Vec<Route>) {
    let (mut addresses, mut routes): (Vec<Address>, Vec<Route>) = (Vec::new(), Vec::new());
    for child in context.view.children(node) {
        match context.view.name(child) {
            "ip" => addresses.extend(address(context, child)),
            "route" => routes.extend(route(context, child)),
            _ => {}
        }
    }
    only_once(draft, context, &mut addresses, &mut routes);
    (addresses, routes)
}

/// The kernel takes no address and no route of a link twice (EEXIST): the second is taken out, and
/// stops the start.
pub(super) fn only_once(
    draft: &mut Draft,
    context: &mut Context<'_, '_>,
    addresses: &mut Vec<Address>,
    routes: &mut Vec<Route>,
) {
    let mut seen = std::collections::HashMap::new();
    let mut first_of_its_kind = |what: String, origin| {
        let Origin::Xml(span) = origin else { return true };
        let Some(first) = seen.insert(what.clone(), span) else { return true };
        let why = format!("{what} stands here twice: a link takes it once");
        draft.cannot_start_twice(context, (first, span), why);
        false
    };
    addresses.retain(|it| first_of_its_kind(format!("the address {}/{}", it.address, it.prefix), it.origin));
    routes.retain(|it| {
        let metric = it.metric.map(|metric| format!(" of metric {metric}")).unwrap_or_default();
        first_of_its_kind(format!("the route to {}/{}{metric}", it.destination, it.prefix), it.origin)
    });
}

fn address(context: &mut Context<'_, '_>, node: NodeId) -> Option<Address> {
    let address = context.attribute(node, "address", parse_ip)?;
    check_family(context, node, address.value, "address")?;
    let prefix = match prefix(context, node, address.value, "prefix")? {
        Some(prefix) => prefix,
        None => default_prefix(address.value),
    };
    let peer = context.attribute(node, "peer", parse_ip);
    if let Some(peer) = &peer
        && peer.value.is_ipv6() != address.value.is_ipv6()
    {
        return contradiction(context, node, "peer", "the peer is of another family than the address");
    }
    let network = if peer.is_none() { Some(prefix) } else { None };
    link_address::check(context, node, "address", address.value, network)?;
    if let Some(peer) = &peer {
        link_address::check(context, node, "peer", peer.value, None)?;
    }
    Some(Address {
        origin: context.origin(node),
        address: address.value,
        prefix,
        peer: peer.map(|peer| peer.value),
    })
}

fn route(context: &mut Context<'_, '_>, node: NodeId) -> Option<Route> {
    let gateway = context.attribute(node, "gateway", parse_ip)?;
    link_address::check(context, node, "gateway", gateway.value, None)?;
    let written = context.attribute(node, "address", parse_ip);
    let family = context.view.attribute(node, "family").map_or("ipv4", |(family, _)| family);
    let any =
        if family == "ipv6" { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let destination = written.as_ref().map_or(any, |written| written.value);
    for (name, address) in [("address", destination), ("gateway", gateway.value)] {
        if address.is_ipv6() != any.is_ipv6() {
            let message = format!("{address} is not of the family of this route, {family}");
            return contradiction(context, node, name, message);
        }
    }
    let netmask = context.attribute(node, "netmask", parse_netmask).map(|netmask| netmask.value);
    if netmask.is_some() && destination.is_ipv6() {
        return contradiction(context, node, "netmask", "an IPv6 address has no netmask: write @prefix");
    }
    let prefix = prefix(context, node, destination, "prefix")?;
    if netmask.is_some() && prefix.is_some() {
        return contradiction(
            context,
            node,
            "netmask",
            "@netmask and @prefix say the same: write one of them",
        );
    }
    // Without either, a route is the default route.
    let prefix = prefix.or(netmask).unwrap_or(0);
    if !is_network(destination, prefix) {
        let message = format!("{destination} is not the address of a network with a prefix of {prefix}");
        return contradiction(context, node, "address", message);
    }
    if context.view.attribute(node, "metric").is_some_and(|(metric, _)| number(metric) == Ok(0)) {
        let span = attribute_span(context, node, "metric");
        context.report.push(Diagnostic::error(Code::OutOfRange, span, "@metric: routes are ranked from 1"));
        return None;
    }
    let metric = context.attribute(node, "metric", number).map(|metric| metric.value as u32);
    Some(Route { origin: context.origin(node), destination, prefix, gateway: gateway.value, metric })
}

/// Whether no bit is set behind the prefix.
fn is_network(address: IpAddr, prefix: u8) -> bool {
    match address {
        IpAddr::V4(address) => {
            u32::from(address).checked_shl(prefix.into()).unwrap_or(0) == 0 || u32::from(address) == 0
        }
        IpAddr::V6(address) => u128::from(address).checked_shl(prefix.into()).unwrap_or(0) == 0,
    }
}

/// What libvirt takes where no prefix is written: the class of an IPv4 address, 64 for IPv6.
fn default_prefix(address: IpAddr) -> u8 {
    match address {
        IpAddr::V6(_) => 64,
        IpAddr::V4(address) => match address.octets()[0] {
            0..128 => 8,
            128..192 => 16,
            192..224 => 24,
            _ => 32,
        },
    }
}

/// The written prefix; `None` (outer) where it cannot be.
#[expect(clippy::option_option, reason = "not written and not possible are two things")]
fn prefix(context: &mut Context<'_, '_>, node: NodeId, address: IpAddr, name: &str) -> Option<Option<u8>> {
    let Some(prefix) = context.attribute(node, name, number) else { return Some(None) };
    let longest = if address.is_ipv6() { 128 } else { 32 };
    if prefix.value <= longest {
        return Some(Some(prefix.value as u8));
    }
    let span = attribute_span(context, node, name);
    let message = format!("@prefix: {} is longer than an address of {longest} bits", prefix.value);
    context.report.push(
        Diagnostic::error(Code::OutOfRange, span, message).help(format!("the range is 0 to {longest}")),
    );
    None
}

fn check_family(context: &mut Context<'_, '_>, node: NodeId, address: IpAddr, name: &str) -> Option<()> {
    let written = context.view.attribute(node, "family").map(|(family, _)| family);
    match (written, address) {
        (Some("ipv4"), IpAddr::V6(_)) | (Some("ipv6"), IpAddr::V4(_)) => {
            contradiction(context, node, name, format!("{address} is not of the family that @family names"))
        }
        _ => Some(()),
    }
}

pub(super) fn attribute_span(context: &Context<'_, '_>, node: NodeId, name: &str) -> Span {
    context.view.attribute(node, name).map_or_else(|| context.view.span(node), |(_, span)| span)
}

fn contradiction<T>(
    context: &mut Context<'_, '_>,
    node: NodeId,
    name: &str,
    message: impl Into<std::borrow::Cow<'static, str>>,
) -> Option<T> {
    let span = attribute_span(context, node, name);
    context.report.push(Diagnostic::error(Code::Contradiction, span, message));
    None
}
