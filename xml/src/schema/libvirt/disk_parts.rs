//! Parts of `<disk>`.

use super::shapes::inert;
use super::{disk_source, disk_source_network, patterns, reasons, shapes, words};
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, Version, element, ignored, many, maybe, once, optional,
    required, since, some, with_newer,
};
use crate::value::Value;

const IGNORED: Support = Support::Ignored(reasons::NOTHING);

pub(super) static PRIVATEDATA: Element =
    inert("privateData", reasons::NOTHING, "what libvirt keeps for itself about the disk");

pub(super) static DRIVER: Element = Element {
    attributes: &[
        optional("name", Value::Pattern(&patterns::GENERIC_NAME)),
        optional(
            "type",
            Value::Choice(&[
                "raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc", "vdi", "fat", "vhd", "ploop", "luks",
                "cow", "qcow", "qcow2", "qed", "vmdk", "aio",
            ]),
        ),
        ignored(
            "cache",
            Value::Choice(&["default", "none", "writeback", "writethrough", "directsync", "unsafe"]),
            reasons::NODE,
        ),
        ignored("error_policy", Value::Choice(&["stop", "report", "ignore", "enospace"]), reasons::NODE),
        ignored("rerror_policy", Value::Choice(&["stop", "report", "ignore"]), reasons::NODE),
        ignored("io", Value::Choice(&["threads", "native", "io_uring"]), reasons::NODE),
        ignored("ioeventfd", ON_OFF, reasons::NODE),
        ignored("event_idx", ON_OFF, reasons::NODE),
        ignored("copy_on_read", ON_OFF, reasons::NODE),
        ignored("discard", Value::Choice(&["unmap", "ignore"]), reasons::NODE),
        ignored("iothread", U32, reasons::NODE),
        ignored("detect_zeroes", Value::Choice(&["off", "on", "unmap"]), reasons::NODE),
        since(Version(9, 5), ignored("discard_no_unref", ON_OFF, reasons::NODE)),
        ignored("queues", Value::Unsigned(1, u64::MAX), reasons::NODE),
        ignored("queue_size", Value::Unsigned(1, u64::MAX), reasons::NODE),
        ignored("iommu", ON_OFF, reasons::NODE),
        ignored("ats", ON_OFF, reasons::NODE),
        ignored("packed", ON_OFF, reasons::NODE),
        ignored("page_per_vq", ON_OFF, reasons::NODE),
    ],
    content: Content::Children(&[maybe(&METADATA_CACHE), maybe(&DRIVER_IOTHREADS), maybe(&STATISTICS)]),
    doc: "the format of the image, and how a machine would read it",
    ..element("driver")
};
pub(super) static METADATA_CACHE: Element = Element {
    content: Content::Children(&[maybe(&MAX_SIZE)]),
    ..inert("metadata_cache", reasons::NOTHING, "the cache for the image's own tables")
};
static MAX_SIZE: Element = shapes::amount("max_size", IGNORED, "how large it may become");
static DRIVER_IOTHREADS: Element = Element { since: Some(Version(10, 0)), ..IOTHREADS };
/// The threads that serve a device; of a controller it is younger than of a disk.
pub(super) const IOTHREADS: Element = Element {
    content: Content::Children(&[some(&IOTHREAD)]),
    ..inert("iothreads", reasons::NODE, "the threads that serve its queues")
};
static IOTHREAD: Element = Element {
    attributes: &[required("id", U32)],
    content: Content::Children(&[many(&QUEUE)]),
    ..inert("iothread", reasons::NOTHING, "a thread, by its number")
};
static QUEUE: Element = Element {
    attributes: &[required("id", U32)],
    ..inert("queue", reasons::NOTHING, "a queue that it serves")
};
static STATISTICS: Element = Element {
    content: Content::Children(&[many(&STATISTIC), many(&HISTOGRAM)]),
    since: Some(Version(11, 9)),
    ..inert("statistics", reasons::NODE, "what is counted about its requests")
};
static STATISTIC: Element = Element {
    attributes: &[required("interval", U32)],
    ..inert("statistic", reasons::NOTHING, "counters over so many seconds")
};
static HISTOGRAM: Element = Element {
    attributes: &[optional("type", Value::Choice(&["read", "write", "zone", "flush"]))],
    content: Content::Children(&[some(&BIN)]),
    since: Some(Version(12, 1)),
    ..inert("latency-histogram", reasons::NOTHING, "how many requests took how long")
};
static BIN: Element = Element {
    attributes: &[required("start", U64)],
    ..inert("bin", reasons::NOTHING, "the shortest time that counts here, in nanoseconds")
};

const JOB: Attribute = required("job", Value::Choice(&["copy", "active-commit"]));
const READY: Attribute = optional("ready", Value::Choice(&["yes", "abort", "pivot"]));

/// `<mirror>` onto one kind of source.
macro_rules! mirror {
    ([$($attribute:expr),*], $source:expr, $doc:literal) => {
        Element {
            attributes: &[$($attribute),*],
            content: Content::Children(&[
                $source,
                maybe(&disk_source::FORMAT),
                maybe(&disk_source::BACKINGSTORE),
            ]),
            ..inert("mirror", reasons::NOTHING, $doc)
        }
    };
}
static MIRROR_FILE: Element = mirror!(
    [
        optional("file", Value::AbsFilePath),
        optional("format", words::WORDS_RAW),
        optional("job", Value::Choice(&["copy", "active-commit"])),
        optional("type", Value::Choice(&["file"])),
        READY
    ],
    maybe(&disk_source::FILE),
    "a copy that is being made in a file"
);
static MIRROR_BLOCK: Element = mirror!(
    [JOB, required("type", Value::Choice(&["block"])), READY],
    maybe(&disk_source::BLOCK),
    "a copy that is being made on a block device"
);
static MIRROR_DIR: Element = mirror!(
    [JOB, required("type", Value::Choice(&["dir"])), READY],
    maybe(&disk_source::DIR),
    "a copy that is being made in a directory"
);
static MIRROR_NETWORK: Element = mirror!(
    [JOB, required("type", Value::Choice(&["network"])), READY],
    once(&disk_source_network::NETWORK),
    "a copy that is being made on a server"
);
static MIRROR_VOLUME: Element = mirror!(
    [JOB, required("type", Value::Choice(&["volume"])), READY],
    maybe(&disk_source::VOLUME),
    "a copy that is being made in a volume of a pool"
);
static MIRROR_NVME: Element = mirror!(
    [JOB, required("type", Value::Choice(&["nvme"])), READY],
    maybe(&disk_source::NVME),
    "a copy that is being made on an NVMe drive"
);
static MIRROR_VHOSTUSER: Element = mirror!(
    [JOB, required("type", Value::Choice(&["vhostuser"])), READY],
    once(&disk_source::VHOSTUSER),
    "a copy that is being made by another process"
);
static MIRROR_VHOSTVDPA: Element = Element {
    since: Some(Version(9, 8)),
    ..mirror!(
        [JOB, required("type", Value::Choice(&["vhostvdpa"])), READY],
        once(&disk_source::VHOSTVDPA),
        "a copy that is being made on a vhost-vdpa device"
    )
};
static MIRROR_CTL: Element = Element {
    since: Some(Version(12, 0)),
    ..mirror!(
        [JOB, required("type", Value::Choice(&["ctl"])), READY],
        once(&disk_source::CTL),
        "a copy that is being made on FreeBSD's CAM target layer"
    )
};
pub(super) static MIRROR: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("file"),
        rows: &[
            (&["file"], &MIRROR_FILE),
            (&["block"], &MIRROR_BLOCK),
            (&["dir"], &MIRROR_DIR),
            (&["network"], &MIRROR_NETWORK),
            (&["volume"], &MIRROR_VOLUME),
            (&["nvme"], &MIRROR_NVME),
            (&["vhostuser"], &MIRROR_VHOSTUSER),
            (&["vhostvdpa"], &MIRROR_VHOSTVDPA),
            (&["ctl"], &MIRROR_CTL),
        ],
    }),
    ..inert("mirror", reasons::NOTHING, "a copy of the disk that a job is making")
};

pub(super) static TARGET: Element = Element {
    attributes: &[
        required("dev", Value::OneOf(&[Value::Pattern(&patterns::DEV), Value::Pattern(&patterns::NVME_DEV)])),
        with_newer(
            &[(Version(11, 5), &["nvme"])],
            ignored(
                "bus",
                Value::Choice(&["ide", "fdc", "scsi", "virtio", "xen", "usb", "uml", "sata", "sd", "nvme"]),
                reasons::BUS,
            ),
        ),
        ignored("tray", Value::Choice(&["open", "closed"]), reasons::BUS),
        ignored("removable", ON_OFF, reasons::BUS),
        ignored("rotation_rate", Value::Unsigned(1, u64::MAX), reasons::BUS),
        since(Version(11, 10), ignored("dpofua", ON_OFF, reasons::BUS)),
    ],
    doc: "the name of its node below /dev",
    ..element("target")
};
pub(super) static BACKENDDOMAIN: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::LINE))],
    ..inert("backenddomain", reasons::NOTHING, "the Xen domain that has the disk")
};
pub(super) static READONLY: Element =
    Element { doc: "it can be read and not written", ..element("readonly") };
pub(super) static SHAREABLE: Element =
    inert("shareable", reasons::NOTHING, "several may use it at the same time");
pub(super) static TRANSIENT: Element = Element {
    attributes: &[optional("shareBacking", YES_NO)],
    ..inert("transient", reasons::NOTHING, "what is written is gone after the end")
};
pub(super) static SERIAL: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::SERIAL)),
    ..inert("serial", reasons::NOTHING, "the serial number that a machine would see")
};
pub(super) static WWN: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::WWN)),
    ..inert("wwn", reasons::NOTHING, "the world wide name that a machine would see")
};
pub(super) static VENDOR: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::VENDOR)),
    ..inert("vendor", reasons::NOTHING, "the vendor that a machine would see")
};
pub(super) static PRODUCT: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::PRODUCT)),
    ..inert("product", reasons::NOTHING, "the product that a machine would see")
};
pub(super) static GEOMETRY: Element = Element {
    attributes: &[
        required("cyls", Value::Integer(i64::MIN, i64::MAX)),
        required("heads", Value::Integer(i64::MIN, i64::MAX)),
        required("secs", Value::Integer(i64::MIN, i64::MAX)),
        optional("trans", Value::Choice(&["auto", "none", "lba"])),
    ],
    ..inert("geometry", reasons::NOTHING, "cylinders, heads and sectors that firmware is told")
};
pub(super) static BLOCKIO: Element = Element {
    attributes: &[
        optional("logical_block_size", Value::Integer(i64::MIN, i64::MAX)),
        optional("physical_block_size", Value::Integer(i64::MIN, i64::MAX)),
        since(Version(11, 3), optional("discard_granularity", Value::Integer(i64::MIN, i64::MAX))),
    ],
    ..inert("blockio", reasons::NOTHING, "the sizes of blocks that a machine would see")
};

pub(super) static ENCRYPTION: Element = Element {
    attributes: &[
        with_newer(
            &[(Version(9, 3), &["luks-any"])],
            required("format", Value::Choice(&["default", "qcow", "luks", "luks2", "luks-any"])),
        ),
        optional("engine", Value::Choice(&["qemu", "librbd"])),
    ],
    content: Content::Children(&[many(&SECRET), maybe(&CIPHER), maybe(&IVGEN)]),
    ..inert("encryption", reasons::NOTHING, "how the image is encrypted")
};
static SECRET: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["passphrase"])),
        optional("uuid", Value::Uuid),
        optional("usage", Value::Text),
    ],
    ..inert("secret", reasons::NOTHING, "the secret of libvirt's that opens it")
};
static CIPHER: Element = Element {
    attributes: &[
        required("name", Value::Text),
        required("size", U32),
        optional("mode", Value::Text),
        optional("hash", Value::Text),
    ],
    support: Support::Refused(reasons::CIPHER),
    doc: "the cipher for an image that is to be made",
    ..element("cipher")
};
static IVGEN: Element = Element {
    attributes: &[required("name", Value::Text), optional("hash", Value::Text)],
    ..inert("ivgen", reasons::NOTHING, "how the cipher's first block is made")
};
