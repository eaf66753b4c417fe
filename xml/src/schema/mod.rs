//! What a row of the schema looks like; the rows themselves are in the files beside this one.
//!
//! The tables are the only place that knows the shape of a document. Checking, RELAX NG, the
//! reference manual, the canonical order and the test generators are read off them. A row cannot
//! compute: what needs a condition is a value type, a cross-field rule or the lowering.

mod boot;
pub mod capabilities;
pub mod commandline;
pub mod devices;
pub mod export;
pub mod extension;
mod homes;
pub mod libvirt;
mod lookup;
pub mod lxc;
pub mod rfc;
mod since;
mod values;

pub(crate) use homes::homes;
pub use homes::walk;
pub(crate) use lookup::{find_attribute, find_child};
pub use since::{BadVersion, NEWEST, Newer, OLDEST, Version, since, with_newer};

use crate::value::Value;

/// The namespaces that have rows. Everything else is foreign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Namespace {
    /// No namespace: the domain vocabulary of both dialects.
    None,
    /// libvirt's container extension.
    Lxc,
    /// What neither dialect can say.
    Browndog,
    /// libvirt's command lines for other drivers: known, refused by name.
    Foreign(&'static str),
}

impl Namespace {
    /// The URI of libvirt's container extension.
    pub const LXC_URI: &'static str = "http://libvirt.org/schemas/domain/lxc/1.0";
    /// The URI of browndog's own extension.
    pub const BROWNDOG_URI: &'static str = "urn:browndog:domain:1";
}

/// An element: one row.
#[derive(Debug)]
pub struct Element {
    /// Its name without prefix.
    pub name: &'static str,
    /// Its namespace.
    pub namespace: Namespace,
    /// Its attributes in canonical order.
    pub attributes: &'static [Attribute],
    /// What stands between its tags.
    pub content: Content,
    /// What it does.
    pub support: Support,
    /// Which libvirt was the first to have it, where that is newer than [`OLDEST`].
    pub since: Option<Version>,
    /// Words of its value that came later.
    pub newer: Newer,
    /// One line for the reference manual.
    pub doc: &'static str,
}

/// An attribute: one row.
#[derive(Debug)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
    /// Whether it has to be there.
    pub required: bool,
    /// What it does.
    pub support: Support,
    /// Which libvirt was the first to have it, where that is newer than [`OLDEST`].
    pub since: Option<Version>,
    /// Words of its value that came later.
    pub newer: Newer,
    /// One line for the reference manual.
    pub doc: &'static str,
}

/// What stands between the tags of an element.
#[derive(Debug)]
pub enum Content {
    /// Nothing but comments.
    Empty,
    /// Text of this type.
    Text(Value),
    /// Elements in any order, in canonical order here.
    Children(&'static [Child]),
    /// Text of this type, or elements instead of it.
    Either(Value, &'static [Child]),
    /// Well-formed XML that is nobody's business here.
    Foreign,
    /// The row depends on an attribute.
    Variants(&'static Variants),
}

/// Rows to choose from by the value of an attribute.
#[derive(Debug)]
pub struct Variants {
    /// The attribute that decides.
    pub attribute: &'static str,
    /// Which value it has when it is not written; `None` where it has to be written.
    pub absent: Option<&'static str>,
    /// Values and the row they choose.
    pub rows: &'static [(&'static [&'static str], &'static Element)],
}

/// An element below another.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    /// The element's row.
    pub element: &'static Element,
    /// How often.
    pub occurs: Occurs,
}

/// How often an element stands below another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Occurs {
    /// Once.
    Required,
    /// At most once.
    Optional,
    /// Any number of times.
    Many,
    /// At least once.
    AtLeastOnce,
    /// Once, unless the rest of the document implies it.
    Implied,
    /// At most once by the schema; libvirt's driver takes several for one that is written in parts.
    InParts,
}

impl Occurs {
    /// Whether it has to be there.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Required | Self::AtLeastOnce)
    }
    /// Whether a document that says nothing special has it.
    pub const fn is_usual(self) -> bool {
        self.is_required() || matches!(self, Self::Implied)
    }
    /// Whether it may stand there more than once.
    pub const fn may_repeat(self) -> bool {
        matches!(self, Self::Many | Self::AtLeastOnce)
    }
}

/// What an element or attribute does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Support {
    /// It changes the container, or says something about it.
    ActedOn,
    /// It is legal and has no effect, for this reason.
    Ignored(&'static str),
    /// It is known and cannot be had here, for this reason.
    Refused(&'static str),
    /// A definition may hold it; a container that has it cannot be started, for this reason.
    CannotStart(&'static str),
}

/// An element with nothing in it, to build rows from.
pub const fn element(name: &'static str) -> Element {
    Element {
        name,
        namespace: Namespace::None,
        attributes: &[],
        content: Content::Empty,
        support: Support::ActedOn,
        since: None,
        newer: &[],
        doc: "",
    }
}

/// An element that holds text.
pub const fn text(name: &'static str, value: Value) -> Element {
    Element { content: Content::Text(value), ..element(name) }
}

/// An attribute that may be left out.
pub const fn optional(name: &'static str, value: Value) -> Attribute {
    Attribute { name, value, required: false, support: Support::ActedOn, since: None, newer: &[], doc: "" }
}

/// An attribute that has to be there.
pub const fn required(name: &'static str, value: Value) -> Attribute {
    Attribute { required: true, ..optional(name, value) }
}

/// An attribute without effect.
pub const fn ignored(name: &'static str, value: Value, reason: &'static str) -> Attribute {
    Attribute { support: Support::Ignored(reason), ..optional(name, value) }
}

/// An attribute that cannot be had.
pub const fn refused(name: &'static str, value: Value, reason: &'static str) -> Attribute {
    Attribute { support: Support::Refused(reason), ..optional(name, value) }
}

/// A child that may stand there once.
pub const fn maybe(element: &'static Element) -> Child {
    Child { element, occurs: Occurs::Optional }
}

/// A child that has to stand there once.
pub const fn once(element: &'static Element) -> Child {
    Child { element, occurs: Occurs::Required }
}

/// A child that has to stand there once, unless the rest implies it.
pub const fn implied(element: &'static Element) -> Child {
    Child { element, occurs: Occurs::Implied }
}

/// A child that may stand there once, or in parts that together are the one.
pub const fn in_parts(element: &'static Element) -> Child {
    Child { element, occurs: Occurs::InParts }
}

/// A child that may stand there any number of times.
pub const fn many(element: &'static Element) -> Child {
    Child { element, occurs: Occurs::Many }
}

/// A child that has to stand there at least once.
pub const fn some(element: &'static Element) -> Child {
    Child { element, occurs: Occurs::AtLeastOnce }
}

/// Whether the children of `element`, not the element, are taken one by one.
pub(crate) fn hands_over_children(element: &'static Element) -> bool {
    [&lxc::DOMAIN, &rfc::DOMAIN, &devices::DEVICES, &rfc::CONTAINER, &rfc::DEVICES]
        .iter()
        .any(|&known| std::ptr::eq(known, element))
}
