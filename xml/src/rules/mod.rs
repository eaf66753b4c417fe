//! What no single element can tell: rules over the whole domain, one file each.

mod driver;
mod hostname;
mod idmap;
mod memory;
mod partition;
mod program;
mod ram;
mod targets;

use crate::domain::Origin;
use crate::lower::Draft;
use crate::report::Report;
use crate::source::Span;

/// A rule: looks at everything that was said, adds what is wrong with it.
type Rule = fn(&Draft, &mut Report);

/// Every rule.
const RULES: &[Rule] = &[
    program::check,
    hostname::check,
    memory::check,
    partition::check,
    ram::check,
    idmap::check,
    targets::check,
    driver::check,
];

/// Applies every rule.
pub(crate) fn check(draft: &Draft, report: &mut Report) {
    for rule in RULES {
        rule(draft, report);
    }
}

/// The place of a written value.
fn place(origin: Origin) -> Option<Span> {
    match origin {
        Origin::Xml(span) => Some(span),
        Origin::Default(_) => None,
    }
}
