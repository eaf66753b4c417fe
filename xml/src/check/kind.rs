//! A device whose parts fit another kind than the one it names.
//!
//! `<interface type='vdpa'>` with the parts of a bridge is one mistake, not one for each part.

use super::{Checker, Mode, Sink};
use crate::codes::Code;
use crate::report::{Diagnostic, Report, Severity};
use crate::schema::{Content, Element, Support, Variants};
use crate::source::{Source, Span};
use crate::tree::{NodeId, Tree, View};

/// Looks at nothing: only whether a text is right counts.
struct Judge;

impl Sink for Judge {
    fn begin(&mut self, _: crate::domain::Dialect, _: View<'_>, _: NodeId) {}
    fn unit(&mut self, _: View<'_>, _: NodeId, _: &mut Report) {}
}

impl<S: Sink> Checker<'_, S> {
    /// Says that the kind is wrong, where it is one that cannot be had and all parts fit one that can.
    #[cold]
    pub(super) fn reconsider_kind(&mut self, node: NodeId) {
        let Some((variants, written)) = self.kind_of(node) else { return };
        let name = self.tree.nodes[node].element.name;
        let entry = self.tree.nodes[node];
        let inside = |span: Span| span.start >= entry.name.start && span.start < entry.end;
        let foreign = self.report.diagnostics.iter().find(|it| {
            matches!(it.code, Code::UnknownAttribute | Code::UnknownElement | Code::MisplacedElement)
                && inside(it.span)
        });
        let Some(foreign) = foreign.map(|it| it.span) else { return };
        let fitting: Vec<&str> = variants
            .rows
            .iter()
            .filter(|(_, row)| matches!(row.support, Support::ActedOn))
            .flat_map(|(words, _)| words.iter().copied())
            .filter(|word| self.fits(entry.name.start, entry.end, variants.attribute, written, word))
            .collect();
        if fitting.is_empty() {
            return;
        }
        self.report.forget(|it| it.severity == Severity::Error && inside(it.span));
        let attribute = variants.attribute;
        let (place, message) = match written {
            Some(written) => {
                let shown = crate::value::quoted(&self.text[written.start as usize..written.end as usize]);
                (written, format!("@{attribute} of <{name}>: {shown} does not fit what stands in it"))
            }
            None => {
                let absent = variants.absent.unwrap_or_default();
                let message = format!(
                    "<{name}> has no attribute '{attribute}', which makes it '{absent}': that does not fit what stands in it"
                );
                (entry.name, message)
            }
        };
        let path = format!("{}/@{attribute}", self.path());
        let fault = Diagnostic::error(Code::Contradiction, place, message).path(path);
        self.push(fault.label(foreign, "this is of another kind").help(format!(
            "it fits {}='{}'",
            variants.attribute,
            fitting.join("' or '")
        )));
    }

    /// What chose the row of the innermost element, if nobody wrote it or the row cannot be had.
    fn kind_of(&self, node: NodeId) -> Option<(&'static Variants, Option<Span>)> {
        let [.., parent, frame] = &self.frames[..] else { return None };
        let Mode::Row(parent, _) = parent.mode else { return None };
        let row: &'static Element = parent.children().get(usize::from(frame.index))?.element;
        let Content::Variants(variants) = row.content else { return None };
        let attributes = self.tree.attributes_of(node);
        let kind = attributes.iter().find(|attribute| attribute.row.name == variants.attribute);
        let possible = matches!(self.tree.nodes[node].element.support, Support::CannotStart(_));
        match kind {
            Some(kind) if possible => Some((variants, Some(kind.value.span))),
            Some(_) => None,
            None => Some((variants, None)),
        }
    }

    /// Whether the device between these places is right if its kind is `word`.
    fn fits(&self, start: u32, end: u32, attribute: &str, kind: Option<Span>, word: &str) -> bool {
        let part = |from: u32, to: u32| &self.text[from as usize..to as usize];
        let device = match kind {
            Some(kind) => format!("{}{word}{}", part(start, kind.start), part(kind.end, end)),
            None => {
                let name = self.frames.last().map_or(start, |frame| frame.name.end);
                format!("{} {attribute}='{word}'{}", part(start, name), part(name, end))
            }
        };
        let text = format!(
            "<domain type='lxc'><name>a</name><memory>1</memory><os><type>exe</type></os><devices>{device}</devices></domain>"
        );
        let (Judge, report, Tree { .. }) = super::check(&Source::new("", text), Judge);
        !report.has_errors()
    }
}
