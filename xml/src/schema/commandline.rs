//! What libvirt's schema lets other drivers add to any domain: known by name, without effect here.

use super::values::VARIABLE;
use super::{Attribute, Content, Element, Namespace, Support, element, many, optional, required};
use crate::value::Value;

const REASON: Support = Support::Ignored("it is for another driver of libvirt");
const NO_ATTRIBUTES: &[Attribute] = &[];

const fn of(driver: &'static str, name: &'static str) -> Element {
    Element {
        namespace: Namespace::Foreign(driver),
        support: REASON,
        doc: "for another driver of libvirt",
        ..element(name)
    }
}

const fn value_of(driver: &'static str, name: &'static str) -> Element {
    Element { attributes: VALUE, ..of(driver, name) }
}

static VALUE: &[Attribute] = &[required("value", Value::Text)];
static VARIABLE_VALUE: &[Attribute] =
    &[required("name", Value::Pattern(&VARIABLE)), optional("value", Value::Text)];
static CAPABILITY: &[Attribute] = &[required("capability", Value::Text)];
static PROPERTY: &[Attribute] = &[
    required("name", Value::Text),
    required("type", Value::Choice(&["signed", "unsigned", "bool", "string", "remove"])),
    optional("value", Value::Text),
];

/// `<qemu:commandline>`.
pub static QEMU: Element =
    Element { content: Content::Children(&[many(&QEMU_ARG), many(&QEMU_ENV)]), ..of("qemu", "commandline") };
static QEMU_ARG: Element = value_of("qemu", "arg");
static QEMU_ENV: Element = Element { attributes: VARIABLE_VALUE, ..of("qemu", "env") };

/// `<qemu:capabilities>`.
pub static QEMU_CAPABILITIES: Element =
    Element { content: Content::Children(&[many(&QEMU_ADD), many(&QEMU_DEL)]), ..of("qemu", "capabilities") };
static QEMU_ADD: Element = Element { attributes: CAPABILITY, ..of("qemu", "add") };
static QEMU_DEL: Element = Element { attributes: CAPABILITY, ..of("qemu", "del") };

/// `<qemu:deprecation>`.
pub static QEMU_DEPRECATION: Element = Element { attributes: BEHAVIOR, ..of("qemu", "deprecation") };
static BEHAVIOR: &[Attribute] = &[required("behavior", Value::Choice(&["none", "omit", "reject", "crash"]))];

/// `<qemu:override>`.
pub static QEMU_OVERRIDE: Element =
    Element { content: Content::Children(&[many(&QEMU_DEVICE)]), ..of("qemu", "override") };
static QEMU_DEVICE: Element = Element {
    attributes: ALIAS,
    content: Content::Children(&[super::maybe(&QEMU_FRONTEND)]),
    ..of("qemu", "device")
};
static ALIAS: &[Attribute] = &[required("alias", Value::Text)];
static QEMU_FRONTEND: Element = Element {
    attributes: NO_ATTRIBUTES,
    content: Content::Children(&[many(&QEMU_PROPERTY)]),
    ..of("qemu", "frontend")
};
static QEMU_PROPERTY: Element = Element { attributes: PROPERTY, ..of("qemu", "property") };

/// `<bhyve:commandline>`.
pub static BHYVE: Element = Element {
    content: Content::Children(&[many(&BHYVE_ARG), many(&BHYVE_ENV)]),
    ..of("bhyve", "commandline")
};
static BHYVE_ARG: Element = value_of("bhyve", "arg");
static BHYVE_ENV: Element = Element { attributes: VARIABLE_VALUE, ..of("bhyve", "env") };

/// `<xen:commandline>`.
pub static XEN: Element =
    Element { content: Content::Children(&[many(&XEN_ARG)]), ..of("xen", "commandline") };
static XEN_ARG: Element = value_of("xen", "arg");

/// `<vmware:datacenterpath>`.
pub static VMWARE: Element =
    Element { content: Content::Text(Value::Text), ..of("vmware", "datacenterpath") };
