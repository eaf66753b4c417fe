//! Finding rows by name.

use super::{Attribute, Child, Content, Element, Namespace};

/// The child row of `element` with this name, and its index.
pub(crate) fn find_child(
    element: &'static Element,
    namespace: Namespace,
    name: &[u8],
) -> Option<(usize, &'static Child)> {
    element.children().iter().enumerate().find(|(_, child)| {
        child.element.name.len() == name.len()
            && child.element.name.as_bytes() == name
            && child.element.namespace == namespace
    })
}

/// The attribute row of `element` with this name, and its index.
pub(crate) fn find_attribute(element: &'static Element, name: &[u8]) -> Option<(usize, &'static Attribute)> {
    element
        .attributes
        .iter()
        .enumerate()
        .find(|(_, row)| row.name.len() == name.len() && row.name.as_bytes() == name)
}

impl Element {
    /// The rows below this one.
    pub fn children(&self) -> &'static [Child] {
        match self.content {
            Content::Children(children) | Content::Either(_, children) => children,
            _ => &[],
        }
    }
}
