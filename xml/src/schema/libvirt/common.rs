//! Parts of several devices.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, once, optional, required};
use crate::value::Value;

pub(super) static AUTH: Element = Element {
    attributes: &[required("username", Value::Pattern(&patterns::GENERIC_NAME))],
    content: Content::Children(&[once(&SECRET)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("auth")
};

pub(super) static BOOT: Element = Element {
    attributes: &[
        required("order", Value::Unsigned(1, u64::MAX)),
        optional("loadparm", Value::Pattern(&patterns::LOADPARM)),
    ],
    support: Support::Ignored(reasons::BOOT),
    ..element("boot")
};

pub(super) static ALIAS: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::ALIAS_NAME))],
    support: Support::Ignored(reasons::ALIAS),
    ..element("alias")
};

pub(super) static ACPI: Element = Element {
    attributes: &[optional("index", U32)],
    support: Support::Ignored(reasons::BUS),
    ..element("acpi")
};

pub(super) static ADDRESS_PCI: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["pci"])),
        optional("domain", Value::Pattern(&patterns::UINT32)),
        optional("bus", Value::Pattern(&patterns::UINT8)),
        optional("slot", Value::Pattern(&patterns::PCI_SLOT)),
        optional("function", Value::Pattern(&patterns::PCI_FUNCTION)),
        optional("multifunction", ON_OFF),
    ],
    content: Content::Children(&[maybe(&ZPCI)]),
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_DRIVE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["drive"])),
        optional("controller", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("bus", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("target", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("unit", Value::Pattern(&patterns::FIVE_DIGITS)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_VIRTIO_SERIAL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["virtio-serial"])),
        required("controller", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("bus", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("port", Value::Pattern(&patterns::TWO_DIGITS)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_CCID: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["ccid"])),
        required("controller", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("slot", Value::Pattern(&patterns::TWO_DIGITS)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_USB: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["usb"])),
        required("bus", Value::Pattern(&patterns::HEX3)),
        optional("port", Value::Pattern(&patterns::PORT)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_SPAPR_VIO: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["spapr-vio"])),
        optional("reg", Value::Pattern(&patterns::HEX8)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_CCW: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["ccw"])),
        optional(
            "cssid",
            Value::OneOf(&[
                Value::Pattern(&patterns::CSSID),
                Value::Pattern(&patterns::CSSID_2),
                Value::Unsigned(0, 254),
            ]),
        ),
        optional("ssid", Value::Pattern(&patterns::SSID)),
        optional("devno", Value::OneOf(&[Value::Pattern(&patterns::DEVNO), Value::Unsigned(0, 65_535)])),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_ISA: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["isa"])),
        optional("iobase", Value::Pattern(&patterns::IOBASE)),
        optional("irq", Value::Pattern(&patterns::IRQ)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_VIRTIO_MMIO: Element = Element {
    attributes: &[required("type", Value::Choice(&["virtio-mmio"]))],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_DIMM: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["dimm"])),
        optional("slot", U32),
        optional("base", Value::Pattern(&patterns::HEX)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_UNASSIGNED: Element = Element {
    attributes: &[required("type", Value::Choice(&["unassigned"]))],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["pci"], &ADDRESS_PCI),
            (&["drive"], &ADDRESS_DRIVE),
            (&["virtio-serial"], &ADDRESS_VIRTIO_SERIAL),
            (&["ccid"], &ADDRESS_CCID),
            (&["usb"], &ADDRESS_USB),
            (&["spapr-vio"], &ADDRESS_SPAPR_VIO),
            (&["ccw"], &ADDRESS_CCW),
            (&["isa"], &ADDRESS_ISA),
            (&["virtio-mmio"], &ADDRESS_VIRTIO_MMIO),
            (&["dimm"], &ADDRESS_DIMM),
            (&["unassigned"], &ADDRESS_UNASSIGNED),
        ],
    }),
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static IP: Element = Element {
    attributes: &[
        required("address", Value::Ip),
        optional("family", Value::Choice(&["ipv4", "ipv6"])),
        optional("prefix", Value::Unsigned(0, 128)),
        optional("peer", Value::Ip),
    ],
    ..element("ip")
};

pub(super) static ROUTE: Element = Element {
    attributes: &[
        optional("family", Value::Choice(&["ipv4", "ipv6"])),
        required("address", Value::Ip),
        optional("netmask", Value::Ip),
        optional("prefix", Value::Unsigned(0, 128)),
        required("gateway", Value::Ip),
        optional("metric", U32),
    ],
    ..element("route")
};

pub(super) static ROM: Element = Element {
    attributes: &[optional("enabled", YES_NO), optional("bar", ON_OFF), optional("file", Value::AbsFilePath)],
    support: Support::Ignored(reasons::BOOT),
    ..element("rom")
};

pub(super) static TEAMING_PERSISTENT: Element = Element {
    attributes: &[required("type", Value::Choice(&["persistent"]))],
    support: Support::Ignored(reasons::VIRTIO),
    ..element("teaming")
};

pub(super) static TEAMING_TRANSIENT: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["transient"])),
        required("persistent", Value::Pattern(&patterns::ALIAS_NAME)),
    ],
    support: Support::Ignored(reasons::VIRTIO),
    ..element("teaming")
};

pub(super) static TEAMING: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[(&["persistent"], &TEAMING_PERSISTENT), (&["transient"], &TEAMING_TRANSIENT)],
    }),
    support: Support::Ignored(reasons::VIRTIO),
    ..element("teaming")
};

pub(super) static SOURCE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["unix"])),
        required("path", Value::AbsFilePath),
        required("mode", Value::Choice(&["server", "client"])),
    ],
    content: Content::Children(&[maybe(&RECONNECT)]),
    ..element("source")
};

pub(super) static CLIPBOARD: Element =
    Element { attributes: &[required("copypaste", YES_NO)], ..element("clipboard") };

pub(super) static MOUSE: Element =
    Element { attributes: &[required("mode", Value::Choice(&["server", "client"]))], ..element("mouse") };

pub(super) static CONSOLE_SOURCE: Element = Element {
    attributes: &[
        optional("mode", Value::Text),
        optional("path", Value::Text),
        optional("host", Value::Text),
        optional("service", Value::Text),
        optional("channel", Value::Text),
        optional("master", Value::Text),
        optional("slave", Value::Text),
        optional("append", ON_OFF),
        optional("tls", YES_NO),
    ],
    content: Content::Children(&[maybe(&RECONNECT), many(&SECLABEL), maybe(&CLIPBOARD), maybe(&MOUSE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("source")
};

pub(super) static PROTOCOL: Element = Element {
    attributes: &[optional("type", Value::Choice(&["raw", "telnet", "telnets", "tls"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("protocol")
};

pub(super) static LOG: Element = Element {
    attributes: &[required("file", Value::AbsFilePath), optional("append", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("log")
};

pub(super) static SECLABEL_NO: Element = Element {
    attributes: &[optional("model", Value::Text), required("relabel", Value::Choice(&["no"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("seclabel")
};

pub(super) static SECLABEL_YES: Element = Element {
    attributes: &[
        optional("model", Value::Text),
        optional("relabel", Value::Choice(&["yes"])),
        optional("labelskip", Value::Choice(&["yes"])),
    ],
    content: Content::Children(&[many(&LABEL)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("seclabel")
};

pub(super) static SECLABEL: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "relabel",
        absent: Some("yes"),
        rows: &[(&["no"], &SECLABEL_NO), (&["yes"], &SECLABEL_YES)],
    }),
    support: Support::Ignored(reasons::NOTHING),
    ..element("seclabel")
};

pub(super) static SECRET: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["ceph", "iscsi"])),
        optional("uuid", Value::Uuid),
        optional("usage", Value::Pattern(&patterns::OBJECT_NAME)),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("secret")
};

pub(super) static ZPCI: Element = Element {
    attributes: &[
        optional("uid", Value::Pattern(&patterns::UINT16)),
        optional("fid", Value::Pattern(&patterns::UINT32)),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("zpci")
};

pub(super) static RECONNECT: Element = Element {
    attributes: &[required("enabled", YES_NO), optional("timeout", U32)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("reconnect")
};

pub(super) static INITIATOR: Element = Element {
    content: Content::Children(&[once(&IQN)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("initiator")
};

pub(super) static VENDOR: Element = Element {
    attributes: &[required("id", Value::Pattern(&patterns::HEX4))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("vendor")
};

pub(super) static PRODUCT: Element = Element {
    attributes: &[required("id", Value::Pattern(&patterns::HEX4))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("product")
};

pub(super) static LABEL: Element = Element {
    content: Content::Text(Value::Text),
    support: Support::Ignored(reasons::NOTHING),
    ..element("label")
};

pub(super) static IQN: Element = Element {
    attributes: &[required("name", Value::Text)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("iqn")
};
