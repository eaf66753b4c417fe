//! The end of every conversion: the document is written, and read like any other. A value of the source that is legal
//! there and has no place here is left out and said, where a container without it is no weaker one.

use std::collections::BTreeSet;

use super::element::{Element, Place};
use super::{Converted, Findings, start_tags};
use crate::report::{Diagnostic, Severity};
use crate::source::{Source, Span};

/// How often a document is written anew without what the reader refuses: each time at least one element less.
const ROUNDS: usize = 64;

/// What may be left out. Nothing that confines is among it: maps of ids, capabilities, what is read-only or hidden, whose
/// namespaces are joined, who runs; nor what a container is not one without.
const DISPENSABLE: [&str; 41] = [
    "uuid",
    "title",
    "description",
    "vcpu",
    "shares",
    "period",
    "quota",
    "weight",
    "hard_limit",
    "soft_limit",
    "swap_hard_limit",
    "cputune",
    "memtune",
    "blkiotune",
    "numatune",
    "resource",
    "partition",
    "initenv",
    "initdir",
    "mtu",
    "guest",
    "target",
    "link",
    "bandwidth",
    "inbound",
    "outbound",
    "port",
    "console",
    "clock",
    "timer",
    "browndog:hostname",
    "browndog:rlimit",
    "browndog:sysctl",
    "browndog:time",
    "browndog:pids",
    "browndog:nameserver",
    "browndog:ram",
    "browndog:socket",
    "browndog:umask",
    "browndog:group",
    "browndog:optional",
];

impl Findings {
    /// Writes the document and reads it: what is wrong with it is wrong with what it was made from.
    pub(super) fn conclude(mut self, mut root: Element) -> Converted {
        if self.has_errors() {
            return Converted { text: None, domain: None, reports: self.sorted() };
        }
        for round in 0..=ROUNDS {
            let text = crate::fmt::write(&root.item());
            let mut places = Vec::new();
            root.places(Place { source: 0, span: Span::default() }, &mut places);
            let starts = start_tags(&text);
            // The element whose start tag is the last one before.
            let number = |span: Span| {
                let number = starts.partition_point(|&start| start <= span.start as usize);
                number.saturating_sub(1).min(places.len() - 1)
            };
            let reading = crate::read(&Source::new("converted.xml", text.clone()));
            let errors = || reading.report.errors().map(|error| (number(error.span), error));
            let unfit =
                errors().filter_map(|(number, error)| Some((dispensable(&root, number)?, number, error)));
            let unfit: Vec<_> = unfit.collect();
            if round < ROUNDS && !unfit.is_empty() && unfit.len() == errors().count() {
                let mut left_out = BTreeSet::new();
                for (element, number, error) in &unfit {
                    if left_out.insert(*element) {
                        let why =
                            format!("this has no place in the document, and is left out: {}", error.message);
                        self.lost(places[*number], error.path.clone(), why);
                    }
                }
                // From the last on: those before keep their numbers.
                left_out.iter().rev().for_each(|&element| remove(&mut root, element));
                continue;
            }
            let origin = |span: Span| places[number(span)];
            for diagnostic in reading.report.diagnostics {
                self.pass_on(diagnostic, &origin);
            }
            let text = reading.domain.is_some().then_some(text);
            return Converted { text, domain: reading.domain, reports: self.sorted() };
        }
        unreachable!("the last round returns")
    }

    /// Says of the source what was found in what was made from it.
    fn pass_on(&mut self, mut diagnostic: Diagnostic, origin: &dyn Fn(Span) -> Place) {
        let place = origin(diagnostic.span);
        diagnostic.span = place.span;
        let labels = std::mem::take(&mut diagnostic.labels).into_iter();
        let labels = labels.map(|(span, text)| (origin(span), text));
        let here = labels.filter(|(label, _)| label.source == place.source && label.span != place.span);
        diagnostic.labels = here.map(|(label, text)| (label.span, text)).collect();
        // Nobody wrote the elements that were made.
        if diagnostic.severity == Severity::Error {
            diagnostic.message = format!("in {}: {}", diagnostic.path, diagnostic.message).into();
        }
        self.push(place, diagnostic);
    }
}

/// The number of the innermost element at or around the one of this number that may be left out.
fn dispensable(root: &Element, number: usize) -> Option<usize> {
    let (mut element, mut at, mut found, mut outer) = (root, 0, None, "");
    loop {
        let in_tune = outer == "numatune" && element.name == "memory";
        let mounted = element.name == "filesystem" && !is_root(element);
        // The parts of a file system are nothing without the others.
        let part = outer == "filesystem";
        if !part && (DISPENSABLE.contains(&element.name) || in_tune || mounted) {
            found = Some(at);
        }
        if at == number {
            return found;
        }
        let mut next = at + 1;
        let child = element.children.iter().find(|child| {
            let holds = number < next + child.count();
            if !holds {
                next += child.count();
            }
            holds
        })?;
        (outer, element, at) = (element.name, child, next);
    }
}

fn is_root(filesystem: &Element) -> bool {
    let target = filesystem.children.iter().find(|child| child.name == "target");
    let dir = target.and_then(|target| target.attributes.iter().find(|(name, _)| *name == "dir"));
    dir.is_none_or(|(_, dir)| dir.trim_matches('/').is_empty())
}

fn remove(element: &mut Element, number: usize) {
    let mut at = 1;
    for index in 0..element.children.len() {
        let count = element.children[index].count();
        if number == at {
            drop(element.children.remove(index));
            return;
        }
        if number < at + count {
            return remove(&mut element.children[index], number - at);
        }
        at += count;
    }
}
