//! `<domain type='lxc'>`.

use super::{Context, Draft, capabilities, devices, extension, os, owned, resources};
use crate::domain::{ClockDevice, LifecycleAction, Origin, Seclabel, SeclabelKind, ShareTarget, Sourced};
use crate::report::{Code, Diagnostic};
use crate::schema::{Content, Namespace};
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
    match name {
        "memory" if matches!(context.view.tree.nodes[node].element.content, Content::Children(_)) => {}
        "cpu" => draft.has_numa_cells = context.view.child(node, "numa").is_some(),
        "name" => draft.name = context.text(node, DomainName::parse),
        "uuid" => draft.uuid = context.text(node, parse_uuid),
        "title" => draft.title = context.text(node, owned),
        "description" => draft.description = context.text(node, owned),
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
    if context.view.attribute(node, "offset").map(|(offset, _)| offset) != Some("localtime") {
        return;
    }
    for timer in context.view.children(node) {
        if context.view.attribute(timer, "present").is_some_and(|(present, _)| present == "no") {
            continue;
        }
        let device = match context.view.attribute(timer, "name") {
            Some(("rtc", _)) => ClockDevice::Rtc,
            Some(("hpet", _)) => ClockDevice::Hpet,
            _ => continue,
        };
        draft.clock_devices.push(Sourced::xml(device, context.view.span(timer)));
    }
}

fn action(context: &mut Context<'_, '_>, node: NodeId) -> Option<Sourced<LifecycleAction>> {
    let action = context.text(node, |text| {
        Ok(match text {
            "destroy" => LifecycleAction::Destroy,
            "preserve" => LifecycleAction::Preserve,
            // "rename-restart" is a restart under another name; a container keeps its name.
            _ => LifecycleAction::Restart,
        })
    })?;
    if context.view.text(node) == "rename-restart" {
        let span = context.view.text_span(node);
        context.report.push(
            Diagnostic::warning(
                Code::Suspicious,
                span,
                "'rename-restart' restarts the container under its own name",
            )
            .help("write 'restart'"),
        );
    }
    Some(action)
}

fn seclabel(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let kind = match context.view.attribute(node, "type") {
        Some(("static", _)) => SeclabelKind::Static,
        Some(("none", _)) => SeclabelKind::None,
        _ => SeclabelKind::Dynamic,
    };
    let label = context.view.child(node, "label").and_then(|label| context.text(label, owned));
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
        let target = match kind {
            "pid" => match crate::value::parse_u64(value).filter(|&pid| pid > 0 && pid <= 4_194_304) {
                Some(pid) => ShareTarget::Pid(pid as u32),
                None => {
                    let message = format!("{} is not a process id", crate::value::quoted(value));
                    context.report.push(
                        Diagnostic::error(Code::OutOfRange, span, message).help("the range is 1 to 4194304"),
                    );
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
