//! `linux`: namespaces, ids, limits, devices, covered paths.

use std::collections::HashSet;

use serde_json::Value;

use super::read::Reader;
use crate::convert::{Element, Seen, json};
use crate::covers::{cover_of, is_hidden};
use crate::value::quoted;

pub(super) fn read(reader: &mut Reader<'_>) {
    namespaces(reader);
    ids(reader);
    memory(reader);
    processor(reader);
    others(reader);
    devices(reader);
    paths(reader);
    parameters(reader);
    time(reader);
    if reader.config.pointer("/linux/personality/domain").and_then(Value::as_str) == Some("LINUX32") {
        reader.taken.take("/linux/personality/domain");
        let place = reader.place("/linux/personality/domain");
        if let Some(kind) = reader.os.children.first_mut() {
            *kind = Element::text("type", "exe").with("arch", "i686").at(place);
        }
    }
    let propagation = reader.config.pointer("/linux/rootfsPropagation").and_then(Value::as_str);
    if matches!(propagation, Some("private" | "rprivate")) {
        reader.taken.take("/linux/rootfsPropagation");
    }
    group(reader);
}

fn namespaces(reader: &mut Reader<'_>) {
    for (pointer, namespace) in reader.entries("/linux/namespaces") {
        let kind = namespace.get("type").and_then(Value::as_str).unwrap_or("");
        let path = namespace.get("path").and_then(Value::as_str).filter(|path| !path.is_empty());
        let place = reader.place(&pointer);
        match (kind, path) {
            ("network", None) => reader.features.children.insert(0, Element::new("privnet").at(place)),
            ("network" | "ipc" | "uts", Some(path)) => {
                let name = match kind {
                    "network" => "lxc:sharenet",
                    "ipc" => "lxc:shareipc",
                    _ => "lxc:shareuts",
                };
                let Some((kind, value)) = shared(path, kind) else {
                    // Without it, the container would be in another place than it was meant for.
                    let what = format!("the namespace {} cannot be named", quoted(path));
                    reader.wrong(
                        &pointer,
                        &what,
                        "name one below /run/netns, or of a process: /proc/PID/ns/…",
                    );
                    continue;
                };
                let element = Element::new(name).with("type", kind).with("value", value).at(place);
                reader.share.children.push(element);
            }
            ("pid" | "mount" | "ipc" | "uts" | "cgroup" | "user" | "time", None) => {}
            _ => {
                reader.lost(&pointer, &format!("a namespace of kind {} is not joined", quoted(kind)));
            }
        }
        reader.take_members(&pointer, &["type", "path"]);
    }
    let has = |kind: &str| {
        let all = reader.config.pointer("/linux/namespaces").and_then(Value::as_array);
        all.into_iter().flatten().any(|entry| entry.get("type").and_then(Value::as_str) == Some(kind))
    };
    let missing: Vec<&str> = ["pid", "mount", "ipc", "uts"].into_iter().filter(|kind| !has(kind)).collect();
    for kind in missing {
        reader.otherwise("/linux/namespaces", &format!("the container gets a {kind} namespace of its own"));
    }
}

/// A namespace as the lxc dialect names it.
fn shared<'p>(path: &'p str, kind: &str) -> Option<(&'static str, &'p str)> {
    let netns = path.strip_prefix("/run/netns/").or_else(|| path.strip_prefix("/var/run/netns/"));
    if let Some(name) = netns.filter(|_| kind == "network") {
        return Some(("netns", name));
    }
    let pid = path.strip_prefix("/proc/")?.split_once("/ns/")?.0;
    pid.bytes().all(|byte| byte.is_ascii_digit()).then_some(("pid", pid))
}

fn ids(reader: &mut Reader<'_>) {
    for (name, list) in [("uid", "/linux/uidMappings"), ("gid", "/linux/gidMappings")] {
        for (pointer, range) in reader.entries(list) {
            let id = |name: &str| {
                range.get(name).and_then(Value::as_u64).map_or_else(String::new, |id| id.to_string())
            };
            let element = Element::new(name).with("start", id("containerID"));
            let element = element.with("target", id("hostID")).with("count", id("size"));
            let place = reader.place(&pointer);
            reader.idmap.children.push(element.at(place));
            reader.idmap.place = reader.idmap.place.or(Some(place));
            reader.take_members(&pointer, &["containerID", "hostID", "size"]);
        }
    }
}

const RESOURCES: &str = "/linux/resources";

/// A limit in bytes; -1 is none.
fn bytes(reader: &mut Reader<'_>, name: &'static str, file: &str) -> Option<Element> {
    let pointer = format!("{RESOURCES}/memory/{file}");
    // 0 is what engines write where nothing is set.
    let number = reader.number(&pointer).filter(|number| *number != 0)?;
    let place = reader.place(&pointer);
    (number != -1).then(|| {
        let kib = if number < 0 { number.to_string() } else { ((number as u64).div_ceil(1024)).to_string() };
        Element::text(name, kib).with("unit", "KiB").at(place)
    })
}

fn memory(reader: &mut Reader<'_>) {
    reader.memory = bytes(reader, "memory", "limit");
    let mut tune = Element::new("memtune");
    tune.children.extend(bytes(reader, "soft_limit", "reservation"));
    tune.children.extend(bytes(reader, "swap_hard_limit", "swap"));
    if !tune.children.is_empty() {
        reader.resources.push(tune);
    }
}

fn processor(reader: &mut Reader<'_>) {
    let cpus = format!("{RESOURCES}/cpu/cpus");
    if let Some(set) = reader.text(&cpus).filter(|set| !set.is_empty()) {
        let element = Element::text("vcpu", "1").with("cpuset", set).at(reader.place(&cpus));
        reader.resources.push(element);
    }
    let mut tune = Element::new("cputune");
    for name in ["shares", "period", "quota"] {
        let pointer = format!("{RESOURCES}/cpu/{name}");
        if let Some(number) = reader.number(&pointer).filter(|number| *number != 0) {
            let number = if name == "shares" { shares(reader, &pointer, number) } else { number };
            tune.children.push(Element::text(name, number).at(reader.place(&pointer)));
        }
    }
    if !tune.children.is_empty() {
        reader.resources.push(tune);
    }
    let mems = format!("{RESOURCES}/cpu/mems");
    if let Some(set) = reader.text(&mems).filter(|set| !set.is_empty()) {
        let nodes =
            Element::new("memory").with("mode", "strict").with("nodeset", set).at(reader.place(&mems));
        reader.resources.push(Element::new("numatune").holding(nodes));
    }
}

/// The kernel takes what is beyond its bounds for the bound.
fn shares(reader: &mut Reader<'_>, pointer: &str, number: i64) -> i64 {
    let held = number.clamp(2, 262_144);
    if held != number && number > 0 {
        reader.otherwise(pointer, &format!("the kernel makes {held} of it"));
        return held;
    }
    number
}

fn others(reader: &mut Reader<'_>) {
    let weight = format!("{RESOURCES}/blockIO/weight");
    if let Some(number) = reader.number(&weight).filter(|number| *number != 0) {
        let element = Element::text("weight", number).at(reader.place(&weight));
        reader.resources.push(Element::new("blkiotune").holding(element));
    }
    let pids = format!("{RESOURCES}/pids/limit");
    match reader.number(&pids) {
        None | Some(0) => {}
        Some(limit) if limit < 0 => reader.lost(&pids, "there is always a bound on processes"),
        Some(limit) => {
            let element = Element::new("browndog:pids").with("limit", limit).at(reader.place(&pids));
            reader.extension.push(element);
        }
    }
}

/// Numbers that every container is given: null, zero, full, random, urandom, tty, console, ptmx.
const GIVEN: [(i64, i64); 8] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2)];

fn devices(reader: &mut Reader<'_>) {
    let mut nodes = HashSet::new();
    let part = |value: &Value, name: &str| value.get(name).unwrap_or(&Value::Null).to_string();
    for (pointer, device) in reader.entries("/linux/devices") {
        let path = device.get("path").and_then(Value::as_str).unwrap_or("");
        let place = reader.place(&pointer);
        let (kind, element) = match device.get("type").and_then(Value::as_str) {
            Some("c" | "u") => ("misc", "char"),
            Some("b") => ("storage", "block"),
            _ => continue,
        };
        if matches!((reader.surroundings.look)(path), Seen::Missing) {
            let path = quoted(path);
            reader.lost(&pointer, &format!("this host has no {path}, and a node is given by its path"));
            continue;
        }
        let source = Element::new("source").holding(Element::text(element, path).at(place));
        let element = Element::new("hostdev").with("mode", "capabilities").with("type", kind);
        reader.devices.children.push(element.holding(source).at(place));
        let how = "the node of the host at the same path is given, with the number that it has there; it is root's, of \
                   mode 0660";
        reader.otherwise(&pointer, how);
        // Named twice is named.
        let _new = nodes.insert(["type", "major", "minor"].map(|name| part(device, name)));
        reader.take_members(&pointer, &["path", "type", "major", "minor", "fileMode", "uid", "gid"]);
    }
    for (pointer, rule) in reader.entries("/linux/resources/devices") {
        let number = |name: &str| rule.get(name).and_then(Value::as_i64);
        let allow = rule.get("allow").and_then(Value::as_bool) == Some(true);
        let everything = number("major").is_none() && number("minor").is_none();
        let given = match (number("major"), number("minor")) {
            (Some(136), _) => true,
            (Some(major), Some(minor)) => GIVEN.contains(&(major, minor)),
            _ => false,
        };
        let named = nodes.contains(&["type", "major", "minor"].map(|name| part(rule, name)));
        if (!allow && everything) || (allow && (given || named)) {
            reader.take_members(&pointer, &["allow", "type", "major", "minor", "access"]);
        }
    }
}

fn paths(reader: &mut Reader<'_>) {
    for (pointer, path) in reader.entries("/linux/maskedPaths") {
        let text = path.as_str().unwrap_or("");
        if !is_hidden(text) {
            let place = reader.place(&pointer);
            reader.extension.push(Element::new("browndog:mask").with("path", text).at(place));
        }
        reader.taken.take(pointer);
    }
    for (pointer, path) in reader.entries("/linux/readonlyPaths") {
        if path.as_str().is_some_and(|path| cover_of(path).is_some()) {
            reader.taken.take(pointer);
        }
    }
}

fn parameters(reader: &mut Reader<'_>) {
    let Some(parameters) = reader.config.pointer("/linux/sysctl").and_then(Value::as_object) else { return };
    for (name, value) in parameters {
        let pointer = format!("/linux/sysctl/{}", json::escaped(name));
        let place = reader.place(&pointer);
        let value = value.as_str().unwrap_or("");
        reader
            .extension
            .push(Element::new("browndog:sysctl").with("name", name).with("value", value).at(place));
        reader.taken.take(pointer);
    }
}

fn time(reader: &mut Reader<'_>) {
    let mut element = Element::new("browndog:time");
    for clock in ["monotonic", "boottime"] {
        let pointer = format!("/linux/timeOffsets/{clock}/secs");
        if let Some(seconds) = reader.number(&pointer) {
            element = element.with(clock, seconds).at(reader.place(&pointer));
        }
        let part = format!("/linux/timeOffsets/{clock}/nanosecs");
        if reader.config.pointer(&part).and_then(Value::as_i64) == Some(0) {
            reader.taken.take(part);
        }
    }
    if !element.attributes.is_empty() {
        reader.extension.push(element);
    }
}

/// The group above the container's own is its partition.
fn group(reader: &mut Reader<'_>) {
    let path = reader.config.pointer("/linux/cgroupsPath").and_then(Value::as_str);
    let parent = path.filter(|path| path.starts_with('/')).and_then(|path| path.rsplit_once('/'));
    if let Some((parent, _)) = parent.filter(|(parent, _)| !parent.is_empty()) {
        let place = reader.place("/linux/cgroupsPath");
        let partition = Element::text("partition", parent).at(place);
        reader.resources.push(Element::new("resource").holding(partition));
        reader.taken.take("/linux/cgroupsPath");
    }
}
