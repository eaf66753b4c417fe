//! `<interface>`: the kinds that a container can have, and the choice among all.

use super::interface_parts::parts;
use super::interface_virtualport::VIRTUALPORT;
use super::{interface_emulated as emulated, interface_source as source, reasons};
use crate::schema::values::YES_NO;
use crate::schema::{
    Attribute, Content, Element, Support, Variants, element, ignored, maybe, once, required,
};
use crate::value::Value;

/// Whether the host's filter follows what the guest asks for.
pub(super) const TRUST: Attribute = ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH);

static BRIDGE: Element = Element {
    attributes: &[required("type", Value::Choice(&["bridge"])), TRUST],
    content: parts![once(&source::BRIDGE), maybe(&VIRTUALPORT)],
    doc: "a pair of interfaces, of which one stays on the host as a port of a bridge",
    ..element("interface")
};
static ETHERNET: Element = Element {
    attributes: &[required("type", Value::Choice(&["ethernet"])), TRUST],
    content: parts![maybe(&source::ETHERNET)],
    doc: "a pair of interfaces, of which one stays on the host as it is",
    ..element("interface")
};
static NETWORK: Element = Element {
    attributes: &[required("type", Value::Choice(&["network"])), TRUST],
    content: parts![once(&source::NETWORK), maybe(&VIRTUALPORT)],
    doc: "an interface of a network that is defined",
    ..element("interface")
};
static DIRECT: Element = Element {
    attributes: &[required("type", Value::Choice(&["direct"])), TRUST],
    content: parts![once(&source::DIRECT), maybe(&VIRTUALPORT)],
    doc: "a macvlan on an interface of the host",
    ..element("interface")
};
static HOSTDEV: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["hostdev"])),
        ignored("managed", YES_NO, reasons::NOTHING),
        TRUST,
    ],
    content: parts![once(&source::HOSTDEV), maybe(&VIRTUALPORT)],
    support: Support::CannotStart(reasons::NO_LINK),
    doc: "a network card of the host, on a machine's bus",
    ..element("interface")
};

/// `<interface>`.
pub(super) static INTERFACE: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["bridge"], &BRIDGE),
            (&["ethernet"], &ETHERNET),
            (&["vhostuser"], &emulated::VHOSTUSER),
            (&["network"], &NETWORK),
            (&["direct"], &DIRECT),
            (&["user"], &emulated::USER),
            (&["internal"], &emulated::INTERNAL),
            (&["mcast", "client"], &emulated::MCAST),
            (&["udp"], &emulated::UDP),
            (&["server"], &emulated::SERVER),
            (&["hostdev"], &HOSTDEV),
            (&["vdpa"], &emulated::VDPA),
            (&["null"], &emulated::NULL),
            (&["vds"], &emulated::VDS),
        ],
    }),
    doc: "a network interface of the container",
    ..element("interface")
};
