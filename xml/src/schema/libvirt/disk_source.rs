//! Sources of `<disk>`.

use super::patterns;
use super::reasons;
use super::words;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{
    Content, Element, Support, Variants, element, ignored, many, maybe, once, optional, required,
};
use crate::value::Value;

pub(super) static SOURCE: Element = Element {
    attributes: &[
        optional("file", Value::OneOf(&[Value::AbsFilePath, Value::Pattern(&patterns::FILE)])),
        ignored("fdgroup", Value::Text, reasons::NOTHING),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
        many(&super::common::SECLABEL),
    ]),
    ..element("source")
};

pub(super) static BACKINGSTORE_FILE: Element = Element {
    attributes: &[
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        optional("type", Value::Choice(&["file"])),
    ],
    content: Content::Children(&[maybe(&SOURCE), maybe(&BACKINGSTORE), maybe(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_BLOCK: Element = Element {
    attributes: &[
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        required("type", Value::Choice(&["block"])),
    ],
    content: Content::Children(&[maybe(&DISK_SOURCE_5), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_DIR: Element = Element {
    attributes: &[
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        required("type", Value::Choice(&["dir"])),
    ],
    content: Content::Children(&[maybe(&DISK_SOURCE), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_NETWORK: Element = Element {
    attributes: &[
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        required("type", Value::Choice(&["network"])),
    ],
    content: Content::Children(&[
        once(&super::disk_source_network::DISK_SOURCE_4),
        maybe(&BACKINGSTORE),
        once(&FORMAT),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_VOLUME: Element = Element {
    attributes: &[
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        required("type", Value::Choice(&["volume"])),
    ],
    content: Content::Children(&[maybe(&DISK_SOURCE_6), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_NVME: Element = Element {
    attributes: &[
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        required("type", Value::Choice(&["nvme"])),
    ],
    content: Content::Children(&[maybe(&DISK_SOURCE_2), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_VHOSTUSER: Element = Element {
    attributes: &[
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        required("type", Value::Choice(&["vhostuser"])),
    ],
    content: Content::Children(&[once(&DISK_SOURCE_3), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("file"),
        rows: &[
            (&["file"], &BACKINGSTORE_FILE),
            (&["block"], &BACKINGSTORE_BLOCK),
            (&["dir"], &BACKINGSTORE_DIR),
            (&["network"], &BACKINGSTORE_NETWORK),
            (&["volume"], &BACKINGSTORE_VOLUME),
            (&["nvme"], &BACKINGSTORE_NVME),
            (&["vhostuser"], &BACKINGSTORE_VHOSTUSER),
        ],
    }),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static DISK_SOURCE: Element = Element {
    attributes: &[
        required("dir", Value::AbsFilePath),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT),
    ],
    content: Content::Children(&[maybe(&SLICES), maybe(&PRIVATEDATA), maybe(&super::disk_parts::ENCRYPTION)]),
    ..element("source")
};

pub(super) static DISK_SOURCE_2: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["pci"])),
        required("namespace", Value::Pattern(&patterns::UINT32)),
        optional("managed", YES_NO),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT),
    ],
    content: Content::Children(&[
        once(&ADDRESS),
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_3: Element = Element {
    attributes: &[required("type", Value::Choice(&["unix"])), required("path", Value::AbsFilePath)],
    content: Content::Children(&[maybe(&super::common::RECONNECT)]),
    ..element("source")
};

pub(super) static DISK_SOURCE_5: Element = Element {
    attributes: &[
        optional("dev", Value::OneOf(&[Value::AbsFilePath, Value::Pattern(&patterns::DEVICE_NAME)])),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&RESERVATIONS),
        many(&super::common::SECLABEL),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_6: Element = Element {
    attributes: &[
        required("pool", Value::Pattern(&patterns::OBJECT_NAME)),
        required("volume", Value::Pattern(&patterns::VOLUME_NAME)),
        optional("mode", Value::Choice(&["host", "direct"])),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
        many(&super::common::SECLABEL),
    ]),
    ..element("source")
};

pub(super) static SLICES: Element = Element {
    content: Content::Children(&[once(&SLICE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("slices")
};

pub(super) static PRIVATEDATA: Element =
    Element { support: Support::Ignored(reasons::NOTHING), ..element("privateData") };

pub(super) static FORMAT: Element = Element {
    attributes: &[required("type", words::WORDS_RAW)],
    content: Content::Children(&[maybe(&METADATA_CACHE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("format")
};

pub(super) static ADDRESS: Element = Element {
    attributes: &[
        optional("domain", Value::Pattern(&patterns::UINT32)),
        optional("bus", Value::Pattern(&patterns::UINT8)),
        optional("slot", Value::Pattern(&patterns::PCI_SLOT)),
        optional("function", Value::Pattern(&patterns::PCI_FUNCTION)),
        optional("multifunction", ON_OFF),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static RESERVATIONS: Element = Element {
    attributes: &[optional("managed", YES_NO)],
    content: Content::Children(&[maybe(&super::common::SOURCE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("reservations")
};

pub(super) static SLICE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["storage"])),
        required("offset", U32),
        required("size", Value::Unsigned(1, u64::MAX)),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("slice")
};

pub(super) static METADATA_CACHE: Element = Element {
    content: Content::Children(&[maybe(&MAX_SIZE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("metadata_cache")
};

pub(super) static MAX_SIZE: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("max_size")
};
