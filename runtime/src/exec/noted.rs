//! What was attached to a container that runs, as it is known again.

use serde::{Deserialize, Serialize};

use crate::sys::mount_id::MountId;

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedMount {
    /// The target in the document.
    pub target: String,
    /// Which mount.
    pub mount: MountId,
}

/// A network link that has no end on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedLink {
    /// The name that it was given inside.
    pub name: String,
    /// Its number in the container's network.
    pub index: u32,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Mounts.
    pub mounts: Vec<NotedMount>,
    /// Links.
    pub links: Vec<NotedLink>,
}

impl Noted {
    /// The mount that was attached at a target.
    pub fn mount(&self, target: &str) -> Option<&MountId> {
        self.mounts.iter().rev().find(|noted| noted.target == target).map(|noted| &noted.mount)
    }

    /// The number that the link of this name was given.
    pub fn link(&self, name: &str) -> Option<u32> {
        self.links.iter().rev().find(|noted| noted.name == name).map(|noted| noted.index)
    }

    /// Adds what another attach has noted; what stood at the same target or had the same name before is no more.
    pub fn add(&mut self, new: Self) {
        self.forget(&new);
        self.mounts.extend(new.mounts);
        self.links.extend(new.links);
    }

    /// Takes out what is gone.
    pub fn forget(&mut self, gone: &Self) {
        self.mounts.retain(|old| gone.mount(&old.target).is_none());
        self.links.retain(|old| gone.link(&old.name).is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_attached_last_counts_until_it_is_gone() {
        let link = |name: &str, index| Noted {
            links: vec![NotedLink { name: name.to_owned(), index }],
            ..Noted::default()
        };
        let mut noted = link("eth0", 3);
        noted.add(link("eth0", 5));
        noted.add(link("eth1", 7));
        assert_eq!((noted.link("eth0"), noted.link("eth1"), noted.links.len()), (Some(5), Some(7), 2));
        noted.forget(&link("eth0", 5));
        assert_eq!((noted.link("eth0"), noted.link("eth1")), (None, Some(7)));
    }
}
