//! `<memory>` and `<shmem>` devices.

use super::shapes::{VIRTIO_OPTIONS, amount, inert};
use super::{common, patterns, reasons};
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{Content, Element, Support, Version, element, maybe, once, optional, required, since};
use crate::value::Value;

pub(super) static SHMEM: Element = Element {
    attributes: &[
        required("name", Value::Pattern(&patterns::SHMEM_NAME)),
        optional("role", Value::Choice(&["master", "peer"])),
    ],
    content: Content::Children(&[
        maybe(&MODEL),
        maybe(&SHMEM_SIZE),
        maybe(&SERVER),
        maybe(&MSI),
        maybe(&common::ALIAS),
        maybe(&common::ACPI),
        maybe(&common::ADDRESS),
    ]),
    ..inert("shmem", reasons::MACHINE, "memory that several machines share")
};
static MODEL: Element = Element {
    attributes: &[required("type", Value::Choice(&["ivshmem", "ivshmem-plain", "ivshmem-doorbell"]))],
    doc: "the device that shows it",
    ..element("model")
};
static SHMEM_SIZE: Element = amount("size", Support::ActedOn, "how much memory is shared");
static SERVER: Element = Element {
    attributes: &[optional("path", Value::AbsFilePath)],
    doc: "the socket of the server that hands it out",
    ..element("server")
};
static MSI: Element = Element {
    attributes: &[optional("ioeventfd", ON_OFF), optional("vectors", U32)],
    doc: "interrupts between those that share",
    ..element("msi")
};

pub(super) static MEMORY: Element = Element {
    attributes: &[
        required("model", Value::Choice(&["dimm", "nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc"])),
        optional("access", Value::Choice(&["shared", "private"])),
        optional("discard", YES_NO),
    ],
    content: Content::Children(&[
        maybe(&UUID),
        maybe(&DRIVER),
        maybe(&SOURCE),
        once(&TARGET),
        maybe(&common::ADDRESS),
        maybe(&common::ALIAS),
        maybe(&common::ACPI),
    ]),
    support: Support::Refused("memory is not plugged into a container, and libvirt's driver refuses it"),
    doc: "memory that is plugged into a machine",
    ..element("memory")
};
static UUID: Element =
    Element { content: Content::Text(Value::Uuid), doc: "which module it is", ..element("uuid") };
static DRIVER: Element = Element {
    attributes: VIRTIO_OPTIONS,
    since: Some(Version(11, 9)),
    doc: "how the virtio device is driven",
    ..element("driver")
};
static SOURCE: Element = Element {
    content: Content::Children(&[
        maybe(&PAGESIZE),
        maybe(&NODEMASK),
        maybe(&PATH),
        maybe(&ALIGNSIZE),
        maybe(&PMEM),
    ]),
    doc: "where the host takes it from",
    ..element("source")
};
static PAGESIZE: Element = amount("pagesize", Support::ActedOn, "the size of the host's pages");
static NODEMASK: Element = Element {
    content: Content::Text(Value::IdSet),
    doc: "the NUMA nodes of the host that it comes from",
    ..element("nodemask")
};
static PATH: Element = Element {
    content: Content::Text(Value::AbsFilePath),
    doc: "the file that keeps its content",
    ..element("path")
};
static ALIGNSIZE: Element = amount("alignsize", Support::ActedOn, "what its address is a multiple of");
static PMEM: Element = Element { doc: "the file is on memory that keeps its content", ..element("pmem") };

static TARGET: Element = Element {
    attributes: &[since(Version(10, 1), optional("dynamicMemslots", YES_NO))],
    content: Content::Children(&[
        once(&SIZE),
        maybe(&NODE),
        maybe(&BLOCK),
        maybe(&REQUESTED),
        maybe(&CURRENT),
        maybe(&LABEL),
        maybe(&READONLY),
        maybe(&ADDRESS),
    ]),
    doc: "what the machine sees of it",
    ..element("target")
};
static SIZE: Element = amount("size", Support::ActedOn, "how much it is");
static NODE: Element = Element {
    content: Content::Text(U32),
    doc: "the NUMA node of the machine that it belongs to",
    ..element("node")
};
static BLOCK: Element = amount("block", Support::ActedOn, "the steps in which it grows and shrinks");
static REQUESTED: Element = amount("requested", Support::ActedOn, "how much of it the machine shall use");
static CURRENT: Element = amount("current", Support::ActedOn, "how much of it the machine uses");
static LABEL: Element = Element {
    content: Content::Children(&[once(&LABEL_SIZE)]),
    doc: "the part of a module that is kept for its division",
    ..element("label")
};
static LABEL_SIZE: Element = amount("size", Support::ActedOn, "how much that is");
static READONLY: Element = Element { doc: "the machine can only read it", ..element("readonly") };
static ADDRESS: Element = Element {
    attributes: &[required("base", Value::Pattern(&patterns::HEX))],
    since: Some(Version(9, 4)),
    doc: "where in the machine's memory it begins",
    ..element("address")
};
