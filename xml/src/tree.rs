//! Checked elements in the order of their start tags.
//!
//! A node is followed by its descendants and knows where they end; there are no pointers to keep,
//! and what was lowered is cut off again.

use crate::schema::{Attribute, Element};
use crate::source::Span;

/// A place in a [`Tree`].
pub(crate) type NodeId = usize;

/// Text of the document, or what its references resolve to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) span: Span,
    /// Index into [`Tree::decoded`], or [`Text::AS_WRITTEN`].
    pub(crate) decoded: u32,
}

impl Text {
    pub(crate) const AS_WRITTEN: u32 = u32::MAX;
    pub(crate) const fn written(span: Span) -> Self {
        Self { span, decoded: Self::AS_WRITTEN }
    }
}

/// An element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) element: &'static Element,
    /// Where it stands among those of its kind below its parent, from 1.
    pub(crate) ordinal: u32,
    /// The start tag without its brackets' content: `<` to the end of the name.
    pub(crate) name: Span,
    /// End of the start tag.
    pub(crate) open_end: u32,
    /// End of the end tag.
    pub(crate) end: u32,
    pub(crate) first_attribute: u32,
    pub(crate) attributes: u32,
    pub(crate) first_decoded: u32,
    /// One past its last descendant.
    pub(crate) after: u32,
    pub(crate) text: Text,
    /// Whether something in it is an error.
    pub(crate) faulty: bool,
}

/// An attribute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeNode {
    pub(crate) row: &'static Attribute,
    pub(crate) name: Span,
    pub(crate) value: Text,
}

/// Elements, attributes and resolved text.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) attributes: Vec<AttributeNode>,
    pub(crate) decoded: Vec<String>,
}

impl Tree {
    /// Removes `node` and everything after it.
    pub(crate) fn cut(&mut self, node: NodeId) {
        let Some(Node { first_attribute, first_decoded, .. }) = self.nodes.get(node) else { return };
        self.attributes.truncate(*first_attribute as usize);
        self.decoded.truncate(*first_decoded as usize);
        self.nodes.truncate(node);
    }

    /// Attributes of `node`.
    pub(crate) fn attributes_of(&self, node: NodeId) -> &[AttributeNode] {
        let node = &self.nodes[node];
        &self.attributes[node.first_attribute as usize..(node.first_attribute + node.attributes) as usize]
    }

    /// Elements directly below `node`.
    pub(crate) fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let after = self.nodes[node].after as usize;
        let mut next = node + 1;
        std::iter::from_fn(move || {
            let child = next;
            (child < after).then(|| {
                next = self.nodes[child].after as usize;
                child
            })
        })
    }
}

/// A tree and the document it is of.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) source: &'a str,
}

impl<'a> View<'a> {
    /// What `text` says.
    pub(crate) fn resolve(self, text: Text) -> &'a str {
        match text.decoded {
            Text::AS_WRITTEN => &self.source[text.span.start as usize..text.span.end as usize],
            index => &self.tree.decoded[index as usize],
        }
    }

    /// The text of an element.
    pub(crate) fn text(self, node: NodeId) -> &'a str {
        self.resolve(self.tree.nodes[node].text)
    }

    /// The place of an element: its start tag up to the name.
    pub(crate) fn span(self, node: NodeId) -> Span {
        self.tree.nodes[node].name
    }

    /// The place of an element's text, or of the element where there is none.
    pub(crate) fn text_span(self, node: NodeId) -> Span {
        let node = &self.tree.nodes[node];
        if node.text.span.start < node.text.span.end { node.text.span } else { node.name }
    }

    /// Where a child of `node` ends, or the start tag of `node` itself.
    pub(crate) fn end(self, node: NodeId, child: Option<NodeId>) -> usize {
        child.map_or(self.tree.nodes[node].open_end, |child| self.tree.nodes[child].end) as usize
    }

    /// The name of an element.
    pub(crate) fn name(self, node: NodeId) -> &'static str {
        self.tree.nodes[node].element.name
    }

    /// An attribute by name.
    pub(crate) fn attribute(self, node: NodeId, name: &str) -> Option<(&'a str, Span)> {
        let found = self.tree.attributes_of(node).iter().find(|attribute| attribute.row.name == name)?;
        Some((self.resolve(found.value), Span { start: found.name.start, end: found.value.span.end + 1 }))
    }

    /// The first element of this name below `node`.
    pub(crate) fn child(self, node: NodeId, name: &str) -> Option<NodeId> {
        self.tree.children(node).find(|&child| self.name(child) == name)
    }

    /// Elements directly below `node`.
    pub(crate) fn children(self, node: NodeId) -> impl Iterator<Item = NodeId> + 'a {
        self.tree.children(node)
    }
}
