//! `<cputune>`, `<numatune>`, `<blkiotune>`, `<memoryBacking>`.

use super::reasons;
use crate::schema::values::{U32, U64};
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, once, optional, required};
use crate::value::Value;

/// Microseconds; 0 and below are no bound.
const QUOTA_US: Value = Value::OneOf(&[Value::Integer(1000, 17_592_186_044_415), Value::Integer(-1, 0)]);

pub(super) static MEMORYBACKING: Element = Element {
    content: Content::Children(&[
        maybe(&HUGEPAGES),
        maybe(&NOSHAREPAGES),
        maybe(&LOCKED),
        maybe(&SOURCE),
        maybe(&ACCESS),
        maybe(&ALLOCATION),
        maybe(&DISCARD),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("memoryBacking")
};

pub(super) static BLKIOTUNE: Element =
    Element { content: Content::Children(&[maybe(&WEIGHT), many(&DEVICE)]), ..element("blkiotune") };

pub(super) static CPUTUNE: Element = Element {
    content: Content::Children(&[
        maybe(&SHARES),
        maybe(&GLOBAL_PERIOD),
        maybe(&GLOBAL_QUOTA),
        maybe(&PERIOD),
        maybe(&QUOTA),
        maybe(&EMULATOR_PERIOD),
        maybe(&EMULATOR_QUOTA),
        maybe(&IOTHREAD_PERIOD),
        maybe(&IOTHREAD_QUOTA),
        many(&VCPUPIN),
        maybe(&EMULATORPIN),
        many(&IOTHREADPIN),
        many(&VCPUSCHED),
        many(&IOTHREADSCHED),
        maybe(&EMULATORSCHED),
        many(&CACHETUNE),
        many(&MEMORYTUNE),
    ]),
    ..element("cputune")
};

pub(super) static NUMATUNE: Element =
    Element { content: Content::Children(&[maybe(&MEMORY), many(&MEMNODE)]), ..element("numatune") };

pub(super) static HUGEPAGES: Element =
    Element { content: Content::Children(&[many(&PAGE)]), ..element("hugepages") };

pub(super) static NOSHAREPAGES: Element = Element { ..element("nosharepages") };

pub(super) static LOCKED: Element = Element { ..element("locked") };

pub(super) static SOURCE: Element = Element {
    attributes: &[required("type", Value::Choice(&["file", "anonymous", "memfd"]))],
    ..element("source")
};

pub(super) static ACCESS: Element =
    Element { attributes: &[required("mode", Value::Choice(&["shared", "private"]))], ..element("access") };

pub(super) static ALLOCATION: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["immediate", "ondemand"])), optional("threads", U32)],
    ..element("allocation")
};

pub(super) static DISCARD: Element = Element { ..element("discard") };

pub(super) static WEIGHT: Element =
    Element { content: Content::Text(Value::Unsigned(100, 1000)), ..element("weight") };

pub(super) static DEVICE: Element = Element {
    content: Content::Children(&[
        once(&PATH),
        maybe(&DEVICE_WEIGHT),
        maybe(&READ_IOPS_SEC),
        maybe(&WRITE_IOPS_SEC),
        maybe(&READ_BYTES_SEC),
        maybe(&WRITE_BYTES_SEC),
    ]),
    ..element("device")
};

pub(super) static SHARES: Element = Element {
    // 0 is libvirt's word for "as if not written".
    content: Content::Text(Value::OneOf(&[Value::Unsigned(2, 262_144), Value::Unsigned(0, 0)])),
    ..element("shares")
};

pub(super) static GLOBAL_PERIOD: Element =
    Element { content: Content::Text(Value::Unsigned(1000, 1_000_000)), ..element("global_period") };

pub(super) static GLOBAL_QUOTA: Element =
    Element { content: Content::Text(QUOTA_US), ..element("global_quota") };

pub(super) static PERIOD: Element =
    Element { content: Content::Text(Value::Unsigned(1000, 1_000_000)), ..element("period") };

pub(super) static QUOTA: Element = Element { content: Content::Text(QUOTA_US), ..element("quota") };

pub(super) static EMULATOR_PERIOD: Element = Element {
    content: Content::Text(Value::Unsigned(1000, 1_000_000)),
    support: Support::Ignored(reasons::CPU),
    ..element("emulator_period")
};

pub(super) static EMULATOR_QUOTA: Element = Element {
    content: Content::Text(QUOTA_US),
    support: Support::Ignored(reasons::CPU),
    ..element("emulator_quota")
};

pub(super) static IOTHREAD_PERIOD: Element = Element {
    content: Content::Text(Value::Unsigned(1000, 1_000_000)),
    support: Support::Ignored(reasons::CPU),
    ..element("iothread_period")
};

pub(super) static IOTHREAD_QUOTA: Element = Element {
    content: Content::Text(QUOTA_US),
    support: Support::Ignored(reasons::CPU),
    ..element("iothread_quota")
};

pub(super) static VCPUPIN: Element = Element {
    attributes: &[required("vcpu", Value::Unsigned(0, 65_535)), required("cpuset", Value::IdSet)],
    support: Support::Ignored(reasons::CPU),
    ..element("vcpupin")
};

pub(super) static EMULATORPIN: Element = Element {
    attributes: &[required("cpuset", Value::IdSet)],
    support: Support::Ignored(reasons::CPU),
    ..element("emulatorpin")
};

pub(super) static IOTHREADPIN: Element = Element {
    attributes: &[required("iothread", U32), required("cpuset", Value::IdSet)],
    support: Support::Ignored(reasons::CPU),
    ..element("iothreadpin")
};

pub(super) static VCPUSCHED_BATCH: Element = Element {
    attributes: &[required("vcpus", Value::IdSet), required("scheduler", Value::Choice(&["batch", "idle"]))],
    support: Support::Ignored(reasons::CPU),
    ..element("vcpusched")
};

pub(super) static VCPUSCHED_FIFO: Element = Element {
    attributes: &[
        required("vcpus", Value::IdSet),
        required("scheduler", Value::Choice(&["fifo", "rr"])),
        required("priority", Value::Unsigned(0, 65_535)),
    ],
    support: Support::Ignored(reasons::CPU),
    ..element("vcpusched")
};

pub(super) static VCPUSCHED: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "scheduler",
        absent: None,
        rows: &[(&["batch", "idle"], &VCPUSCHED_BATCH), (&["fifo", "rr"], &VCPUSCHED_FIFO)],
    }),
    support: Support::Ignored(reasons::CPU),
    ..element("vcpusched")
};

pub(super) static IOTHREADSCHED_BATCH: Element = Element {
    attributes: &[
        required("iothreads", Value::IdSet),
        required("scheduler", Value::Choice(&["batch", "idle"])),
    ],
    support: Support::Ignored(reasons::CPU),
    ..element("iothreadsched")
};

pub(super) static IOTHREADSCHED_FIFO: Element = Element {
    attributes: &[
        required("iothreads", Value::IdSet),
        required("scheduler", Value::Choice(&["fifo", "rr"])),
        required("priority", Value::Unsigned(0, 65_535)),
    ],
    support: Support::Ignored(reasons::CPU),
    ..element("iothreadsched")
};

pub(super) static IOTHREADSCHED: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "scheduler",
        absent: None,
        rows: &[(&["batch", "idle"], &IOTHREADSCHED_BATCH), (&["fifo", "rr"], &IOTHREADSCHED_FIFO)],
    }),
    support: Support::Ignored(reasons::CPU),
    ..element("iothreadsched")
};

pub(super) static EMULATORSCHED_BATCH: Element = Element {
    attributes: &[required("scheduler", Value::Choice(&["batch", "idle"]))],
    support: Support::Ignored(reasons::CPU),
    ..element("emulatorsched")
};

pub(super) static EMULATORSCHED_FIFO: Element = Element {
    attributes: &[
        required("scheduler", Value::Choice(&["fifo", "rr"])),
        required("priority", Value::Unsigned(0, 65_535)),
    ],
    support: Support::Ignored(reasons::CPU),
    ..element("emulatorsched")
};

pub(super) static EMULATORSCHED: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "scheduler",
        absent: None,
        rows: &[(&["batch", "idle"], &EMULATORSCHED_BATCH), (&["fifo", "rr"], &EMULATORSCHED_FIFO)],
    }),
    support: Support::Ignored(reasons::CPU),
    ..element("emulatorsched")
};

pub(super) static CACHETUNE: Element = Element {
    attributes: &[required("vcpus", Value::IdSet), optional("id", Value::Text)],
    content: Content::Children(&[many(&CACHE), many(&MONITOR)]),
    support: Support::Ignored(reasons::CPU),
    ..element("cachetune")
};

pub(super) static MEMORYTUNE: Element = Element {
    attributes: &[required("vcpus", Value::IdSet)],
    content: Content::Children(&[many(&NODE), many(&MEMORYTUNE_MONITOR)]),
    support: Support::Ignored(reasons::CPU),
    ..element("memorytune")
};

pub(super) static MEMORY_STATIC: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["strict", "preferred", "interleave", "restrictive"])),
        optional("placement", Value::Choice(&["static"])),
        optional("nodeset", Value::IdSet),
    ],
    ..element("memory")
};

pub(super) static MEMORY_AUTO: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["strict", "preferred", "interleave", "restrictive"])),
        required("placement", Value::Choice(&["auto"])),
    ],
    ..element("memory")
};

pub(super) static MEMORY: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "placement",
        absent: Some("static"),
        rows: &[(&["static"], &MEMORY_STATIC), (&["auto"], &MEMORY_AUTO)],
    }),
    ..element("memory")
};

pub(super) static MEMNODE: Element = Element {
    attributes: &[
        required("cellid", U32),
        required("mode", Value::Choice(&["strict", "preferred", "interleave", "restrictive"])),
        required("nodeset", Value::IdSet),
    ],
    support: Support::Ignored(reasons::CPU),
    ..element("memnode")
};

pub(super) static PAGE: Element = Element {
    attributes: &[required("size", U64), optional("unit", Value::Unit), optional("nodeset", Value::IdSet)],
    ..element("page")
};

pub(super) static PATH: Element = Element { content: Content::Text(Value::AbsFilePath), ..element("path") };

pub(super) static DEVICE_WEIGHT: Element =
    Element { content: Content::Text(Value::Unsigned(100, 1000)), ..element("weight") };

pub(super) static READ_IOPS_SEC: Element =
    Element { content: Content::Text(U32), ..element("read_iops_sec") };

pub(super) static WRITE_IOPS_SEC: Element =
    Element { content: Content::Text(U32), ..element("write_iops_sec") };

pub(super) static READ_BYTES_SEC: Element =
    Element { content: Content::Text(U64), ..element("read_bytes_sec") };

pub(super) static WRITE_BYTES_SEC: Element =
    Element { content: Content::Text(U64), ..element("write_bytes_sec") };

pub(super) static CACHE: Element = Element {
    attributes: &[
        required("id", U32),
        required("level", U32),
        required("type", Value::Choice(&["both", "code", "data"])),
        required("size", U64),
        optional("unit", Value::Unit),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("cache")
};

pub(super) static MONITOR: Element = Element {
    attributes: &[required("level", U32), required("vcpus", Value::IdSet)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("monitor")
};

pub(super) static NODE: Element = Element {
    attributes: &[required("id", U32), required("bandwidth", U32)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("node")
};

pub(super) static MEMORYTUNE_MONITOR: Element = Element {
    attributes: &[required("vcpus", Value::IdSet)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("monitor")
};
