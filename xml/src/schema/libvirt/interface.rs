//! `<interface>`: the kinds that a container can have, and the choice among all.

use super::interface_parts::parts;
use super::reasons;
use crate::schema::values::YES_NO;
use crate::schema::{Content, Element, Support, Variants, element, ignored, maybe, once, required};
use crate::value::Value;

pub(super) static INTERFACE_BRIDGE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["bridge"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::interface_parts::SOURCE), maybe(&super::interface_virtualport::VIRTUALPORT)],
    ..element("interface")
};

pub(super) static INTERFACE_ETHERNET: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["ethernet"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![maybe(&super::interface_parts::INTERFACE_SOURCE)],
    ..element("interface")
};

pub(super) static INTERFACE_NETWORK: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["network"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![
        once(&super::interface_parts::INTERFACE_SOURCE_2),
        maybe(&super::interface_virtualport::VIRTUALPORT)
    ],
    ..element("interface")
};

pub(super) static INTERFACE_DIRECT: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["direct"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![
        once(&super::interface_parts::INTERFACE_SOURCE_3),
        maybe(&super::interface_virtualport::VIRTUALPORT)
    ],
    ..element("interface")
};

pub(super) static INTERFACE_HOSTDEV: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["hostdev"])),
        ignored("managed", YES_NO, reasons::NOTHING),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![
        once(&super::interface_parts::INTERFACE_SOURCE_9),
        maybe(&super::interface_virtualport::VIRTUALPORT)
    ],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["bridge"], &INTERFACE_BRIDGE),
            (&["ethernet"], &INTERFACE_ETHERNET),
            (&["vhostuser"], &super::interface_emulated::INTERFACE_VHOSTUSER),
            (&["network"], &INTERFACE_NETWORK),
            (&["direct"], &INTERFACE_DIRECT),
            (&["user"], &super::interface_emulated::INTERFACE_USER),
            (&["internal"], &super::interface_emulated::INTERFACE_INTERNAL),
            (&["mcast", "client"], &super::interface_emulated::INTERFACE_MCAST),
            (&["udp"], &super::interface_emulated::INTERFACE_UDP),
            (&["server"], &super::interface_emulated::INTERFACE_SERVER),
            (&["hostdev"], &INTERFACE_HOSTDEV),
            (&["vdpa"], &super::interface_emulated::INTERFACE_VDPA),
            (&["null"], &super::interface_emulated::INTERFACE_NULL),
            (&["vds"], &super::interface_emulated::INTERFACE_VDS),
        ],
    }),
    ..element("interface")
};
