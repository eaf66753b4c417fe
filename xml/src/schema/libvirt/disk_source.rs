//! Sources of `<disk>`, and the images that an image is based on.

use super::shapes::{INDEX, STARTUP_POLICY, inert, pci_address};
use super::{common, disk_parts, disk_source_network, patterns, reasons, words};
use crate::schema::values::{U32, YES_NO};
use crate::schema::{
    Content, Element, Variants, Version, element, ignored, many, maybe, once, optional, required, since,
};
use crate::value::Value;

/// What every source holds, before its own parts.
macro_rules! source {
    ($($own:expr),* $(,)?) => {
        crate::schema::Content::Children(&[
            crate::schema::maybe(&super::disk_source::SLICES),
            crate::schema::maybe(&super::disk_source::DATASTORE),
            crate::schema::maybe(&super::disk_source::PRIVATEDATA),
            $($own),*
        ])
    };
}
pub(super) use source;

pub(super) static FILE: Element = Element {
    attributes: &[
        optional("file", Value::OneOf(&[Value::AbsFilePath, Value::Pattern(&patterns::FILE)])),
        ignored("fdgroup", Value::Text, reasons::NOTHING),
        INDEX,
        STARTUP_POLICY,
    ],
    content: source![maybe(&disk_parts::ENCRYPTION), many(&common::SECLABEL)],
    doc: "the file of the host",
    ..element("source")
};
pub(super) static DIR: Element = Element {
    attributes: &[required("dir", Value::AbsFilePath), INDEX, STARTUP_POLICY],
    content: source![maybe(&disk_parts::ENCRYPTION)],
    doc: "the directory of the host",
    ..element("source")
};
pub(super) static NVME: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["pci"])),
        required("namespace", Value::Pattern(&patterns::UINT32)),
        optional("managed", YES_NO),
        INDEX,
        STARTUP_POLICY,
    ],
    content: source![once(&ADDRESS), maybe(&disk_parts::ENCRYPTION)],
    doc: "the NVMe drive, by its place on the host's PCI bus",
    ..element("source")
};
pub(super) static VHOSTUSER: Element = Element {
    attributes: &[required("type", Value::Choice(&["unix"])), required("path", Value::AbsFilePath)],
    content: Content::Children(&[maybe(&common::RECONNECT)]),
    doc: "the socket of the process that serves the disk",
    ..element("source")
};
pub(super) static VHOSTVDPA: Element = Element {
    attributes: &[required("dev", Value::AbsFilePath)],
    doc: "the vhost-vdpa device of the host",
    ..element("source")
};
pub(super) static CTL: Element = Element {
    attributes: &[required("dev", Value::AbsFilePath)],
    doc: "the device of FreeBSD's CAM target layer",
    ..element("source")
};
pub(super) static BLOCK: Element = Element {
    attributes: &[
        optional("dev", Value::OneOf(&[Value::AbsFilePath, Value::Pattern(&patterns::DEVICE_NAME)])),
        INDEX,
        STARTUP_POLICY,
    ],
    content: source![maybe(&disk_parts::ENCRYPTION), maybe(&RESERVATIONS), many(&common::SECLABEL)],
    doc: "the block device of the host",
    ..element("source")
};
pub(super) static VOLUME: Element = Element {
    attributes: &[
        required("pool", Value::Pattern(&patterns::OBJECT_NAME)),
        required("volume", Value::Pattern(&patterns::VOLUME_NAME)),
        optional("mode", Value::Choice(&["host", "direct"])),
        INDEX,
        STARTUP_POLICY,
    ],
    content: source![maybe(&disk_parts::ENCRYPTION), many(&common::SECLABEL)],
    doc: "the volume, by its pool and name",
    ..element("source")
};

pub(super) static SLICES: Element = Element {
    content: Content::Children(&[once(&SLICE)]),
    ..inert("slices", reasons::NOTHING, "the part of the source that is used")
};
static SLICE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["storage"])),
        required("offset", U32),
        required("size", Value::Unsigned(1, u64::MAX)),
    ],
    ..inert("slice", reasons::NOTHING, "where it begins, and how long it is, in bytes")
};
pub(super) static PRIVATEDATA: Element =
    inert("privateData", reasons::NOTHING, "what libvirt keeps for itself about the source");
static RESERVATIONS: Element = Element {
    attributes: &[optional("managed", YES_NO), since(Version(12, 1), optional("migration", YES_NO))],
    content: Content::Children(&[maybe(&common::SOURCE)]),
    ..inert("reservations", reasons::NOTHING, "who reserves the logical unit for one machine")
};
static ADDRESS: Element = Element {
    attributes: pci_address!(),
    ..inert("address", reasons::BUS, "the place on the host's PCI bus")
};
pub(super) static FORMAT: Element = Element {
    attributes: &[required("type", words::WORDS_RAW)],
    content: Content::Children(&[maybe(&disk_parts::METADATA_CACHE)]),
    ..inert("format", reasons::NOTHING, "the format of the image")
};

/// An image that another is based on, or the one that holds its data.
macro_rules! image {
    ($name:literal, [$($attribute:expr),*], [$($child:expr),*], $doc:literal) => {
        Element {
            attributes: &[$($attribute),*],
            content: Content::Children(&[$($child),*]),
            ..inert($name, reasons::NOTHING, $doc)
        }
    };
}
static BACKINGSTORE_FILE: Element = image!(
    "backingStore",
    [INDEX, optional("type", Value::Choice(&["file"]))],
    [maybe(&FILE), maybe(&BACKINGSTORE), maybe(&FORMAT)],
    "the image is based on a file"
);
static BACKINGSTORE_BLOCK: Element = image!(
    "backingStore",
    [INDEX, required("type", Value::Choice(&["block"]))],
    [maybe(&BLOCK), maybe(&BACKINGSTORE), once(&FORMAT)],
    "the image is based on a block device"
);
static BACKINGSTORE_DIR: Element = image!(
    "backingStore",
    [INDEX, required("type", Value::Choice(&["dir"]))],
    [maybe(&DIR), maybe(&BACKINGSTORE), once(&FORMAT)],
    "the image is based on a directory"
);
static BACKINGSTORE_NETWORK: Element = image!(
    "backingStore",
    [INDEX, required("type", Value::Choice(&["network"]))],
    [once(&disk_source_network::NETWORK), maybe(&BACKINGSTORE), once(&FORMAT)],
    "the image is based on one that a server holds"
);
static BACKINGSTORE_VOLUME: Element = image!(
    "backingStore",
    [INDEX, required("type", Value::Choice(&["volume"]))],
    [maybe(&VOLUME), maybe(&BACKINGSTORE), once(&FORMAT)],
    "the image is based on a volume of a pool"
);
static BACKINGSTORE_NVME: Element = image!(
    "backingStore",
    [INDEX, required("type", Value::Choice(&["nvme"]))],
    [maybe(&NVME), maybe(&BACKINGSTORE), once(&FORMAT)],
    "the image is based on an NVMe drive"
);
static BACKINGSTORE_VHOSTUSER: Element = image!(
    "backingStore",
    [INDEX, required("type", Value::Choice(&["vhostuser"]))],
    [once(&VHOSTUSER), maybe(&BACKINGSTORE), once(&FORMAT)],
    "the image is based on one that another process serves"
);
static BACKINGSTORE_VHOSTVDPA: Element = Element {
    since: Some(Version(9, 8)),
    ..image!(
        "backingStore",
        [INDEX, required("type", Value::Choice(&["vhostvdpa"]))],
        [once(&VHOSTVDPA), maybe(&BACKINGSTORE), once(&FORMAT)],
        "the image is based on a vhost-vdpa device"
    )
};
static BACKINGSTORE_CTL: Element = Element {
    since: Some(Version(12, 0)),
    ..image!(
        "backingStore",
        [INDEX, required("type", Value::Choice(&["ctl"]))],
        [once(&CTL), maybe(&BACKINGSTORE), once(&FORMAT)],
        "the image is based on a device of FreeBSD's CAM target layer"
    )
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
            (&["vhostvdpa"], &BACKINGSTORE_VHOSTVDPA),
            (&["ctl"], &BACKINGSTORE_CTL),
        ],
    }),
    ..inert("backingStore", reasons::NOTHING, "the image that this one is based on")
};

static DATASTORE_FILE: Element = image!(
    "dataStore",
    [optional("type", Value::Choice(&["file"]))],
    [once(&FORMAT), maybe(&FILE)],
    "the data is in a file"
);
static DATASTORE_BLOCK: Element = image!(
    "dataStore",
    [required("type", Value::Choice(&["block"]))],
    [once(&FORMAT), maybe(&BLOCK)],
    "the data is on a block device"
);
static DATASTORE_DIR: Element = image!(
    "dataStore",
    [required("type", Value::Choice(&["dir"]))],
    [once(&FORMAT), maybe(&DIR)],
    "the data is in a directory"
);
static DATASTORE_NETWORK: Element = image!(
    "dataStore",
    [required("type", Value::Choice(&["network"]))],
    [once(&FORMAT), once(&disk_source_network::NETWORK)],
    "the data is on a server"
);
static DATASTORE_VOLUME: Element = image!(
    "dataStore",
    [required("type", Value::Choice(&["volume"]))],
    [once(&FORMAT), maybe(&VOLUME)],
    "the data is in a volume of a pool"
);
static DATASTORE_NVME: Element = image!(
    "dataStore",
    [required("type", Value::Choice(&["nvme"]))],
    [once(&FORMAT), maybe(&NVME)],
    "the data is on an NVMe drive"
);
static DATASTORE_VHOSTUSER: Element = image!(
    "dataStore",
    [required("type", Value::Choice(&["vhostuser"]))],
    [once(&FORMAT), once(&VHOSTUSER)],
    "the data is served by another process"
);
static DATASTORE_VHOSTVDPA: Element = image!(
    "dataStore",
    [required("type", Value::Choice(&["vhostvdpa"]))],
    [once(&FORMAT), once(&VHOSTVDPA)],
    "the data is on a vhost-vdpa device"
);
static DATASTORE_CTL: Element = Element {
    since: Some(Version(12, 0)),
    ..image!(
        "dataStore",
        [required("type", Value::Choice(&["ctl"]))],
        [once(&FORMAT), once(&CTL)],
        "the data is on a device of FreeBSD's CAM target layer"
    )
};
pub(super) static DATASTORE: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("file"),
        rows: &[
            (&["file"], &DATASTORE_FILE),
            (&["block"], &DATASTORE_BLOCK),
            (&["dir"], &DATASTORE_DIR),
            (&["network"], &DATASTORE_NETWORK),
            (&["volume"], &DATASTORE_VOLUME),
            (&["nvme"], &DATASTORE_NVME),
            (&["vhostuser"], &DATASTORE_VHOSTUSER),
            (&["vhostvdpa"], &DATASTORE_VHOSTVDPA),
            (&["ctl"], &DATASTORE_CTL),
        ],
    }),
    since: Some(Version(10, 10)),
    ..inert("dataStore", reasons::NOTHING, "where the guest's data is, when the image holds only its tables")
};
