//! `<virtualport>` of `<interface>`, by its type.

use super::patterns;
use super::reasons;
use crate::schema::{Content, Element, Support, Variants, element, maybe, once, optional, required};
use crate::value::Value;

static QBG: Element = Element {
    attributes: &[required("type", Value::Choice(&["802.1Qbg"]))],
    content: Content::Children(&[maybe(&QBG_PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    doc: "an association by IEEE 802.1Qbg",
    ..element("virtualport")
};

static QBH: Element = Element {
    attributes: &[required("type", Value::Choice(&["802.1Qbh"]))],
    content: Content::Children(&[maybe(&QBH_PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    doc: "an association by IEEE 802.1Qbh",
    ..element("virtualport")
};

static OPENVSWITCH: Element = Element {
    attributes: &[required("type", Value::Choice(&["openvswitch"]))],
    content: Content::Children(&[maybe(&OVS_PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    doc: "a port of Open vSwitch",
    ..element("virtualport")
};

static MIDONET: Element = Element {
    attributes: &[required("type", Value::Choice(&["midonet"]))],
    content: Content::Children(&[once(&MIDONET_PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    doc: "a port of MidoNet",
    ..element("virtualport")
};

static PLAIN: Element = Element {
    content: Content::Children(&[maybe(&ANY_PARAMETERS)]),
    support: Support::Ignored(reasons::SWITCH),
    doc: "a port whose kind the network decides",
    ..element("virtualport")
};

pub(super) static VIRTUALPORT: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some(""),
        rows: &[
            (&["802.1Qbg"], &QBG),
            (&["802.1Qbh"], &QBH),
            (&["openvswitch"], &OPENVSWITCH),
            (&["midonet"], &MIDONET),
            (&[""], &PLAIN),
        ],
    }),
    support: Support::Ignored(reasons::SWITCH),
    doc: "the port of a switch that it is connected to",
    ..element("virtualport")
};

static QBG_PARAMETERS: Element = Element {
    attributes: &[
        optional("managerid", Value::Pattern(&patterns::UINT8)),
        optional("typeid", Value::Pattern(&patterns::UINT24)),
        optional("typeidversion", Value::Pattern(&patterns::UINT8)),
        optional("instanceid", Value::Uuid),
    ],
    support: Support::Ignored(reasons::NOTHING),
    doc: "who manages the port, and its type",
    ..element("parameters")
};

static QBH_PARAMETERS: Element = Element {
    attributes: &[optional("profileid", Value::Pattern(&patterns::UP_TO_39))],
    support: Support::Ignored(reasons::NOTHING),
    doc: "the profile of the port",
    ..element("parameters")
};

static OVS_PARAMETERS: Element = Element {
    attributes: &[
        optional("profileid", Value::Pattern(&patterns::UP_TO_39)),
        optional("interfaceid", Value::Uuid),
    ],
    support: Support::Ignored(reasons::NOTHING),
    doc: "the profile and the id of the port",
    ..element("parameters")
};

static MIDONET_PARAMETERS: Element = Element {
    attributes: &[required("interfaceid", Value::Uuid)],
    support: Support::Ignored(reasons::NOTHING),
    doc: "the id of the port",
    ..element("parameters")
};

static ANY_PARAMETERS: Element = Element {
    attributes: &[
        optional("managerid", Value::Pattern(&patterns::UINT8)),
        optional("typeid", Value::Pattern(&patterns::UINT24)),
        optional("typeidversion", Value::Pattern(&patterns::UINT8)),
        optional("instanceid", Value::Uuid),
        optional("profileid", Value::Pattern(&patterns::UP_TO_39)),
        optional("interfaceid", Value::Uuid),
    ],
    support: Support::Ignored(reasons::NOTHING),
    doc: "what any kind of port may be told",
    ..element("parameters")
};
