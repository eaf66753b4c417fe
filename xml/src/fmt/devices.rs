//! `<devices>` as libvirt's container driver writes it out.

use std::collections::{HashMap, HashSet};

use super::Item;
use crate::value::{bytes_in_unit, parse_ip, parse_u64};

pub(super) fn write_out(item: &mut Item) {
    if item.child("emulator").is_none() {
        item.children.insert(0, Item::text("emulator", "/usr/lib/libvirt/libvirt_lxc"));
    }
    number(item, "console", Ports::Position);
    for kind in ["serial", "parallel"] {
        number(item, kind, Ports::Free);
    }
    let mut controllers = HashMap::new();
    for device in &mut item.children {
        // Aliases are for a running domain.
        device.children.retain(|child| child.name != "alias" || child.has_comments());
        match device.name.as_str() {
            "filesystem" => filesystem(device),
            "interface" => interface(device),
            "console" => console(device),
            "hostdev" => hostdev(device),
            "disk" => disk(device),
            "controller" => controller(device, &mut controllers),
            _ => {}
        }
        if let Some(address) = device.child("address") {
            pci(address);
        }
    }
}

/// The highest number that the schema has for a port.
const PORT_MAX: u64 = u32::MAX as u64;

/// How libvirt numbers devices of a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ports {
    /// By position, whatever was written.
    Position,
    /// As written; the rest above the highest, or where there is nothing above it, from below.
    Free,
}

fn number(devices: &mut Item, kind: &str, ports: Ports) {
    let written =
        |device: &mut Item| device.child("target").and_then(|it| it.attribute("port")).and_then(parse_u64);
    let of_kind = devices.children.iter_mut().filter(|device| device.name == kind);
    let taken: HashSet<u64> = of_kind.filter_map(written).collect();
    let mut next = match ports {
        Ports::Position => 0,
        Ports::Free => taken.iter().max().map_or(0, |highest| highest + 1),
    };
    for device in devices.children.iter_mut().filter(|device| device.name == kind) {
        if device.child("target").is_none() {
            // In front of what follows it in libvirt's order.
            let at = device.children.iter().position(|it| {
                matches!(it.name.as_str(), "alias" | "acpi" | "address")
                    || kind == "console" && it.name == "log"
            });
            device.children.insert(at.unwrap_or(device.children.len()), Item::new("target"));
        }
        let known = written(device);
        let Some(target) = device.child("target") else { continue };
        if ports == Ports::Position || known.is_none() {
            if ports == Ports::Free && next > PORT_MAX {
                next = 0;
            }
            while ports == Ports::Free && taken.contains(&next) {
                next += 1;
            }
            target.set("port", next.to_string());
            next += 1;
        }
    }
}

fn default(item: &mut Item, at: usize, name: &str, value: &str) {
    if item.attribute(name).is_none() {
        item.attributes.insert(at.min(item.attributes.len()), (name.into(), value.into()));
    }
}

/// Puts these attributes first, in this order.
fn order(item: &mut Item, names: &[&str]) {
    let rank = |name: &str| names.iter().position(|known| *known == name).unwrap_or(names.len());
    item.attributes.sort_by_key(|(name, _)| rank(name));
}

fn filesystem(item: &mut Item) {
    default(item, 0, "type", "mount");
    if item.child("source").is_none_or(|source| source.attribute("socket").is_none()) {
        default(item, 1, "accessmode", "passthrough");
    }
    for mode in ["fmode", "dmode"] {
        if let Some(value) = item.attribute(mode).map(str::to_owned) {
            item.set(mode, format!("{value:0>4}"));
        }
    }
    for limit in &mut item.children {
        if matches!(limit.name.as_str(), "space_hard_limit" | "space_soft_limit")
            && let Some(factor) = limit.attribute("unit").map_or(Some(1), bytes_in_unit)
            && let Some(bytes) = parse_u64(limit.text.trim()).and_then(|size| size.checked_mul(factor))
        {
            limit.text = bytes.to_string();
            limit.set("unit", "bytes");
        }
    }
    if let Some(source) = item.child("source")
        && let Some(usage) = source.attribute("usage").and_then(parse_u64)
    {
        let factor = source.attribute("units").map_or(Some(1024), bytes_in_unit).unwrap_or(1024);
        source.set("usage", usage.saturating_mul(factor).div_ceil(1024).to_string());
        source.set("units", "KiB");
    }
}

fn interface(item: &mut Item) {
    // The bridge of a network is the network's business; here it is left over from a running domain.
    if item.attribute("type") == Some("network")
        && let Some(source) = item.child("source")
    {
        source.attributes.retain(|(name, _)| name != "bridge" && name != "portid");
    }
    if item.attribute("type") == Some("direct")
        && let Some(source) = item.child("source")
    {
        default(source, 1, "mode", "vepa");
    }
    for part in &mut item.children {
        match part.name.as_str() {
            "mac" => {
                if let Some(Ok(mac)) = part.attribute("address").map(crate::value::MacAddr::parse) {
                    part.set("address", mac.to_string());
                }
            }
            "ip" => {
                if let Some(Ok(address)) = part.attribute("address").map(parse_ip) {
                    default(part, 1, "family", if address.is_ipv6() { "ipv6" } else { "ipv4" });
                }
            }
            "vlan" if part.children.len() > 1 => default(part, 0, "trunk", "yes"),
            _ => {}
        }
    }
    // A name that libvirt gave itself is given anew at each start; an empty part says nothing.
    item.children.retain(|part| {
        let given = |name: &str, prefix: &str| {
            part.name == name && part.attribute("dev").is_none_or(|dev| dev.starts_with(prefix))
        };
        part.has_comments()
            || !(given("target", "vnet") || part.name == "guest" && part.attributes.is_empty())
    });
}

fn console(item: &mut Item) {
    default(item, 0, "type", "pty");
    if item.attribute("type") == Some("pty") {
        // Where the terminal was last time is not part of a definition.
        item.attributes.retain(|(name, _)| name != "tty");
        item.children.retain(|child| child.name != "source" || child.has_comments());
    }
    if item.attribute("type") == Some("tcp") && item.child("protocol").is_none() {
        let at = item.children.iter().position(|child| child.name != "source");
        item.children.insert(at.unwrap_or(item.children.len()), Item::new("protocol").with("type", "raw"));
    }
    if let Some(target) = item.child("target") {
        default(target, 0, "type", "lxc");
    }
}

fn hostdev(item: &mut Item) {
    default(item, 0, "mode", "subsystem");
    if item.attribute("mode") == Some("subsystem")
        && matches!(item.attribute("type"), Some("usb" | "pci" | "scsi" | "scsi_host" | "mdev"))
    {
        default(item, 2, "managed", "no");
    }
    order(item, &["mode", "type", "managed"]);
    let Some(source) = item.child("source") else { return };
    for part in &mut source.children {
        match part.name.as_str() {
            "address" => pci(part),
            "vendor" | "product" => {
                let digits = part.attribute("id").and_then(|id| id.strip_prefix("0x"));
                if let Some(Ok(number)) = digits.map(|digits| u16::from_str_radix(digits, 16)) {
                    part.set("id", format!("{number:#06x}"));
                }
            }
            _ => {}
        }
    }
}

fn disk(item: &mut Item) {
    default(item, 0, "type", "file");
    default(item, 1, "device", "disk");
    order(item, &["type", "device"]);
    let cdrom = item.attribute("device") == Some("cdrom");
    if cdrom && item.child("readonly").is_none() {
        let before = |child: &Item| matches!(child.name.as_str(), "target" | "iotune" | "throttlefilters");
        let at = item.children.iter().rposition(before).map_or(0, |at| at + 1);
        item.children.insert(at, Item::new("readonly"));
    }
    let Some(target) = item.child("target") else { return };
    const BUSES: &[(&str, &str)] =
        &[("xvd", "xen"), ("vd", "virtio"), ("sd", "scsi"), ("hd", "ide"), ("fd", "fdc"), ("ubd", "uml")];
    let dev = target.attribute("dev").unwrap_or_default();
    if let Some((_, bus)) = BUSES.iter().find(|(prefix, _)| dev.starts_with(prefix)) {
        default(target, 1, "bus", bus);
    }
}

/// Indices that are taken by kind, and the first that may be free.
type Controllers = HashMap<String, (HashSet<u64>, u64)>;

fn controller(item: &mut Item, controllers: &mut Controllers) {
    let kind = item.attribute("type").unwrap_or_default().to_owned();
    let (taken, free) = controllers.entry(kind).or_default();
    let index = item.attribute("index").and_then(parse_u64).unwrap_or_else(|| {
        while taken.contains(free) {
            *free += 1;
        }
        *free
    });
    item.set("index", index.to_string());
    let _new = taken.insert(index);
    order(item, &["type", "index"]);
}

/// A PCI address in hexadecimal, as wide as its parts are.
fn pci(item: &mut Item) {
    // A bus of USB, SCSI or drives is another kind of number.
    let foreign = ["device", "target", "unit", "controller", "port"];
    if item.attribute("type").is_some_and(|kind| kind != "pci")
        || foreign.iter().any(|name| item.attribute(name).is_some())
    {
        return;
    }
    for (name, width) in [("domain", 6), ("bus", 4), ("slot", 4), ("function", 3)] {
        let Some(text) = item.attribute(name) else { continue };
        let number = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        if let Some(number) = number {
            item.set(name, format!("{number:#0width$x}"));
        }
    }
}
