//! `<cpu>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{Content, Element, Support, element, many, maybe, once, optional, required, some};
use crate::value::Value;

pub(super) static CPU: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["custom", "host-model", "host-passthrough", "maximum"])),
        optional("match", Value::Choice(&["minimum", "exact", "strict"])),
        optional("check", Value::Choice(&["none", "partial", "full"])),
        optional("migratable", ON_OFF),
    ],
    content: Content::Children(&[
        maybe(&MODEL),
        maybe(&VENDOR),
        maybe(&TOPOLOGY),
        many(&FEATURE),
        maybe(&NUMA),
        maybe(&CACHE),
        maybe(&MAXPHYSADDR),
    ]),
    support: Support::Ignored(reasons::CPU),
    ..element("cpu")
};

pub(super) static MODEL: Element = Element {
    attributes: &[
        optional("fallback", Value::Choice(&["allow", "forbid"])),
        optional("vendor_id", Value::Pattern(&patterns::VENDOR_ID)),
    ],
    content: Content::Text(Value::Text),
    ..element("model")
};

pub(super) static VENDOR: Element = Element { content: Content::Text(Value::Text), ..element("vendor") };

pub(super) static TOPOLOGY: Element = Element {
    attributes: &[
        required("sockets", Value::Unsigned(1, u64::MAX)),
        optional("dies", Value::Unsigned(1, u64::MAX)),
        required("cores", Value::Unsigned(1, u64::MAX)),
        required("threads", Value::Unsigned(1, u64::MAX)),
    ],
    ..element("topology")
};

pub(super) static FEATURE: Element = Element {
    attributes: &[
        required("policy", Value::Choice(&["force", "require", "optional", "disable", "forbid"])),
        required("name", Value::Pattern(&patterns::FEATURE_NAME)),
    ],
    ..element("feature")
};

pub(super) static NUMA: Element =
    Element { content: Content::Children(&[some(&CELL), maybe(&INTERCONNECTS)]), ..element("numa") };

pub(super) static CACHE: Element = Element {
    attributes: &[
        optional("level", Value::Choice(&["1", "2", "3"])),
        required("mode", Value::Choice(&["emulate", "passthrough", "disable"])),
    ],
    ..element("cache")
};

pub(super) static MAXPHYSADDR: Element = Element {
    attributes: &[required("mode", Value::Choice(&["emulate", "passthrough"])), optional("bits", U32)],
    ..element("maxphysaddr")
};

pub(super) static CELL: Element = Element {
    attributes: &[
        optional("id", U32),
        optional("cpus", Value::IdSet),
        required("memory", U64),
        optional("unit", Value::Unit),
        optional("memAccess", Value::Choice(&["shared", "private"])),
        optional("discard", YES_NO),
    ],
    content: Content::Children(&[maybe(&DISTANCES), many(&CELL_CACHE)]),
    ..element("cell")
};

pub(super) static INTERCONNECTS: Element =
    Element { content: Content::Children(&[many(&LATENCY), many(&BANDWIDTH)]), ..element("interconnects") };

pub(super) static DISTANCES: Element =
    Element { content: Content::Children(&[some(&SIBLING)]), ..element("distances") };

pub(super) static CELL_CACHE: Element = Element {
    attributes: &[
        required("level", U32),
        required("associativity", Value::Choice(&["none", "direct", "full"])),
        required("policy", Value::Choice(&["none", "writeback", "writethrough"])),
    ],
    content: Content::Children(&[once(&SIZE), once(&LINE)]),
    ..element("cache")
};

pub(super) static LATENCY: Element = Element {
    attributes: &[
        required("initiator", U32),
        required("target", U32),
        optional("cache", U32),
        required("type", Value::Choice(&["access", "read", "write"])),
        required("value", U32),
    ],
    ..element("latency")
};

pub(super) static BANDWIDTH: Element = Element {
    attributes: &[
        required("initiator", U32),
        required("target", U32),
        optional("cache", U32),
        required("type", Value::Choice(&["access", "read", "write"])),
        required("value", U32),
        required("unit", Value::Unit),
    ],
    ..element("bandwidth")
};

pub(super) static SIBLING: Element = Element {
    attributes: &[required("id", U32), required("value", Value::Unsigned(10, 255))],
    ..element("sibling")
};

pub(super) static SIZE: Element =
    Element { attributes: &[required("value", U32), required("unit", Value::Unit)], ..element("size") };

pub(super) static LINE: Element =
    Element { attributes: &[required("value", U32), required("unit", Value::Unit)], ..element("line") };
