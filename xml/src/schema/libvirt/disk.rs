//! `<disk>`.

use super::{common, disk_parts, disk_source, disk_source_network, disk_tune, reasons};
use crate::schema::values::YES_NO;
use crate::schema::{
    Attribute, Content, Element, Variants, Version, element, ignored, maybe, once, optional, required,
    with_newer,
};
use crate::value::Value;

const DEVICE: Attribute = optional("device", Value::Choice(&["floppy", "disk", "cdrom"]));
const LUN: Attribute = required("device", Value::Choice(&["lun"]));
const RAWIO: Attribute = ignored("rawio", YES_NO, reasons::NOTHING);
const SGIO: Attribute = ignored("sgio", Value::Choice(&["filtered", "unfiltered"]), reasons::NOTHING);
const MODEL: Attribute = with_newer(
    &[(Version(11, 5), &["usb-storage", "usb-bot"])],
    ignored(
        "model",
        Value::Choice(&[
            "virtio",
            "virtio-transitional",
            "virtio-non-transitional",
            "usb-storage",
            "usb-bot",
        ]),
        reasons::VIRTIO,
    ),
);
const SNAPSHOT: Attribute =
    ignored("snapshot", Value::Choice(&["no", "internal", "external", "manual"]), reasons::NOTHING);

/// What every kind of `<disk>` holds, around its source.
macro_rules! disk {
    ([$($attribute:expr),* $(,)?], $source:expr, $doc:literal) => {
        Element {
            attributes: &[$($attribute,)* MODEL, SNAPSHOT],
            content: Content::Children(&[
                maybe(&disk_parts::DRIVER),
                maybe(&common::AUTH),
                $source,
                maybe(&disk_source::BACKINGSTORE),
                maybe(&disk_parts::BACKENDDOMAIN),
                maybe(&disk_parts::GEOMETRY),
                maybe(&disk_parts::BLOCKIO),
                maybe(&disk_parts::MIRROR),
                once(&disk_parts::TARGET),
                maybe(&disk_tune::IOTUNE),
                maybe(&disk_tune::THROTTLEFILTERS),
                maybe(&disk_parts::READONLY),
                maybe(&disk_parts::SHAREABLE),
                maybe(&disk_parts::TRANSIENT),
                maybe(&disk_parts::SERIAL),
                maybe(&disk_parts::WWN),
                maybe(&disk_parts::VENDOR),
                maybe(&disk_parts::PRODUCT),
                maybe(&disk_parts::ENCRYPTION),
                maybe(&common::BOOT),
                maybe(&common::ALIAS),
                maybe(&common::ACPI),
                maybe(&common::ADDRESS),
                maybe(&disk_parts::PRIVATEDATA),
            ]),
            doc: $doc,
            ..element("disk")
        }
    };
}

static DISK_FILE: Element = disk!(
    [optional("type", Value::Choice(&["file"])), DEVICE],
    maybe(&disk_source::FILE),
    "a disk whose content is a file of the host"
);
static DISK_DIR: Element = disk!(
    [required("type", Value::Choice(&["dir"])), DEVICE],
    maybe(&disk_source::DIR),
    "a disk whose content is made from a directory of the host"
);
static DISK_NVME: Element = disk!(
    [required("type", Value::Choice(&["nvme"])), DEVICE],
    maybe(&disk_source::NVME),
    "a name space of an NVMe drive of the host"
);
static DISK_VHOSTUSER: Element = disk!(
    [required("type", Value::Choice(&["vhostuser"])), DEVICE],
    once(&disk_source::VHOSTUSER),
    "a disk that another process serves by way of a socket"
);
static DISK_VHOSTVDPA: Element = Element {
    since: Some(Version(9, 8)),
    ..disk!(
        [required("type", Value::Choice(&["vhostvdpa"])), DEVICE],
        once(&disk_source::VHOSTVDPA),
        "a disk that a vhost-vdpa device of the host gives"
    )
};
static DISK_CTL: Element = Element {
    since: Some(Version(12, 0)),
    ..disk!(
        [required("type", Value::Choice(&["ctl"])), DEVICE],
        once(&disk_source::CTL),
        "a disk of FreeBSD's CAM target layer"
    )
};
static DISK_NETWORK_PLAIN: Element = disk!(
    [required("type", Value::Choice(&["network"])), DEVICE],
    once(&disk_source_network::NETWORK),
    "a disk that a server on the network holds"
);
static DISK_NETWORK_LUN: Element = disk!(
    [required("type", Value::Choice(&["network"])), LUN, RAWIO, SGIO],
    once(&disk_source_network::NETWORK),
    "a logical unit that a server on the network holds"
);
static DISK_NETWORK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "device",
        absent: Some("disk"),
        rows: &[(&["floppy", "disk", "cdrom"], &DISK_NETWORK_PLAIN), (&["lun"], &DISK_NETWORK_LUN)],
    }),
    doc: "a disk that is reached over the network",
    ..element("disk")
};
static DISK_BLOCK_PLAIN: Element = disk!(
    [required("type", Value::Choice(&["block"])), DEVICE],
    maybe(&disk_source::BLOCK),
    "a block device of the host"
);
static DISK_BLOCK_LUN: Element = disk!(
    [required("type", Value::Choice(&["block"])), LUN, RAWIO, SGIO],
    maybe(&disk_source::BLOCK),
    "a block device of the host as a logical unit that takes SCSI commands"
);
static DISK_BLOCK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "device",
        absent: Some("disk"),
        rows: &[(&["floppy", "disk", "cdrom"], &DISK_BLOCK_PLAIN), (&["lun"], &DISK_BLOCK_LUN)],
    }),
    doc: "a block device of the host, by what it is given as",
    ..element("disk")
};
static DISK_VOLUME_PLAIN: Element = disk!(
    [required("type", Value::Choice(&["volume"])), DEVICE],
    maybe(&disk_source::VOLUME),
    "a volume of a storage pool of libvirt's"
);
static DISK_VOLUME_LUN: Element = disk!(
    [required("type", Value::Choice(&["volume"])), LUN, RAWIO, SGIO],
    maybe(&disk_source::VOLUME),
    "a volume of a storage pool as a logical unit that takes SCSI commands"
);
static DISK_VOLUME: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "device",
        absent: Some("disk"),
        rows: &[(&["floppy", "disk", "cdrom"], &DISK_VOLUME_PLAIN), (&["lun"], &DISK_VOLUME_LUN)],
    }),
    doc: "a volume of a storage pool, by what it is given as",
    ..element("disk")
};

/// `<disk>`.
pub(super) static DISK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("file"),
        rows: &[
            (&["file"], &DISK_FILE),
            (&["dir"], &DISK_DIR),
            (&["nvme"], &DISK_NVME),
            (&["vhostuser"], &DISK_VHOSTUSER),
            (&["vhostvdpa"], &DISK_VHOSTVDPA),
            (&["ctl"], &DISK_CTL),
            (&["network"], &DISK_NETWORK),
            (&["block"], &DISK_BLOCK),
            (&["volume"], &DISK_VOLUME),
        ],
    }),
    doc: "a disk: in a container a node of a block device, below /dev",
    ..element("disk")
};
