//! Shapes that many rows have.

use super::reasons;
use crate::schema::values::{ON_OFF, U64};
use crate::schema::{Attribute, Content, Element, Support, element, ignored, optional, required};
use crate::value::Value;

/// Variants of one virtio device: of today's standard, of both, of the old one.
pub(super) const VIRTIO_MODELS: Value =
    Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]);

/// What every virtio device's driver can be told.
pub(super) const IOMMU: Attribute = optional("iommu", ON_OFF);
pub(super) const ATS: Attribute = optional("ats", ON_OFF);
pub(super) const PACKED: Attribute = optional("packed", ON_OFF);
pub(super) const PAGE_PER_VQ: Attribute = optional("page_per_vq", ON_OFF);
/// The four of them.
pub(super) static VIRTIO_OPTIONS: &[Attribute] = &[IOMMU, ATS, PACKED, PAGE_PER_VQ];
/// How an emulated virtio device is driven.
pub(super) static VIRTIO_DRIVER: Element =
    Element { attributes: VIRTIO_OPTIONS, doc: "how the virtio device is driven", ..element("driver") };

/// What libvirt numbers in the documents that it writes.
pub(super) const INDEX: Attribute = ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT);
/// What becomes of a start when the source is not there.
pub(super) const STARTUP_POLICY: Attribute =
    ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT);

/// An element without effect.
pub(super) const fn inert(name: &'static str, reason: &'static str, doc: &'static str) -> Element {
    Element { support: Support::Ignored(reason), doc, ..element(name) }
}

/// Something of a machine that is on or off.
pub(super) const fn switch(name: &'static str, doc: &'static str) -> Element {
    Element { attributes: STATE, ..inert(name, reasons::NOTHING, doc) }
}
static STATE: &[Attribute] = &[required("state", ON_OFF)];

/// Something of a machine that may be said to be on or off.
pub(super) const fn optional_switch(name: &'static str, doc: &'static str) -> Element {
    Element { attributes: OPTIONAL_STATE, ..inert(name, reasons::NOTHING, doc) }
}
static OPTIONAL_STATE: &[Attribute] = &[optional("state", ON_OFF)];

/// A number as text.
pub(super) const fn number(name: &'static str, support: Support, doc: &'static str) -> Element {
    Element { content: Content::Text(U64), support, doc, ..element(name) }
}

/// An amount of memory or storage, with its unit beside it.
pub(super) const fn amount(name: &'static str, support: Support, doc: &'static str) -> Element {
    Element { attributes: UNIT, ..number(name, support, doc) }
}
pub(super) static UNIT: &[Attribute] = &[optional("unit", Value::Unit)];

/// The place of a device on a PCI bus.
macro_rules! pci_address {
    ($($first:expr),*) => {
        &[
            $($first,)*
            crate::schema::optional("domain", crate::value::Value::Pattern(&super::patterns::UINT32)),
            crate::schema::optional("bus", crate::value::Value::Pattern(&super::patterns::UINT8)),
            crate::schema::optional("slot", crate::value::Value::Pattern(&super::patterns::PCI_SLOT)),
            crate::schema::optional("function", crate::value::Value::Pattern(&super::patterns::PCI_FUNCTION)),
            crate::schema::optional("multifunction", crate::schema::values::ON_OFF),
        ]
    };
}
pub(super) use pci_address;
