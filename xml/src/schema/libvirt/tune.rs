//! `<cputune>`, `<numatune>`, `<blkiotune>`, `<memoryBacking>`.

use super::reasons;
use crate::schema::values::{U32, U64};
use crate::schema::{
    Content, Element, Support, Variants, Version, element, many, maybe, once, optional, required, some,
};
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
    doc: "where the memory of a machine comes from",
    ..element("memoryBacking")
};

pub(super) static BLKIOTUNE: Element = Element {
    content: Content::Children(&[maybe(&WEIGHT), many(&DEVICE)]),
    doc: "its share of block devices",
    ..element("blkiotune")
};

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
        many(&ENERGYTUNE),
    ]),
    doc: "its share of the processors",
    ..element("cputune")
};

pub(super) static NUMATUNE: Element = Element {
    content: Content::Children(&[maybe(&MEMORY), many(&MEMNODE)]),
    doc: "the NUMA nodes that its memory comes from",
    ..element("numatune")
};

static HUGEPAGES: Element =
    Element { content: Content::Children(&[many(&PAGE)]), doc: "large pages", ..element("hugepages") };

static NOSHAREPAGES: Element = Element { doc: "equal pages are not merged", ..element("nosharepages") };

static LOCKED: Element = Element { doc: "the memory stays in RAM", ..element("locked") };

static SOURCE: Element = Element {
    attributes: &[required("type", Value::Choice(&["file", "anonymous", "memfd"]))],
    doc: "what the memory is",
    ..element("source")
};

static ACCESS: Element = Element {
    attributes: &[required("mode", Value::Choice(&["shared", "private"]))],
    doc: "whether other processes see it",
    ..element("access")
};

static ALLOCATION: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["immediate", "ondemand"])), optional("threads", U32)],
    doc: "when it is taken",
    ..element("allocation")
};

static DISCARD: Element = Element { doc: "its content is thrown away at the end", ..element("discard") };

static WEIGHT: Element = Element {
    content: Content::Text(Value::Unsigned(100, 1000)),
    doc: "its weight beside others, 100 to 1000",
    ..element("weight")
};

static DEVICE: Element = Element {
    content: Content::Children(&[
        once(&PATH),
        maybe(&DEVICE_WEIGHT),
        maybe(&READ_IOPS_SEC),
        maybe(&WRITE_IOPS_SEC),
        maybe(&READ_BYTES_SEC),
        maybe(&WRITE_BYTES_SEC),
    ]),
    doc: "bounds for one block device",
    ..element("device")
};

static SHARES: Element = Element {
    // 0 is libvirt's word for "as if not written".
    content: Content::Text(Value::OneOf(&[Value::Unsigned(2, 262_144), Value::Unsigned(0, 0)])),
    doc: "its weight beside others; 1024 is the usual one",
    ..element("shares")
};

static GLOBAL_PERIOD: Element = Element {
    content: Content::Text(Value::Unsigned(1000, 1_000_000)),
    doc: "the time that the quota of the whole is for, in microseconds",
    ..element("global_period")
};

static GLOBAL_QUOTA: Element = Element {
    content: Content::Text(QUOTA_US),
    doc: "how much of it all its processes may run, in microseconds",
    ..element("global_quota")
};

static PERIOD: Element = Element {
    content: Content::Text(Value::Unsigned(1000, 1_000_000)),
    doc: "the time that the quota is for, in microseconds",
    ..element("period")
};

static QUOTA: Element = Element {
    content: Content::Text(QUOTA_US),
    doc: "how much of that time it may run, in microseconds",
    ..element("quota")
};

static EMULATOR_PERIOD: Element = Element {
    content: Content::Text(Value::Unsigned(1000, 1_000_000)),
    support: Support::Ignored(reasons::CPU),
    doc: "the time that the emulator's quota is for",
    ..element("emulator_period")
};

static EMULATOR_QUOTA: Element = Element {
    content: Content::Text(QUOTA_US),
    support: Support::Ignored(reasons::CPU),
    doc: "how much of it the emulator may run",
    ..element("emulator_quota")
};

static IOTHREAD_PERIOD: Element = Element {
    content: Content::Text(Value::Unsigned(1000, 1_000_000)),
    support: Support::Ignored(reasons::CPU),
    doc: "the time that the quota of the disks' threads is for",
    ..element("iothread_period")
};

static IOTHREAD_QUOTA: Element = Element {
    content: Content::Text(QUOTA_US),
    support: Support::Ignored(reasons::CPU),
    doc: "how much of it they may run",
    ..element("iothread_quota")
};

static VCPUPIN: Element = Element {
    attributes: &[required("vcpu", Value::Unsigned(0, 65_535)), required("cpuset", Value::IdSet)],
    support: Support::Ignored(reasons::CPU),
    doc: "where a virtual processor runs",
    ..element("vcpupin")
};

static EMULATORPIN: Element = Element {
    attributes: &[required("cpuset", Value::IdSet)],
    support: Support::Ignored(reasons::CPU),
    doc: "where the emulator runs",
    ..element("emulatorpin")
};

static IOTHREADPIN: Element = Element {
    attributes: &[required("iothread", U32), required("cpuset", Value::IdSet)],
    support: Support::Ignored(reasons::CPU),
    doc: "where a thread for disks runs",
    ..element("iothreadpin")
};

static VCPUSCHED_BATCH: Element = Element {
    attributes: &[required("vcpus", Value::IdSet), required("scheduler", Value::Choice(&["batch", "idle"]))],
    support: Support::Ignored(reasons::CPU),
    doc: "virtual processors that run when nothing is urgent",
    ..element("vcpusched")
};

static VCPUSCHED_FIFO: Element = Element {
    attributes: &[
        required("vcpus", Value::IdSet),
        required("scheduler", Value::Choice(&["fifo", "rr"])),
        required("priority", Value::Unsigned(0, 65_535)),
    ],
    support: Support::Ignored(reasons::CPU),
    doc: "virtual processors that run before all else",
    ..element("vcpusched")
};

static VCPUSCHED: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "scheduler",
        absent: None,
        rows: &[(&["batch", "idle"], &VCPUSCHED_BATCH), (&["fifo", "rr"], &VCPUSCHED_FIFO)],
    }),
    support: Support::Ignored(reasons::CPU),
    doc: "how virtual processors are scheduled",
    ..element("vcpusched")
};

static IOTHREADSCHED_BATCH: Element = Element {
    attributes: &[
        required("iothreads", Value::IdSet),
        required("scheduler", Value::Choice(&["batch", "idle"])),
    ],
    support: Support::Ignored(reasons::CPU),
    doc: "threads for disks that run when nothing is urgent",
    ..element("iothreadsched")
};

static IOTHREADSCHED_FIFO: Element = Element {
    attributes: &[
        required("iothreads", Value::IdSet),
        required("scheduler", Value::Choice(&["fifo", "rr"])),
        required("priority", Value::Unsigned(0, 65_535)),
    ],
    support: Support::Ignored(reasons::CPU),
    doc: "threads for disks that run before all else",
    ..element("iothreadsched")
};

static IOTHREADSCHED: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "scheduler",
        absent: None,
        rows: &[(&["batch", "idle"], &IOTHREADSCHED_BATCH), (&["fifo", "rr"], &IOTHREADSCHED_FIFO)],
    }),
    support: Support::Ignored(reasons::CPU),
    doc: "how threads for disks are scheduled",
    ..element("iothreadsched")
};

static EMULATORSCHED_BATCH: Element = Element {
    attributes: &[required("scheduler", Value::Choice(&["batch", "idle"]))],
    support: Support::Ignored(reasons::CPU),
    doc: "an emulator that runs when nothing is urgent",
    ..element("emulatorsched")
};

static EMULATORSCHED_FIFO: Element = Element {
    attributes: &[
        required("scheduler", Value::Choice(&["fifo", "rr"])),
        required("priority", Value::Unsigned(0, 65_535)),
    ],
    support: Support::Ignored(reasons::CPU),
    doc: "an emulator that runs before all else",
    ..element("emulatorsched")
};

static EMULATORSCHED: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "scheduler",
        absent: None,
        rows: &[(&["batch", "idle"], &EMULATORSCHED_BATCH), (&["fifo", "rr"], &EMULATORSCHED_FIFO)],
    }),
    support: Support::Ignored(reasons::CPU),
    doc: "how the emulator is scheduled",
    ..element("emulatorsched")
};

static CACHETUNE: Element = Element {
    attributes: &[optional("vcpus", Value::IdSet), optional("id", Value::Text)],
    content: Content::Children(&[many(&CACHE), many(&MONITOR)]),
    support: Support::Ignored(reasons::CPU),
    doc: "parts of the processor's cache for some virtual processors",
    ..element("cachetune")
};

static MEMORYTUNE: Element = Element {
    attributes: &[optional("vcpus", Value::IdSet)],
    content: Content::Children(&[many(&NODE), many(&MEMORYTUNE_MONITOR)]),
    support: Support::Ignored(reasons::CPU),
    doc: "memory bandwidth for some virtual processors",
    ..element("memorytune")
};

static MEMORY_STATIC: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["strict", "preferred", "interleave", "restrictive"])),
        optional("placement", Value::Choice(&["static"])),
        optional("nodeset", Value::IdSet),
    ],
    doc: "nodes that are named",
    ..element("memory")
};

static MEMORY_AUTO: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["strict", "preferred", "interleave", "restrictive"])),
        required("placement", Value::Choice(&["auto"])),
    ],
    doc: "nodes that the host's advisor names",
    ..element("memory")
};

static MEMORY: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "placement",
        absent: Some("static"),
        rows: &[(&["static"], &MEMORY_STATIC), (&["auto"], &MEMORY_AUTO)],
    }),
    doc: "where the memory of the whole comes from",
    ..element("memory")
};

static MEMNODE: Element = Element {
    attributes: &[
        required("cellid", U32),
        required("mode", Value::Choice(&["strict", "preferred", "interleave", "restrictive"])),
        required("nodeset", Value::IdSet),
    ],
    support: Support::Ignored(reasons::CPU),
    doc: "where the memory of one node of a machine comes from",
    ..element("memnode")
};

static PAGE: Element = Element {
    attributes: &[required("size", U64), optional("unit", Value::Unit), optional("nodeset", Value::IdSet)],
    doc: "a size of pages, and the nodes that have them",
    ..element("page")
};

static PATH: Element = Element {
    content: Content::Text(Value::OneOf(&[Value::AbsFilePath, Value::Choice(&["*"])])),
    newer: &[(Version(12, 3), &["*"])],
    doc: "the block device",
    ..element("path")
};

static DEVICE_WEIGHT: Element = Element {
    content: Content::Text(Value::Unsigned(100, 1000)),
    doc: "its weight there, 100 to 1000",
    ..element("weight")
};

static READ_IOPS_SEC: Element =
    Element { content: Content::Text(U32), doc: "reading requests a second", ..element("read_iops_sec") };

static WRITE_IOPS_SEC: Element =
    Element { content: Content::Text(U32), doc: "writing requests a second", ..element("write_iops_sec") };

static READ_BYTES_SEC: Element =
    Element { content: Content::Text(U64), doc: "bytes read a second", ..element("read_bytes_sec") };

static WRITE_BYTES_SEC: Element =
    Element { content: Content::Text(U64), doc: "bytes written a second", ..element("write_bytes_sec") };

static CACHE: Element = Element {
    attributes: &[
        required("id", U32),
        required("level", U32),
        required("type", Value::Choice(&["both", "code", "data"])),
        required("size", U64),
        optional("unit", Value::Unit),
    ],
    support: Support::Ignored(reasons::NOTHING),
    doc: "a part of one cache",
    ..element("cache")
};

static MONITOR: Element = Element {
    attributes: &[required("level", U32), optional("vcpus", Value::IdSet)],
    support: Support::Ignored(reasons::NOTHING),
    doc: "whose use of the cache is measured",
    ..element("monitor")
};

static NODE: Element = Element {
    attributes: &[required("id", U32), required("bandwidth", U32)],
    support: Support::Ignored(reasons::NOTHING),
    doc: "the bandwidth to one node, in percent",
    ..element("node")
};

static MEMORYTUNE_MONITOR: Element = Element {
    attributes: &[optional("vcpus", Value::IdSet)],
    support: Support::Ignored(reasons::NOTHING),
    doc: "whose use of the bandwidth is measured",
    ..element("monitor")
};

static ENERGYTUNE: Element = Element {
    attributes: &[optional("vcpus", Value::IdSet), optional("id", Value::Text)],
    content: Content::Children(&[some(&ENERGY_MONITOR)]),
    support: Support::Ignored(reasons::CPU),
    since: Some(Version(12, 4)),
    doc: "whose use of energy is measured",
    ..element("energytune")
};
static ENERGY_MONITOR: Element = Element {
    attributes: &[optional("vcpus", Value::IdSet)],
    support: Support::Ignored(reasons::NOTHING),
    doc: "virtual processors that are measured together",
    ..element("monitor")
};
