//! `<domain type='linuxcontainer'>`.

use super::{Context, Draft, extension};
use crate::codes::Code;
use crate::domain::{
    Address, Command, Console, Filesystem, FilesystemSource, Interface, InterfaceKind, Origin, Route, Sourced,
};
use crate::report::Diagnostic;
use crate::schema::Namespace;
use crate::tree::NodeId;
use crate::value::{AbsPath, DomainName, Hostname, parse_ip, parse_netmask, parse_uuid, split_mount_pair};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn unit(draft: &mut Draft, mut context: Context<'_, '_>, node: NodeId) {
    let context = &mut context;
    if context.view.tree.nodes[node].element.namespace == Namespace::Browndog {
        return extension::lower(draft, context, node);
    }
    match context.view.name(node) {
        "name" => draft.name = context.text(node, DomainName::parse),
        "uuid" => draft.uuid = context.text(node, parse_uuid),
        "filesystem" => filesystem(draft, context, node),
        "mount" => draft.filesystems.extend(mount(context, node)),
        "application" => application(draft, context, node),
        "network" => network(draft, context, node),
        "cpushare" => once(&mut draft.shares, context, node, |context| context.number(node)),
        "memory" => once(&mut draft.memory.maximum, context, node, |context| context.size(node)),
        "console" => {
            let tty = context.attribute(node, "tty", AbsPath::parse);
            draft.consoles.push(Console { origin: context.origin(node), tty });
        }
        _ => {}
    }
}

/// Inside `<container>` or beside it, not both.
fn once<T>(
    slot: &mut Option<Sourced<T>>,
    context: &mut Context<'_, '_>,
    node: NodeId,
    value: impl FnOnce(&mut Context<'_, '_>) -> Option<Sourced<T>>,
) {
    if let Some(Sourced { origin: Origin::Xml(first), .. }) = slot {
        let name = context.view.name(node);
        let fault = Diagnostic::error(
            Code::DuplicateElement,
            context.view.span(node),
            format!("<{name}> stands here a second time"),
        );
        return context.report.push(
            fault.label(*first, "first one").help("write it inside <container> or beside it, not both"),
        );
    }
    *slot = value(context);
}

/// A wrapper of `<mount>`s, or itself a mount.
fn filesystem(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let direct = context.view.child(node, "source").or_else(|| context.view.child(node, "target"));
    if direct.is_some() {
        draft.filesystems.extend(mount(context, node));
    }
    for child in context.view.children(node) {
        if context.view.name(child) == "mount" {
            draft.filesystems.extend(mount(context, child));
        }
    }
}

fn mount(context: &mut Context<'_, '_>, node: NodeId) -> Option<Filesystem> {
    let origin = context.origin(node);
    let source = context.view.child(node, "source");
    let target = context.view.child(node, "target");
    if source.is_none() && target.is_none() {
        let span = context.view.text_span(node);
        let (target, source) = split_mount_pair(context.view.text(node)).ok()?;
        let path = |text| Some(Sourced::xml(AbsPath::parse(text).ok()?, span));
        return Some(Filesystem {
            origin,
            source: FilesystemSource::Host(path(source)?),
            target: path(target)?,
            readonly: None,
            optional: None,
        });
    }
    let (Some(source), Some(target)) = (source, target) else {
        let missing = if source.is_none() { "source" } else { "target" };
        let name = context.view.name(node);
        let place = context.gap(node, source);
        let fault = Diagnostic::error(Code::Incomplete, place, format!("<{name}> has no <{missing}>"))
            .label(context.view.span(node), "needed by this element");
        context.report.push(fault.help(format!("write <{missing} dir='…'/>")));
        return None;
    };
    let source = context.attribute(source, "dir", AbsPath::parse)?;
    let target = context.attribute(target, "dir", AbsPath::parse)?;
    Some(Filesystem {
        origin,
        source: FilesystemSource::Host(source),
        target,
        readonly: None,
        optional: None,
    })
}

/// The program and its arguments, split at blanks; there is no quoting in the RFC.
fn application(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    draft.has_program = true;
    let span = context.view.text_span(node);
    let mut words = context.view.text(node).split_ascii_whitespace().map(str::to_owned);
    let Some(program) = words.next() else {
        let fault = Diagnostic::error(Code::EmptyValue, span, "<application>: the value is empty");
        return context.report.push(fault.help("write the program to run, and its arguments"));
    };
    let args = words.map(|word| Sourced::xml(word, span)).collect();
    draft.commands.push(Command { program: Sourced::xml(program, span), args });
}

fn network(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    if let Some(hostname) = context.attribute(node, "hostname", Hostname::parse) {
        draft.hostname = Some(hostname);
    }
    let mut interface = super::devices::bare_interface(context, node, InterfaceKind::Rfc);
    for child in context.view.children(node) {
        match context.view.name(child) {
            "ip" => {
                interface.addresses.extend(address(context, child));
                for inner in context.view.children(child) {
                    gateway_or_nameserver(draft, context, inner, &mut interface);
                }
            }
            _ => gateway_or_nameserver(draft, context, child, &mut interface),
        }
    }
    super::interface::only_once(draft, context, &mut interface.addresses, &mut interface.routes);
    if !interface.addresses.is_empty() {
        draft.private_network = Some(interface.origin);
        draft.interfaces.push(interface);
    }
}

fn address(context: &mut Context<'_, '_>, node: NodeId) -> Option<Address> {
    let address = context.attribute(node, "address", parse_ip)?;
    let netmask = context.attribute(node, "netmask", parse_netmask)?;
    if address.value.is_ipv6() {
        let fault =
            Diagnostic::error(Code::Contradiction, context.view.span(node), "an IPv6 address has no netmask");
        context.report.push(fault.help("the RFC has IPv4 only; type='lxc' has <ip address prefix>"));
        return None;
    }
    super::link_address::check(context, node, "address", address.value, Some(netmask.value))?;
    Some(Address { origin: context.origin(node), address: address.value, prefix: netmask.value, peer: None })
}

fn gateway_or_nameserver(
    draft: &mut Draft,
    context: &mut Context<'_, '_>,
    node: NodeId,
    interface: &mut Interface,
) {
    if context.view.name(node) == "gateway" {
        let Some(gateway) = context.attribute(node, "address", parse_ip) else { return };
        if super::link_address::check(context, node, "address", gateway.value, None).is_none() {
            return;
        }
        if let Some(first) = interface.routes.first() {
            let Origin::Xml(first) = first.origin else { return };
            let fault = Diagnostic::error(
                Code::DuplicateElement,
                context.view.span(node),
                "<gateway> stands here a second time",
            );
            return context.report.push(fault.label(first, "first one").help("there is one default route"));
        }
        let destination = match gateway.value {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let origin = context.origin(node);
        interface.routes.push(Route { origin, destination, prefix: 0, gateway: gateway.value, metric: None });
        return;
    }
    let text = context.view.text(node);
    let written = context.attribute(node, "address", parse_ip);
    match (written, text.trim()) {
        (Some(address), "") => draft.nameserver(context, Some(address), context.view.span(node)),
        (None, _) => {
            let parsed = context.text(node, |text| parse_ip(text.trim()));
            draft.nameserver(context, parsed, context.view.span(node));
        }
        (Some(_), _) => {
            let fault = Diagnostic::error(
                Code::Contradiction,
                context.view.text_span(node),
                "<nameserver> has an address and a text",
            );
            context.report.push(fault.help("write one of them"));
        }
    }
}
