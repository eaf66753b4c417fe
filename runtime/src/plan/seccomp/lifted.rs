//! What of the filter a container does without.

use super::{REFUSED, Row};

/// The capabilities, whether the container is a whole system, and the families of sockets that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lifted {
    /// Of the capabilities that it has, by name or by default, those that change a filter.
    capabilities: u64,
    system: bool,
    /// One bit for each family that it names; bit 0 for all.
    families: u64,
}

/// CAP_NET_RAW, and the family that it opens beside raw sockets (AF_PACKET).
pub(super) const NET_RAW: u8 = 13;
const PACKET: u8 = 17;

/// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: of every container.
const FAMILIES: u64 = 1 << 1 | 1 << 2 | 1 << 10 | 1 << 16;

/// The capabilities that change a filter.
pub(super) const LIFTING: u64 = {
    let (mut mask, mut at) = (1 << NET_RAW, 0);
    while at < REFUSED.len() {
        if let Some(bit) = REFUSED[at].unless {
            mask |= 1 << bit;
        }
        at += 1;
    }
    mask
};

impl Lifted {
    /// Of a container that has these capabilities, without those that it has only as a whole system.
    pub const fn new(capabilities: u64, system: bool) -> Self {
        Self { capabilities: capabilities & LIFTING, system, families: 0 }
    }

    /// With these families of sockets as well, by their numbers; 0 for all.
    pub fn with_families(mut self, families: impl Iterator<Item = u8>) -> Self {
        self.families = families.fold(self.families, |mask, number| mask | 1 << number);
        self
    }

    pub(super) const fn holds(self, capability: Option<u8>) -> bool {
        match capability {
            Some(bit) => self.capabilities & (1 << bit) != 0,
            None => false,
        }
    }

    pub(super) const fn system(self) -> bool {
        self.system
    }

    pub(super) const fn lifts(self, row: &Row) -> bool {
        self.holds(row.unless) || (row.system && self.system)
    }

    pub(super) const fn any_family(self) -> bool {
        self.families & 1 != 0
    }

    /// One bit for each family that may be made.
    pub(super) const fn families(self) -> u64 {
        let raw = self.system || self.holds(Some(NET_RAW));
        self.families | FAMILIES | if raw { 1 << PACKET } else { 0 }
    }
}
