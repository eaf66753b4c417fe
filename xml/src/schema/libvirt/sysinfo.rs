//! `<sysinfo>`.

use super::reasons;
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, optional, required, some};
use crate::value::Value;

static SYSINFO_SMBIOS: Element = Element {
    attributes: &[required("type", Value::Choice(&["smbios"]))],
    content: Content::Children(&[
        maybe(&BIOS),
        maybe(&SYSTEM),
        many(&BASEBOARD),
        maybe(&CHASSIS),
        maybe(&OEMSTRINGS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "what SMBIOS tables say",
    ..element("sysinfo")
};

static SYSINFO_FWCFG: Element = Element {
    attributes: &[required("type", Value::Choice(&["fwcfg"]))],
    content: Content::Children(&[many(&ENTRY)]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "what QEMU's firmware interface holds",
    ..element("sysinfo")
};

pub(super) static SYSINFO: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[(&["smbios"], &SYSINFO_SMBIOS), (&["fwcfg"], &SYSINFO_FWCFG)],
    }),
    support: Support::Ignored(reasons::MACHINE),
    doc: "what a machine's firmware tells about it",
    ..element("sysinfo")
};

static BIOS: Element = Element {
    content: Content::Children(&[some(&BIOS_ENTRY)]),
    doc: "about the firmware",
    ..element("bios")
};

static SYSTEM: Element = Element {
    content: Content::Children(&[some(&SYSTEM_ENTRY)]),
    doc: "about the machine",
    ..element("system")
};

static BASEBOARD: Element = Element {
    content: Content::Children(&[some(&BASEBOARD_ENTRY)]),
    doc: "about a board",
    ..element("baseBoard")
};

static CHASSIS: Element = Element {
    content: Content::Children(&[some(&CHASSIS_ENTRY)]),
    doc: "about the case",
    ..element("chassis")
};

static OEMSTRINGS: Element = Element {
    content: Content::Children(&[some(&OEMSTRINGS_ENTRY)]),
    doc: "texts of the vendor",
    ..element("oemStrings")
};

static ENTRY: Element = Element {
    attributes: &[required("name", Value::Text), optional("file", Value::Text)],
    content: Content::Text(Value::OneOf(&[Value::Text, Value::Empty])),
    doc: "a named text, or the file that holds it",
    ..element("entry")
};

static BIOS_ENTRY: Element = Element {
    attributes: &[required("name", Value::Choice(&["vendor", "version", "date", "release"]))],
    content: Content::Text(Value::Text),
    doc: "a text about the firmware",
    ..element("entry")
};

static SYSTEM_ENTRY: Element = Element {
    attributes: &[required(
        "name",
        Value::Choice(&["manufacturer", "product", "version", "serial", "uuid", "sku", "family"]),
    )],
    content: Content::Text(Value::Text),
    doc: "a text about the machine",
    ..element("entry")
};

static BASEBOARD_ENTRY: Element = Element {
    attributes: &[required(
        "name",
        Value::Choice(&["manufacturer", "product", "version", "serial", "asset", "location"]),
    )],
    content: Content::Text(Value::Text),
    doc: "a text about the board",
    ..element("entry")
};

static CHASSIS_ENTRY: Element = Element {
    attributes: &[required("name", Value::Choice(&["manufacturer", "version", "serial", "asset", "sku"]))],
    content: Content::Text(Value::Text),
    doc: "a text about the case",
    ..element("entry")
};

static OEMSTRINGS_ENTRY: Element =
    Element { content: Content::Text(Value::Text), doc: "a text of the vendor", ..element("entry") };
