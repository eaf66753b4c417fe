//! `lxc.net.*` and `lxc.namespace.*`.

use std::collections::BTreeMap;

use super::build::Build;
use super::parse::Line;
use crate::convert::{Element, Findings, Place};
use crate::value::{parse_u64, quoted};

/// Networks by their index, and namespaces of others.
#[derive(Default)]
pub(super) struct Networks {
    sections: BTreeMap<u64, Vec<Line>>,
    /// Whose namespaces are joined.
    shares: Vec<Element>,
    /// `lxc.namespace.keep = net`.
    keeps_host: bool,
    /// Interfaces of the host that move in.
    pub(super) moved: Vec<Element>,
}

fn part(line: &Line) -> &str {
    line.key.trim_start_matches("lxc.net.").split_once('.').map_or("", |(_, part)| part)
}

/// `lxc.net.N.PART`.
pub(super) fn setting(build: &mut Build<'_>, line: &Line) {
    let index = line.key.trim_start_matches("lxc.net.").split('.').next().and_then(parse_u64);
    match index {
        Some(index) if !part(line).is_empty() => {
            build.networks.sections.entry(index).or_default().push(line.clone());
        }
        _ => build.wrong(line, "there is no such setting", "write lxc.net.N.PART, N counting from 0"),
    }
}

/// `lxc.namespace.keep`: namespaces of the launcher.
pub(super) fn keep(build: &mut Build<'_>, line: &Line) {
    for word in line.value.split_whitespace() {
        match word {
            "net" => build.networks.keeps_host = true,
            _ => build.lost(line, &format!("{word}: only the network can be the host's")),
        }
    }
}

/// `lxc.namespace.share.KIND`: a process, a container, or a path.
pub(super) fn share(build: &mut Build<'_>, line: &Line) {
    let name = match line.key.trim_start_matches("lxc.namespace.share.") {
        "net" => "lxc:sharenet",
        "ipc" => "lxc:shareipc",
        "uts" => "lxc:shareuts",
        other => {
            return build.lost(line, &format!("the {other} namespace of another container cannot be joined"));
        }
    };
    let value = line.value.as_str();
    let (kind, value) =
        match value.strip_prefix("/run/netns/").or_else(|| value.strip_prefix("/var/run/netns/")) {
            Some(netns) if name == "lxc:sharenet" => ("netns", netns),
            _ if parse_u64(value).is_some() => ("pid", value),
            _ if value.contains('/') => {
                return build.lost(line, "a container is named, not its path");
            }
            _ => ("name", value),
        };
    build.networks.shares.push(Element::new(name).with("type", kind).with("value", value).at(line.place));
}

impl Networks {
    pub(super) fn namespaces(&mut self) -> Option<Element> {
        if self.shares.is_empty() {
            return None;
        }
        let mut element = Element::new("lxc:namespace").at(self.shares[0].place?);
        element.children = std::mem::take(&mut self.shares);
        Some(element)
    }

    fn kind(lines: &[Line]) -> Option<&Line> {
        lines.iter().rev().find(|line| part(line) == "type")
    }

    /// lxc gives a network of its own, unless all it is told is `none`.
    pub(super) fn private(&self) -> Option<Element> {
        let shared = self.shares.iter().any(|share| share.name == "lxc:sharenet");
        let none = |lines: &Vec<Line>| Self::kind(lines).is_some_and(|kind| kind.value == "none");
        let host = !self.sections.is_empty() && self.sections.values().all(none);
        let place = self.sections.values().find_map(|lines| Self::kind(lines)).map(|line| line.place);
        let mut element = Element::new("privnet");
        element.place = place;
        (!shared && !host && !self.keeps_host).then_some(element)
    }

    /// The interfaces; what of them cannot be carried is said.
    pub(super) fn interfaces(&mut self, findings: &mut Findings) -> Vec<Element> {
        let sections = std::mem::take(&mut self.sections);
        let mut made = Vec::new();
        for lines in sections.values() {
            let Some(kind) = Self::kind(lines) else {
                let line = &lines[0];
                let near = lines
                    .iter()
                    .find(|line| crate::nearest::nearest(part(line), ["type"].into_iter()).is_some());
                let help = match near {
                    Some(_) => "write lxc.net.N.type: one of its keys is nearly that",
                    None => "write lxc.net.N.type first",
                };
                let line = near.unwrap_or(line);
                findings.wrong(line.key_place, line.written.clone(), "a network without a type", help);
                continue;
            };
            match kind.value.as_str() {
                "none" | "empty" => rest_is_lost(lines, &["type", "flags"], findings, "there is no link"),
                "veth" => made.push(link(lines, kind, findings, veth)),
                "macvlan" => made.push(link(lines, kind, findings, macvlan)),
                "phys" => self.moved.extend(phys(lines, kind, findings)),
                other => {
                    let why = format!("a link of kind {} cannot be made", quoted(other));
                    findings.lost(kind.place, kind.written.clone(), format!("{}: {why}", kind.written));
                    rest_is_lost(lines, &["type"], findings, "its link cannot be made");
                }
            }
        }
        made
    }
}

fn lose(line: &Line, findings: &mut Findings, why: &str) {
    findings.lost(line.place, line.written.clone(), format!("{}: {why}", line.written));
}

fn rest_is_lost(lines: &[Line], carried: &[&str], findings: &mut Findings, why: &str) {
    lines.iter().filter(|line| !carried.contains(&part(line))).for_each(|line| lose(line, findings, why));
}

fn last<'l>(lines: &'l [Line], name: &str) -> Option<&'l Line> {
    lines.iter().rev().find(|line| part(line) == name)
}

/// What the link is made of, and which parts that has taken.
type Kind = fn(&[Line], Place) -> (Element, &'static [&'static str]);

fn veth(lines: &[Line], place: Place) -> (Element, &'static [&'static str]) {
    let mut element = match last(lines, "link") {
        Some(link) => {
            let source = Element::new("source").with("bridge", &link.value).at(link.place);
            Element::new("interface").with("type", "bridge").at(place).holding(source)
        }
        None => Element::new("interface").with("type", "ethernet").at(place),
    };
    if let Some(pair) = last(lines, "veth.pair") {
        element.children.push(Element::new("target").with("dev", &pair.value).at(pair.place));
    }
    (element, &["link", "veth.pair"])
}

fn macvlan(lines: &[Line], place: Place) -> (Element, &'static [&'static str]) {
    let mode = match last(lines, "macvlan.mode").map_or("private", |mode| mode.value.as_str()) {
        "passthru" => "passthrough",
        mode => mode,
    };
    let dev = last(lines, "link");
    let mut source = Element::new("source").with("dev", dev.map_or("", |dev| &dev.value)).with("mode", mode);
    source.place = last(lines, "macvlan.mode").or(dev).map(|line| line.place);
    (Element::new("interface").with("type", "direct").at(place).holding(source), &["link", "macvlan.mode"])
}

fn link(lines: &[Line], kind: &Line, findings: &mut Findings, make: Kind) -> Element {
    let (mut element, taken) = make(lines, kind.place);
    let mut up = false;
    for line in lines.iter().filter(|line| !taken.contains(&part(line)) && part(line) != "type") {
        match part(line) {
            "flags" => up = line.value == "up",
            "name" => element.children.push(Element::new("guest").with("dev", &line.value).at(line.place)),
            "mtu" => element.children.push(Element::new("mtu").with("size", &line.value).at(line.place)),
            "hwaddr" if line.value.contains(['x', 'X']) => {
                lose(
                    line,
                    findings,
                    "an address that is partly made up cannot be written: all of it is made",
                );
            }
            "hwaddr" => {
                element.children.insert(0, Element::new("mac").with("address", &line.value).at(line.place))
            }
            _ => addressing(&mut element, line, findings),
        }
    }
    if !up {
        element.children.push(Element::new("link").with("state", "down").at(kind.place));
    }
    element
}

/// What a network has, for suggestions.
const PARTS: [&str; 14] = [
    "type",
    "link",
    "flags",
    "name",
    "mtu",
    "hwaddr",
    "veth.pair",
    "macvlan.mode",
    "ipv4.address",
    "ipv4.gateway",
    "ipv6.address",
    "ipv6.gateway",
    "script.up",
    "script.down",
];

/// `ipv4.address`, `ipv4.gateway` and their like; whatever else there is, is lost.
fn addressing(element: &mut Element, line: &Line, findings: &mut Findings) {
    let (family, what) = match part(line) {
        "ipv4.address" => ("ipv4", "address"),
        "ipv6.address" => ("ipv6", "address"),
        "ipv4.gateway" => ("ipv4", "gateway"),
        "ipv6.gateway" => ("ipv6", "gateway"),
        "l2proxy" if line.value == "0" => return,
        "script.up" | "script.down" => {
            return lose(line, findings, "no program of the host runs when a container starts or ends");
        }
        other => {
            let near = crate::nearest::suggestion(other, &PARTS);
            return lose(line, findings, &format!("a link has no such property{near}"));
        }
    };
    if what == "gateway" {
        if matches!(line.value.as_str(), "auto" | "dev") {
            return lose(line, findings, "the address of the gateway has to be written");
        }
        let any = if family == "ipv4" { "0.0.0.0" } else { "::" };
        let route = Element::new("route").with("family", family).with("address", any).with("prefix", "0");
        return element.children.push(route.with("gateway", &line.value).at(line.place));
    }
    let mut words = line.value.split_whitespace();
    let address = words.next().unwrap_or("");
    if let Some(broadcast) = words.next() {
        lose(line, findings, &format!("the broadcast address {} follows from the prefix", quoted(broadcast)));
    }
    let (address, prefix) = match address.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (address, None),
    };
    let ip = Element::new("ip").with("address", address).with("family", family);
    element.children.push(ip.with_some("prefix", prefix).at(line.place));
}

/// An interface of the host that moves into the container.
fn phys(lines: &[Line], kind: &Line, findings: &mut Findings) -> Option<Element> {
    let Some(dev) = last(lines, "link") else {
        let help = "write lxc.net.N.link";
        findings.wrong(kind.place, kind.written.clone(), "no interface of the host is named", help);
        return None;
    };
    let name = Element::text("interface", &dev.value).at(dev.place);
    let source = Element::new("source").holding(name);
    let mut element = Element::new("hostdev")
        .with("mode", "capabilities")
        .with("type", "net")
        .holding(source)
        .at(kind.place);
    for line in lines.iter().filter(|line| !matches!(part(line), "type" | "link")) {
        match part(line) {
            "flags" if line.value == "up" => {}
            "name" | "mtu" | "hwaddr" | "flags" => {
                lose(line, findings, "an interface of the host moves in as it is");
            }
            _ => addressing(&mut element, line, findings),
        }
    }
    Some(element)
}
