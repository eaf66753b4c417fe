//! The network as every interface shows it, and attempts to get out of it.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use super::Params;
use super::identity::{close, errno_of, nix_socket};
use super::netlink;
use crate::facts::{Facts, spell};

pub(super) fn net(params: &Params, facts: &mut Facts) {
    let sysfs = names("/sys/class/net");
    facts.set("net.links_sysfs", sysfs);
    let dev = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let mut proc: Vec<String> =
        dev.lines().skip(2).filter_map(|l| Some(l.split_once(':')?.0.trim().to_owned())).collect();
    proc.sort();
    facts.set("net.links_proc", proc);
    let mut links = Vec::new();
    // RTM_GETLINK 18, NLM_F_REQUEST | NLM_F_DUMP; struct ifinfomsg is 16 bytes; IFLA_IFNAME 3, IFLA_ADDRESS 1, IFLA_MTU 4.
    for (_, body) in netlink::request(0, 18, 0x301, &[0; 16]).unwrap_or_default() {
        let name = netlink::attribute(&body, 16, 3).unwrap_or_default();
        let name = String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned();
        let flags = body.get(8..12).map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
        facts.set(format!("net.link.{name}.up"), flags & 1 == 1);
        let mac = netlink::attribute(&body, 16, 1).unwrap_or_default();
        facts.set(
            format!("net.link.{name}.mac"),
            mac.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":"),
        );
        let mtu = netlink::attribute(&body, 16, 4).and_then(|b| Some(u32::from_ne_bytes(b.try_into().ok()?)));
        facts.set(format!("net.link.{name}.mtu"), mtu.unwrap_or(0));
        links.push(name);
    }
    links.sort();
    facts.set("net.links", links);
    addresses(facts);
    // RTM_GETROUTE 26 with AF_INET; one row to a route of every table.
    let routes = netlink::request(0, 26, 0x301, &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap_or_default();
    facts.set("net.routes", routes.len());
    let main = fs::read_to_string("/proc/net/route").unwrap_or_default();
    facts.set("net.routes_main", main.lines().count().saturating_sub(1));
    let neighbours = netlink::request(0, 30, 0x301, &[0; 12]).unwrap_or_default();
    facts.set("net.neighbours", neighbours.len());
    facts.set(
        "net.arp_lines",
        fs::read_to_string("/proc/net/arp").map_or(0, |t| t.lines().count().saturating_sub(1)),
    );
    canaries(params, facts);
    sockets(facts);
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut list: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    list.sort();
    list
}

fn addresses(facts: &mut Facts) {
    let mut list: Vec<String> = nix::ifaddrs::getifaddrs()
        .into_iter()
        .flatten()
        .filter_map(|a| {
            let address = a.address?;
            let text = address
                .as_sockaddr_in()
                .map(|v4| v4.ip().to_string())
                .or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().to_string()))?;
            Some(format!("{} {text}", a.interface_name))
        })
        .collect();
    list.sort();
    facts.set("net.addresses", list);
}

/// Listeners of the host that record any contact.
fn canaries(params: &Params, facts: &mut Facts) {
    let patience = Duration::from_millis(300);
    if let Some(name) = params.text("abstract_name") {
        let stream = UnixAddr::from_abstract_name(name).and_then(|a| UnixStream::connect_addr(&a));
        facts.attempt_io("net.abstract_stream", stream);
        let datagram = UnixAddr::from_abstract_name(format!("{name}-dgram"))
            .and_then(|a| UnixDatagram::unbound()?.send_to_addr(b"x", &a));
        facts.attempt_io("net.abstract_datagram", datagram);
        let listed = fs::read_to_string("/proc/net/unix").is_ok_and(|t| t.contains(name));
        facts.set("net.abstract_listed", listed);
    }
    for (name, address) in [("tcp", "127.0.0.1"), ("tcp6", "[::1]")] {
        if let Some(port) = params.text(&format!("{name}_port")) {
            let target: Option<SocketAddr> = format!("{address}:{port}").parse().ok();
            if let Some(target) = target {
                facts.attempt_io(
                    format!("net.loopback_{name}"),
                    TcpStream::connect_timeout(&target, patience),
                );
            }
        }
    }
    if let Some(port) = params.text("udp_port") {
        let sent = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.send_to(b"x", format!("127.0.0.1:{port}")));
        facts.attempt_io("net.loopback_udp_sent", sent);
    }
    for (name, target) in [("metadata", "169.254.169.254:80"), ("outside", "192.0.2.1:80")] {
        if let Ok(target) = target.parse() {
            facts.set(format!("net.reach_{name}"), reach(&target, patience));
        }
    }
    for (number, address) in
        params.text("host_addresses").unwrap_or_default().split(',').filter(|a| !a.is_empty()).enumerate()
    {
        if let Some(port) = params.text("tcp_port")
            && let Ok(target) = format!("{address}:{port}").parse()
        {
            facts.set(format!("net.reach_host_{number}"), reach(&target, patience));
        }
    }
    control_sockets(facts);
}

pub(crate) fn reach(target: &SocketAddr, patience: Duration) -> String {
    match TcpStream::connect_timeout(target, patience) {
        Ok(_) => "ok".into(),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => "timeout".into(),
        Err(error) => spell::<()>(Err(errno_of(error))),
    }
}

/// Every socket in the file system that answers.
fn control_sockets(facts: &mut Facts) {
    use std::os::unix::fs::FileTypeExt;
    let mut found = Vec::new();
    let mut open = vec![(std::path::PathBuf::from("/"), 0)];
    while let Some((directory, depth)) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < 6 && path != Path::new("/proc") && path != Path::new("/sys") {
                open.push((path, depth + 1));
            } else if kind.is_socket() && UnixStream::connect(&path).is_ok() {
                found.push(path.display().to_string());
            }
        }
    }
    facts.set("net.control_sockets", found);
}

fn sockets(facts: &mut Facts) {
    let mut put =
        |name: &str, outcome: Result<i64, Errno>| facts.set(format!("net.socket.{name}"), spell(outcome));
    put("packet", nix_socket(libc::AF_PACKET, libc::SOCK_RAW, 0x0300));
    put("packet_dgram", nix_socket(libc::AF_PACKET, libc::SOCK_DGRAM, 0x0300));
    put("raw_icmp", nix_socket(libc::AF_INET, libc::SOCK_RAW, 1));
    put("raw_icmp6", nix_socket(libc::AF_INET6, libc::SOCK_RAW, 58));
    put("tcp", nix_socket(libc::AF_INET, libc::SOCK_STREAM, 0));
    put("unix", nix_socket(libc::AF_UNIX, libc::SOCK_STREAM, 0));
    put("vsock", nix_socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0));
    let mut opened = Vec::new();
    // UNIX, INET, INET6, NETLINK are a program's daily bread; PACKET and VSOCK have rows of their own.
    for family in (3..46).filter(|f| ![10, 16, 17, 40].contains(f)) {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET] {
            if nix_socket(family, kind, 0).is_ok() {
                opened.push(format!("family {family} type {kind}"));
            }
        }
    }
    facts.set("net.families_opened", opened);
    let mut spoke = Vec::new();
    for family in (0..23).filter(|f| ![0, 4, 6, 12, 15, 16].contains(f)) {
        if let Ok(answers) = netlink::request(family, 18, 0x301, &[0; 16])
            && !answers.is_empty()
        {
            spoke.push(family);
        }
    }
    facts.set("net.netlink_families_with_data", spoke);
    // AUDIT_GET 1000 tells the machine's audit state.
    facts.attempt("net.audit_get", netlink::request(9, 1000, 5, &[]));
    // NETLINK_CONNECTOR with process events to all.
    facts.attempt("net.connector_bind", connector());
    changes(facts);
}

fn connector() -> Result<(), Errno> {
    let fd = netlink::open(11)?;
    let bound = nix::sys::socket::bind(fd, &nix::sys::socket::NetlinkAddr::new(0, 1));
    close(i64::from(fd));
    bound
}

/// Changes that need `CAP_NET_ADMIN`: an address on lo, a link, a route.
fn changes(facts: &mut Facts) {
    // RTM_NEWADDR: struct ifaddrmsg {family, prefixlen, flags, scope, index} and IFA_LOCAL 2.
    let mut body = vec![2, 32, 0, 254, 1, 0, 0, 0];
    body.extend_from_slice(&[8, 0, 2, 0, 127, 6, 6, 6]);
    facts.attempt("net.try.add_address", netlink::request(0, 20, 0x605, &body));
    // RTM_NEWLINK with IFLA_LINKINFO { IFLA_INFO_KIND "dummy" }.
    let mut link = vec![0; 16];
    link.extend_from_slice(&[16, 0, 18, 0, 10, 0, 1, 0]);
    link.extend_from_slice(b"dummy\0\0\0");
    facts.attempt("net.try.add_link", netlink::request(0, 16, 0x605, &link));
    facts.attempt("net.try.lo_up", netlink::request(0, 16, 5, &netlink::lo_up()));
    let binding = UdpSocket::bind("127.0.0.1:0").and_then(|mut_socket| mut_socket.local_addr());
    facts.attempt_io("net.loopback_bind", binding);
    let own = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| {
        let mut stream = TcpStream::connect_timeout(&l.local_addr()?, Duration::from_secs(10))?;
        stream.write_all(b"x")
    });
    facts.attempt_io("net.loopback_works", own);
    facts.attempt_io("net.low_port", std::net::TcpListener::bind("127.0.0.1:80"));
}

/// Uevents of the kernel, while the harness triggers one outside.
pub(super) fn uevent(_params: &Params, facts: &mut Facts) {
    match netlink::uevents(600) {
        Ok(seen) => facts.set("net.uevents_seen", seen),
        Err(errno) => facts.set("net.uevents_seen", format!("{errno:?}")),
    }
}
