//! `<virtualport>` of `<interface>`, by its type.

use super::patterns;
use super::reasons;
use crate::schema::{Content, Element, Support, Variants, element, maybe, once, optional, required};
use crate::value::Value;

pub(super) static VIRTUALPORT_802_1QBG: Element = Element {
    attributes: &[required("type", Value::Choice(&["802.1Qbg"]))],
    content: Content::Children(&[maybe(&PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    ..element("virtualport")
};

pub(super) static VIRTUALPORT_802_1QBH: Element = Element {
    attributes: &[required("type", Value::Choice(&["802.1Qbh"]))],
    content: Content::Children(&[maybe(&VIRTUALPORT_PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    ..element("virtualport")
};

pub(super) static VIRTUALPORT_OPENVSWITCH: Element = Element {
    attributes: &[required("type", Value::Choice(&["openvswitch"]))],
    content: Content::Children(&[maybe(&INTERFACE_VIRTUALPORT_PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    ..element("virtualport")
};

pub(super) static VIRTUALPORT_MIDONET: Element = Element {
    attributes: &[required("type", Value::Choice(&["midonet"]))],
    content: Content::Children(&[once(&INTERFACE_VIRTUALPORT_PARAMETERS_2)]),
    support: Support::Ignored(reasons::SWITCH),
    ..element("virtualport")
};

pub(super) static VIRTUALPORT_PLAIN: Element = Element {
    content: Content::Children(&[maybe(&INTERFACE_VIRTUALPORT_PARAMETERS_3)]),
    support: Support::Ignored(reasons::SWITCH),
    ..element("virtualport")
};

pub(super) static VIRTUALPORT: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some(""),
        rows: &[
            (&["802.1Qbg"], &VIRTUALPORT_802_1QBG),
            (&["802.1Qbh"], &VIRTUALPORT_802_1QBH),
            (&["openvswitch"], &VIRTUALPORT_OPENVSWITCH),
            (&["midonet"], &VIRTUALPORT_MIDONET),
            (&[""], &VIRTUALPORT_PLAIN),
        ],
    }),
    support: Support::Ignored(reasons::SWITCH),
    ..element("virtualport")
};

pub(super) static PARAMETERS: Element = Element {
    attributes: &[
        optional("managerid", Value::Pattern(&patterns::UINT8)),
        optional("typeid", Value::Pattern(&patterns::UINT24)),
        optional("typeidversion", Value::Pattern(&patterns::UINT8)),
        optional("instanceid", Value::Uuid),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("parameters")
};

pub(super) static VIRTUALPORT_PARAMETERS: Element = Element {
    attributes: &[optional("profileid", Value::Pattern(&patterns::UP_TO_39))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("parameters")
};

pub(super) static INTERFACE_VIRTUALPORT_PARAMETERS: Element = Element {
    attributes: &[
        optional("profileid", Value::Pattern(&patterns::UP_TO_39)),
        optional("interfaceid", Value::Uuid),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("parameters")
};

pub(super) static INTERFACE_VIRTUALPORT_PARAMETERS_2: Element = Element {
    attributes: &[required("interfaceid", Value::Uuid)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("parameters")
};

pub(super) static INTERFACE_VIRTUALPORT_PARAMETERS_3: Element = Element {
    attributes: &[
        optional("managerid", Value::Pattern(&patterns::UINT8)),
        optional("typeid", Value::Pattern(&patterns::UINT24)),
        optional("typeidversion", Value::Pattern(&patterns::UINT8)),
        optional("instanceid", Value::Uuid),
        optional("profileid", Value::Pattern(&patterns::UP_TO_39)),
        optional("interfaceid", Value::Uuid),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("parameters")
};
