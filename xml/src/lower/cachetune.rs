//! `<cachetune>` and `<memorytune>`: without effect here, but libvirt refuses collisions in them.

use super::Context;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::tree::NodeId;
use crate::value::IdSet;

pub(super) fn check(context: &mut Context<'_, '_>, cputune: NodeId) {
    let mut caches: Vec<(IdSet, NodeId)> = Vec::new();
    let mut memories: Vec<(IdSet, NodeId)> = Vec::new();
    for node in context.view.children(cputune) {
        let is_cache = context.view.name(node) == "cachetune";
        if !is_cache && context.view.name(node) != "memorytune" {
            continue;
        }
        let Some(vcpus) = context.attribute(node, "vcpus", IdSet::parse).map(|vcpus| vcpus.value) else {
            continue;
        };
        let (same, other) = if is_cache { (&caches, &memories) } else { (&memories, &caches) };
        let collides = same.iter().any(|(known, _)| overlap(known, &vcpus))
            || other.iter().any(|(known, _)| *known != vcpus && overlap(known, &vcpus));
        if collides {
            contradiction(context, node, "these CPUs are tuned by another element already");
        }
        if is_cache {
            monitors(context, node, &vcpus);
        }
        allocations(context, node);
        if is_cache { &mut caches } else { &mut memories }.push((vcpus, node));
    }
}

fn overlap(one: &IdSet, other: &IdSet) -> bool {
    one.iter().any(|number| other.contains(number))
}

fn contradiction(context: &mut Context<'_, '_>, node: NodeId, message: &'static str) {
    context.report.push(Diagnostic::error(Code::Contradiction, context.view.span(node), message));
}

/// A monitor watches CPUs of its own element only.
fn monitors(context: &mut Context<'_, '_>, node: NodeId, vcpus: &IdSet) {
    for monitor in context.view.children(node) {
        if context.view.name(monitor) != "monitor" {
            continue;
        }
        let watched = context.attribute(monitor, "vcpus", IdSet::parse);
        if watched.is_some_and(|watched| watched.value.iter().any(|number| !vcpus.contains(number))) {
            contradiction(context, monitor, "the monitor watches CPUs that are not tuned here");
        }
    }
}

/// A cache, or a node's bandwidth, is given out once; `both` is code and data.
fn allocations(context: &mut Context<'_, '_>, node: NodeId) {
    let mut given: Vec<(&str, &str, &str)> = Vec::new();
    for child in context.view.children(node) {
        let attribute = |name| context.view.attribute(child, name).map_or("", |(value, _)| value);
        let key = (attribute("level"), attribute("id"), attribute("type"));
        let name = context.view.name(child);
        if name != "cache" && name != "node" {
            continue;
        }
        let both = |kind: &str| kind == "both";
        let taken = given.iter().any(|known| {
            known.0 == key.0 && known.1 == key.1 && (known.2 == key.2 || both(known.2) || both(key.2))
        });
        given.push(key);
        if taken {
            contradiction(context, child, "this is given out already");
        }
    }
}
