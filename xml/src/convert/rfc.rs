//! A document of either dialect in the `lxc` dialect.

use super::{Converted, Place, domain};
use crate::source::{Source, Span};

/// The document in the `lxc` dialect, with its comments. What a document of the `lxc` dialect asks
/// for and nobody acts on is not in it.
pub fn from_xml(source: &Source) -> Converted {
    let reading = crate::read(source);
    let Some(read) = reading.domain else { return Converted::failed(source, reading.report) };
    let (mut root, mut findings) = domain::written(source, &read);
    for diagnostic in reading.report.diagnostics {
        findings.push(Place { source: 0, span: diagnostic.span }, diagnostic);
    }
    root.take_comments(comments(source));
    findings.conclude(root)
}

/// The comments without their delimiters.
fn comments(source: &Source) -> Vec<(Span, String)> {
    let inner = |span: Span| {
        let text = &source.text()[span.start as usize..span.end as usize];
        text.strip_prefix("<!--").and_then(|text| text.strip_suffix("-->")).unwrap_or(text).to_owned()
    };
    crate::events::comments(source.text()).into_iter().map(|span| (span, inner(span))).collect()
}
