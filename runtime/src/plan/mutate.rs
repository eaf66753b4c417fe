//! Faults seeded into a plan, so that a suite of checks can show that it notices.
//!
//! A mutated plan starts a container that is not isolated: it is only ever executed in a throw-away
//! virtual machine, and the launcher refuses it elsewhere.

use super::step::ChildStep;
use super::{Plan, step::HostStep};
use crate::sys::MountAttr;
use nix::libc;

/// One seeded fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// A step is left out.
    Skip {
        /// The step's name.
        id: String,
    },
    /// A step does less or something else than it should: see `plan::weaken`.
    Weaken {
        /// The step's name.
        id: String,
        /// In which way.
        how: String,
    },
    /// One flag of a step is left out.
    DropFlag {
        /// The step's name.
        id: String,
        /// The flag's name.
        flag: String,
    },
}

impl Mutation {
    /// Reads `skip:STEP`, `drop-flag:STEP:FLAG` or `weaken:STEP:HOW`. A step's name may have colons in it, a flag's not.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(id) = text.strip_prefix("skip:") {
            return Some(Self::Skip { id: id.to_owned() });
        }
        if let Some((id, how)) = text.strip_prefix("weaken:").and_then(|rest| rest.rsplit_once(':')) {
            return Some(Self::Weaken { id: id.to_owned(), how: how.to_owned() });
        }
        let (id, flag) = text.strip_prefix("drop-flag:")?.rsplit_once(':')?;
        Some(Self::DropFlag { id: id.to_owned(), flag: flag.to_owned() })
    }
}

impl std::fmt::Display for Mutation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Skip { id } => write!(f, "skip:{id}"),
            Self::Weaken { id, how } => write!(f, "weaken:{id}:{how}"),
            Self::DropFlag { id, flag } => write!(f, "drop-flag:{id}:{flag}"),
        }
    }
}

/// Namespaces of clone3(2).
pub const CLONE_FLAGS: [(&str, i32); 7] = [
    ("CLONE_NEWCGROUP", libc::CLONE_NEWCGROUP),
    ("CLONE_NEWIPC", libc::CLONE_NEWIPC),
    ("CLONE_NEWNET", libc::CLONE_NEWNET),
    ("CLONE_NEWNS", libc::CLONE_NEWNS),
    ("CLONE_NEWPID", libc::CLONE_NEWPID),
    ("CLONE_NEWUSER", libc::CLONE_NEWUSER),
    ("CLONE_NEWUTS", libc::CLONE_NEWUTS),
];

/// Flags of mount(2).
pub const MOUNT_FLAGS: [(&str, u64); 5] = [
    ("MS_RDONLY", libc::MS_RDONLY),
    ("MS_NOSUID", libc::MS_NOSUID),
    ("MS_NODEV", libc::MS_NODEV),
    ("MS_NOEXEC", libc::MS_NOEXEC),
    ("MS_STRICTATIME", libc::MS_STRICTATIME),
];

/// Attributes of mount_setattr(2).
pub const ATTR_FLAGS: [(&str, u64); 4] =
    [("MOUNT_ATTR_RDONLY", 1), ("MOUNT_ATTR_NOSUID", 2), ("MOUNT_ATTR_NODEV", 4), ("MOUNT_ATTR_NOEXEC", 8)];

/// Every mutation that this plan allows: each step left out, each flag left out, each step weakened.
pub fn all(plan: &Plan) -> Vec<Mutation> {
    let skip = |id: &str| Mutation::Skip { id: id.to_owned() };
    let mut list: Vec<Mutation> =
        plan.before.iter().chain(&plan.attend).map(|entry| skip(&entry.id)).collect();
    list.extend(plan.child.iter().map(|entry| skip(&entry.id)));
    let drop = |id: &str, flag: &str| Mutation::DropFlag { id: id.to_owned(), flag: flag.to_owned() };
    for (name, flag) in CLONE_FLAGS {
        if plan.clone.step.namespaces & flag as u64 != 0 {
            list.push(drop("clone", name));
        }
    }
    for entry in &plan.child {
        match &entry.step {
            ChildStep::MountNew { flags, .. } | ChildStep::Remount { flags, .. } => {
                let set = MOUNT_FLAGS.iter().filter(|(_, flag)| flags & flag != 0);
                list.extend(set.map(|(name, _)| drop(&entry.id, name)));
            }
            ChildStep::Restrict { attr, .. } | ChildStep::SetAttr { attr, .. } => {
                list.extend(attribute_names(attr).map(|name| drop(&entry.id, name)));
            }
            _ => {}
        }
    }
    for entry in &plan.before {
        if let HostStep::Restrict { attr, .. } = &entry.step {
            list.extend(attribute_names(attr).map(|name| drop(&entry.id, name)));
        }
    }
    list.extend(super::weaken::all(plan).into_iter().map(|(id, how)| Mutation::Weaken { id, how }));
    list
}

/// The attributes that are set, and the propagation.
fn attribute_names(attr: &MountAttr) -> impl Iterator<Item = &'static str> {
    let set = ATTR_FLAGS.iter().filter(|(_, flag)| attr.attr_set & flag != 0).map(|(name, _)| *name);
    set.chain((attr.propagation != 0).then_some(PROPAGATION))
}

/// The name under which the propagation of a tree is left as its source has it.
const PROPAGATION: &str = "MS_PRIVATE";

/// Leaves out one attribute, or the propagation; `false` where it was not set.
fn drop_attribute(attr: &mut MountAttr, name: &str) -> bool {
    let bits = match ATTR_FLAGS.iter().find(|(flag, _)| *flag == name) {
        Some((_, bit)) => (&mut attr.attr_set, *bit),
        None if name == PROPAGATION => (&mut attr.propagation, libc::MS_PRIVATE),
        None => return false,
    };
    let had = *bits.0 & bits.1 != 0;
    *bits.0 &= !bits.1;
    had
}

/// Seeds `mutation` into `plan`; `false` where the plan has no such step or flag.
pub fn apply(plan: &mut Plan, mutation: &Mutation) -> bool {
    match mutation {
        Mutation::Skip { id } => {
            let count = |plan: &Plan| plan.before.len() + plan.attend.len() + plan.child.len();
            let had = count(plan);
            plan.before.retain(|entry| entry.id != *id);
            plan.attend.retain(|entry| entry.id != *id);
            plan.child.retain(|entry| entry.id != *id);
            count(plan) < had
        }
        Mutation::Weaken { id, how } => super::weaken::apply(plan, id, how),
        Mutation::DropFlag { id, flag } if id == "clone" => {
            let bit = CLONE_FLAGS.iter().find(|(name, _)| name == flag).map_or(0, |(_, bit)| *bit as u64);
            let had = plan.clone.step.namespaces & bit != 0;
            plan.clone.step.namespaces &= !bit;
            had
        }
        Mutation::DropFlag { id, flag } => drop_flag(plan, id, flag),
    }
}

fn drop_flag(plan: &mut Plan, id: &str, flag: &str) -> bool {
    let mount = MOUNT_FLAGS.iter().find(|(name, _)| *name == flag).map_or(0, |(_, bit)| *bit);
    let clear = |bits: &mut u64, bit: u64| {
        let had = *bits & bit != 0;
        *bits &= !bit;
        had
    };
    let mut dropped = false;
    for entry in plan.before.iter_mut().filter(|entry| entry.id == id) {
        if let HostStep::Restrict { attr, .. } = &mut entry.step {
            dropped |= drop_attribute(attr, flag);
        }
    }
    for entry in plan.child.iter_mut().filter(|entry| entry.id == id) {
        dropped |= match &mut entry.step {
            ChildStep::MountNew { flags, .. } | ChildStep::Remount { flags, .. } => clear(flags, mount),
            ChildStep::Restrict { attr, .. } | ChildStep::SetAttr { attr, .. } => drop_attribute(attr, flag),
            _ => false,
        };
    }
    dropped
}
