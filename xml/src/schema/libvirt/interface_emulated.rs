//! `<interface>`: the kinds that only an emulator can give.

use super::interface_parts::parts;
use super::reasons;
use crate::schema::values::YES_NO;
use crate::schema::{Element, Support, element, ignored, maybe, once, required};
use crate::value::Value;

pub(super) static INTERFACE_VHOSTUSER: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["vhostuser"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::common::SOURCE)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_USER: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["user"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![maybe(&super::interface_parts::INTERFACE_SOURCE_4)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_INTERNAL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["internal"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::interface_parts::INTERFACE_SOURCE_5)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_MCAST: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["mcast", "client"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::interface_parts::INTERFACE_SOURCE_6)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_UDP: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["udp"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::interface_parts::INTERFACE_SOURCE_7)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_SERVER: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["server"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::interface_parts::INTERFACE_SOURCE_8)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_VDPA: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["vdpa"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::interface_parts::INTERFACE_SOURCE_10)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_NULL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["null"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};

pub(super) static INTERFACE_VDS: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["vds"])),
        ignored("trustGuestRxFilters", YES_NO, reasons::SWITCH),
    ],
    content: parts![once(&super::interface_parts::INTERFACE_SOURCE_11)],
    support: Support::CannotStart(reasons::NO_LINK),
    ..element("interface")
};
