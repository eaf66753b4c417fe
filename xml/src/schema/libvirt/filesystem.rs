//! `<filesystem>`.

use super::shapes::{VIRTIO_MODELS, amount, inert};
use super::{common, patterns, reasons, words};
use crate::schema::values::{ON_OFF, U32, U64};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, Version, element, ignored, many, maybe, once, optional,
    required,
};
use crate::value::Value;

const ACCESSMODE: Attribute =
    ignored("accessmode", Value::Choice(&["passthrough", "mapped", "squash"]), reasons::HOSTFS);
const MULTIDEVS: Attribute =
    ignored("multidevs", Value::Choice(&["default", "remap", "forbid", "warn"]), reasons::HOSTFS);
const FMODE: Attribute = ignored("fmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS);
const DMODE: Attribute = ignored("dmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS);
const MODEL: Attribute = ignored("model", VIRTIO_MODELS, reasons::VIRTIO);

/// What every kind of `<filesystem>` holds, around what only this kind has.
macro_rules! filesystem {
    ($kind:expr, [$($own:expr),*], $doc:literal) => {
        Element {
            attributes: &[$kind, ACCESSMODE, MULTIDEVS, FMODE, DMODE, MODEL],
            content: Content::Children(&[
                maybe(&DRIVER),
                $($own,)*
                once(&TARGET),
                maybe(&READONLY),
                maybe(&common::BOOT),
                maybe(&SPACE_HARD_LIMIT),
                maybe(&SPACE_SOFT_LIMIT),
                maybe(&common::ALIAS),
                maybe(&common::ACPI),
                maybe(&common::ADDRESS),
            ]),
            doc: $doc,
            ..element("filesystem")
        }
    };
}

static FILE: Element = filesystem!(
    required("type", Value::Choice(&["file"])),
    [once(&FILE_SOURCE)],
    "the file system in an image"
);
static BLOCK: Element = filesystem!(
    required("type", Value::Choice(&["block"])),
    [once(&BLOCK_SOURCE)],
    "the file system on a block device of the host"
);
static MOUNT: Element = filesystem!(
    optional("type", Value::Choice(&["mount"])),
    [maybe(&BINARY), maybe(&IDMAP), once(&MOUNT_SOURCE)],
    "a directory or a file of the host"
);
static BIND: Element = filesystem!(
    optional("type", Value::Choice(&["bind"])),
    [once(&BIND_SOURCE)],
    "a directory or a file of the container, at a second place"
);
static TEMPLATE: Element = Element {
    support: Support::CannotStart(reasons::OTHER),
    ..filesystem!(
        required("type", Value::Choice(&["template"])),
        [once(&TEMPLATE_SOURCE)],
        "a template of OpenVZ's"
    )
};
static RAM: Element = filesystem!(
    required("type", Value::Choice(&["ram"])),
    [once(&RAM_SOURCE)],
    "a file system in memory, empty at first"
);

/// `<filesystem>`.
pub(super) static FILESYSTEM: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("mount"),
        rows: &[
            (&["file"], &FILE),
            (&["block"], &BLOCK),
            (&["mount"], &MOUNT),
            (&["bind"], &BIND),
            (&["template"], &TEMPLATE),
            (&["ram"], &RAM),
        ],
    }),
    doc: "what is mounted in the container, and where",
    ..element("filesystem")
};

static DRIVER_PATH: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["path", "handle", "loop", "nbd", "ploop"])),
        optional("format", words::WORDS_RAW),
        ignored("wrpolicy", Value::Choice(&["immediate"]), reasons::HOSTFS),
        ignored("iommu", ON_OFF, reasons::VIRTIO),
        ignored("ats", ON_OFF, reasons::VIRTIO),
        ignored("packed", ON_OFF, reasons::VIRTIO),
        ignored("page_per_vq", ON_OFF, reasons::VIRTIO),
    ],
    doc: "how an image becomes a device, and its format",
    ..element("driver")
};
static DRIVER_VIRTIOFS: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["virtiofs"])),
        ignored("queue", U32, reasons::VIRTIO),
        ignored("iommu", ON_OFF, reasons::VIRTIO),
        ignored("ats", ON_OFF, reasons::VIRTIO),
        ignored("packed", ON_OFF, reasons::VIRTIO),
        ignored("page_per_vq", ON_OFF, reasons::VIRTIO),
    ],
    doc: "virtio-fs, which shares a directory with a machine",
    ..element("driver")
};
static DRIVER_MTP: Element = Element {
    attributes: &[required("type", Value::Choice(&["mtp"]))],
    since: Some(Version(10, 2)),
    ..inert("driver", reasons::VIRTIO, "a media player on USB, as which a machine sees the directory")
};
static DRIVER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("path"),
        rows: &[
            (&["path", "handle", "loop", "nbd", "ploop"], &DRIVER_PATH),
            (&["virtiofs"], &DRIVER_VIRTIOFS),
            (&["mtp"], &DRIVER_MTP),
        ],
    }),
    doc: "how the source is made available",
    ..element("driver")
};

static TARGET: Element = Element {
    attributes: &[required("dir", Value::Text)],
    doc: "the place in the container; / is its root",
    ..element("target")
};
static READONLY: Element = Element { doc: "nothing can be written there", ..element("readonly") };
static SPACE_HARD_LIMIT: Element =
    amount("space_hard_limit", Support::Ignored(reasons::HOSTFS), "the space that can be used there");
static SPACE_SOFT_LIMIT: Element = amount(
    "space_soft_limit",
    Support::Ignored(reasons::HOSTFS),
    "the space that can be used there for a while",
);

static FILE_SOURCE: Element = Element {
    attributes: &[required("file", Value::AbsFilePath)],
    doc: "the image, a file of the host",
    ..element("source")
};
static BLOCK_SOURCE: Element = Element {
    attributes: &[required("dev", Value::AbsFilePath)],
    doc: "the block device of the host",
    ..element("source")
};
static MOUNT_SOURCE: Element = Element {
    attributes: &[optional("dir", Value::AbsPath), optional("socket", Value::AbsFilePath)],
    doc: "the directory or file of the host",
    ..element("source")
};
static BIND_SOURCE: Element = Element {
    attributes: &[required("dir", Value::AbsPath)],
    doc: "the directory or file of the container",
    ..element("source")
};
static TEMPLATE_SOURCE: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::GENERIC_NAME))],
    doc: "the name of the template",
    ..element("source")
};
static RAM_SOURCE: Element = Element {
    attributes: &[required("usage", U64), optional("units", Value::Unit)],
    doc: "how much it may hold; KiB without units",
    ..element("source")
};

static IDMAP: Element = Element {
    content: Content::Children(&[many(&UID), many(&GID)]),
    since: Some(Version(10, 0)),
    ..inert("idmap", reasons::VIRTIO, "the ids that virtio-fs's server has in a namespace of its own")
};
static RANGE: &[Attribute] = &[required("start", U32), required("target", U32), required("count", U32)];
static UID: Element =
    Element { attributes: RANGE, ..inert("uid", reasons::NOTHING, "user ids of the server") };
static GID: Element =
    Element { attributes: RANGE, ..inert("gid", reasons::NOTHING, "group ids of the server") };

static BINARY: Element = Element {
    attributes: &[optional("path", Value::AbsFilePath), optional("xattr", ON_OFF)],
    content: Content::Children(&[
        maybe(&CACHE),
        maybe(&SANDBOX),
        maybe(&LOCK),
        maybe(&THREAD_POOL),
        maybe(&OPENFILES),
    ]),
    ..inert("binary", reasons::VIRTIO, "the server of virtio-fs")
};
static CACHE: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["none", "always"]))],
    ..inert("cache", reasons::NOTHING, "whether the machine may keep what it has read")
};
static SANDBOX: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["namespace", "chroot"]))],
    ..inert("sandbox", reasons::NOTHING, "what shuts the server in")
};
static LOCK: Element = Element {
    attributes: &[optional("posix", ON_OFF), optional("flock", ON_OFF)],
    ..inert("lock", reasons::NOTHING, "which locks reach the host's file system")
};
static THREAD_POOL: Element = Element {
    attributes: &[optional("size", Value::Integer(i64::MIN, i64::MAX))],
    ..inert("thread_pool", reasons::NOTHING, "how many threads serve requests")
};
static OPENFILES: Element = Element {
    attributes: &[optional("max", Value::Unsigned(1, u64::MAX))],
    since: Some(Version(10, 6)),
    ..inert("openfiles", reasons::NOTHING, "how many files the server may have open")
};
