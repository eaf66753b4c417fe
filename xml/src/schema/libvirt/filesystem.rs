//! `<filesystem>`.

use super::patterns;
use super::reasons;
use super::words;
use crate::schema::values::{ON_OFF, U32, U64};
use crate::schema::{Content, Element, Support, Variants, element, ignored, maybe, once, optional, required};
use crate::value::Value;

pub(super) static FILESYSTEM_FILE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["file"])),
        ignored("accessmode", Value::Choice(&["passthrough", "mapped", "squash"]), reasons::HOSTFS),
        ignored("multidevs", Value::Choice(&["default", "remap", "forbid", "warn"]), reasons::HOSTFS),
        ignored("fmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored("dmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        once(&SOURCE),
        once(&TARGET),
        maybe(&READONLY),
        maybe(&super::common::BOOT),
        maybe(&SPACE_HARD_LIMIT),
        maybe(&SPACE_SOFT_LIMIT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("filesystem")
};

pub(super) static FILESYSTEM_BLOCK: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["block"])),
        ignored("accessmode", Value::Choice(&["passthrough", "mapped", "squash"]), reasons::HOSTFS),
        ignored("multidevs", Value::Choice(&["default", "remap", "forbid", "warn"]), reasons::HOSTFS),
        ignored("fmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored("dmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        once(&FILESYSTEM_SOURCE),
        once(&TARGET),
        maybe(&READONLY),
        maybe(&super::common::BOOT),
        maybe(&SPACE_HARD_LIMIT),
        maybe(&SPACE_SOFT_LIMIT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("filesystem")
};

pub(super) static FILESYSTEM_MOUNT: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["mount"])),
        ignored("accessmode", Value::Choice(&["passthrough", "mapped", "squash"]), reasons::HOSTFS),
        ignored("multidevs", Value::Choice(&["default", "remap", "forbid", "warn"]), reasons::HOSTFS),
        ignored("fmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored("dmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        maybe(&BINARY),
        once(&FILESYSTEM_SOURCE_2),
        once(&TARGET),
        maybe(&READONLY),
        maybe(&super::common::BOOT),
        maybe(&SPACE_HARD_LIMIT),
        maybe(&SPACE_SOFT_LIMIT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("filesystem")
};

pub(super) static FILESYSTEM_BIND: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["bind"])),
        ignored("accessmode", Value::Choice(&["passthrough", "mapped", "squash"]), reasons::HOSTFS),
        ignored("multidevs", Value::Choice(&["default", "remap", "forbid", "warn"]), reasons::HOSTFS),
        ignored("fmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored("dmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        once(&FILESYSTEM_SOURCE_3),
        once(&TARGET),
        maybe(&READONLY),
        maybe(&super::common::BOOT),
        maybe(&SPACE_HARD_LIMIT),
        maybe(&SPACE_SOFT_LIMIT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("filesystem")
};

pub(super) static FILESYSTEM_TEMPLATE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["template"])),
        ignored("accessmode", Value::Choice(&["passthrough", "mapped", "squash"]), reasons::HOSTFS),
        ignored("multidevs", Value::Choice(&["default", "remap", "forbid", "warn"]), reasons::HOSTFS),
        ignored("fmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored("dmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        once(&FILESYSTEM_SOURCE_4),
        once(&TARGET),
        maybe(&READONLY),
        maybe(&super::common::BOOT),
        maybe(&SPACE_HARD_LIMIT),
        maybe(&SPACE_SOFT_LIMIT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::CannotStart(reasons::OTHER),
    ..element("filesystem")
};

pub(super) static FILESYSTEM_RAM: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["ram"])),
        ignored("accessmode", Value::Choice(&["passthrough", "mapped", "squash"]), reasons::HOSTFS),
        ignored("multidevs", Value::Choice(&["default", "remap", "forbid", "warn"]), reasons::HOSTFS),
        ignored("fmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored("dmode", Value::Pattern(&patterns::FILE_MODE), reasons::HOSTFS),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        once(&FILESYSTEM_SOURCE_5),
        once(&TARGET),
        maybe(&READONLY),
        maybe(&super::common::BOOT),
        maybe(&SPACE_HARD_LIMIT),
        maybe(&SPACE_SOFT_LIMIT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("filesystem")
};

pub(super) static FILESYSTEM: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("mount"),
        rows: &[
            (&["file"], &FILESYSTEM_FILE),
            (&["block"], &FILESYSTEM_BLOCK),
            (&["mount"], &FILESYSTEM_MOUNT),
            (&["bind"], &FILESYSTEM_BIND),
            (&["template"], &FILESYSTEM_TEMPLATE),
            (&["ram"], &FILESYSTEM_RAM),
        ],
    }),
    ..element("filesystem")
};

pub(super) static DRIVER_PATH: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["path", "handle", "loop", "nbd", "ploop"])),
        optional("format", words::WORDS_RAW),
        ignored("wrpolicy", Value::Choice(&["immediate"]), reasons::HOSTFS),
        ignored("iommu", ON_OFF, reasons::VIRTIO),
        ignored("ats", ON_OFF, reasons::VIRTIO),
        ignored("packed", ON_OFF, reasons::VIRTIO),
        ignored("page_per_vq", ON_OFF, reasons::VIRTIO),
    ],
    ..element("driver")
};

pub(super) static DRIVER_VIRTIOFS: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["virtiofs"])),
        ignored("queue", U32, reasons::VIRTIO),
        ignored("iommu", ON_OFF, reasons::VIRTIO),
        ignored("ats", ON_OFF, reasons::VIRTIO),
        ignored("packed", ON_OFF, reasons::VIRTIO),
        ignored("page_per_vq", ON_OFF, reasons::VIRTIO),
    ],
    ..element("driver")
};

pub(super) static DRIVER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("path"),
        rows: &[
            (&["path", "handle", "loop", "nbd", "ploop"], &DRIVER_PATH),
            (&["virtiofs"], &DRIVER_VIRTIOFS),
        ],
    }),
    ..element("driver")
};

pub(super) static SOURCE: Element =
    Element { attributes: &[required("file", Value::AbsFilePath)], ..element("source") };

pub(super) static TARGET: Element =
    Element { attributes: &[required("dir", Value::Text)], ..element("target") };

pub(super) static READONLY: Element = Element { ..element("readonly") };

pub(super) static SPACE_HARD_LIMIT: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::HOSTFS),
    ..element("space_hard_limit")
};

pub(super) static SPACE_SOFT_LIMIT: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::HOSTFS),
    ..element("space_soft_limit")
};

pub(super) static FILESYSTEM_SOURCE: Element =
    Element { attributes: &[required("dev", Value::AbsFilePath)], ..element("source") };

pub(super) static BINARY: Element = Element {
    attributes: &[optional("path", Value::AbsFilePath), optional("xattr", ON_OFF)],
    content: Content::Children(&[maybe(&CACHE), maybe(&SANDBOX), maybe(&LOCK), maybe(&THREAD_POOL)]),
    support: Support::Ignored(reasons::VIRTIO),
    ..element("binary")
};

pub(super) static FILESYSTEM_SOURCE_2: Element = Element {
    attributes: &[optional("dir", Value::AbsPath), optional("socket", Value::AbsFilePath)],
    ..element("source")
};

pub(super) static FILESYSTEM_SOURCE_3: Element =
    Element { attributes: &[required("dir", Value::AbsPath)], ..element("source") };

pub(super) static FILESYSTEM_SOURCE_4: Element =
    Element { attributes: &[required("name", Value::Pattern(&patterns::GENERIC_NAME))], ..element("source") };

pub(super) static FILESYSTEM_SOURCE_5: Element =
    Element { attributes: &[required("usage", U64), optional("units", Value::Unit)], ..element("source") };

pub(super) static CACHE: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["none", "always"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("cache")
};

pub(super) static SANDBOX: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["namespace", "chroot"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("sandbox")
};

pub(super) static LOCK: Element = Element {
    attributes: &[optional("posix", ON_OFF), optional("flock", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("lock")
};

pub(super) static THREAD_POOL: Element = Element {
    attributes: &[optional("size", Value::Integer(i64::MIN, i64::MAX))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("thread_pool")
};
