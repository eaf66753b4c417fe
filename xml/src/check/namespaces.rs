//! Which namespace a prefix stands for.

use crate::schema::Namespace;
use crate::source::Span;

/// A declared namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// One that has rows.
    Known(Namespace),
    /// Any other.
    Other,
}

/// The namespace of the prefix `xml`.
pub(super) const XML_URI: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of declarations themselves.
pub(super) const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";

/// The bindings in scope, innermost last.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    bindings: Vec<Binding>,
}

#[derive(Debug)]
struct Binding {
    prefix: Span,
    bound: Bound,
    uri: Box<str>,
}

impl Namespaces {
    pub(super) fn len(&self) -> u32 {
        self.bindings.len() as u32
    }

    pub(super) fn truncate(&mut self, length: u32) {
        self.bindings.truncate(length as usize);
    }

    /// Declares `prefix` (empty for the default namespace).
    pub(super) fn bind(&mut self, prefix: Span, uri: &str) {
        let bound = match uri {
            "" => Bound::Known(Namespace::None),
            Namespace::LXC_URI => Bound::Known(Namespace::Lxc),
            Namespace::BROWNDOG_URI => Bound::Known(Namespace::Browndog),
            "http://libvirt.org/schemas/domain/qemu/1.0" => Bound::Known(Namespace::Foreign("qemu")),
            "http://libvirt.org/schemas/domain/xen/1.0" => Bound::Known(Namespace::Foreign("xen")),
            "http://libvirt.org/schemas/domain/bhyve/1.0" => Bound::Known(Namespace::Foreign("bhyve")),
            "http://libvirt.org/schemas/domain/vmware/1.0" => Bound::Known(Namespace::Foreign("vmware")),
            _ => Bound::Other,
        };
        self.bindings.push(Binding { prefix, bound, uri: uri.into() });
    }

    fn find(&self, text: &str, prefix: &str) -> Option<&Binding> {
        self.bindings
            .iter()
            .rev()
            .find(|it| &text[it.prefix.start as usize..it.prefix.end as usize] == prefix)
    }

    /// What `prefix` stands for; `None` if it is not declared.
    pub(super) fn resolve(&self, text: &str, prefix: &str) -> Option<Bound> {
        match self.find(text, prefix) {
            Some(binding) => Some(binding.bound),
            None if prefix.is_empty() => Some(Bound::Known(Namespace::None)),
            None if prefix == "xml" => Some(Bound::Other),
            None => None,
        }
    }

    /// The name of the namespace that `prefix` stands for.
    pub(super) fn uri(&self, text: &str, prefix: &str) -> Option<&str> {
        self.find(text, prefix).map(|binding| &*binding.uri).or((prefix == "xml").then_some(XML_URI))
    }

    /// Whether nothing is declared.
    pub(super) fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }
}
