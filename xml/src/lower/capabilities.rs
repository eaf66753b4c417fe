//! `<features><capabilities>`.

use super::Context;
use crate::domain::{Capabilities, CapabilityPolicy, Sourced};
use crate::tree::NodeId;
use crate::value::Capability;

pub(super) fn lower(context: &mut Context<'_, '_>, node: NodeId) -> Capabilities {
    let policy = context.attribute(node, "policy", |policy| {
        Ok(match policy {
            "allow" => CapabilityPolicy::Allow,
            "deny" => CapabilityPolicy::Deny,
            _ => CapabilityPolicy::Default,
        })
    });
    let overrides = context.view.children(node).filter_map(|child| {
        let capability = Capability::from_name(context.view.name(child))?;
        let on = context.view.attribute(child, "state").is_some_and(|(state, _)| state == "on");
        Some(Sourced::xml((capability, on), context.view.span(child)))
    });
    Capabilities {
        overrides: overrides.collect(),
        policy: policy.unwrap_or_else(|| Sourced::default(CapabilityPolicy::Default, "no policy is written")),
    }
}
