//! `<devices>`.

use super::{Context, Draft, chardev, interface, number, owned};
use crate::codes::Code;
use crate::domain::{
    Console, Disk, DiskSource, Filesystem, FilesystemSource, Hostdev, HostdevKind, Interface, InterfaceKind,
    Sourced,
};
use crate::report::Diagnostic;
use crate::source::Span;
use crate::tree::NodeId;
use crate::value::{AbsPath, InterfaceName, ValueError};

pub(super) fn lower(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    match context.view.name(node) {
        "filesystem" => {
            let lowered = filesystem(draft, context, node);
            draft.filesystems.extend(lowered);
        }
        "console" => console(draft, context, node),
        "interface" => interface::lower(draft, context, node),
        "hostdev" => {
            let lowered = hostdev(draft, context, node);
            draft.hostdevs.extend(lowered);
        }
        "disk" => {
            let lowered = disk(draft, context, node);
            draft.disks.extend(lowered);
        }
        "graphics" => chardev::graphics(context, node),
        "serial" | "parallel" | "channel" | "redirdev" | "smartcard" => chardev::check(context, node),
        "rng" => {
            if let Some(backend) = context.view.child(node, "backend") {
                chardev::check(context, backend);
            }
        }
        _ => {}
    }
}

fn kind<'a>(context: &Context<'a, '_>, node: NodeId, absent: &'static str) -> (&'a str, Span) {
    context.view.attribute(node, "type").unwrap_or_else(|| (absent, context.view.span(node)))
}

fn console(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    chardev::check(context, node);
    let (kind, span) = kind(context, node, "pty");
    if kind != "pty" {
        let why = format!("a console of type '{kind}' cannot be made: a container's console is a pty");
        return draft.cannot_start(context, span, why);
    }
    draft.consoles.push(Console { origin: context.origin(node), tty: None });
}

fn filesystem(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) -> Option<Filesystem> {
    let (kind, _) = kind(context, node, "mount");
    let source = context.view.child(node, "source")?;
    let target = context.view.child(node, "target")?;
    let readonly = context.view.child(node, "readonly").map(|readonly| context.origin(readonly));
    if !is_raw(draft, context, node, kind) {
        return None;
    }
    if let Some((_, socket)) = context.view.attribute(source, "socket") {
        let why = "a file system behind a virtiofs socket cannot be mounted";
        draft.cannot_start(context, socket, why.to_owned());
        return None;
    }
    let mut path = |name| context.attribute(source, name, AbsPath::parse);
    let source = match kind {
        "mount" => match path("dir") {
            Some(dir) => FilesystemSource::Host(dir),
            None => {
                let fault = Diagnostic::error(
                    Code::Incomplete,
                    context.view.span(source),
                    "<source> has no attribute 'dir'",
                );
                context.report.push(fault.help("write the directory of the host that is mounted"));
                return None;
            }
        },
        "bind" => FilesystemSource::Container(path("dir")?),
        "block" => FilesystemSource::Block(path("dev")?),
        "file" => FilesystemSource::Image { file: path("file")? },
        "ram" => {
            let units = context.view.attribute(source, "units").map(|(units, _)| units);
            let bytes = context.attribute(source, "usage", |usage| {
                crate::value::parse_size(usage, units).map(super::whole_kib)
            })?;
            FilesystemSource::Ram { bytes, options: None }
        }
        _ => return None,
    };
    let target = context.attribute(target, "dir", AbsPath::parse)?;
    Some(Filesystem { origin: context.origin(node), source, target, readonly, optional: None })
}

/// Whether the image of a file system or disk is raw, as a loop device needs it.
fn is_raw(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId, kind: &str) -> bool {
    if kind != "file" {
        return true;
    }
    let Some(driver) = context.view.child(node, "driver") else { return true };
    let is_disk = context.view.name(node) == "disk";
    let format = context.view.attribute(driver, if is_disk { "type" } else { "format" });
    let through = context.view.attribute(driver, if is_disk { "name" } else { "type" });
    let foreign = |found: Option<(&str, Span)>, known: &[&str]| {
        found
            .map(|(value, span)| (value.to_owned(), span))
            .filter(|(value, _)| !known.contains(&value.as_str()))
    };
    let fault = foreign(format, &["raw", "none"]).or_else(|| foreign(through, &["loop", "file", "path"]));
    let Some((value, span)) = fault else { return true };
    draft.cannot_start(
        context,
        span,
        format!("an image through '{value}' cannot be mounted: only raw images on a loop device can"),
    );
    false
}

fn hostdev(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) -> Option<Hostdev> {
    let origin = context.origin(node);
    let (kind, _) = kind(context, node, "");
    let source = context.view.child(node, "source")?;
    let part = |name| context.view.child(source, name);
    let kind = match kind {
        "storage" => HostdevKind::Storage(context.text(part("block")?, AbsPath::parse)?),
        "misc" => HostdevKind::Misc(context.text(part("char")?, AbsPath::parse)?),
        "net" => {
            let interface = context.text(part("interface")?, InterfaceName::parse)?;
            let (addresses, routes) = interface::addresses(draft, context, node);
            HostdevKind::Net { interface, addresses, routes }
        }
        "usb" => match (part("vendor"), part("product"), part("address")) {
            (Some(vendor), Some(product), _) => HostdevKind::UsbById {
                vendor: context.attribute(vendor, "id", hex16)?,
                product: context.attribute(product, "id", hex16)?,
            },
            (_, _, Some(address)) => {
                let bus = context.attribute(address, "bus", decimal)?;
                HostdevKind::UsbByAddress { bus, device: usb_device(draft, context, address)? }
            }
            _ => {
                let only = part("vendor").or_else(|| part("product"));
                let place = match only.filter(|&only| context.view.name(only) == "product") {
                    Some(product) => context.gap(source, context.before(source, product)),
                    None => context.gap(source, only),
                };
                let fault = Diagnostic::error(Code::Incomplete, place, "<source> names no USB device")
                    .label(context.view.span(source), "needed by this element");
                context
                    .report
                    .push(fault.help("write <vendor id/> and <product id/>, or <address bus device/>"));
                return None;
            }
        },
        _ => return None,
    };
    Some(Hostdev { origin, kind })
}

/// The number of a USB device on its bus, which changes each time it is plugged in; a port does not.
fn usb_device(
    draft: &mut Draft,
    context: &mut Context<'_, '_>,
    address: NodeId,
) -> Option<crate::domain::Sourced<u32>> {
    let span = context.view.span(address);
    if context.view.attribute(address, "device").is_some() {
        return context.attribute(address, "device", decimal);
    }
    if context.view.attribute(address, "port").is_some() {
        let why = "a USB device cannot be had by its port: name it by vendor and product";
        draft.cannot_start(context, span, why.to_owned());
        return None;
    }
    let fault = Diagnostic::error(Code::Incomplete, span, "<address> names no USB device");
    context.report.push(fault.help("write @device, the number of the device on the bus"));
    None
}

fn hex16(text: &str) -> Result<u16, ValueError> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u16::from_str_radix(digits, 16).map_err(|_| {
        ValueError::new(
            Code::BadForm,
            format!("{} is not a number of 16 bits in hexadecimal", crate::value::quoted(text)),
        )
    })
}

fn decimal(text: &str) -> Result<u32, ValueError> {
    match number(text)? {
        small if small <= u64::from(u32::MAX) => Ok(small as u32),
        _ => {
            Err(ValueError::new(Code::OutOfRange, format!("{} is out of range", crate::value::quoted(text))))
        }
    }
}

fn disk(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) -> Option<Disk> {
    let (kind, span) = kind(context, node, "file");
    let target =
        context.view.child(node, "target").and_then(|target| context.attribute(target, "dev", owned))?;
    let readonly = context.view.child(node, "readonly").map(|readonly| context.origin(readonly));
    let source = context.view.child(node, "source");
    let device = context.view.attribute(node, "device").map_or("disk", |(device, _)| device);
    if !is_raw(draft, context, node, kind) {
        return None;
    }
    let mut path = |name| source.and_then(|source| context.attribute(source, name, AbsPath::parse));
    let source = match kind {
        "block" => path("dev").map(DiskSource::Block),
        "file" => path("file").map(DiskSource::Image),
        _ => None,
    };
    let Some(source) = source.filter(|_| device == "disk") else {
        let why = format!(
            "a {device} of type '{kind}' cannot be given to a container: only block devices and raw images can"
        );
        draft.cannot_start(context, span, why);
        return None;
    };
    Some(Disk { origin: context.origin(node), source, target, readonly })
}

/// An interface without anything but its kind.
pub(super) fn bare_interface(context: &Context<'_, '_>, node: NodeId, kind: InterfaceKind) -> Interface {
    Interface {
        origin: context.origin(node),
        kind,
        mac: None,
        host_name: None,
        guest_name: None,
        addresses: Vec::new(),
        routes: Vec::new(),
        link_up: Sourced::default(true, "a link is up unless the document says down"),
        mtu: None,
        port_isolated: None,
        inbound: None,
        outbound: None,
    }
}
