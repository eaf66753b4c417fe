//! The requests of rtnetlink(7) that browndog makes.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoBridgePort, InfoPortData, InfoPortKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType,
    LinkMessage, Prop,
};
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::libc;

use super::facts::LinkFact;
use super::{LinkAddress, LinkRoute};
use crate::{errno_of, sys};

/// A connection to the kernel's routing tables, in the network namespace it was opened in.
#[derive(Debug)]
pub(super) struct Routing {
    socket: Socket,
}

impl Routing {
    /// In the network namespace of the calling thread.
    pub fn open() -> Result<Self, Errno> {
        let open = || -> std::io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            let _address: SocketAddr = socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        open().map(|socket| Self { socket }).map_err(errno_of)
    }

    /// In the network namespace `netns`: a socket belongs to the one it was made in, so the calling
    /// thread enters it for that one call.
    pub fn open_in(netns: &OwnedFd) -> Result<Self, Errno> {
        let home = File::open("/proc/thread-self/ns/net").map_err(errno_of)?;
        let _zero = sys::setns(netns.as_raw_fd(), libc::CLONE_NEWNET)?;
        let routing = Self::open();
        let _zero = sys::setns(home.as_raw_fd(), libc::CLONE_NEWNET)?;
        routing
    }

    /// Sends one request and returns the answer that is not an acknowledgement, where there is one.
    pub fn request(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<Option<RouteNetlinkMessage>, Errno> {
        let mut packet = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(message));
        packet.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        let _sent = self.socket.send(&bytes, 0).map_err(errno_of)?;
        let mut answer = None;
        loop {
            let (received, _) = self.socket.recv_from_full().map_err(errno_of)?;
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

    /// All links of the network namespace.
    pub fn links(&self) -> Result<Vec<LinkMessage>, Errno> {
        let message = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let mut packet = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(message));
        packet.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        let _sent = self.socket.send(&bytes, 0).map_err(errno_of)?;
        let mut links = Vec::new();
        loop {
            let (received, _) = self.socket.recv_from_full().map_err(errno_of)?;
            let mut rest = received.as_slice();
            while !rest.is_empty() {
                let packet =
                    NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest).map_err(|_| Errno::EPROTO)?;
                let length = (packet.header.length as usize).next_multiple_of(4).min(rest.len());
                rest = &rest[length.max(1)..];
                match packet.payload {
                    NetlinkPayload::Done(_) => return Ok(links),
                    NetlinkPayload::Error(error) if error.raw_code() != 0 => {
                        return Err(Errno::from_raw(-error.raw_code()));
                    }
                    NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => links.push(link),
                    _ => {}
                }
            }
        }
    }

    /// The number by which this network namespace knows another; `None` where it knows it by none.
    pub fn id_of(&self, netns: &OwnedFd) -> Result<Option<i32>, Errno> {
        let mut query = NsidMessage::default();
        query.attributes.push(NsidAttribute::Fd(netns.as_raw_fd() as u32));
        let answer = self.request(RouteNetlinkMessage::GetNsId(query), 0)?;
        let Some(RouteNetlinkMessage::NewNsId(found)) = answer else { return Ok(None) };
        Ok(found.attributes.iter().find_map(|attribute| match attribute {
            NsidAttribute::Id(id) => (*id >= 0).then_some(*id),
            _ => None,
        }))
    }

    /// The link of this name.
    pub fn link(&self, name: &str) -> Result<LinkMessage, Errno> {
        let mut query = LinkMessage::default();
        query.attributes.push(LinkAttribute::IfName(name.to_owned()));
        self.get(query)
    }

    /// The link of this number.
    pub fn link_at(&self, index: u32) -> Result<LinkMessage, Errno> {
        let mut query = LinkMessage::default();
        query.header.index = index;
        self.get(query)
    }

    fn get(&self, query: LinkMessage) -> Result<LinkMessage, Errno> {
        match self.request(RouteNetlinkMessage::GetLink(query), 0)? {
            Some(RouteNetlinkMessage::NewLink(link)) => Ok(link),
            _ => Err(Errno::ENODEV),
        }
    }

    /// The number of the link of this name.
    pub fn index_of(&self, name: &str) -> Result<u32, Errno> {
        self.link(name).map(|link| link.header.index)
    }

    /// What a plan wants to know of the link of this name.
    pub fn fact(&self, name: &str) -> Result<LinkFact, Errno> {
        let link = self.link(name)?;
        let mtu = link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Mtu(mtu) => Some(*mtu),
            _ => None,
        });
        let flags = link.header.flags;
        let ethernet =
            link.header.link_layer_type == LinkLayerType::Ether && !flags.contains(LinkFlags::Loopback);
        let own = name_of(&link).unwrap_or(name).to_owned();
        Ok(LinkFact { kind: kind_of(&link), up: flags.contains(LinkFlags::Up), name: own, mtu, ethernet })
    }

    /// Makes a link.
    pub fn new_link(&self, attributes: Vec<LinkAttribute>) -> Result<(), Errno> {
        let mut message = LinkMessage::default();
        message.attributes = attributes;
        self.request(RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL).map(drop)
    }

    /// Changes a link that exists.
    pub fn set_link(&self, index: u32, up: bool, attributes: Vec<LinkAttribute>) -> Result<(), Errno> {
        let mut change = LinkMessage::default();
        change.header.index = index;
        if up {
            change.header.flags = LinkFlags::Up;
            change.header.change_mask = LinkFlags::Up;
        }
        change.attributes = attributes;
        self.request(RouteNetlinkMessage::SetLink(change), 0).map(drop)
    }

    /// Takes a link down.
    pub fn take_down(&self, index: u32) -> Result<(), Errno> {
        let mut change = LinkMessage::default();
        change.header.index = index;
        change.header.change_mask = LinkFlags::Up;
        self.request(RouteNetlinkMessage::SetLink(change), 0).map(drop)
    }

    /// Takes one of its other names from a link.
    pub fn drop_altname(&self, index: u32, name: &str) -> Result<(), Errno> {
        let mut change = LinkMessage::default();
        change.header.index = index;
        change.attributes = vec![LinkAttribute::PropList(vec![Prop::AltIfName(name.to_owned())])];
        self.request(RouteNetlinkMessage::DelLinkProp(change), 0).map(drop)
    }

    /// Isolates a port of a bridge from the other isolated ports. Only RTM_NEWLINK, without
    /// NLM_F_CREATE, changes what belongs to a port.
    pub fn isolate_port(&self, index: u32) -> Result<(), Errno> {
        let mut change = LinkMessage::default();
        change.header.index = index;
        let data = LinkInfo::PortData(InfoPortData::BridgePort(vec![InfoBridgePort::Isolated(true)]));
        change.attributes =
            vec![LinkAttribute::LinkInfo(vec![LinkInfo::PortKind(InfoPortKind::Bridge), data])];
        self.request(RouteNetlinkMessage::NewLink(change), 0).map(drop)
    }

    /// Removes a link.
    pub fn delete_link(&self, index: u32) -> Result<(), Errno> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        self.request(RouteNetlinkMessage::DelLink(message), 0).map(drop)
    }

    /// Gives a link an address. One of IPv6 may be used at once: nobody else of the link can have taken
    /// what the document gives to this container, and an init that binds to it cannot wait for the
    /// second that duplicate address detection takes (RFC 4862, 5.4).
    pub fn add_address(&self, index: u32, address: &LinkAddress) -> Result<(), Errno> {
        let LinkAddress { address, prefix, peer } = *address;
        let mut message = AddressMessage::default();
        message.header.family = family(address);
        message.header.prefix_len = prefix;
        message.header.index = index;
        message.attributes.push(AddressAttribute::Local(address));
        message.attributes.push(AddressAttribute::Address(peer.unwrap_or(address)));
        match address {
            IpAddr::V6(_) => message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad)),
            IpAddr::V4(address) if peer.is_none() && prefix < 31 => {
                let host_bits = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                let broadcast = std::net::Ipv4Addr::from(u32::from(address) | host_bits);
                message.attributes.push(AddressAttribute::Broadcast(broadcast));
            }
            IpAddr::V4(_) => {}
        }
        self.request(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL).map(drop)
    }

    /// Adds a route through a link, which has to be up.
    pub fn add_route(&self, index: u32, route: &LinkRoute) -> Result<(), Errno> {
        let LinkRoute { destination, prefix, gateway, metric } = *route;
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

/// The name of a link, as the kernel told of it.
pub(super) fn name_of(link: &LinkMessage) -> Option<&str> {
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Its kind, as ip-link(8) has it; empty for a device without one.
pub(super) fn kind_of(link: &LinkMessage) -> String {
    let kind = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => infos.iter().find_map(|info| match info {
            LinkInfo::Kind(kind) => Some(kind.to_string()),
            _ => None,
        }),
        _ => None,
    });
    kind.unwrap_or_default()
}

/// Its other names.
pub(super) fn altnames_of(link: &LinkMessage) -> Vec<String> {
    let lists = link.attributes.iter().filter_map(|attribute| match attribute {
        LinkAttribute::PropList(list) => Some(list),
        _ => None,
    });
    let names = lists.flatten().filter_map(|prop| match prop {
        Prop::AltIfName(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
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
