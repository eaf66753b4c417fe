//! `<source>` of `<interface>`, by kind.

use super::shapes::{inert, pci_address};
use super::{common, patterns, reasons};
use crate::schema::values::YES_NO;
use crate::schema::{
    Attribute, Content, Element, Support, Variants, Version, element, ignored, many, maybe, once, optional,
    required, since,
};
use crate::value::Value;

const PORT: Attribute = required("port", Value::Integer(-1, 65_535));
const MAC_TABLE: Attribute =
    ignored("macTableManager", Value::Choice(&["kernel", "libvirt"]), reasons::SWITCH);
const PORTGROUP: Attribute = ignored("portgroup", Value::Pattern(&patterns::DEVICE_NAME), reasons::SWITCH);
const PORTID: Attribute = ignored("portid", Value::Uuid, reasons::OUTPUT);
const FROM_NETWORK: Attribute = ignored("network", Value::Text, reasons::OUTPUT);

pub(super) static BRIDGE: Element = Element {
    attributes: &[
        required("bridge", Value::Pattern(&patterns::BRIDGE)),
        MAC_TABLE,
        FROM_NETWORK,
        PORTGROUP,
        PORTID,
    ],
    doc: "the bridge of the host",
    ..element("source")
};
pub(super) static ETHERNET: Element = Element {
    content: Content::Children(&[many(&common::IP), many(&common::ROUTE)]),
    doc: "addresses and routes of the end that stays on the host",
    ..element("source")
};
pub(super) static NETWORK: Element = Element {
    attributes: &[
        required("network", Value::Text),
        PORTGROUP,
        PORTID,
        ignored("bridge", Value::Pattern(&patterns::BRIDGE), reasons::OUTPUT),
        MAC_TABLE,
    ],
    doc: "the network, by its name",
    ..element("source")
};
pub(super) static DIRECT: Element = Element {
    attributes: &[
        required("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        optional("mode", Value::Choice(&["vepa", "bridge", "private", "passthrough"])),
        FROM_NETWORK,
        PORTGROUP,
        PORTID,
    ],
    doc: "the interface of the host, and how frames pass between macvlans on it",
    ..element("source")
};
pub(super) static VHOSTUSER: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["unix"])),
        optional("path", Value::AbsFilePath),
        optional("mode", Value::Choice(&["server", "client"])),
        since(Version(11, 1), optional("dev", Value::Pattern(&patterns::DEVICE_NAME))),
    ],
    content: Content::Children(&[maybe(&common::RECONNECT)]),
    doc: "the socket of the process that drives the card",
    ..element("source")
};
pub(super) static USER: Element = Element {
    attributes: &[required("dev", Value::Pattern(&patterns::DEVICE_NAME))],
    doc: "the interface of the host whose addresses are used",
    ..element("source")
};
pub(super) static INTERNAL: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::DEVICE_NAME))],
    doc: "the name of the network among guests",
    ..element("source")
};
pub(super) static TUNNEL: Element = Element {
    attributes: &[required("address", Value::Ip), PORT],
    doc: "the other end of the tunnel",
    ..element("source")
};
pub(super) static UDP: Element = Element {
    attributes: &[required("address", Value::Ip), PORT],
    content: Content::Children(&[once(&LOCAL)]),
    doc: "the other end of the tunnel, and this one",
    ..element("source")
};
static LOCAL: Element = Element {
    attributes: &[required("address", Value::Ip), PORT],
    ..inert("local", reasons::NOTHING, "this end of the tunnel")
};
pub(super) static SERVER: Element = Element {
    attributes: &[optional("address", Value::Ip), PORT],
    doc: "the address and port that are waited at",
    ..element("source")
};
pub(super) static HOSTDEV: Element = Element {
    attributes: &[optional("missing", YES_NO)],
    content: Content::Children(&[maybe(&common::VENDOR), maybe(&common::PRODUCT), maybe(&ADDRESS)]),
    doc: "the card of the host",
    ..element("source")
};
pub(super) static VDPA: Element = Element {
    attributes: &[required("dev", Value::Pattern(&patterns::DEVICE_NAME))],
    doc: "the vDPA device of the host",
    ..element("source")
};
pub(super) static VDS: Element = Element {
    attributes: &[
        required("switchid", Value::Uuid),
        Attribute {
            support: Support::Ignored(reasons::OUTPUT),
            ..optional("portid", Value::Integer(i64::MIN, i64::MAX))
        },
        optional("portgroupid", Value::Text),
        optional("connectionid", Value::Integer(i64::MIN, i64::MAX)),
    ],
    doc: "the switch, and the port of it",
    ..element("source")
};

static ADDRESS_PCI: Element = Element {
    attributes: pci_address!(required("type", Value::Choice(&["pci"]))),
    ..inert("address", reasons::BUS, "the card's place on the host's PCI bus")
};
static ADDRESS_USB: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["usb"])),
        required("bus", Value::Pattern(&patterns::HEX3)),
        required("device", Value::Pattern(&patterns::HEX3)),
    ],
    ..inert("address", reasons::BUS, "the card's bus and number on the host's USB")
};
static ADDRESS_PLAIN: Element = Element {
    attributes: &[
        required("bus", Value::Pattern(&patterns::HEX3)),
        optional("device", Value::Pattern(&patterns::HEX3)),
        since(Version(12, 8), optional("port", Value::Pattern(&patterns::PORT))),
    ],
    ..inert("address", reasons::BUS, "bus and number, beside vendor and product")
};
static ADDRESS: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some(""),
        rows: &[(&["pci"], &ADDRESS_PCI), (&["usb"], &ADDRESS_USB), (&[""], &ADDRESS_PLAIN)],
    }),
    ..inert("address", reasons::BUS, "where the card is on the host")
};
