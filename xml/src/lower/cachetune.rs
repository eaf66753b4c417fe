//! `<cachetune>` and `<memorytune>`: without effect here, but libvirt refuses collisions in them.

use std::collections::HashMap;

use super::Context;
use crate::codes::Code;
use crate::report::Diagnostic;
use crate::tree::NodeId;
use crate::value::IdSet;

/// Which element tunes a CPU, by number.
#[derive(Default)]
struct Tuned(HashMap<u32, usize>, Vec<IdSet>);

impl Tuned {
    /// An element that tunes one of `vcpus` already.
    fn by(&self, vcpus: &IdSet) -> impl Iterator<Item = &IdSet> {
        vcpus.iter().filter_map(|cpu| self.0.get(&cpu)).filter_map(|&index| self.1.get(index))
    }

    fn add(&mut self, vcpus: IdSet) {
        self.0.extend(vcpus.iter().map(|cpu| (cpu, self.1.len())));
        self.1.push(vcpus);
    }
}

pub(super) fn check(context: &mut Context<'_, '_>, cputune: NodeId) {
    let (mut caches, mut memories) = (Tuned::default(), Tuned::default());
    for node in context.view.children(cputune) {
        let is_cache = context.view.name(node) == "cachetune";
        if !is_cache && context.view.name(node) != "memorytune" {
            continue;
        }
        let Some(vcpus) = context.attribute(node, "vcpus", IdSet::parse).map(|vcpus| vcpus.value) else {
            continue;
        };
        let (same, other) = if is_cache { (&mut caches, &memories) } else { (&mut memories, &caches) };
        let collides = same.by(&vcpus).next().is_some() || other.by(&vcpus).any(|known| *known != vcpus);
        if collides {
            contradiction(context, node, "these CPUs are tuned by another element already");
        }
        if is_cache {
            monitors(context, node, &vcpus);
        }
        allocations(context, node);
        if !collides {
            same.add(vcpus);
        }
    }
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
    let mut given: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    for child in context.view.children(node) {
        let attribute = |name| context.view.attribute(child, name).map_or("", |(value, _)| value);
        let kind = attribute("type");
        let name = context.view.name(child);
        if name != "cache" && name != "node" {
            continue;
        }
        let kinds = given.entry((attribute("level"), attribute("id"))).or_default();
        let taken = kinds.iter().any(|&known| known == kind || known == "both" || kind == "both");
        if !taken {
            kinds.push(kind);
        }
        if taken {
            contradiction(context, child, "this is given out already");
        }
    }
}
