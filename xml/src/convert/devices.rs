//! `<devices>` of a domain.

use super::Findings;
use super::domain::place;
use super::element::Element;
use crate::domain::{
    Address, Bandwidth, DiskSource, Domain, Filesystem, FilesystemSource, Hostdev, HostdevKind, Interface,
    InterfaceKind, MacvlanMode, Route,
};

pub(super) fn devices(domain: &Domain, findings: &mut Findings) -> Element {
    let mut devices = Element::new("devices");
    devices.children.extend(domain.disks.iter().map(|disk| {
        let (kind, name, path) = match &disk.source {
            DiskSource::Block(path) => ("block", "dev", path),
            DiskSource::Image(path) => ("file", "file", path),
        };
        let source = Element::new("source").with(name, &path.value).from(path.origin);
        let target = Element::new("target").with("dev", &disk.target.value).from(disk.target.origin);
        let mut element = Element::new("disk").with("type", kind).with("device", "disk").from(disk.origin);
        element.children.extend([source, target]);
        element.children.extend(disk.readonly.map(|origin| Element::new("readonly").from(origin)));
        element
    }));
    devices.children.extend(domain.filesystems.iter().map(filesystem));
    devices.children.extend(domain.interfaces.iter().map(interface));
    for console in &domain.consoles {
        if let Some(tty) = &console.tty {
            let why = format!(
                "a terminal of the host cannot be chosen: the console gets one of its own, not {}",
                tty.value
            );
            findings.lost(place(tty.origin, domain), "/domain/devices/console/@tty", why);
        }
        devices.children.push(Element::new("console").with("type", "pty").from(console.origin));
    }
    devices.children.extend(domain.hostdevs.iter().map(hostdev));
    devices
}

fn filesystem(filesystem: &Filesystem) -> Element {
    let new = |kind: &'static str| Element::new("filesystem").with("type", kind).from(filesystem.origin);
    let source = Element::new("source");
    let element = match &filesystem.source {
        FilesystemSource::Host(path) => {
            new("mount").holding(source.with("dir", &path.value).from(path.origin))
        }
        FilesystemSource::Container(path) => {
            new("bind").holding(source.with("dir", &path.value).from(path.origin))
        }
        FilesystemSource::Ram { bytes, .. } => new("ram").holding(
            source.with("usage", bytes.value.div_ceil(1024)).with("units", "KiB").from(bytes.origin),
        ),
        FilesystemSource::Block(path) => {
            new("block").holding(source.with("dev", &path.value).from(path.origin))
        }
        FilesystemSource::Image { file } => {
            let driver = Element::new("driver").with("type", "loop").with("format", "raw");
            new("file").holding(driver).holding(source.with("file", &file.value).from(file.origin))
        }
    };
    let target = &filesystem.target;
    let mut element = element.holding(Element::new("target").with("dir", &target.value).from(target.origin));
    element.children.extend(filesystem.readonly.map(|origin| Element::new("readonly").from(origin)));
    element
}

fn interface(interface: &Interface) -> Element {
    let new = |kind: &'static str| Element::new("interface").with("type", kind).from(interface.origin);
    let source = Element::new("source");
    let mut element = match &interface.kind {
        InterfaceKind::Bridge(bridge) => {
            new("bridge").holding(source.with("bridge", &bridge.value).from(bridge.origin))
        }
        InterfaceKind::Network(name) => {
            new("network").holding(source.with("network", &name.value).from(name.origin))
        }
        InterfaceKind::Direct { dev, mode } => {
            let mode = match mode.value {
                MacvlanMode::Vepa => "vepa",
                MacvlanMode::Private => "private",
                MacvlanMode::Bridge => "bridge",
                MacvlanMode::Passthrough => "passthrough",
            };
            new("direct").holding(source.with("dev", &dev.value).with("mode", mode).from(dev.origin))
        }
        InterfaceKind::Ethernet { host_addresses, host_routes } => {
            let mut ethernet = new("ethernet");
            let mut host = source;
            add_addresses(&mut host, host_addresses, host_routes);
            ethernet.push_filled(host);
            ethernet
        }
        // A link whose other end the document connects to nothing.
        InterfaceKind::Rfc => new("ethernet"),
    };
    if let Some(mac) = &interface.mac {
        element.children.insert(0, Element::new("mac").with("address", mac.value).from(mac.origin));
    }
    for (name, device) in [("target", &interface.host_name), ("guest", &interface.guest_name)] {
        let part = device.as_ref().map(|dev| Element::new(name).with("dev", &dev.value).from(dev.origin));
        element.children.extend(part);
    }
    element.push_filled(bandwidth(interface));
    add_addresses(&mut element, &interface.addresses, &interface.routes);
    if !interface.link_up.value {
        element.children.push(Element::new("link").with("state", "down").from(interface.link_up.origin));
    }
    if let Some(mtu) = &interface.mtu {
        element.children.push(Element::new("mtu").with("size", mtu.value).from(mtu.origin));
    }
    if let Some(isolated) = &interface.port_isolated {
        let word = if isolated.value { "yes" } else { "no" };
        element.children.push(Element::new("port").with("isolated", word).from(isolated.origin));
    }
    element
}

fn bandwidth(interface: &Interface) -> Element {
    let mut element = Element::new("bandwidth");
    for (name, direction) in [("inbound", interface.inbound), ("outbound", interface.outbound)] {
        let Some(Bandwidth { origin, average, peak, burst }) = direction else { continue };
        let part = Element::new(name).with("average", average / 1000);
        let part = part.with_some("peak", peak.map(|peak| peak / 1000));
        element.children.push(part.with_some("burst", burst.map(|burst| burst / 1024)).from(origin));
    }
    element
}

fn family(is_ipv6: bool) -> &'static str {
    if is_ipv6 { "ipv6" } else { "ipv4" }
}

fn add_addresses(element: &mut Element, addresses: &[Address], routes: &[Route]) {
    for address in addresses {
        let ip = Element::new("ip").with("address", address.address);
        let ip = ip.with("family", family(address.address.is_ipv6())).with("prefix", address.prefix);
        element.children.push(ip.with_some("peer", address.peer).from(address.origin));
    }
    for route in routes {
        let part = Element::new("route").with("family", family(route.destination.is_ipv6()));
        let part = part.with("address", route.destination).with("prefix", route.prefix);
        let part = part.with("gateway", route.gateway).with_some("metric", route.metric);
        element.children.push(part.from(route.origin));
    }
}

fn hostdev(hostdev: &Hostdev) -> Element {
    let new = |mode: &'static str, kind: &'static str, source: Element| {
        Element::new("hostdev").with("mode", mode).with("type", kind).holding(source).from(hostdev.origin)
    };
    let source = Element::new("source");
    match &hostdev.kind {
        HostdevKind::Storage(path) => new(
            "capabilities",
            "storage",
            source.holding(Element::text("block", &path.value).from(path.origin)),
        ),
        HostdevKind::Misc(path) => {
            new("capabilities", "misc", source.holding(Element::text("char", &path.value).from(path.origin)))
        }
        HostdevKind::Net { interface, addresses, routes } => {
            let name = Element::text("interface", &interface.value).from(interface.origin);
            let mut element = new("capabilities", "net", source.holding(name));
            add_addresses(&mut element, addresses, routes);
            element
        }
        HostdevKind::UsbById { vendor, product } => {
            let id = |name, id: u16| Element::new(name).with("id", format!("{id:#06x}"));
            let ids = source.holding(id("vendor", vendor.value)).holding(id("product", product.value));
            new("subsystem", "usb", ids)
        }
        HostdevKind::UsbByAddress { bus, device } => {
            let address = Element::new("address").with("bus", bus.value).with("device", device.value);
            new("subsystem", "usb", source.holding(address))
        }
    }
}
