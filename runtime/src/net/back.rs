//! A device of the host's on its way home from a container's network.

use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_route::link::LinkAttribute;
use nix::errno::Errno;

use super::make::namespace;
use super::rtnetlink::{Routing, altnames_of, name_of};
use crate::sys;

/// What became of a device that was to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Back {
    /// It is not in there any more.
    Gone,
    /// It is on the host again, under its name.
    Home,
    /// It is on the host again under this name: its own is another link's by now.
    As(String),
}

/// How many other names are tried.
const OTHER_NAMES: u32 = 100;

/// IFNAMSIZ without the NUL.
const NAME_MAX: usize = 15;

/// Moves the device of number `index` back under its old name, whatever it is called in there, or under the next one
/// that is free. It gets that name while it is in there: the kernel moves a device under the name that it has where the
/// host has no such link, and changes it only then, which may fail.
pub(super) fn move_back(name: &str, netns: &OwnedFd, index: u32, was_up: bool) -> Result<Back, Errno> {
    let home = namespace("/proc/thread-self/ns/net")?;
    let (inside, host) = (Routing::open_in(netns)?, Routing::open()?);
    let device = match inside.link_at(index) {
        // A container that deletes a device (one made of software) has taken it from the host, too.
        Err(Errno::ENODEV) => return Ok(Back::Gone),
        device => device?,
    };
    // A name given inside that a link of the host has would keep it away for ever.
    for altname in altnames_of(&device) {
        if altname == name || host.index_of(&altname).is_ok() {
            inside.drop_altname(index, &altname)?;
        }
    }
    // What is up cannot be renamed before Linux 6.2.
    inside.take_down(index)?;
    for candidate in candidates(name) {
        match host.index_of(&candidate) {
            Err(Errno::ENODEV) => {}
            Err(errno) => return Err(errno),
            Ok(_) => continue,
        }
        make_room(&inside, index, &candidate)?;
        inside.set_link(index, false, vec![LinkAttribute::IfName(candidate.clone())])?;
        match inside.set_link(index, false, vec![LinkAttribute::NetNsFd(home.as_raw_fd())]) {
            // Somebody was faster.
            Err(Errno::EEXIST) => continue,
            moved => moved?,
        }
        if was_up {
            host.set_link(host.index_of(&candidate)?, true, Vec::new())?;
        }
        return Ok(if candidate == name { Back::Home } else { Back::As(candidate) });
    }
    Err(Errno::EEXIST)
}

/// Its name, then `NAME-1` and so on, cut to what the kernel takes.
fn candidates(name: &str) -> impl Iterator<Item = String> {
    let others = (1..=OTHER_NAMES).map(move |number| {
        let suffix = format!("-{number}");
        let mut end = name.len().min(NAME_MAX - suffix.len());
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        [&name[..end], &suffix].concat()
    });
    std::iter::once(name.to_owned()).chain(others)
}

/// Takes the name from whatever else has it in there: what the container made has no use for it any more, and another
/// device of the host's gets its own back later.
fn make_room(inside: &Routing, index: u32, wanted: &str) -> Result<(), Errno> {
    let other = match inside.link(wanted) {
        Err(Errno::ENODEV) => return Ok(()),
        other => other?,
    };
    let number = other.header.index;
    if name_of(&other) != Some(wanted) {
        return inside.drop_altname(number, wanted);
    }
    if number == index {
        return Ok(());
    }
    inside.take_down(number)?;
    // Nobody in there can have foreseen it.
    let unused = super::host_end(&sys::boottime_ns().to_string(), number as usize);
    inside.set_link(number, false, vec![LinkAttribute::IfName(unused)])
}

/// What the user has to know of a device that came back under another name.
pub(super) fn renamed(name: &str, now: &str) -> String {
    format!(
        "the host's device {name} came back as {now}: another link has its name by now \
         (when that is gone: ip link set {now} name {name})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_are_short_enough_and_all_different() {
        for name in ["a3x", "enp0s31f6u2u1i5", "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}x"] {
            let all: Vec<String> = candidates(name).collect();
            let different: std::collections::HashSet<&String> = all.iter().collect();
            assert_eq!((all[0].as_str(), all.len()), (name, 101));
            assert_eq!(different.len(), all.len());
            assert!(all.iter().all(|name| name.len() <= NAME_MAX), "{all:?}");
        }
        assert_eq!(candidates("a3x").nth(1).as_deref(), Some("a3x-1"));
    }
}
