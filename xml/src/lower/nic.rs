//! `<interface>`: what libvirt's driver asks of parts that have no effect here.

use super::Context;
use super::driver::refuse;
use crate::codes::Code;
use crate::nearest::nearest;
use crate::report::Diagnostic;
use crate::tree::NodeId;
use crate::value::quoted;

/// Cards that libvirt knows, in any case; its container driver takes no others.
const MODELS: &[&str] = &[
    "virtio",
    "netfront",
    "rtl8139",
    "e1000",
    "e1000e",
    "virtio-transitional",
    "virtio-non-transitional",
    "usb-net",
    "spapr-vlan",
    "lan9118",
    "scm91c111",
    "vlance",
    "vmxnet",
    "vmxnet2",
    "vmxnet3",
    "Am79C970A",
    "Am79C973",
    "82540EM",
    "82545EM",
    "82543GC",
];

pub(super) fn check(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let kind = view.attribute(node, "type").map_or("", |(kind, _)| kind);
    for child in view.children(node) {
        match view.name(child) {
            "model" => model(context, child),
            "bandwidth" => bandwidth(context, child, kind),
            "virtualport" if kind != "network" => port(context, child),
            _ => {}
        }
    }
    let virtio = view
        .child(node, "model")
        .and_then(|model| view.attribute(model, "type"))
        .is_some_and(|(model, _)| model.to_ascii_lowercase().starts_with("virtio"));
    if kind == "vhostuser" && !virtio {
        let place = view.span(node);
        refuse(
            context,
            Code::Incomplete,
            place,
            "an interface of type 'vhostuser' needs <model type='virtio'/>",
        );
    }
}

fn model(context: &mut Context<'_, '_>, node: NodeId) {
    let Some((model, span)) = context.view.attribute(node, "type") else { return };
    if MODELS.iter().any(|known| known.eq_ignore_ascii_case(model)) {
        return;
    }
    let message = format!("@type of <model>: {} is no card that libvirt's driver takes", quoted(model));
    let fault = Diagnostic::error(Code::NotAChoice, span, message);
    let near = nearest(model, MODELS.iter().copied());
    context.report.push(match near {
        Some(near) => fault.help(format!("did you mean '{near}'? It has no effect in a container")),
        None => fault.help("a container has no card: remove it"),
    });
}

/// `tc` needs an average, or a floor where a network guarantees one.
fn bandwidth(context: &mut Context<'_, '_>, node: NodeId, kind: &str) {
    let view = context.view;
    for side in view.children(node) {
        let name = view.name(side);
        let floor = view.attribute(side, "floor");
        if let Some((_, span)) = floor {
            if name == "outbound" {
                refuse(context, Code::Contradiction, span, "@floor belongs into <inbound>");
                continue;
            }
            if kind != "network" {
                refuse(context, Code::Contradiction, span, "@floor needs an interface of type 'network'");
                continue;
            }
        }
        if floor.is_none() && view.attribute(side, "average").is_none() {
            let message = format!("<{name}> has no attribute 'average'");
            refuse(context, Code::Incomplete, view.span(side), message);
        }
    }
}

/// Only the port of a network may leave out what the network knows.
fn port(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let Some((kind, _)) = view.attribute(node, "type") else {
        return refuse(context, Code::Incomplete, view.span(node), "<virtualport> has no attribute 'type'");
    };
    let needed: &[&str] = match kind {
        "802.1Qbh" => &["profileid"],
        "802.1Qbg" => &["managerid", "typeid", "typeidversion"],
        _ => &[],
    };
    let parameters = view.child(node, "parameters");
    for name in needed {
        if parameters.is_none_or(|parameters| view.attribute(parameters, name).is_none()) {
            let message = format!("a virtual port of type '{kind}' needs the parameter '{name}'");
            refuse(
                context,
                Code::Incomplete,
                parameters.map_or(view.span(node), |it| view.span(it)),
                message,
            );
        }
    }
}
