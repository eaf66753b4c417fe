//! Parts of several devices.

use super::shapes::{inert, pci_address};
use super::{patterns, reasons};
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{
    Content, Element, Variants, Version, element, many, maybe, once, optional, required, since,
};
use crate::value::Value;

pub(super) static AUTH: Element = Element {
    attributes: &[required("username", Value::Pattern(&patterns::GENERIC_NAME))],
    content: Content::Children(&[once(&SECRET)]),
    ..inert("auth", reasons::NOTHING, "who asks, and the secret that proves it")
};
static SECRET: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["ceph", "iscsi"])),
        optional("uuid", Value::Uuid),
        optional("usage", Value::Pattern(&patterns::OBJECT_NAME)),
    ],
    ..inert("secret", reasons::NOTHING, "the secret, by its UUID or by what it is for")
};
pub(super) static BOOT: Element = Element {
    attributes: &[
        required("order", Value::Unsigned(1, u64::MAX)),
        optional("loadparm", Value::Pattern(&patterns::LOADPARM)),
    ],
    ..inert("boot", reasons::BOOT, "when a machine tries to boot from this device")
};
pub(super) static ALIAS: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::ALIAS_NAME))],
    ..inert("alias", reasons::ALIAS, "the name that libvirt calls the device by")
};
pub(super) static ACPI: Element = Element {
    attributes: &[optional("index", U32), since(Version(11, 8), optional("nodeset", Value::IdSet))],
    ..inert("acpi", reasons::BUS, "the number in ACPI tables, by which a guest names the device")
};

static ADDRESS_PCI: Element = Element {
    attributes: pci_address!(required("type", Value::Choice(&["pci"]))),
    content: Content::Children(&[maybe(&ZPCI)]),
    ..inert("address", reasons::BUS, "a place on a PCI bus")
};
static ZPCI: Element = Element {
    attributes: &[
        optional("uid", Value::Pattern(&patterns::UINT16)),
        optional("fid", Value::Pattern(&patterns::UINT32)),
    ],
    ..inert("zpci", reasons::NOTHING, "the numbers of a PCI device on an IBM Z machine")
};
static ADDRESS_DRIVE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["drive"])),
        optional("controller", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("bus", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("target", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("unit", Value::Pattern(&patterns::FIVE_DIGITS)),
    ],
    ..inert("address", reasons::BUS, "a place at a controller of drives")
};
static ADDRESS_VIRTIO_SERIAL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["virtio-serial"])),
        required("controller", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("bus", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("port", Value::Pattern(&patterns::TWO_DIGITS)),
    ],
    ..inert("address", reasons::BUS, "a port of a virtio serial controller")
};
static ADDRESS_CCID: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["ccid"])),
        required("controller", Value::Pattern(&patterns::TWO_DIGITS)),
        optional("slot", Value::Pattern(&patterns::TWO_DIGITS)),
    ],
    ..inert("address", reasons::BUS, "a slot of a smart card controller")
};
static ADDRESS_USB: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["usb"])),
        required("bus", Value::Pattern(&patterns::HEX3)),
        optional("port", Value::Pattern(&patterns::PORT)),
    ],
    ..inert("address", reasons::BUS, "a port of a USB controller")
};
static ADDRESS_SPAPR_VIO: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["spapr-vio"])),
        optional("reg", Value::Pattern(&patterns::HEX8)),
    ],
    ..inert("address", reasons::BUS, "a register of the bus of a POWER machine")
};
static ADDRESS_CCW: Element = Element {
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
    ..inert("address", reasons::BUS, "a device number of an IBM Z machine")
};
static ADDRESS_ISA: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["isa"])),
        optional("iobase", Value::Pattern(&patterns::IOBASE)),
        optional("irq", Value::Pattern(&patterns::IRQ)),
    ],
    ..inert("address", reasons::BUS, "ports and interrupt on the ISA bus")
};
static ADDRESS_VIRTIO_MMIO: Element = Element {
    attributes: &[required("type", Value::Choice(&["virtio-mmio"]))],
    ..inert("address", reasons::BUS, "a range of memory, for virtio without a bus")
};
static ADDRESS_DIMM: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["dimm"])),
        optional("slot", U32),
        optional("base", Value::Pattern(&patterns::HEX)),
    ],
    ..inert("address", reasons::BUS, "a slot for memory, and where it begins")
};
static ADDRESS_UNASSIGNED: Element = Element {
    attributes: &[required("type", Value::Choice(&["unassigned"]))],
    ..inert("address", reasons::BUS, "no place: a guest does not see the device")
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
    ..inert("address", reasons::BUS, "where the device is attached in a machine")
};

pub(super) static IP: Element = Element {
    attributes: &[
        required("address", Value::Ip),
        optional("family", Value::Choice(&["ipv4", "ipv6"])),
        optional("prefix", Value::Unsigned(0, 128)),
        optional("peer", Value::Ip),
    ],
    doc: "an address of the interface",
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
    doc: "a route by way of the interface",
    ..element("route")
};
pub(super) static ROM: Element = Element {
    attributes: &[optional("enabled", YES_NO), optional("bar", ON_OFF), optional("file", Value::AbsFilePath)],
    ..inert("rom", reasons::BOOT, "the firmware on the card, as a machine sees it")
};
static TEAMING_PERSISTENT: Element = Element {
    attributes: &[required("type", Value::Choice(&["persistent"]))],
    ..inert("teaming", reasons::VIRTIO, "the member that stays")
};
static TEAMING_TRANSIENT: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["transient"])),
        required("persistent", Value::Pattern(&patterns::ALIAS_NAME)),
    ],
    ..inert("teaming", reasons::VIRTIO, "the member that goes away during a migration")
};
pub(super) static TEAMING: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[(&["persistent"], &TEAMING_PERSISTENT), (&["transient"], &TEAMING_TRANSIENT)],
    }),
    ..inert("teaming", reasons::VIRTIO, "two interfaces of which one stands in for the other")
};

pub(super) static SOURCE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["unix"])),
        required("path", Value::AbsFilePath),
        required("mode", Value::Choice(&["server", "client"])),
    ],
    content: Content::Children(&[maybe(&RECONNECT)]),
    doc: "the socket, and which end of it listens",
    ..element("source")
};
/// `<reconnect>`, to make rows of.
pub(super) const RECONNECT_ROW: Element = Element {
    attributes: &[
        optional("enabled", YES_NO),
        optional("timeout", U32),
        since(Version(9, 2), optional("delay", U32)),
    ],
    ..inert("reconnect", reasons::NOTHING, "whether, and after how long, a lost connection is made anew")
};
pub(super) static RECONNECT: Element = RECONNECT_ROW;

pub(super) static CHARDEV_SOURCE: Element = Element {
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
    ..inert("source", reasons::NOTHING, "the host's end: a path, or a host and a port")
};
pub(super) static CLIPBOARD: Element = Element {
    attributes: &[required("copypaste", YES_NO)],
    doc: "whether text can be carried between viewer and guest",
    ..element("clipboard")
};
pub(super) static MOUSE: Element = Element {
    attributes: &[required("mode", Value::Choice(&["server", "client"]))],
    doc: "whose pointer moves",
    ..element("mouse")
};
pub(super) static PROTOCOL: Element = Element {
    attributes: &[optional("type", Value::Choice(&["raw", "telnet", "telnets", "tls"]))],
    ..inert("protocol", reasons::NOTHING, "what is spoken on the connection")
};
pub(super) static LOG: Element = Element {
    attributes: &[required("file", Value::AbsFilePath), optional("append", ON_OFF)],
    ..inert("log", reasons::NOTHING, "the file that output is also written to")
};

static SECLABEL_NO: Element = Element {
    attributes: &[optional("model", Value::Text), required("relabel", Value::Choice(&["no"]))],
    ..inert("seclabel", reasons::NOTHING, "the source keeps its label")
};
static SECLABEL_YES: Element = Element {
    attributes: &[
        optional("model", Value::Text),
        optional("relabel", Value::Choice(&["yes"])),
        optional("labelskip", Value::Choice(&["yes"])),
    ],
    content: Content::Children(&[many(&LABEL)]),
    ..inert("seclabel", reasons::NOTHING, "the source gets this label")
};
pub(super) static SECLABEL: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "relabel",
        absent: Some("yes"),
        rows: &[(&["no"], &SECLABEL_NO), (&["yes"], &SECLABEL_YES)],
    }),
    ..inert("seclabel", reasons::NOTHING, "how the source of one device is labelled")
};
static LABEL: Element =
    Element { content: Content::Text(Value::Text), ..inert("label", reasons::NOTHING, "the label") };

pub(super) static INITIATOR: Element = Element {
    content: Content::Children(&[once(&IQN)]),
    ..inert("initiator", reasons::NOTHING, "who the iSCSI target sees")
};
static IQN: Element = Element {
    attributes: &[required("name", Value::Text)],
    ..inert("iqn", reasons::NOTHING, "the name of that one")
};
pub(super) static VENDOR: Element = Element {
    attributes: &[required("id", Value::Pattern(&patterns::HEX4))],
    ..inert("vendor", reasons::NOTHING, "the vendor's number of a USB device")
};
pub(super) static PRODUCT: Element = Element {
    attributes: &[required("id", Value::Pattern(&patterns::HEX4))],
    ..inert("product", reasons::NOTHING, "the product's number of a USB device")
};
