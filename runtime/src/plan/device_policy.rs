//! The device policy that a document asks for.

use browndog_xml::domain::Origin;
use nix::libc;

use super::build::Builder;
use super::confine;
use crate::device_policy::common;
pub use crate::device_policy::{Rule, common_program, program};
use crate::survey::{Kind, Purpose, devices};

pub(super) const DEFAULT: Origin =
    Origin::Default("a container opens its own device nodes and those that its document declares, no others");

/// CAP_MKNOD (linux/capability.h).
const CAP_MKNOD: u64 = 1 << 27;

/// Every rule with who asked for it.
pub(super) fn rules(b: &Builder<'_>) -> Vec<(Rule, Origin)> {
    let rule = |block, major, minor, access| Rule { block, major, minor, access };
    let mut rules: Vec<(Rule, Origin)> = common().map(|rule| (rule, DEFAULT)).collect();
    for (index, device) in devices::declared(b.domain).iter().enumerate() {
        let (block, number) = match b.survey.get(Purpose::Device(index)).map(|found| found.kind) {
            Some(Ok(Kind::Block(number))) => (true, number),
            Some(Ok(Kind::Char(number))) => (false, number),
            _ => continue,
        };
        let (major, minor) = (libc::major(number), libc::minor(number));
        rules.push((rule(block, Some(major), Some(minor), device.access), device.origin));
    }
    if !b.user_namespace && confine::kept(b) & CAP_MKNOD != 0 {
        // As libvirt has it: a node may be made, and opens nothing by that.
        let origin = b.domain.capabilities.policy.origin;
        rules.extend([false, true].map(|block| (rule(block, None, None, "m"), origin)));
    }
    let mut seen = std::collections::BTreeSet::new();
    rules.retain(|(rule, _)| seen.insert(rule.clone()));
    rules
}
