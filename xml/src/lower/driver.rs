//! What libvirt's driver asks beyond the shape, of elements that mostly have no effect here.
//!
//! A definition that the driver refuses is no container's anywhere: it is refused here as well.

use super::{Context, Draft, number};
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::source::Span;
use crate::tree::NodeId;
use crate::value::quoted;

/// Checks an element below `<domain>` or `<devices>`.
pub(super) fn check(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    match context.view.name(node) {
        "resource" => resource(context, node),
        "cpu" => super::cpu::check(draft, context, node),
        "clock" => clock(context, node),
        "iothreads" => draft.whole.iothreads = context.number(node).map_or(0, |count| count.value),
        "iothreadids" => iothread_ids(draft, context, node),
        "defaultiothread" => thread_pool(context, node),
        "perf" => once_each(draft, context, node, "event", "name", "the event"),
        "keywrap" => once_each(draft, context, node, "cipher", "name", "the cipher"),
        "panic" => {
            let model = context.view.attribute(node, "model").map_or("default", |(model, _)| model);
            let span = context.view.span(node);
            draft.unique(context, "panic", model, span, format!("two panic devices of model '{model}'"));
        }
        "audio" => {
            if let Some((id, span)) = context.view.attribute(node, "id") {
                draft.unique(context, "audio", id, span, format!("two audio devices have the id {id}"));
            }
        }
        "graphics" => {
            draft.whole.graphics = draft.whole.graphics.or(Some(context.view.span(node)));
        }
        "video" => video(draft, context, node),
        "controller" => {
            super::machine::controller(draft, context, node);
            draft.whole.usb |= context.view.attribute(node, "type").is_some_and(|(kind, _)| kind == "usb");
        }
        "redirdev" => {
            draft.whole.redirected = draft.whole.redirected.or(Some(context.view.span(node)));
        }
        "vsock" => vsock(context, node),
        "disk" => disk(draft, context, node),
        "filesystem" => filesystem(context, node),
        "interface" => super::nic::check(context, node),
        "hostdev" => hostdev(draft, context, node),
        _ => {}
    }
}

/// Adds an error about a place.
pub(super) fn refuse(context: &mut Context<'_, '_>, code: Code, span: Span, message: impl Into<String>) {
    context.report.push(Diagnostic::error(code, span, message.into()));
}

impl Draft {
    /// Refuses the second thing of a kind that has this key.
    pub(super) fn unique(
        &mut self,
        context: &mut Context<'_, '_>,
        kind: &'static str,
        key: &str,
        span: Span,
        message: String,
    ) {
        if let Some(first) = self.whole.seen.get_or_insert_default().insert((kind, key.to_owned()), span) {
            let fault = Diagnostic::error(Code::Contradiction, span, message);
            context.report.push(fault.label(first, "first one"));
        }
    }
}

fn once_each(
    draft: &mut Draft,
    context: &mut Context<'_, '_>,
    node: NodeId,
    child: &'static str,
    attribute: &str,
    what: &str,
) {
    let view = context.view;
    for each in view.children(node).filter(|&each| view.name(each) == child) {
        if let Some((key, span)) = view.attribute(each, attribute) {
            draft.unique(context, child, key, span, format!("{what} {} stands here twice", quoted(key)));
        }
    }
}

fn resource(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    if view.children(node).next().is_none() {
        let place = context.gap(node, None);
        refuse(context, Code::Incomplete, place, "<resource> names nothing");
    }
}

fn clock(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let zone = view.attribute(node, "offset").is_some_and(|(offset, _)| offset == "timezone");
    if zone && view.attribute(node, "timezone").is_none() {
        let fault =
            Diagnostic::error(Code::Incomplete, view.span(node), "<clock> has no attribute 'timezone'");
        context.report.push(fault.help("offset='timezone' needs one, as timezone='Europe/Paris'"));
    }
}

fn iothread_ids(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    for thread in view.children(node) {
        let Some((id, span)) = view.attribute(thread, "id") else { continue };
        if number(id) == Ok(0) {
            refuse(context, Code::OutOfRange, span, "@id of <iothread>: threads are counted from 1");
        }
        draft.unique(context, "iothread", id, span, format!("two I/O threads have the id {id}"));
        draft.whole.iothread_ids.extend(number(id));
    }
}

fn thread_pool(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let bound = |name| view.attribute(node, name).map(|(text, span)| (number(text), span));
    match (bound("thread_pool_min"), bound("thread_pool_max")) {
        (_, Some((Ok(0), span))) => {
            refuse(context, Code::OutOfRange, span, "@thread_pool_max: a pool needs a thread");
        }
        (Some((Ok(low), span)), None) if low > 0 => {
            refuse(context, Code::Incomplete, span, "@thread_pool_min needs @thread_pool_max beside it");
        }
        (Some((Ok(low), span)), Some((Ok(high), _))) if low > high => {
            refuse(context, Code::Contradiction, span, "@thread_pool_min is above @thread_pool_max");
        }
        _ => {}
    }
}

fn video(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    draft.whole.video = true;
    if view.child(node, "model").is_none() {
        let fault = Diagnostic::error(Code::Incomplete, view.span(node), "<video> has no <model>");
        context.report.push(fault.help("no model is the usual one for a container"));
    }
    super::machine::video(draft, context, node);
}

fn vsock(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let Some(cid) = view.child(node, "cid") else { return };
    if let Some((address, span)) = view.attribute(cid, "address")
        && number(address).is_ok_and(|address| address < 3)
    {
        refuse(context, Code::OutOfRange, span, "@address of <cid>: guests have addresses from 3 on");
    }
}

fn disk(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let word = |name, absent| view.attribute(node, name).map_or(absent, |(word, _)| word);
    let (kind, device) = (word("type", "file"), word("device", "disk"));
    let source = view.child(node, "source");
    let place = view.span(node);
    if source.is_none() && matches!(device, "disk" | "lun") && matches!(kind, "file" | "block" | "dir") {
        let fault = Diagnostic::error(
            Code::Incomplete,
            context.gap(node, view.child(node, "driver")),
            format!("a {device} of type '{kind}' needs a <source>"),
        );
        context.report.push(fault.label(place, "needed by this element"));
    }
    super::machine::disk(draft, context, node);
    if let Some(driver) = view.child(node, "driver") {
        let written = view.attribute(driver, "discard_no_unref").filter(|(state, _)| *state == "on");
        let format = view.attribute(driver, "type").map_or("raw", |(format, _)| format);
        if let Some((_, span)) = written.filter(|_| format != "qcow2") {
            let message = format!("@discard_no_unref is of qcow2 images, and this one is {format}");
            refuse(context, Code::Contradiction, span, message);
        }
    }
    let Some(target) = view.child(node, "target") else { return };
    let Some((dev, span)) = view.attribute(target, "dev") else { return };
    draft.unique(context, "disk", dev, span, format!("two disks are {}", quoted(dev)));
    if device == "floppy" && !dev.starts_with("fd") {
        refuse(context, Code::Contradiction, span, format!("{} is not the name of a {device}", quoted(dev)));
    }
    let Some(tune) = view.child(node, "iotune") else { return };
    for what in ["bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max"] {
        let part = |of: &str| view.child(tune, &format!("{of}_{what}"));
        if let (Some(total), true) = (part("total"), part("read").is_some() || part("write").is_some()) {
            let place = view.span(total);
            let message = format!("<total_{what}> and a bound on reading or writing exclude each other");
            refuse(context, Code::Contradiction, place, message);
        }
    }
}

fn filesystem(context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let Some(boot) = view.child(node, "boot") else { return };
    let virtiofs = view
        .child(node, "driver")
        .and_then(|driver| view.attribute(driver, "type"))
        .is_some_and(|(kind, _)| kind == "virtiofs");
    if !virtiofs {
        let place = view.span(boot);
        refuse(context, Code::Contradiction, place, "<boot> is for a file system through virtiofs");
    }
}

/// A device of the host is given once.
fn hostdev(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let Some(source) = view.child(node, "source") else { return };
    let kind = view.attribute(node, "type").map_or("", |(kind, _)| kind);
    let key = match kind {
        "storage" | "misc" | "net" => view.children(source).map(|part| view.text(part)).collect::<String>(),
        "usb" => {
            let vendor = view.child(source, "vendor").and_then(|vendor| view.attribute(vendor, "id"));
            if let Some((text, span)) = vendor
                && text.trim_start_matches("0x").bytes().all(|digit| digit == b'0')
            {
                refuse(context, Code::OutOfRange, span, "@id of <vendor>: no vendor has the number 0");
            }
            let part = |name, attribute| {
                let text = super::machine::part(context, source, name, attribute)?;
                Some(text.trim_start_matches('0').to_owned())
            };
            match (part("vendor", "id"), part("address", "bus")) {
                (Some(vendor), None) => format!("{vendor}:{}", part("product", "id").unwrap_or_default()),
                (None, Some(bus)) => format!("{bus}/{}", part("address", "device").unwrap_or_default()),
                _ => return,
            }
        }
        _ => match super::machine::hostdev(context, source, kind) {
            Some(key) => key,
            None => return,
        },
    };
    let message = "this device of the host is given a second time".to_owned();
    draft.unique(context, "hostdev", &format!("{kind} {key}"), view.span(node), message);
}
