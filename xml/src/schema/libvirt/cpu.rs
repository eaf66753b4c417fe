//! `<cpu>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{
    Content, Element, Support, Version, element, many, maybe, once, optional, required, since, some,
};
use crate::value::Value;

pub(super) static CPU: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["custom", "host-model", "host-passthrough", "maximum"])),
        optional("match", Value::Choice(&["minimum", "exact", "strict"])),
        optional("check", Value::Choice(&["none", "partial", "full"])),
        optional("migratable", ON_OFF),
        since(Version(11, 0), optional("deprecated_features", ON_OFF)),
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
    doc: "which processor a machine is shown",
    ..element("cpu")
};

static MODEL: Element = Element {
    attributes: &[
        optional("fallback", Value::Choice(&["allow", "forbid"])),
        optional("vendor_id", Value::Pattern(&patterns::VENDOR_ID)),
    ],
    content: Content::Text(Value::Text),
    doc: "the model, by the name that libvirt has for it",
    ..element("model")
};

static VENDOR: Element =
    Element { content: Content::Text(Value::Text), doc: "its vendor", ..element("vendor") };

static TOPOLOGY: Element = Element {
    attributes: &[
        required("sockets", Value::Unsigned(1, u64::MAX)),
        optional("dies", Value::Unsigned(1, u64::MAX)),
        since(Version(10, 1), optional("clusters", Value::Unsigned(1, u64::MAX))),
        required("cores", Value::Unsigned(1, u64::MAX)),
        required("threads", Value::Unsigned(1, u64::MAX)),
    ],
    doc: "how the processors are divided",
    ..element("topology")
};

static FEATURE: Element = Element {
    attributes: &[
        required("policy", Value::Choice(&["force", "require", "optional", "disable", "forbid"])),
        required("name", Value::Pattern(&patterns::FEATURE_NAME)),
    ],
    doc: "a feature, and whether the machine has it",
    ..element("feature")
};

static NUMA: Element = Element {
    content: Content::Children(&[some(&CELL), maybe(&INTERCONNECTS)]),
    doc: "how memory and processors belong together",
    ..element("numa")
};

static CACHE: Element = Element {
    attributes: &[
        optional("level", Value::Choice(&["1", "2", "3"])),
        required("mode", Value::Choice(&["emulate", "passthrough", "disable"])),
    ],
    doc: "the cache that the machine is shown",
    ..element("cache")
};

static MAXPHYSADDR: Element = Element {
    attributes: &[
        required("mode", Value::Choice(&["emulate", "passthrough"])),
        optional("bits", U32),
        since(Version(9, 3), optional("limit", U32)),
    ],
    doc: "how many bits an address of memory has",
    ..element("maxphysaddr")
};

static CELL: Element = Element {
    attributes: &[
        optional("id", U32),
        optional("cpus", Value::IdSet),
        required("memory", U64),
        optional("unit", Value::Unit),
        optional("memAccess", Value::Choice(&["shared", "private"])),
        optional("discard", YES_NO),
    ],
    content: Content::Children(&[maybe(&DISTANCES), many(&CELL_CACHE)]),
    doc: "a NUMA node: its processors and its memory",
    ..element("cell")
};

static INTERCONNECTS: Element = Element {
    content: Content::Children(&[many(&LATENCY), many(&BANDWIDTH)]),
    doc: "how fast the nodes reach each other",
    ..element("interconnects")
};

static DISTANCES: Element = Element {
    content: Content::Children(&[some(&SIBLING)]),
    doc: "how far it is to other nodes",
    ..element("distances")
};

static CELL_CACHE: Element = Element {
    attributes: &[
        required("level", U32),
        required("associativity", Value::Choice(&["none", "direct", "full"])),
        required("policy", Value::Choice(&["none", "writeback", "writethrough"])),
    ],
    content: Content::Children(&[once(&SIZE), once(&LINE)]),
    doc: "a cache of the memory of this node",
    ..element("cache")
};

static LATENCY: Element = Element {
    attributes: &[
        required("initiator", U32),
        required("target", U32),
        optional("cache", U32),
        required("type", Value::Choice(&["access", "read", "write"])),
        required("value", U32),
    ],
    doc: "how long an access takes, in nanoseconds",
    ..element("latency")
};

static BANDWIDTH: Element = Element {
    attributes: &[
        required("initiator", U32),
        required("target", U32),
        optional("cache", U32),
        required("type", Value::Choice(&["access", "read", "write"])),
        required("value", U32),
        required("unit", Value::Unit),
    ],
    doc: "how much can be carried",
    ..element("bandwidth")
};

static SIBLING: Element = Element {
    attributes: &[required("id", U32), required("value", Value::Unsigned(10, 255))],
    doc: "the distance to one node; 10 is none",
    ..element("sibling")
};

static SIZE: Element = Element {
    attributes: &[required("value", U32), required("unit", Value::Unit)],
    doc: "how large the cache is",
    ..element("size")
};

static LINE: Element = Element {
    attributes: &[required("value", U32), required("unit", Value::Unit)],
    doc: "how long a line of the cache is",
    ..element("line")
};
