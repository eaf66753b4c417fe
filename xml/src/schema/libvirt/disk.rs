//! `<disk>`.

use super::reasons;
use crate::schema::values::YES_NO;
use crate::schema::{Content, Element, Variants, element, ignored, maybe, once, optional, required};
use crate::value::Value;

pub(super) static DISK_FILE: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["file"])),
        optional("device", Value::Choice(&["floppy", "disk", "cdrom"])),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        maybe(&super::disk_source::SOURCE),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_DIR: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["dir"])),
        optional("device", Value::Choice(&["floppy", "disk", "cdrom"])),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        maybe(&super::disk_source::DISK_SOURCE),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_NVME: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["nvme"])),
        optional("device", Value::Choice(&["floppy", "disk", "cdrom"])),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        maybe(&super::disk_source::DISK_SOURCE_2),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_VHOSTUSER: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["vhostuser"])),
        optional("device", Value::Choice(&["floppy", "disk", "cdrom"])),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        once(&super::disk_source::DISK_SOURCE_3),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_NETWORK_FLOPPY: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["network"])),
        optional("device", Value::Choice(&["floppy", "disk", "cdrom"])),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        once(&super::disk_source_network::DISK_SOURCE_4),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_NETWORK_LUN: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["network"])),
        required("device", Value::Choice(&["lun"])),
        ignored("rawio", YES_NO, reasons::NOTHING),
        ignored("sgio", Value::Choice(&["filtered", "unfiltered"]), reasons::NOTHING),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        once(&super::disk_source_network::DISK_SOURCE_4),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_NETWORK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "device",
        absent: Some("disk"),
        rows: &[(&["floppy", "disk", "cdrom"], &DISK_NETWORK_FLOPPY), (&["lun"], &DISK_NETWORK_LUN)],
    }),
    ..element("disk")
};

pub(super) static DISK_BLOCK_FLOPPY: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["block"])),
        optional("device", Value::Choice(&["floppy", "disk", "cdrom"])),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        maybe(&super::disk_source::DISK_SOURCE_5),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_BLOCK_LUN: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["block"])),
        required("device", Value::Choice(&["lun"])),
        ignored("rawio", YES_NO, reasons::NOTHING),
        ignored("sgio", Value::Choice(&["filtered", "unfiltered"]), reasons::NOTHING),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        maybe(&super::disk_source::DISK_SOURCE_5),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_BLOCK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "device",
        absent: Some("disk"),
        rows: &[(&["floppy", "disk", "cdrom"], &DISK_BLOCK_FLOPPY), (&["lun"], &DISK_BLOCK_LUN)],
    }),
    ..element("disk")
};

pub(super) static DISK_VOLUME_FLOPPY: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["volume"])),
        optional("device", Value::Choice(&["floppy", "disk", "cdrom"])),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        maybe(&super::disk_source::DISK_SOURCE_6),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_VOLUME_LUN: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["volume"])),
        required("device", Value::Choice(&["lun"])),
        ignored("rawio", YES_NO, reasons::NOTHING),
        ignored("sgio", Value::Choice(&["filtered", "unfiltered"]), reasons::NOTHING),
        ignored(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
            reasons::VIRTIO,
        ),
        ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::disk_parts::DRIVER),
        maybe(&super::common::AUTH),
        maybe(&super::disk_source::DISK_SOURCE_6),
        maybe(&super::disk_source::BACKINGSTORE),
        maybe(&super::disk_parts::BACKENDDOMAIN),
        maybe(&super::disk_parts::GEOMETRY),
        maybe(&super::disk_parts::BLOCKIO),
        maybe(&super::disk_parts::MIRROR),
        once(&super::disk_parts::TARGET),
        maybe(&super::disk_parts::IOTUNE),
        maybe(&super::disk_parts::READONLY),
        maybe(&super::disk_parts::SHAREABLE),
        maybe(&super::disk_parts::TRANSIENT),
        maybe(&super::disk_parts::SERIAL),
        maybe(&super::disk_parts::WWN),
        maybe(&super::disk_parts::VENDOR),
        maybe(&super::disk_parts::PRODUCT),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::BOOT),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::disk_parts::PRIVATEDATA),
    ]),
    ..element("disk")
};

pub(super) static DISK_VOLUME: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "device",
        absent: Some("disk"),
        rows: &[(&["floppy", "disk", "cdrom"], &DISK_VOLUME_FLOPPY), (&["lun"], &DISK_VOLUME_LUN)],
    }),
    ..element("disk")
};

pub(super) static DISK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("file"),
        rows: &[
            (&["file"], &DISK_FILE),
            (&["dir"], &DISK_DIR),
            (&["nvme"], &DISK_NVME),
            (&["vhostuser"], &DISK_VHOSTUSER),
            (&["network"], &DISK_NETWORK),
            (&["block"], &DISK_BLOCK),
            (&["volume"], &DISK_VOLUME),
        ],
    }),
    ..element("disk")
};
