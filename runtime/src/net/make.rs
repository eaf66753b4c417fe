//! Makes, configures and takes away the links of a container.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use browndog_xml::domain::MacvlanMode;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoMacVlan, InfoVeth, LinkAttribute, LinkInfo, LinkMessage, MacVlanMode,
};
use nix::errno::Errno;

use super::back::{Back, move_back, renamed};
use super::rtnetlink::{Routing, kind_of};
use super::settle::Wait;
use super::{HostEnd, Link, LinkKind, inside as found_inside};
use crate::errno_of;

/// What a link leaves on the host, to be undone at the end.
#[derive(Debug)]
pub(crate) enum Left {
    /// The host's end of a veth pair.
    HostEnd { name: String },
    /// A device of the host that is in the container.
    Moved {
        /// Its name on the host.
        name: String,
        /// The container's network namespace, kept alive: with it, the kernel destroys every device in
        /// it that it can destroy, and moves the others to the machine's first namespace.
        netns: OwnedFd,
        /// The device's number in there, which its name is not: the container may change that.
        index: u32,
        was_up: bool,
        /// The address that its hardware has; none where it is made of software.
        address: Option<Vec<u8>>,
    },
    /// A macvlan in the container, which has its device and its address until it goes: with the network, that is later.
    Macvlan {
        /// Its name in there at first.
        name: String,
        netns: OwnedFd,
        index: u32,
    },
    /// The container's network, pinned as the one of this start.
    Pinned {
        /// Whose it is.
        instance: String,
        /// Says that its launcher lives.
        _hold: Option<super::pin::Hold>,
    },
}

/// Makes the link in the network namespace of process `pid`, named, addressed, up and routed.
///
/// What it leaves on the host goes to `left` as soon as it is there, also when a later request fails.
pub(crate) fn add(link: &Link, pid: i32, left: &mut Vec<Left>) -> Result<(), Errno> {
    add_noting(link, pid, left, &mut None)
}

/// The same; `made` is the number in there of a link that leaves nothing on the host, as soon as it is there.
pub(crate) fn add_noting(
    link: &Link,
    pid: i32,
    left: &mut Vec<Left>,
    made: &mut Option<u32>,
) -> Result<(), Errno> {
    let netns = namespace(&format!("/proc/{pid}/ns/net"))?;
    let host = Routing::open()?;
    let guest = Routing::open_in(&netns)?;
    let mut wait = None;
    let index = match &link.kind {
        LinkKind::Veth(end) => {
            host.new_link(veth(link, end, &netns))?;
            left.push(Left::HostEnd { name: end.name.clone() });
            connect(&host, end)?;
            found_inside::peer_of(&host, &end.name)?
        }
        LinkKind::Macvlan { parent, mode } => {
            let wait = wait.insert(Wait::new(parent));
            // Its name may be another one as soon as it is there; no other of this parent comes meanwhile.
            let before = found_inside::macvlans(&host, &guest, parent)?;
            let number = host.index_of(parent)?;
            wait.until_free(&host, || host.new_link(macvlan(link, number, *mode, &netns)))?;
            let after = found_inside::macvlans(&host, &guest, parent)?;
            let new = after.into_iter().find(|link| before.iter().all(|old| old.index != link.index));
            let index = new.ok_or(Errno::ENODEV)?.index;
            *made = Some(index);
            let netns = netns.try_clone().map_err(errno_of)?;
            left.push(Left::Macvlan { name: link.guest_name.clone(), netns, index });
            if let (MacvlanMode::Passthrough, Some(mac)) = (mode, link.mac) {
                // Made with the device's own, whatever was asked for; the kernel gives that one back to the device at
                // the end.
                guest.set_link(index, false, vec![LinkAttribute::Address(mac.to_vec())])?;
            }
            index
        }
        LinkKind::Moved { was_up, pin } => {
            let netns = netns.try_clone().map_err(errno_of)?;
            move_in(&host, link, *was_up, pin.as_deref(), netns, left)?
        }
    };
    configure(link, index, &host, &guest, wait)
}

pub(super) fn namespace(path: &str) -> Result<OwnedFd, Errno> {
    File::open(path).map(OwnedFd::from).map_err(errno_of)
}

fn kind(kind: InfoKind, data: InfoData) -> LinkAttribute {
    LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind), LinkInfo::Data(data)])
}

/// Both ends in one request, each where it belongs: there is no moment at which the container's end
/// could be lost on the host.
fn veth(link: &Link, end: &HostEnd, netns: &OwnedFd) -> Vec<LinkAttribute> {
    let mut peer = LinkMessage::default();
    peer.attributes = inside(link, netns);
    let mut attributes = vec![LinkAttribute::IfName(end.name.clone())];
    attributes.extend(end.mtu.map(LinkAttribute::Mtu));
    attributes.push(kind(InfoKind::Veth, InfoData::Veth(InfoVeth::Peer(peer))));
    attributes
}

fn macvlan(link: &Link, parent: u32, mode: MacvlanMode, netns: &OwnedFd) -> Vec<LinkAttribute> {
    let mode = match mode {
        MacvlanMode::Vepa => MacVlanMode::Vepa,
        MacvlanMode::Private => MacVlanMode::Private,
        MacvlanMode::Bridge => MacVlanMode::Bridge,
        MacvlanMode::Passthrough => MacVlanMode::Passthrough,
    };
    let mut attributes = inside(link, netns);
    attributes.push(LinkAttribute::Link(parent));
    attributes.push(kind(InfoKind::MacVlan, InfoData::MacVlan(vec![InfoMacVlan::Mode(mode)])));
    attributes
}

/// What the container's end is made with.
fn inside(link: &Link, netns: &OwnedFd) -> Vec<LinkAttribute> {
    let mut attributes =
        vec![LinkAttribute::IfName(link.guest_name.clone()), LinkAttribute::NetNsFd(netns.as_raw_fd())];
    attributes.extend(link.mac.map(|mac| LinkAttribute::Address(mac.to_vec())));
    attributes.extend(link.mtu.map(LinkAttribute::Mtu));
    attributes
}

/// The host's end: into its bridge, addressed, up and routed.
fn connect(host: &Routing, end: &HostEnd) -> Result<(), Errno> {
    let index = host.index_of(&end.name)?;
    if let Some(bridge) = &end.bridge {
        host.set_link(index, false, vec![LinkAttribute::Controller(host.index_of(bridge)?)])?;
        if end.isolated {
            // Before it is up, so that there is no moment at which it can be reached.
            host.isolate_port(index)?;
        }
    }
    end.addresses.iter().try_for_each(|address| host.add_address(index, address))?;
    host.set_link(index, true, Vec::new())?;
    end.routes.iter().try_for_each(|route| host.add_route(index, route))
}

fn move_in(
    host: &Routing,
    link: &Link,
    was_up: bool,
    pin: Option<&str>,
    netns: OwnedFd,
    left: &mut Vec<Left>,
) -> Result<u32, Errno> {
    let note = |name: &str, index| pin.map_or(Ok(()), |pin| super::pin::note(pin, name, was_up, index));
    let guest = Routing::open_in(&netns)?;
    let name = link.guest_name.clone();
    note(&name, 0)?;
    let device = host.link(&name)?;
    let address = permanent_address(&device);
    host.set_link(device.header.index, false, vec![LinkAttribute::NetNsFd(netns.as_raw_fd())])?;
    // The number inside is another one where the namespace has a link of that number already.
    let index = guest.index_of(&name)?;
    let noted = note(&name, index);
    left.push(Left::Moved { name, netns, index, was_up, address });
    noted.map(|()| index)
}

/// The container's end: addresses, then up, then routes, which need both.
fn configure(
    link: &Link,
    index: u32,
    host: &Routing,
    guest: &Routing,
    wait: Option<Wait<'_>>,
) -> Result<(), Errno> {
    link.addresses.iter().try_for_each(|address| guest.add_address(index, address))?;
    if !link.up {
        return Ok(());
    }
    let up = || guest.set_link(index, true, Vec::new());
    match wait {
        // Two of one address are refused only now.
        Some(mut wait) => wait.until_free(host, up)?,
        None => up()?,
    }
    link.routes.iter().try_for_each(|route| guest.add_route(index, route))
}

impl Left {
    /// Leaves the host as it was found; says what could not be done.
    pub fn undo(&self) -> Result<(), String> {
        match self {
            Self::HostEnd { name } => {
                remove(name).map_err(|errno| format!("cannot remove the link {name}: {errno}"))
            }
            Self::Moved { name, netns, index, was_up, address } => {
                match move_back(name, netns, *index, *was_up) {
                    Ok(Back::Home) => Ok(()),
                    Ok(Back::As(now)) => Err(renamed(name, &now)),
                    Ok(Back::Gone) => found_again(name, *was_up, address.as_deref()),
                    Err(errno) => {
                        Err(format!("cannot move {name} back to the host: {} ({errno})", errno.desc()))
                    }
                }
            }
            Self::Macvlan { name, netns, index } => remove_macvlan(netns, *index).map_err(|errno| {
                format!("cannot remove the link {name} of the container: {} ({errno})", errno.desc())
            }),
            // What is lost has been said by then, of each device.
            Self::Pinned { instance, .. } => super::pin::take_back(instance).map(drop),
        }
    }
}

fn permanent_address(link: &LinkMessage) -> Option<Vec<u8>> {
    let address = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::PermAddress(address) => Some(address.clone()),
        _ => None,
    });
    address.filter(|address| address.iter().any(|byte| *byte != 0))
}

/// A device that is not in the container's network any more. The kernel moves hardware to the machine's first network
/// when the one that it is in ends, a moment later, under the name that it has by then.
fn found_again(name: &str, was_up: bool, address: Option<&[u8]>) -> Result<(), String> {
    let Some(address) = address else { return Err(lost(name)) };
    for _ in 0..LOOKS {
        let host = Routing::open().map_err(|errno| format!("cannot look for {name}: {errno}"))?;
        let links = host.links().map_err(|errno| format!("cannot look for {name}: {errno}"))?;
        let same = |link: &&LinkMessage| permanent_address(link).as_deref() == Some(address);
        if let Some(found) = links.iter().find(same) {
            let attributes = vec![LinkAttribute::IfName(name.to_owned())];
            let renamed = host.set_link(found.header.index, was_up, attributes);
            let now = found.attributes.iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(now) => Some(now.escape_debug().to_string()),
                _ => None,
            });
            let now = now.unwrap_or_else(|| format!("number {}", found.header.index));
            return renamed.map_err(|errno| {
                format!(
                    "the host's device {name} has come back under another name: it is {now} now ({errno})"
                )
            });
        }
        std::thread::sleep(LOOK_PAUSE);
    }
    Err(lost(name))
}

const LOOKS: u32 = 20;
const LOOK_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// A device that nobody can give back.
pub(super) fn lost(name: &str) -> String {
    format!(
        "warning: the host's device {name} is lost: root inside has deleted it, or has moved it into a network namespace \
         of its own, with which the kernel destroys what is made of software"
    )
}

/// Takes a macvlan away by its number, which the container cannot change; what has that number by now and is none stays.
fn remove_macvlan(netns: &OwnedFd, index: u32) -> Result<(), Errno> {
    let guest = Routing::open_in(netns)?;
    let removed = match guest.link_at(index) {
        Ok(link) if kind_of(&link) == "macvlan" => guest.delete_link(index),
        found => found.map(drop),
    };
    if removed == Err(Errno::ENODEV) { Ok(()) } else { removed }
}

/// Takes the host's end away; its peer goes with it. The kernel does so itself when the container's
/// namespace ends, but later: a name must be free when the command returns.
fn remove(name: &str) -> Result<(), Errno> {
    let host = Routing::open()?;
    let removed = host.index_of(name).and_then(|index| host.delete_link(index));
    if removed == Err(Errno::ENODEV) { Ok(()) } else { removed }
}

/// The number of the host's link of this name, which no other link of this boot gets.
///
/// # Errors
/// ENODEV where there is none.
pub fn number_of(name: &str) -> Result<u32, Errno> {
    Routing::open()?.index_of(name)
}

/// Takes the host's link of this name away, if it still is the one of this number; says whether it was.
///
/// # Errors
/// The errno of the request.
pub fn remove_if(name: &str, number: u32) -> Result<bool, Errno> {
    let host = Routing::open()?;
    match host.index_of(name) {
        Ok(found) if found == number => host.delete_link(found).map(|()| true),
        Ok(_) | Err(Errno::ENODEV) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether the network namespace of process `pid` has a link of this name.
pub(crate) fn is_inside(name: &str, pid: i32) -> Result<bool, Errno> {
    match Routing::open_in(&namespace(&format!("/proc/{pid}/ns/net"))?)?.index_of(name) {
        Ok(_) => Ok(true),
        Err(Errno::ENODEV) => Ok(false),
        Err(errno) => Err(errno),
    }
}
