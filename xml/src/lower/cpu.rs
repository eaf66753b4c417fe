//! `<cpu>`: without effect here, and still held to what libvirt's driver asks of it.

use super::driver::refuse;
use super::{Context, Draft, number};
use crate::codes::Code;
use crate::domain::Sourced;
use crate::tree::NodeId;
use crate::value::{IdSet, parse_size, quoted};

pub(super) fn check(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let view = context.view;
    let mode = view.attribute(node, "mode").map_or("custom", |(mode, _)| mode);
    let model = view.child(node, "model").filter(|&model| !view.text(model).is_empty());
    if let (Some(vendor), None) = (view.child(node, "vendor"), model) {
        let place = view.span(vendor);
        refuse(context, Code::Incomplete, place, "<vendor> needs a <model> beside it");
    }
    for feature in view.children(node).filter(|&child| view.name(child) == "feature") {
        let Some((name, span)) = view.attribute(feature, "name") else { continue };
        draft.unique(context, "cpu feature", name, span, format!("the feature {} twice", quoted(name)));
        if model.is_none() && mode == "custom" {
            refuse(context, Code::Incomplete, span, "a <feature> needs a <model> that it changes");
        }
    }
    if let Some((_, span)) = view.attribute(node, "migratable")
        && !matches!(mode, "host-passthrough" | "maximum")
    {
        let message = "@migratable is for the modes host-passthrough and maximum";
        refuse(context, Code::Contradiction, span, message);
    }
    if let Some((_, span)) = view.attribute(node, "check")
        && model.is_none()
        && mode == "custom"
    {
        refuse(context, Code::Incomplete, span, "@check needs a <model> to check");
    }
    if let Some(numa) = view.child(node, "numa") {
        cells(draft, context, numa);
    }
}

/// Cells are numbered from 0 without gaps, and no CPU is in two.
fn cells(draft: &mut Draft, context: &mut Context<'_, '_>, numa: NodeId) {
    let view = context.view;
    let mut taken = vec![false; IdSet::MAX as usize + 1];
    let cells: Vec<NodeId> = view.children(numa).filter(|&cell| view.name(cell) == "cell").collect();
    let mut sum = 0_u64;
    for &cell in &cells {
        let unit = view.attribute(cell, "unit").map(|(unit, _)| unit);
        let size = view.attribute(cell, "memory").and_then(|(text, _)| parse_size(text, unit).ok());
        sum = sum.saturating_add(size.map_or(0, super::whole_kib));
    }
    if sum > 0 {
        draft.numa_memory = Some(Sourced::xml(sum, view.span(numa)));
    }
    for (position, &cell) in cells.iter().enumerate() {
        if let Some((id, span)) = view.attribute(cell, "id") {
            if number(id).is_ok_and(|id| id >= cells.len() as u64) {
                let message =
                    format!("@id of <cell>: {} cells are numbered from 0 without gaps", cells.len());
                refuse(context, Code::OutOfRange, span, message);
            }
            draft.unique(context, "cell", id, span, format!("two cells have the id {id}"));
        } else {
            draft.unique(
                context,
                "cell",
                &position.to_string(),
                view.span(cell),
                format!("two cells have the id {position}"),
            );
        }
        let Some((text, span)) = view.attribute(cell, "cpus") else { continue };
        let Ok(cpus) = IdSet::parse(text) else { continue };
        draft.whole.vcpus.push((u64::from(cpus.last()), span));
        if cpus.iter().any(|cpu| taken[cpu as usize]) {
            refuse(context, Code::Contradiction, span, "@cpus of <cell>: a CPU is in two cells");
        }
        cpus.iter().for_each(|cpu| taken[cpu as usize] = true);
    }
}
