//! `<memory>` and `<shmem>` devices.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{Content, Element, Support, element, maybe, once, optional, required};
use crate::value::Value;

pub(super) static SHMEM: Element = Element {
    attributes: &[
        required("name", Value::Pattern(&patterns::SHMEM_NAME)),
        optional("role", Value::Choice(&["master", "peer"])),
    ],
    content: Content::Children(&[
        maybe(&MODEL),
        maybe(&SIZE),
        maybe(&SERVER),
        maybe(&MSI),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("shmem")
};

pub(super) static MEMORY: Element = Element {
    attributes: &[
        required("model", Value::Choice(&["dimm", "nvdimm", "virtio-pmem", "virtio-mem", "sgx-epc"])),
        optional("access", Value::Choice(&["shared", "private"])),
        optional("discard", YES_NO),
    ],
    content: Content::Children(&[
        maybe(&UUID),
        maybe(&SOURCE),
        once(&TARGET),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
    ]),
    support: Support::Refused("memory is not plugged into a container, and libvirt's driver refuses it"),
    ..element("memory")
};

pub(super) static MODEL: Element = Element {
    attributes: &[required("type", Value::Choice(&["ivshmem", "ivshmem-plain", "ivshmem-doorbell"]))],
    ..element("model")
};

pub(super) static SIZE: Element =
    Element { attributes: &[optional("unit", Value::Unit)], content: Content::Text(U64), ..element("size") };

pub(super) static SERVER: Element =
    Element { attributes: &[optional("path", Value::AbsFilePath)], ..element("server") };

pub(super) static MSI: Element =
    Element { attributes: &[optional("ioeventfd", ON_OFF), optional("vectors", U32)], ..element("msi") };

pub(super) static UUID: Element = Element { content: Content::Text(Value::Uuid), ..element("uuid") };

pub(super) static SOURCE: Element = Element {
    content: Content::Children(&[
        maybe(&PAGESIZE),
        maybe(&NODEMASK),
        maybe(&PATH),
        maybe(&ALIGNSIZE),
        maybe(&PMEM),
    ]),
    ..element("source")
};

pub(super) static TARGET: Element = Element {
    content: Content::Children(&[
        once(&TARGET_SIZE),
        maybe(&NODE),
        maybe(&BLOCK),
        maybe(&REQUESTED),
        maybe(&CURRENT),
        maybe(&LABEL),
        maybe(&READONLY),
    ]),
    ..element("target")
};

pub(super) static PAGESIZE: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    ..element("pagesize")
};

pub(super) static NODEMASK: Element = Element { content: Content::Text(Value::IdSet), ..element("nodemask") };

pub(super) static PATH: Element = Element { content: Content::Text(Value::AbsFilePath), ..element("path") };

pub(super) static ALIGNSIZE: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    ..element("alignsize")
};

pub(super) static PMEM: Element = Element { ..element("pmem") };

pub(super) static TARGET_SIZE: Element =
    Element { attributes: &[optional("unit", Value::Unit)], content: Content::Text(U64), ..element("size") };

pub(super) static NODE: Element = Element { content: Content::Text(U32), ..element("node") };

pub(super) static BLOCK: Element =
    Element { attributes: &[optional("unit", Value::Unit)], content: Content::Text(U64), ..element("block") };

pub(super) static REQUESTED: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    ..element("requested")
};

pub(super) static CURRENT: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    ..element("current")
};

pub(super) static LABEL: Element =
    Element { content: Content::Children(&[once(&LABEL_SIZE)]), ..element("label") };

pub(super) static READONLY: Element = Element { ..element("readonly") };

pub(super) static LABEL_SIZE: Element =
    Element { attributes: &[optional("unit", Value::Unit)], content: Content::Text(U64), ..element("size") };
