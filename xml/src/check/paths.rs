//! Where in the document a diagnostic is, in words.

use std::fmt::Write as _;

use super::{Checker, Mode, Sink};
use crate::source::Span;
use crate::tree::{NodeId, View};

impl<S: Sink> Checker<'_, S> {
    /// The path of the innermost open element.
    pub(super) fn path(&self) -> String {
        self.path_to(self.frames.len())
    }

    /// The path of the open element at this depth.
    pub(super) fn path_to(&self, depth: usize) -> String {
        let mut path = String::new();
        let mut parent = None;
        for frame in self.frames.iter().take(depth.min(12)) {
            path.push('/');
            path.push_str(self.name(frame.name));
            let repeats = parent.is_some_and(|mode| may_repeat(mode, frame.index));
            if repeats {
                // Writing to a String cannot fail.
                write!(path, "[{}]", frame.ordinal).unwrap_or_default();
            }
            parent = Some(frame.mode);
        }
        if depth > 12 {
            path.push_str("/…");
        }
        if path.is_empty() {
            path.push('/');
        }
        path
    }

    /// The path of a child that is not open, because it is unknown or missing.
    pub(super) fn path_of_child(&self, name: &str) -> String {
        let path = self.path();
        if path == "/" { format!("/{name}") } else { format!("{path}/{name}") }
    }

    /// A name as it is written, cut to what a message can carry.
    pub(super) fn name(&self, span: Span) -> &str {
        let name = &self.text[span.start as usize..span.end as usize];
        &name[..name.floor_char_boundary(crate::limits::QUOTED_BYTES)]
    }
}

fn may_repeat(parent: Mode, index: u16) -> bool {
    let Mode::Row(row, _) = parent else { return false };
    row.children().get(usize::from(index)).is_some_and(|child| child.occurs.may_repeat())
}

/// The path of the part of a unit that `span` begins in, given the path of the unit.
pub(super) fn path_in_unit(view: View<'_>, unit: NodeId, unit_path: &str, span: Span) -> String {
    let mut path = unit_path.to_owned();
    let mut node = unit;
    'descend: loop {
        for child in view.children(node) {
            let row = &view.tree.nodes[child];
            if row.name.start <= span.start && span.start < row.end {
                path.push('/');
                path.push_str(row.element.name);
                if view.tree.nodes[node]
                    .element
                    .children()
                    .iter()
                    .any(|it| std::ptr::eq(it.element.name, row.element.name) && it.occurs.may_repeat())
                {
                    write!(path, "[{}]", row.ordinal).unwrap_or_default();
                }
                node = child;
                continue 'descend;
            }
        }
        break;
    }
    let found = view.tree.attributes_of(node).iter();
    if let Some(attribute) =
        found.into_iter().find(|it| it.name.start <= span.start && span.start <= it.value.span.end)
    {
        path.push_str("/@");
        path.push_str(attribute.row.name);
    }
    path
}
