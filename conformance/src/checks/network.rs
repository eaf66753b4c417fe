//! Network.

use crate::judge::Judge;
use crate::requirement::Check;
use crate::requirement::Severity::{Functional, Isolation, Leak};

/// Tunnel devices that some kernels make in every new network namespace by themselves.
const LINKS: [&str; 9] =
    ["lo", "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0"];

pub(super) const CHECKS: &[Check] = &[
    Check::new(
        "net-01",
        Isolation,
        "plain",
        "Only lo is seen, by netlink, /proc/net/dev and /sys/class/net alike.",
        "network_namespaces(7)",
        |j| {
            j.differ("host.ns.net.init", "host.ns.net.own");
            j.only("net.links", &LINKS);
            j.holds("net.links", "lo");
            j.same("net.links", "net.links_proc");
        },
    ),
    Check::new(
        "net-01b",
        Isolation,
        "plain",
        "/sys/class/net shows the container's devices and not the host's.",
        "network_namespaces(7), sysfs",
        |j| {
            j.only("net.links_sysfs", &LINKS);
        },
    ),
    Check::new(
        "net-01c",
        Isolation,
        "plain",
        "No address of the host is seen.",
        "rtnetlink(7), RTM_GETADDR",
        |j| {
            let some = |v: &serde_json::Value| v.as_str().is_some_and(|list| !list.is_empty());
            j.there("host.control.addresses", some, "the host has no address beside loopback itself");
            j.only("net.addresses", &["lo 127.0.0.1", "lo ::1"]);
        },
    ),
    Check::new(
        "net-01d",
        Isolation,
        "plain",
        "No route and no neighbour of the host is seen.",
        "rtnetlink(7), RTM_GETROUTE",
        |j| {
            let some = |v: &serde_json::Value| v.as_u64().is_some_and(|n| n > 0);
            j.there("host.control.routes", some, "the host has no route and no neighbour itself");
            j.is("net.routes_main", 0);
            j.is("net.arp_lines", 0);
            j.is("net.neighbours", 0);
        },
    ),
    Check::new(
        "net-02",
        Functional,
        "plain",
        "lo is up and carries traffic.",
        "network_namespaces(7)",
        |j| {
            j.is("net.link.lo.up", true);
            j.works("net.loopback_works");
        },
    ),
    Check::new(
        "net-03",
        Isolation,
        "plain",
        "An abstract stream socket of the host cannot be reached.",
        "unix(7); CVE-2020-15257",
        |j| {
            j.is("net.abstract_stream", "ECONNREFUSED");
        },
    ),
    Check::new(
        "net-03b",
        Isolation,
        "plain",
        "An abstract datagram socket of the host cannot be reached.",
        "unix(7); CVE-2020-15257",
        |j| {
            j.is("net.abstract_datagram", "ECONNREFUSED");
        },
    ),
    Check::new(
        "net-03c",
        Isolation,
        "plain",
        "/proc/net/unix does not list sockets of the host.",
        "unix(7)",
        |j| j.is("net.abstract_listed", false),
    ),
    Check::new(
        "net-03d",
        Isolation,
        "plain",
        "No listener of the host noticed anybody.",
        "unix(7); network_namespaces(7)",
        |j| j.is("canary.contacts", 0),
    ),
    Check::new("net-04", Isolation, "plain", "No socket in the file system answers.", "unix(7)", |j| {
        let some = |v: &serde_json::Value| v.as_u64().is_some_and(|n| n > 0);
        j.there("host.control.sockets", some, "no socket in /dev of the host answers");
        j.none("net.control_sockets");
    }),
    Check::new(
        "net-05",
        Isolation,
        "plain",
        "A TCP service on the host's 127.0.0.1 cannot be reached.",
        "network_namespaces(7); CVE-2020-8558",
        |j| {
            j.refused("net.loopback_tcp");
        },
    ),
    Check::new(
        "net-05b",
        Isolation,
        "plain",
        "A TCP service on the host's ::1 cannot be reached.",
        "network_namespaces(7)",
        |j| {
            if j.facts().get("net.loopback_tcp6").is_some() {
                j.refused("net.loopback_tcp6");
            } else {
                j.not_applicable("this machine has no IPv6 loopback");
            }
        },
    ),
    Check::new(
        "net-06",
        Isolation,
        "plain",
        "Adding an address is refused.",
        "rtnetlink(7); CAP_NET_ADMIN",
        |j| j.refused("net.try.add_address"),
    ),
    Check::new(
        "net-06b",
        Isolation,
        "plain",
        "Adding or changing a link is refused.",
        "rtnetlink(7); CAP_NET_ADMIN",
        |j| {
            j.refused("net.try.add_link");
            j.refused("net.try.lo_up");
        },
    ),
    Check::new(
        "net-06c",
        Leak,
        "plain",
        "The host's links are what they were.",
        "network_namespaces(7)",
        |j| j.none("leak.links"),
    ),
    Check::new("net-07", Isolation, "plain", "Packet sockets are refused.", "packet(7); CAP_NET_RAW", |j| {
        j.refused("net.socket.packet");
        j.refused("net.socket.packet_dgram");
    }),
    Check::new("net-07b", Isolation, "plain", "Raw sockets are refused.", "raw(7); CAP_NET_RAW", |j| {
        j.refused("net.socket.raw_icmp");
        j.refused("net.socket.raw_icmp6");
    }),
    Check::new(
        "net-07c",
        Functional,
        "plain",
        "Ordinary sockets work, and root may bind a low port.",
        "socket(2), ip(7)",
        |j| {
            j.works("net.socket.tcp");
            j.works("net.socket.unix");
            j.works("net.low_port");
        },
    ),
    Check::new(
        "net-08",
        Isolation,
        "uevents",
        "Uevents of the machine's devices do not reach a container with an id map.",
        "netlink(7), NETLINK_KOBJECT_UEVENT; user_namespaces(7)",
        |j| {
            j.within("host.uevents_seen", 1.0, 1e6);
            match j.fact("net.uevents_seen").and_then(serde_json::Value::as_str) {
                Some(refused) => j.expect(refused.starts_with('E'), format!("listening gave {refused}")),
                None => j.is("net.uevents_seen", 0),
            }
        },
    ),
    Check::new(
        "net-09b",
        Isolation,
        "plain",
        "The audit state of the machine is not told.",
        "netlink(7), NETLINK_AUDIT",
        |j| j.refused("net.audit_get"),
    ),
    Check::new(
        "net-10",
        Isolation,
        "plain",
        "No socket family outside the everyday ones can be opened.",
        "socket(2)",
        |j| {
            j.none("net.families_opened");
            if j.facts().list("net.families_opened").is_empty() {
                j.note("host.families");
                there(j, "host.families", !j.facts().list("host.families").is_empty());
            }
        },
    ),
    Check::new(
        "net-10c",
        Isolation,
        "plain",
        "A socket to the machine beside and below (AF_VSOCK) cannot be opened: it belongs to no network namespace.",
        "vsock(7)",
        |j| {
            j.refused("net.socket.vsock");
            refused_by_a_wall(j, "net.socket.vsock", "host.family.vsock");
        },
    ),
    Check::new(
        "net-10b",
        Isolation,
        "plain",
        "Trying all families loads no module on the host.",
        "socket(2); request_module",
        |j| j.none("leak.modules"),
    ),
    Check::new(
        "net-13",
        Isolation,
        "plain",
        "With no interface declared there is no way to a link-local metadata address.",
        "RFC 3927",
        |j| {
            let way = |v: &serde_json::Value| *v != "ENETUNREACH";
            j.there("host.control.metadata", way, "the host has no way there itself");
            j.is("net.reach_metadata", "ENETUNREACH");
        },
    ),
    Check::new(
        "net-13b",
        Isolation,
        "plain",
        "With no interface declared there is no way out.",
        "network_namespaces(7)",
        |j| {
            let way = |v: &serde_json::Value| *v != "ENETUNREACH";
            j.there("host.control.outside", way, "the host has no way out itself");
            j.is("net.reach_outside", "ENETUNREACH");
        },
    ),
    Check::new(
        "net-13c",
        Isolation,
        "plain",
        "With no interface declared the host's own addresses are out of reach.",
        "network_namespaces(7)",
        |j| {
            if j.facts().get("net.reach_host_0").is_some() {
                j.is("net.reach_host_0", "ENETUNREACH");
            } else {
                j.not_applicable("this machine has no address beside loopback");
            }
        },
    ),
];

/// Refused because it may not, or because there is nothing to be opened: then the check says nothing.
pub(super) fn refused_by_a_wall(j: &mut Judge<'_>, inside: &str, outside: &str) {
    let by_a_wall = ["EPERM", "EACCES"].contains(&j.facts().text(inside).unwrap_or_default());
    j.note(outside);
    if !by_a_wall {
        there(j, outside, j.facts().text(outside) == Some(crate::facts::OK));
    }
}

fn there(j: &mut Judge<'_>, name: &str, holds: bool) {
    if !holds {
        let value = j.facts().get(name).map(ToString::to_string).unwrap_or_default();
        j.not_applicable(format!("outside it cannot be opened either: {name} is {value}"));
    }
}
