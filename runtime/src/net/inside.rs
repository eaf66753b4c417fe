//! Links in the network of a container that runs, known by number and kind: their names are the container's to
//! change, and so are the numbers of links that it makes itself.

use std::os::fd::OwnedFd;

use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use nix::errno::Errno;

use super::make::namespace;
use super::rtnetlink::Routing;

/// A macvlan in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Macvlan {
    pub index: u32,
    pub name: String,
}

/// The macvlans in there that stand on the host's device `parent`. The parent is a device of the host's, not one of
/// the container's own that has the same number.
pub(super) fn macvlans(host: &Routing, guest: &Routing, parent: &str) -> Result<Vec<Macvlan>, Errno> {
    let parent = host.index_of(parent)?;
    let links = guest.links()?;
    // Asked after the links: the kernel numbers the other network when it first names it in an answer.
    let home = home()?;
    let id = guest.id_of(&home)?;
    Ok(links.iter().filter(|link| id.is_some() && stands_on(link, parent, id)).map(macvlan).collect())
}

fn home() -> Result<OwnedFd, Errno> {
    namespace("/proc/thread-self/ns/net")
}

fn macvlan(link: &LinkMessage) -> Macvlan {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    Macvlan { index: link.header.index, name: name.unwrap_or_default() }
}

fn stands_on(link: &LinkMessage, parent: u32, netns: Option<i32>) -> bool {
    let of = |want: &dyn Fn(&LinkAttribute) -> bool| link.attributes.iter().any(want);
    let is_kind =
        |infos: &[LinkInfo]| infos.iter().any(|info| matches!(info, LinkInfo::Kind(InfoKind::MacVlan)));
    of(&|attribute| matches!(attribute, LinkAttribute::Link(index) if *index == parent))
        && of(&|attribute| matches!(attribute, LinkAttribute::LinkNetNsId(id) if Some(*id) == netns))
        && of(&|attribute| matches!(attribute, LinkAttribute::LinkInfo(infos) if is_kind(infos)))
}

/// Which of them is meant: the one of the noted number; without a note the one of that name, or the only one where the
/// document has only one on that device.
fn meant<'a>(found: &'a [Macvlan], noted: Option<u32>, name: &str, alone: bool) -> Option<&'a Macvlan> {
    if let Some(index) = noted {
        return found.iter().find(|link| link.index == index);
    }
    let only = if alone && found.len() == 1 { found.first() } else { None };
    found.iter().find(|link| link.name == name).or(only)
}

/// Takes a macvlan out of the network of process `pid`; says whether it was there.
pub(crate) fn remove_macvlan(
    parent: &str,
    noted: Option<u32>,
    name: &str,
    alone: bool,
    pid: i32,
) -> Result<bool, Errno> {
    let guest = Routing::open_in(&namespace(&format!("/proc/{pid}/ns/net"))?)?;
    let found = match macvlans(&Routing::open()?, &guest, parent) {
        // With its device it has gone as well, wherever it was.
        Err(Errno::ENODEV) => return Ok(true),
        found => found?,
    };
    let Some(link) = meant(&found, noted, name, alone) else { return Ok(false) };
    match guest.delete_link(link.index) {
        Ok(()) => Ok(true),
        Err(Errno::ENODEV) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// The same by its number alone.
pub(crate) fn remove_numbered(parent: &str, index: u32, pid: i32) -> Result<bool, Errno> {
    remove_macvlan(parent, Some(index), "", false, pid)
}

/// The number of the container's end of a veth pair, by the host's end.
pub(super) fn peer_of(host: &Routing, name: &str) -> Result<u32, Errno> {
    let link = host.link(name)?;
    let peer = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Link(index) => Some(*index),
        _ => None,
    });
    peer.ok_or(Errno::ENODEV)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macvlan_is_meant_by_its_number_else_by_name_else_by_being_alone() {
        let link = |index, name: &str| Macvlan { index, name: name.to_owned() };
        let two = [link(3, "eth0"), link(5, "keep0")];
        let index =
            |found: &[Macvlan], noted, name, alone| meant(found, noted, name, alone).map(|link| link.index);
        assert_eq!(index(&two, Some(5), "eth0", false), Some(5));
        assert_eq!(index(&two, Some(7), "eth0", false), None, "a note is not overruled by a name");
        assert_eq!(index(&two, None, "eth0", false), Some(3));
        assert_eq!(index(&two, None, "eth1", true), None);
        assert_eq!(index(&two[1..], None, "eth0", true), Some(5));
        assert_eq!(index(&two[1..], None, "eth0", false), None);
    }

    fn message(attributes: Vec<LinkAttribute>) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.attributes = attributes;
        message
    }

    #[test]
    fn a_link_on_a_device_of_the_containers_own_is_not_the_hosts() {
        let kind = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::MacVlan)]);
        let ours = message(vec![LinkAttribute::Link(4), LinkAttribute::LinkNetNsId(0), kind.clone()]);
        assert!(stands_on(&ours, 4, Some(0)));
        assert!(!stands_on(&ours, 4, Some(1)) && !stands_on(&ours, 5, Some(0)));
        assert!(!stands_on(&message(vec![LinkAttribute::Link(4), kind]), 4, Some(0)));
        let dummy = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Dummy)]);
        assert!(!stands_on(
            &message(vec![LinkAttribute::Link(4), LinkAttribute::LinkNetNsId(0), dummy]),
            4,
            Some(0)
        ));
    }
}
