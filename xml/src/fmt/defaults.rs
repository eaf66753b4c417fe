//! What libvirt's container driver writes out although nobody wrote it in.

use super::Item;
use crate::value::{IdSet, bytes_in_unit, parse_u64};

pub(super) fn write_out(root: &mut Item) {
    root.attributes.retain(|(name, _)| name != "id");
    let memory = root.child("memory").map_or_else(|| "0".to_owned(), in_kib);
    need(root, Item::text("currentMemory", memory.clone()).with("unit", "KiB"));
    need(root, Item::text("vcpu", "1"));
    need(root, Item::new("clock").with("offset", "utc"));
    need(root, Item::text("on_poweroff", "destroy"));
    need(root, Item::text("on_reboot", "restart"));
    need(root, Item::text("on_crash", "destroy"));
    need(root, Item::new("devices"));
    for child in &mut root.children {
        match child.name.as_str() {
            "uuid" => uuid(child),
            "currentMemory" => {
                let current = in_kib(child);
                // libvirt takes 0 and too much for the whole.
                if parse_u64(&current) == Some(0) || parse_u64(&current) > parse_u64(&memory) {
                    child.text.clone_from(&memory);
                }
            }
            "memtune" => {
                for limit in &mut child.children {
                    drop(in_kib(limit));
                }
            }
            "vcpu" => vcpu(child),
            "os" => os(child),
            "idmap" => child
                .children
                .sort_by_key(|range| (range.name != "uid", range.attribute("start").and_then(parse_u64))),
            "features" => features(child),
            "cpu" => {
                cpu(child);
                if let Some(topology) = child.child("topology")
                    && topology.attribute("dies").is_none()
                {
                    topology.attributes.insert(1, ("dies".into(), "1".into()));
                }
            }
            "devices" => super::devices::write_out(child),
            "clock" => clock(child),
            "seclabel" => seclabel(child),
            _ => {}
        }
    }
    // libvirt writes no element that says nothing.
    root.children.retain(|child| !(is_dropped_when_empty(&child.name) && child.is_empty()));
}

fn is_dropped_when_empty(name: &str) -> bool {
    matches!(
        name,
        "description"
            | "blkiotune"
            | "memtune"
            | "memoryBacking"
            | "cputune"
            | "numatune"
            | "idmap"
            | "features"
            | "pm"
            | "iothreadids"
            | "vcpus"
    )
}

fn cpu(item: &mut Item) {
    if item.child("model").is_some() && item.attribute("mode").is_none() {
        item.attributes.insert(0, ("mode".into(), "custom".into()));
    }
    if item.attribute("mode") == Some("custom") && item.attribute("match").is_none() {
        item.attributes.insert(1, ("match".into(), "exact".into()));
    }
    if let Some(model) = item.child("model")
        && model.attribute("fallback").is_none()
    {
        model.attributes.insert(0, ("fallback".into(), "allow".into()));
    }
}

fn clock(item: &mut Item) {
    let adjusted = item.attribute("adjustment").is_some_and(|by| by != "reset");
    match item.attribute("offset").map(str::to_owned).as_deref() {
        Some(base @ ("utc" | "localtime")) if adjusted => {
            item.set("offset", "variable");
            item.set("basis", base);
        }
        Some("variable") => {
            if item.attribute("adjustment").is_none() {
                item.attributes.insert(1, ("adjustment".into(), "0".into()));
            }
            if item.attribute("basis").is_none() {
                item.set("basis", "utc");
            }
        }
        _ => {}
    }
}

/// Adds `item` where it belongs, unless one of its name is there.
fn need(root: &mut Item, item: Item) {
    if root.child(&item.name).is_some() {
        return;
    }
    let order = crate::schema::lxc::DOMAIN.children();
    let rank = |name: &str| order.iter().position(|known| known.element.name == name).unwrap_or(usize::MAX);
    let own = rank(&item.name);
    let at = root.children.iter().position(|child| rank(&child.name) > own).unwrap_or(root.children.len());
    root.children.insert(at, item);
}

/// Rewrites a size in KiB, rounded up; gives the number.
fn in_kib(item: &mut Item) -> String {
    let factor = item.attribute("unit").map_or(Some(1024), bytes_in_unit);
    if let (Some(factor), Some(number)) = (factor, parse_u64(item.text.trim()))
        && let Some(bytes) = number.checked_mul(factor)
    {
        item.text = bytes.div_ceil(1024).to_string();
        item.attributes.retain(|(name, _)| name != "unit");
        // libvirt writes dumpCore before the unit.
        item.attributes.push(("unit".into(), "KiB".into()));
    }
    item.text.clone()
}

fn uuid(item: &mut Item) {
    if let Ok(uuid) = uuid::Uuid::try_parse(&item.text) {
        item.text = uuid.hyphenated().to_string();
    }
}

fn vcpu(item: &mut Item) {
    if let Some(Ok(set)) = item.attribute("cpuset").map(IdSet::parse) {
        item.set("cpuset", set.to_string());
    }
    if item.attribute("placement") == Some("auto") {
        item.attributes.retain(|(name, _)| name != "cpuset");
    }
    if item.attribute("placement").is_none() {
        item.attributes.insert(0, ("placement".into(), "static".into()));
    }
    if let Some(number) = parse_u64(&item.text) {
        item.text = number.to_string();
    }
}

/// The architecture is the machine's, as it is with libvirt.
fn os(item: &mut Item) {
    if let Some(kind) = item.child("type")
        && kind.attribute("arch").is_none()
    {
        kind.set("arch", std::env::consts::ARCH);
    }
}

/// Without `state`, a feature that has one is on.
fn features(item: &mut Item) {
    for feature in &mut item.children {
        let switch = matches!(feature.name.as_str(), "hap" | "pmu" | "vmport" | "smm" | "pvspinlock");
        if switch && feature.attribute("state").is_none() {
            feature.attributes.insert(0, ("state".into(), "on".into()));
        }
    }
}

fn seclabel(item: &mut Item) {
    if item.attribute("type").is_none() {
        item.attributes.insert(0, ("type".into(), "dynamic".into()));
    }
    match item.attribute("type").map(str::to_owned).as_deref() {
        Some("none") if item.attribute("model").is_none() => {
            item.attributes.insert(1, ("model".into(), "none".into()));
        }
        Some("static") if item.attribute("relabel").is_none() => item.set("relabel", "no"),
        Some("dynamic") if item.attribute("model").is_some() && item.attribute("relabel").is_none() => {
            item.set("relabel", "yes");
        }
        _ => {}
    }
}
