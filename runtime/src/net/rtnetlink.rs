//! The calls of rtnetlink(7) that make a link, name it, address it, and take it away again.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::libc;

use super::Link;
use crate::sys;

/// A connection to the kernel's routing tables, in the network namespace it was opened in.
struct Routing {
    socket: Socket,
}

fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

impl Routing {
    fn open() -> Result<Self, Errno> {
        let open = || -> std::io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            let _address: SocketAddr = socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        open().map(|socket| Self { socket }).map_err(|error| errno_of(&error))
    }

    /// In the network namespace of the process behind `pidfd`.
    fn open_in(pidfd: &OwnedFd) -> Result<Self, Errno> {
        let home = File::open("/proc/thread-self/ns/net").map_err(|error| errno_of(&error))?;
        let _zero = sys::setns(pidfd.as_raw_fd(), libc::CLONE_NEWNET)?;
        let routing = Self::open();
        let _zero = sys::setns(home.as_raw_fd(), libc::CLONE_NEWNET)?;
        routing
    }

    /// Sends one request and returns the answer that is not an acknowledgement, where there is one.
    fn request(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<Option<RouteNetlinkMessage>, Errno> {
        let mut packet = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(message));
        packet.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        let _sent = self.socket.send(&bytes, 0).map_err(|error| errno_of(&error))?;
        let mut answer = None;
        loop {
            let (received, _) = self.socket.recv_from_full().map_err(|error| errno_of(&error))?;
            let mut rest = received.as_slice();
            while !rest.is_empty() {
                let packet =
                    NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(|_| Errno::EPROTO)?;
                let length = (packet.header.length as usize).next_multiple_of(4).min(rest.len());
                rest = &rest[length.max(1)..];
                match packet.payload {
                    NetlinkPayload::Error(error) => {
                        let code = error.raw_code();
                        return if code == 0 { Ok(answer) } else { Err(Errno::from_raw(-code)) };
                    }
                    NetlinkPayload::InnerMessage(message) => answer = Some(message),
                    _ => {}
                }
            }
        }
    }

    fn index_of(&self, name: &str) -> Result<u32, Errno> {
        let mut query = LinkMessage::default();
        query.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.request(RouteNetlinkMessage::GetLink(query), 0)? {
            Some(RouteNetlinkMessage::NewLink(link)) => Ok(link.header.index),
            _ => Err(Errno::ENODEV),
        }
    }

    /// Changes a link that exists.
    fn set_link(&self, index: u32, up: bool, attributes: Vec<LinkAttribute>) -> Result<(), Errno> {
        let mut change = LinkMessage::default();
        change.header.index = index;
        if up {
            change.header.flags = LinkFlags::Up;
            change.header.change_mask = LinkFlags::Up;
        }
        change.attributes = attributes;
        self.request(RouteNetlinkMessage::SetLink(change), 0).map(drop)
    }

    fn add_address(
        &self,
        index: u32,
        address: IpAddr,
        prefix: u8,
        peer: Option<IpAddr>,
    ) -> Result<(), Errno> {
        let mut message = AddressMessage::default();
        message.header.family = family(address);
        message.header.prefix_len = prefix;
        message.header.index = index;
        message.attributes.push(AddressAttribute::Local(address));
        message.attributes.push(AddressAttribute::Address(peer.unwrap_or(address)));
        if let (IpAddr::V4(address), None) = (address, peer)
            && prefix < 31
        {
            let host_bits = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            let broadcast = std::net::Ipv4Addr::from(u32::from(address) | host_bits);
            message.attributes.push(AddressAttribute::Broadcast(broadcast));
        }
        self.request(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL).map(drop)
    }

    fn add_route(&self, index: u32, route: &(IpAddr, u8, IpAddr, Option<u32>)) -> Result<(), Errno> {
        let (destination, prefix, gateway, metric) = *route;
        let mut message = RouteMessage::default();
        message.header.address_family = family(destination);
        message.header.destination_prefix_length = prefix;
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Static;
        message.header.scope = RouteScope::Universe;
        message.header.kind = RouteType::Unicast;
        if prefix > 0 {
            message.attributes.push(RouteAttribute::Destination(route_address(destination)));
        }
        message.attributes.push(RouteAttribute::Gateway(route_address(gateway)));
        message.attributes.push(RouteAttribute::Oif(index));
        if let Some(metric) = metric {
            message.attributes.push(RouteAttribute::Priority(metric));
        }
        self.request(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_EXCL).map(drop)
    }
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

fn route_address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    }
}

/// Makes the link: one end here, the other, named and addressed, with process `pid` behind `pidfd`.
///
/// `made` becomes true as soon as there is a link of ours to take away again.
pub(crate) fn add(link: &Link, pid: i32, pidfd: &OwnedFd, made: &mut bool) -> Result<(), Errno> {
    let host = Routing::open()?;
    let bridge = link.bridge.as_ref().map(|(bridge, _)| host.index_of(bridge)).transpose()?;
    let mut peer = LinkMessage::default();
    peer.attributes.push(LinkAttribute::IfName(link.guest_name.clone()));
    peer.attributes.push(LinkAttribute::NetNsPid(pid as u32));
    if let Some(mac) = link.mac {
        peer.attributes.push(LinkAttribute::Address(mac.to_vec()));
    }
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(link.host_name.clone()));
    if let Some(mtu) = link.mtu {
        peer.attributes.push(LinkAttribute::Mtu(mtu));
        message.attributes.push(LinkAttribute::Mtu(mtu));
    }
    let data = LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)));
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), data]));
    let _none = host.request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL)?;
    *made = true;
    let joined = bridge.map(LinkAttribute::Controller).into_iter().collect();
    host.set_link(host.index_of(&link.host_name)?, true, joined)?;
    configure(link, pidfd)
}

/// The container's end: addresses, then up, then routes, which need both.
fn configure(link: &Link, pidfd: &OwnedFd) -> Result<(), Errno> {
    let guest = Routing::open_in(pidfd)?;
    let index = guest.index_of(&link.guest_name)?;
    for (address, prefix, peer) in &link.addresses {
        guest.add_address(index, *address, *prefix, *peer)?;
    }
    if !link.up {
        return Ok(());
    }
    guest.set_link(index, true, Vec::new())?;
    link.routes.iter().try_for_each(|route| guest.add_route(index, route))
}

/// Takes the host's end away; its peer goes with it. The kernel does so itself when the container's
/// namespace ends, but later: a name must be free when the command returns.
pub(crate) fn remove(host_name: &str) -> Result<(), Errno> {
    let host = Routing::open()?;
    let index = match host.index_of(host_name) {
        Err(Errno::ENODEV) => return Ok(()),
        index => index?,
    };
    let mut message = LinkMessage::default();
    message.header.index = index;
    match host.request(RouteNetlinkMessage::DelLink(message), 0) {
        Ok(_) | Err(Errno::ENODEV) => Ok(()),
        Err(errno) => Err(errno),
    }
}
