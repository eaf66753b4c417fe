//! Memory, CPU, NUMA, block I/O and id ranges.

use std::ops::RangeInclusive;

use super::{Context, Draft, integer, number};
use crate::codes::Code;
use crate::domain::{BlkioDevice, IdMap, IdRange, Numa, NumaMode, Origin, Sourced};
use crate::report::Diagnostic;
use crate::source::Span;
use crate::tree::NodeId;
use crate::value::{AbsPath, IdSet};

pub(super) fn lower(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    match context.view.name(node) {
        "memory" => draft.memory.maximum = context.size(node),
        "currentMemory" => draft.memory.current = context.size(node),
        "memtune" => memtune(draft, context, node),
        "vcpu" => {
            draft.vcpus = context.text(node, |text| number(text).map(|count| count as u32));
            draft.cpuset = context.attribute(node, "cpuset", IdSet::parse);
            if let Some(("auto", span)) = context.view.attribute(node, "placement") {
                automatic(context, span);
                if let Some((_, span)) = context.view.attribute(node, "cpuset") {
                    // libvirt drops it as well, without a word.
                    let message = "@cpuset of <vcpu> has no effect: placement='auto' chooses the processors";
                    context.report.push(Diagnostic::warning(Code::Ignored, span, message));
                    draft.cpuset = None;
                }
            }
            if let Some(current) = context.attribute(node, "current", number)
                && let Some(count) = &draft.vcpus
                && current.value > u64::from(count.value)
                && let Origin::Xml(span) = current.origin
            {
                context.report.push(
                    Diagnostic::error(
                        Code::Contradiction,
                        span,
                        format!(
                            "@current is {}, more than the {} CPUs there are",
                            current.value, count.value
                        ),
                    )
                    .label(context.view.text_span(node), "at most as many"),
                );
            }
        }
        "cputune" => cputune(draft, context, node),
        "numatune" => numatune(draft, context, node),
        "blkiotune" => blkiotune(draft, context, node),
        _ => idmap(draft, context, node),
    }
}

/// libvirt asks numad; here the kernel places what nobody has placed.
fn automatic(context: &mut Context<'_, '_>, span: Span) {
    let message = "placement='auto' has no effect: no daemon is asked, the kernel chooses";
    context.report.push(Diagnostic::warning(Code::Ignored, span, message));
}

fn memtune(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    for child in context.view.children(node) {
        let size = match context.view.name(child) {
            "hard_limit" => &mut draft.memory.limit,
            "soft_limit" => &mut draft.memory.soft,
            "swap_hard_limit" => &mut draft.memory.memory_and_swap,
            _ => continue,
        };
        *size = context.size(child);
    }
}

fn cputune(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    super::cachetune::check(context, node);
    for child in context.view.children(node) {
        match context.view.name(child) {
            "shares" => draft.shares = context.number(child).filter(|shares| shares.value > 0),
            "period" => draft.period_us = context.number(child),
            "quota" => draft.quota_us = context.text(child, integer),
            "global_period" if draft.period_us.is_none() => draft.period_us = context.number(child),
            "vcpupin" => {
                if let Some((cpu, span)) = context.view.attribute(child, "vcpu") {
                    draft.unique(context, "vcpupin", cpu, span, format!("CPU {cpu} is pinned twice"));
                }
            }
            "vcpusched" => scheduled(draft, context, child),
            "iothreadpin" => {
                let thread = context.attribute(child, "iothread", number);
                if let Some(Sourced { value, origin: Origin::Xml(span) }) = thread {
                    draft.whole.iothread_refs.push((value..=value, span));
                }
            }
            "iothreadsched" => {
                if let Some((text, span)) = context.view.attribute(child, "iothreads")
                    && let Ok(set) = IdSet::parse(text)
                {
                    let wide = |range: &RangeInclusive<u32>| (*range.start()).into()..=(*range.end()).into();
                    draft.whole.iothread_refs.extend(set.ranges().iter().map(|range| (wide(range), span)));
                }
            }
            "global_quota" if draft.quota_us.is_none() => draft.quota_us = context.text(child, integer),
            _ => {}
        }
    }
}

/// A CPU is scheduled once.
fn scheduled(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let Some((text, span)) = context.view.attribute(node, "vcpus") else { return };
    let Ok(set) = IdSet::parse(text) else { return };
    draft.whole.vcpus.push((u64::from(set.last()), span));
    for cpu in set.iter() {
        if let Some(first) =
            draft.whole.seen.get_or_insert_default().insert(("vcpusched", cpu.to_string()), span)
        {
            let message = format!("CPU {cpu} is scheduled twice");
            let fault = Diagnostic::error(Code::Contradiction, span, message).label(first, "first here");
            return context.report.push(fault);
        }
    }
}

fn numatune(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    draft.memnode = context.view.child(node, "memnode").map(|memnode| context.view.span(memnode));
    let Some(memory) = context.view.child(node, "memory") else { return };
    let mode = context.attribute(memory, "mode", |mode| {
        Ok(match mode {
            "preferred" => NumaMode::Preferred,
            "interleave" => NumaMode::Interleave,
            "restrictive" => NumaMode::Restrictive,
            _ => NumaMode::Strict,
        })
    });
    if let Some(("auto", span)) = context.view.attribute(memory, "placement") {
        automatic(context, span);
    }
    draft.numa = Some(Numa {
        mode: mode
            .unwrap_or_else(|| Sourced::default(NumaMode::Strict, "libvirt's default for numatune/memory")),
        nodes: context.attribute(memory, "nodeset", IdSet::parse),
    });
}

fn blkiotune(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let weight = |context: &mut Context<'_, '_>, node| {
        context.text(node, |text| number(text).map(|weight| weight as u16))
    };
    for child in context.view.children(node) {
        match context.view.name(child) {
            "weight" => draft.blkio.weight = weight(context, child),
            "device" => {
                let Some(path) =
                    context.view.child(child, "path").and_then(|path| context.text(path, AbsPath::parse))
                else {
                    continue;
                };
                if let Origin::Xml(span) = path.origin {
                    let message = format!("the device {} stands here twice", path.value);
                    draft.unique(context, "blkio device", path.value.as_str(), span, message);
                }
                let mut number = |name| context.view.child(child, name).and_then(|node| context.number(node));
                let (read_bytes_sec, write_bytes_sec) = (number("read_bytes_sec"), number("write_bytes_sec"));
                let (read_iops_sec, write_iops_sec) = (number("read_iops_sec"), number("write_iops_sec"));
                let weight = context.view.child(child, "weight").and_then(|node| weight(context, node));
                draft.blkio.devices.push(BlkioDevice {
                    path,
                    weight,
                    read_bytes_sec,
                    write_bytes_sec,
                    read_iops_sec,
                    write_iops_sec,
                });
            }
            _ => {}
        }
    }
}

fn idmap(draft: &mut Draft, context: &mut Context<'_, '_>, node: NodeId) {
    let mut map = IdMap { origin: context.origin(node), uid: Vec::new(), gid: Vec::new() };
    for child in context.view.children(node) {
        let mut id = |name| context.attribute(child, name, number).map_or(0, |id| id.value as u32);
        let range = IdRange { start: id("start"), target: id("target"), count: id("count") };
        let ranges = if context.view.name(child) == "uid" { &mut map.uid } else { &mut map.gid };
        ranges.push(Sourced::xml(range, context.view.span(child)));
    }
    for (name, missing) in [("uid", map.uid.is_empty()), ("gid", map.gid.is_empty())] {
        if missing && map.uid.len() + map.gid.len() > 0 {
            // Where it belongs: <uid>s come first.
            let last = context.view.children(node).filter(|_| name == "gid").last();
            let place = context.gap(node, last);
            let fault = Diagnostic::error(Code::BadIdMap, place, format!("<idmap> has no <{name}>"));
            let fault = fault
                .label(context.view.span(node), "needed by this element")
                .path(format!("/domain/idmap/{name}"));
            context.report.push(fault.help("users and groups have to be mapped both"));
        }
    }
    if map.uid.is_empty() && map.gid.is_empty() {
        return;
    }
    map.uid.sort_by_key(|range| range.value.start);
    map.gid.sort_by_key(|range| range.value.start);
    draft.idmap = Some(map);
}
