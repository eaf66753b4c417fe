//! `<sysinfo>`.

use super::reasons;
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, optional, required, some};
use crate::value::Value;

pub(super) static SYSINFO_SMBIOS: Element = Element {
    attributes: &[required("type", Value::Choice(&["smbios"]))],
    content: Content::Children(&[
        maybe(&BIOS),
        maybe(&SYSTEM),
        many(&BASEBOARD),
        maybe(&CHASSIS),
        maybe(&OEMSTRINGS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("sysinfo")
};

pub(super) static SYSINFO_FWCFG: Element = Element {
    attributes: &[required("type", Value::Choice(&["fwcfg"]))],
    content: Content::Children(&[many(&ENTRY)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("sysinfo")
};

pub(super) static SYSINFO: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[(&["smbios"], &SYSINFO_SMBIOS), (&["fwcfg"], &SYSINFO_FWCFG)],
    }),
    support: Support::Ignored(reasons::MACHINE),
    ..element("sysinfo")
};

pub(super) static BIOS: Element =
    Element { content: Content::Children(&[some(&BIOS_ENTRY)]), ..element("bios") };

pub(super) static SYSTEM: Element =
    Element { content: Content::Children(&[some(&SYSTEM_ENTRY)]), ..element("system") };

pub(super) static BASEBOARD: Element =
    Element { content: Content::Children(&[some(&BASEBOARD_ENTRY)]), ..element("baseBoard") };

pub(super) static CHASSIS: Element =
    Element { content: Content::Children(&[some(&CHASSIS_ENTRY)]), ..element("chassis") };

pub(super) static OEMSTRINGS: Element =
    Element { content: Content::Children(&[some(&OEMSTRINGS_ENTRY)]), ..element("oemStrings") };

pub(super) static ENTRY: Element = Element {
    attributes: &[required("name", Value::Text), optional("file", Value::Text)],
    content: Content::Text(Value::OneOf(&[Value::Text, Value::Empty])),
    ..element("entry")
};

pub(super) static BIOS_ENTRY: Element = Element {
    attributes: &[required("name", Value::Choice(&["vendor", "version", "date", "release"]))],
    content: Content::Text(Value::Text),
    ..element("entry")
};

pub(super) static SYSTEM_ENTRY: Element = Element {
    attributes: &[required(
        "name",
        Value::Choice(&["manufacturer", "product", "version", "serial", "uuid", "sku", "family"]),
    )],
    content: Content::Text(Value::Text),
    ..element("entry")
};

pub(super) static BASEBOARD_ENTRY: Element = Element {
    attributes: &[required(
        "name",
        Value::Choice(&["manufacturer", "product", "version", "serial", "asset", "location"]),
    )],
    content: Content::Text(Value::Text),
    ..element("entry")
};

pub(super) static CHASSIS_ENTRY: Element = Element {
    attributes: &[required("name", Value::Choice(&["manufacturer", "version", "serial", "asset", "sku"]))],
    content: Content::Text(Value::Text),
    ..element("entry")
};

pub(super) static OEMSTRINGS_ENTRY: Element =
    Element { content: Content::Text(Value::Text), ..element("entry") };
