//! Where the other end of a character device is: what libvirt asks of each type.
//!
//! Most of these devices have no effect here; what is wrong with them is said all the same.

use super::Context;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::tree::NodeId;

/// Checks a device, or the `<backend>` of `<rng>`.
pub(super) fn check(context: &mut Context<'_, '_>, node: NodeId) {
    let kind = context.view.attribute(node, "type").map_or("", |(kind, _)| kind);
    let sources: Vec<NodeId> =
        context.view.children(node).filter(|&child| context.view.name(child) == "source").collect();
    let most = if kind == "udp" { 2 } else { 1 };
    if let Some(&extra) = sources.get(most) {
        let message = format!("a character device of type '{kind}' has at most {most} <source>");
        context.report.push(Diagnostic::error(Code::Contradiction, context.view.span(extra), message));
        return;
    }
    let named_later = is_named_later(context, node);
    for &source in &sources {
        if let Some((mode, span)) = context.view.attribute(source, "mode")
            && matches!(kind, "tcp" | "udp" | "unix")
            && !matches!(mode, "bind" | "connect")
        {
            let message =
                format!("@mode of <source>: {} is neither bind nor connect", crate::value::quoted(mode));
            context.report.push(Diagnostic::error(Code::NotAChoice, span, message));
        }
    }
    if kind == "spicevmc"
        && !named_later
        && matches!(context.view.name(node), "console" | "serial" | "parallel" | "channel")
    {
        let message = "a device of type 'spicevmc' is a channel whose target is virtio";
        context.report.push(Diagnostic::error(Code::Contradiction, context.view.span(node), message));
    }
    match kind {
        "file" | "dev" | "pipe" => need(context, node, sources.first().copied(), kind, &["path"]),
        "unix" if !named_later => need(context, node, sources.first().copied(), kind, &["path"]),
        "tcp" => need(context, node, sources.first().copied(), kind, &["host", "service"]),
        "spiceport" | "dbus" => need(context, node, sources.first().copied(), kind, &["channel"]),
        "nmdm" => need(context, node, sources.first().copied(), kind, &["master", "slave"]),
        "udp" => {
            for &source in &sources {
                if context.view.attribute(source, "mode").is_none_or(|(mode, _)| mode == "connect") {
                    need(context, node, Some(source), kind, &["service"]);
                }
            }
        }
        _ => {}
    }
    for source in sources {
        reconnect(context, source);
    }
}

/// A channel's socket can be named by libvirt.
fn is_named_later(context: &Context<'_, '_>, node: NodeId) -> bool {
    let target = context.view.child(node, "target");
    let target =
        target.and_then(|target| context.view.attribute(target, "type")).map_or("", |(kind, _)| kind);
    context.view.name(node) == "channel" && matches!(target, "virtio" | "xen")
}

fn need(context: &mut Context<'_, '_>, node: NodeId, source: Option<NodeId>, kind: &str, names: &[&str]) {
    let Some(source) = source else {
        let name = context.view.name(node);
        let message = format!("<{name}> of type '{kind}' has no <source>");
        return context.report.push(Diagnostic::error(Code::Incomplete, context.view.span(node), message));
    };
    for name in names {
        if context.view.attribute(source, name).is_none() {
            let message =
                format!("<source> of a character device of type '{kind}' has no attribute '{name}'");
            context.report.push(Diagnostic::error(Code::Incomplete, context.view.span(source), message));
        }
    }
}

fn reconnect(context: &mut Context<'_, '_>, source: NodeId) {
    let Some(reconnect) = context.view.child(source, "reconnect") else { return };
    let enabled = context.view.attribute(reconnect, "enabled").is_some_and(|(enabled, _)| enabled == "yes");
    let span = context.view.span(reconnect);
    if enabled && context.view.attribute(reconnect, "timeout").is_none() {
        context.report.push(Diagnostic::error(
            Code::Incomplete,
            span,
            "<reconnect> has no attribute 'timeout'",
        ));
    } else if context.view.attribute(source, "mode").is_some_and(|(mode, _)| mode == "bind") {
        context.report.push(Diagnostic::error(
            Code::Contradiction,
            span,
            "who listens cannot reconnect: <reconnect> needs mode='connect'",
        ));
    }
}

/// `<graphics>`: the socket is named once, or twice the same.
pub(super) fn graphics(context: &mut Context<'_, '_>, node: NodeId) {
    let Some((outer, _)) = context.view.attribute(node, "socket") else { return };
    let Some(listen) = context.view.child(node, "listen") else { return };
    if let Some((inner, span)) = context.view.attribute(listen, "socket")
        && inner != outer
    {
        let message = "the socket of <listen> is not the one of <graphics>";
        context.report.push(Diagnostic::error(Code::Contradiction, span, message));
    }
}
