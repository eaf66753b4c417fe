//! Parts of `<disk>`.

use super::patterns;
use super::reasons;
use super::words;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{Content, Element, Support, Variants, element, ignored, maybe, once, optional, required};
use crate::value::Value;

pub(super) static PRIVATEDATA: Element =
    Element { support: Support::Ignored(reasons::NOTHING), ..element("privateData") };

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
        ignored("queues", Value::Unsigned(1, u64::MAX), reasons::NODE),
        ignored("queue_size", Value::Unsigned(1, u64::MAX), reasons::NODE),
        ignored("iommu", ON_OFF, reasons::NODE),
        ignored("ats", ON_OFF, reasons::NODE),
        ignored("packed", ON_OFF, reasons::NODE),
        ignored("page_per_vq", ON_OFF, reasons::NODE),
    ],
    content: Content::Children(&[maybe(&METADATA_CACHE)]),
    ..element("driver")
};

pub(super) static MIRROR_FILE: Element = Element {
    attributes: &[
        optional("file", Value::AbsFilePath),
        optional("format", words::WORDS_RAW),
        optional("job", Value::Choice(&["copy", "active-commit"])),
        optional("type", Value::Choice(&["file"])),
        optional("ready", Value::Choice(&["yes", "abort", "pivot"])),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SOURCE),
        maybe(&super::disk_source::FORMAT),
        maybe(&super::disk_source::BACKINGSTORE),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
};

pub(super) static MIRROR_BLOCK: Element = Element {
    attributes: &[
        required("job", Value::Choice(&["copy", "active-commit"])),
        required("type", Value::Choice(&["block"])),
        optional("ready", Value::Choice(&["yes", "abort", "pivot"])),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::DISK_SOURCE_5),
        maybe(&super::disk_source::FORMAT),
        maybe(&super::disk_source::BACKINGSTORE),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
};

pub(super) static MIRROR_DIR: Element = Element {
    attributes: &[
        required("job", Value::Choice(&["copy", "active-commit"])),
        required("type", Value::Choice(&["dir"])),
        optional("ready", Value::Choice(&["yes", "abort", "pivot"])),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::DISK_SOURCE),
        maybe(&super::disk_source::FORMAT),
        maybe(&super::disk_source::BACKINGSTORE),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
};

pub(super) static MIRROR_NETWORK: Element = Element {
    attributes: &[
        required("job", Value::Choice(&["copy", "active-commit"])),
        required("type", Value::Choice(&["network"])),
        optional("ready", Value::Choice(&["yes", "abort", "pivot"])),
    ],
    content: Content::Children(&[
        once(&super::disk_source_network::DISK_SOURCE_4),
        maybe(&super::disk_source::FORMAT),
        maybe(&super::disk_source::BACKINGSTORE),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
};

pub(super) static MIRROR_VOLUME: Element = Element {
    attributes: &[
        required("job", Value::Choice(&["copy", "active-commit"])),
        required("type", Value::Choice(&["volume"])),
        optional("ready", Value::Choice(&["yes", "abort", "pivot"])),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::DISK_SOURCE_6),
        maybe(&super::disk_source::FORMAT),
        maybe(&super::disk_source::BACKINGSTORE),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
};

pub(super) static MIRROR_NVME: Element = Element {
    attributes: &[
        required("job", Value::Choice(&["copy", "active-commit"])),
        required("type", Value::Choice(&["nvme"])),
        optional("ready", Value::Choice(&["yes", "abort", "pivot"])),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::DISK_SOURCE_2),
        maybe(&super::disk_source::FORMAT),
        maybe(&super::disk_source::BACKINGSTORE),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
};

pub(super) static MIRROR_VHOSTUSER: Element = Element {
    attributes: &[
        required("job", Value::Choice(&["copy", "active-commit"])),
        required("type", Value::Choice(&["vhostuser"])),
        optional("ready", Value::Choice(&["yes", "abort", "pivot"])),
    ],
    content: Content::Children(&[
        once(&super::disk_source::DISK_SOURCE_3),
        maybe(&super::disk_source::FORMAT),
        maybe(&super::disk_source::BACKINGSTORE),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
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
        ],
    }),
    support: Support::Ignored(reasons::NOTHING),
    ..element("mirror")
};

pub(super) static TARGET: Element = Element {
    attributes: &[
        required("dev", Value::Pattern(&patterns::DEV)),
        ignored(
            "bus",
            Value::Choice(&["ide", "fdc", "scsi", "virtio", "xen", "usb", "uml", "sata", "sd"]),
            reasons::BUS,
        ),
        ignored("tray", Value::Choice(&["open", "closed"]), reasons::BUS),
        ignored("removable", ON_OFF, reasons::BUS),
        ignored("rotation_rate", Value::Unsigned(1, u64::MAX), reasons::BUS),
    ],
    ..element("target")
};

pub(super) static BACKENDDOMAIN: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::LINE))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("backenddomain")
};

pub(super) static READONLY: Element = Element { ..element("readonly") };

pub(super) static SHAREABLE: Element =
    Element { support: Support::Ignored(reasons::NOTHING), ..element("shareable") };

pub(super) static TRANSIENT: Element = Element {
    attributes: &[optional("shareBacking", YES_NO)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("transient")
};

pub(super) static SERIAL: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::SERIAL)),
    support: Support::Ignored(reasons::NOTHING),
    ..element("serial")
};

pub(super) static ENCRYPTION: Element = Element {
    attributes: &[
        required("format", Value::Choice(&["default", "qcow", "luks", "luks2"])),
        optional("engine", Value::Choice(&["qemu", "librbd"])),
    ],
    content: Content::Children(&[maybe(&SECRET), maybe(&CIPHER), maybe(&IVGEN)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("encryption")
};

pub(super) static IOTUNE: Element = Element {
    content: Content::Children(&[
        maybe(&TOTAL_BYTES_SEC),
        maybe(&TOTAL_IOPS_SEC),
        maybe(&TOTAL_BYTES_SEC_MAX),
        maybe(&TOTAL_IOPS_SEC_MAX),
        maybe(&SIZE_IOPS_SEC),
        maybe(&GROUP_NAME),
        maybe(&TOTAL_BYTES_SEC_MAX_LENGTH),
        maybe(&TOTAL_IOPS_SEC_MAX_LENGTH),
        maybe(&READ_IOPS_SEC_MAX_LENGTH),
        maybe(&WRITE_IOPS_SEC_MAX_LENGTH),
        maybe(&READ_BYTES_SEC_MAX_LENGTH),
        maybe(&WRITE_BYTES_SEC_MAX_LENGTH),
        maybe(&READ_IOPS_SEC_MAX),
        maybe(&WRITE_IOPS_SEC_MAX),
        maybe(&READ_BYTES_SEC_MAX),
        maybe(&WRITE_BYTES_SEC_MAX),
        maybe(&READ_IOPS_SEC),
        maybe(&WRITE_IOPS_SEC),
        maybe(&READ_BYTES_SEC),
        maybe(&WRITE_BYTES_SEC),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("iotune")
};

pub(super) static GEOMETRY: Element = Element {
    attributes: &[
        required("cyls", Value::Integer(i64::MIN, i64::MAX)),
        required("heads", Value::Integer(i64::MIN, i64::MAX)),
        required("secs", Value::Integer(i64::MIN, i64::MAX)),
        optional("trans", Value::Choice(&["auto", "none", "lba"])),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("geometry")
};

pub(super) static BLOCKIO: Element = Element {
    attributes: &[
        optional("logical_block_size", Value::Integer(i64::MIN, i64::MAX)),
        optional("physical_block_size", Value::Integer(i64::MIN, i64::MAX)),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("blockio")
};

pub(super) static WWN: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::WWN)),
    support: Support::Ignored(reasons::NOTHING),
    ..element("wwn")
};

pub(super) static VENDOR: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::VENDOR)),
    support: Support::Ignored(reasons::NOTHING),
    ..element("vendor")
};

pub(super) static PRODUCT: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::PRODUCT)),
    support: Support::Ignored(reasons::NOTHING),
    ..element("product")
};

pub(super) static METADATA_CACHE: Element = Element {
    content: Content::Children(&[maybe(&MAX_SIZE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("metadata_cache")
};

pub(super) static SECRET: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["passphrase"])),
        optional("uuid", Value::Uuid),
        optional("usage", Value::Text),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("secret")
};

pub(super) static CIPHER: Element = Element {
    attributes: &[
        required("name", Value::Text),
        required("size", U32),
        optional("mode", Value::Text),
        optional("hash", Value::Text),
    ],
    support: Support::Refused(reasons::CIPHER),
    ..element("cipher")
};

pub(super) static IVGEN: Element = Element {
    attributes: &[required("name", Value::Text), optional("hash", Value::Text)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("ivgen")
};

pub(super) static TOTAL_BYTES_SEC: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("total_bytes_sec")
};

pub(super) static TOTAL_IOPS_SEC: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("total_iops_sec")
};

pub(super) static TOTAL_BYTES_SEC_MAX: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("total_bytes_sec_max")
};

pub(super) static TOTAL_IOPS_SEC_MAX: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("total_iops_sec_max")
};

pub(super) static SIZE_IOPS_SEC: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("size_iops_sec")
};

pub(super) static GROUP_NAME: Element = Element {
    content: Content::Text(Value::Text),
    support: Support::Ignored(reasons::NOTHING),
    ..element("group_name")
};

pub(super) static TOTAL_BYTES_SEC_MAX_LENGTH: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("total_bytes_sec_max_length")
};

pub(super) static TOTAL_IOPS_SEC_MAX_LENGTH: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("total_iops_sec_max_length")
};

pub(super) static READ_IOPS_SEC_MAX_LENGTH: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("read_iops_sec_max_length")
};

pub(super) static WRITE_IOPS_SEC_MAX_LENGTH: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("write_iops_sec_max_length")
};

pub(super) static READ_BYTES_SEC_MAX_LENGTH: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("read_bytes_sec_max_length")
};

pub(super) static WRITE_BYTES_SEC_MAX_LENGTH: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("write_bytes_sec_max_length")
};

pub(super) static READ_IOPS_SEC_MAX: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("read_iops_sec_max")
};

pub(super) static WRITE_IOPS_SEC_MAX: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("write_iops_sec_max")
};

pub(super) static READ_BYTES_SEC_MAX: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("read_bytes_sec_max")
};

pub(super) static WRITE_BYTES_SEC_MAX: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("write_bytes_sec_max")
};

pub(super) static READ_IOPS_SEC: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("read_iops_sec")
};

pub(super) static WRITE_IOPS_SEC: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("write_iops_sec")
};

pub(super) static READ_BYTES_SEC: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("read_bytes_sec")
};

pub(super) static WRITE_BYTES_SEC: Element = Element {
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("write_bytes_sec")
};

pub(super) static MAX_SIZE: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("max_size")
};
