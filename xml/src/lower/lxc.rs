//! `<domain type='lxc'>`.

use super::{Context, Draft, capabilities, devices, driver, extension, os, owned, resources};
use crate::domain::{ClockDevice, LifecycleAction, Origin, Seclabel, SeclabelKind, ShareTarget, Sourced};
use crate::report::{Code, Diagnostic};
use crate::schema::{Content, Namespace, Support};
use crate::tree::NodeId;
use crate::value::{AbsPath, DomainName, parse_uuid};

pub(super) fn unit(draft: &mut Draft, mut context: Context<'_, '_>, node: NodeId) {
    let context = &mut context;
    let name = context.view.name(node);
    if context.view.tree.nodes[node].element.namespace == Namespace::Browndog {
        return extension::lower(draft, context, node);
    }
    if matches!(context.view.tree.nodes[node].element.namespace, Namespace::Foreign(_)) {
        return;
    }
    if let Support::CannotStart(reason) = context.view.tree.nodes[node].element.support {
        let (kind, span) = context.view.attribute(node, "type").unwrap_or(("", context.view.span(node)));
        draft.cannot_start(context, span, format!("<{name}> of type '{kind}' cannot be had: {reason}"));
    }
    driver::check(draft, context, node);
    match name {
        "memory" if matches!(context.view.tree.nodes[node].element.content, Content::Children(_)) => {}
        "cpu" => draft.has_numa_cells = context.view.child(node, "numa").is_some(),
        "name" => draft.name = context.text(node, DomainName::parse),
        "uuid" => draft.uuid = context.text(node, parse_uuid),
        "title" => draft.title = context.text(node, owned),
        "description" => {
            draft.description = context.text(node, owned).filter(|text| !text.value.is_empty());
        }
        "memory" | "currentMemory" | "memtune" | "vcpu" | "cputune" | "numatune" | "blkiotune" | "idmap" => {
            resources::lower(draft, context, node);
        }
        "resource" => {
            draft.partition =
                context.view.child(node, "partition").and_then(|node| context.text(node, AbsPath::parse));
        }
        "os" => os::lower(draft, context, node),
        "features" => features(draft, context, node),
        "clock" => clock(draft, context, node),
        "on_poweroff" => draft.on_poweroff = action(context, node),
        "on_reboot" => draft.on_reboot = action(context, node),
        "on_crash" => draft.on_crash = action(context, node),
        "seclabel" => seclabel(draft, context, node),
        "namespace" => share(draft, context, node),
        _ => devices::lower(draft, context, node),
    }
}

fn features(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    for child in context.view.children(node) {
        match context.view.name(child) {
            "privnet" => draft.private_network = Some(context.origin(child)),
            "capabilities" => draft.capabilities = Some(capabilities::lower(context, child)),
            _ => {}
        }
    }
}

/// Only with offset `localtime` does libvirt give device nodes for timers.
fn clock(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let local = view.attribute(node, "offset").filter(|(offset, _)| *offset == "localtime");
    // libvirt makes offset='variable' of a clock that was adjusted.
    let adjusted = view.attribute(node, "adjustment").is_some_and(|(by, _)| by != "reset");
    let quiet = matches!(view.tree.nodes[node].element.support, Support::Ignored(_));
    for timer in view.children(node) {
        if view.attribute(timer, "present").is_some_and(|(present, _)| present == "no") {
            continue;
        }
        let name = view.attribute(timer, "name").map_or("", |(name, _)| name);
        let device = match name {
            "rtc" => Some(ClockDevice::Rtc),
            "hpet" => Some(ClockDevice::Hpet),
            _ => None,
        };
        match device.filter(|_| local.is_some() && !adjusted) {
            Some(device) => draft.clock_devices.push(Sourced::xml(device, view.span(timer))),
            None if quiet => {}
            None => {
                let message = format!(
                    "the timer '{name}' has no effect: only rtc and hpet of offset='localtime' are devices"
                );
                context.report.push(Diagnostic::warning(Code::Ignored, view.span(timer), message));
            }
        }
    }
    if let (Some((_, span)), true) = (local, draft.clock_devices.is_empty()) {
        let message =
            "@offset of <clock> has no effect: a container has the host's clocks; it gives devices to timers";
        context.report.push(Diagnostic::warning(Code::Ignored, span, message));
    }
}

fn action(context: &mut Context<'_, '_>, node: NodeId) -> Option<Sourced<LifecycleAction>> {
    let action = context.text(node, |text| {
        Ok(match text {
            "destroy" | "coredump-destroy" => LifecycleAction::Destroy,
            "preserve" => LifecycleAction::Preserve,
            // "rename-restart" is a restart under another name; a container keeps its name.
            _ => LifecycleAction::Restart,
        })
    })?;
    let (message, help) = match context.view.text(node) {
        "rename-restart" => ("'rename-restart' restarts the container under its own name", "write 'restart'"),
        "coredump-destroy" => {
            ("a container has no core of its own to dump: it is removed", "write 'destroy'")
        }
        "coredump-restart" => {
            ("a container has no core of its own to dump: it starts again", "write 'restart'")
        }
        _ => return Some(action),
    };
    let warning = Diagnostic::warning(Code::Suspicious, context.view.text_span(node), message);
    context.report.push(warning.help(help));
    Some(action)
}

fn seclabel(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let kind = match context.view.attribute(node, "type") {
        Some(("static", _)) => SeclabelKind::Static,
        Some(("none", _)) => SeclabelKind::None,
        _ => SeclabelKind::Dynamic,
    };
    let label = context.view.child(node, "label").and_then(|label| context.text(label, owned));
    let place = context.view.span(node);
    let based = context.view.child(node, "baselabel").is_some();
    let has_type = context.view.attribute(node, "type").is_some();
    if let Some(written) = context.view.child(node, "label")
        && kind == SeclabelKind::Static
        && context.view.text(written).is_empty()
    {
        let span = context.view.text_span(written);
        driver::refuse(context, Code::EmptyValue, span, "<label>: the value is empty");
    }
    match context.view.attribute(node, "model") {
        Some((model, span)) => {
            let message = format!("there are two labels of model {}", crate::value::quoted(model));
            draft.unique(context, "seclabel", model, span, message);
        }
        None if kind == SeclabelKind::Static || based || !has_type => {
            let fault = Diagnostic::error(Code::Incomplete, place, "<seclabel> has no attribute 'model'");
            context.report.push(fault.help("write whose label it is: selinux, apparmor or dac"));
        }
        None => {
            let message = "there are two labels without a model".to_owned();
            draft.unique(context, "seclabel", "", place, message);
        }
    }
    // No label has no model, although libvirt writes model='none'.
    let model = context.attribute(node, "model", owned).filter(|_| kind != SeclabelKind::None);
    draft.seclabels.push(Seclabel { origin: context.origin(node), kind, model, label });
}

fn share(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    for child in context.view.children(node) {
        let (Some((kind, _)), Some((value, span))) =
            (context.view.attribute(child, "type"), context.view.attribute(child, "value"))
        else {
            continue;
        };
        if value.is_empty() {
            draft.cannot_start(context, span, "@value is empty: it names nothing to share with".to_owned());
            continue;
        }
        let target = match kind {
            "pid" => match crate::value::parse_u64(value).filter(|&pid| pid > 0 && pid <= 4_194_304) {
                Some(pid) => ShareTarget::Pid(pid as u32),
                None => {
                    // libvirt keeps any text and fails at the start.
                    let shown = crate::value::quoted(value);
                    let why = format!("{shown} is not a process id: the range is 1 to 4194304");
                    draft.cannot_start(context, span, why);
                    continue;
                }
            },
            "netns" => ShareTarget::NetNs(value.to_owned()),
            _ => ShareTarget::Name(value.to_owned()),
        };
        let target = Some(Sourced { value: target, origin: Origin::Xml(span) });
        match context.view.name(child) {
            "sharenet" => draft.share.net = target,
            "shareipc" => draft.share.ipc = target,
            _ => draft.share.uts = target,
        }
    }
}
