//! `<video>`.

use super::shapes::{ATS, IOMMU, PACKED, PAGE_PER_VQ, inert};
use super::{common, reasons};
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Variants, Version, element, maybe, optional, required, since,
};
use crate::value::Value;

/// `<video>`.
pub(super) static VIDEO: Element = Element {
    content: Content::Children(&[
        maybe(&DRIVER),
        maybe(&MODEL),
        maybe(&common::ALIAS),
        maybe(&common::ACPI),
        maybe(&common::ADDRESS),
    ]),
    ..inert("video", reasons::SCREEN, "a graphics card of a machine")
};

static DRIVER: Element = Element {
    attributes: &[
        IOMMU,
        ATS,
        PACKED,
        PAGE_PER_VQ,
        optional("name", Value::Choice(&["qemu", "vhostuser"])),
        optional("vgaconf", Value::Choice(&["io", "on", "off"])),
    ],
    doc: "who imitates the card",
    ..element("driver")
};

const PLAIN: &[&str] = &["vga", "cirrus", "vmvga", "xen", "vbox", "gop", "none", "bochs", "ramfb"];
const VRAM: Attribute = optional("vram", U32);
const HEADS: Attribute = optional("heads", U32);
const PRIMARY: Attribute = optional("primary", YES_NO);
const BLOB: Attribute = since(Version(9, 2), optional("blob", ON_OFF));
const EDID: Attribute = since(Version(11, 7), optional("edid", ON_OFF));
const PARTS: Content = Content::Children(&[maybe(&ACCELERATION), maybe(&RESOLUTION)]);

static MODEL_PLAIN: Element = Element {
    attributes: &[required("type", Value::Choice(PLAIN)), VRAM, HEADS, PRIMARY, BLOB, EDID],
    content: PARTS,
    doc: "a card with memory and screens, and nothing else to say",
    ..element("model")
};
static MODEL_VIRTIO: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["virtio"])),
        since(
            Version(12, 5),
            optional(
                "device",
                Value::Choice(&[
                    "virtio-vga",
                    "virtio-vga-gl",
                    "virtio-gpu",
                    "virtio-gpu-gl",
                    "vhost-user-vga",
                    "vhost-user-gpu",
                ]),
            ),
        ),
        VRAM,
        HEADS,
        PRIMARY,
        BLOB,
        EDID,
    ],
    content: PARTS,
    doc: "virtio's card",
    ..element("model")
};
static MODEL_QXL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["qxl"])),
        optional("ram", U32),
        optional("vgamem", U32),
        optional("vram64", U32),
        VRAM,
        HEADS,
        PRIMARY,
        BLOB,
        EDID,
    ],
    content: PARTS,
    doc: "SPICE's card",
    ..element("model")
};
static MODEL: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[(PLAIN, &MODEL_PLAIN), (&["virtio"], &MODEL_VIRTIO), (&["qxl"], &MODEL_QXL)],
    }),
    doc: "which card is imitated",
    ..element("model")
};
static ACCELERATION: Element = Element {
    attributes: &[
        optional("accel3d", YES_NO),
        optional("accel2d", YES_NO),
        optional("rendernode", Value::AbsFilePath),
    ],
    doc: "what the host's card draws for it",
    ..element("acceleration")
};
static RESOLUTION: Element = Element {
    attributes: &[required("x", U32), required("y", U32)],
    doc: "the size of the screen at first, in pixels",
    ..element("resolution")
};
