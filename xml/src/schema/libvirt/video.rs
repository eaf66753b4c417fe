//! `<video>`.

use super::reasons;
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{Content, Element, Support, Variants, element, maybe, optional, required};
use crate::value::Value;

pub(super) static VIDEO: Element = Element {
    content: Content::Children(&[
        maybe(&DRIVER),
        maybe(&MODEL),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::SCREEN),
    ..element("video")
};

pub(super) static DRIVER: Element = Element {
    attributes: &[
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
        optional("name", Value::Choice(&["qemu", "vhostuser"])),
        optional("vgaconf", Value::Choice(&["io", "on", "off"])),
    ],
    ..element("driver")
};

pub(super) static MODEL_VGA: Element = Element {
    attributes: &[
        required(
            "type",
            Value::Choice(&[
                "vga", "cirrus", "vmvga", "xen", "vbox", "virtio", "gop", "none", "bochs", "ramfb",
            ]),
        ),
        optional("vram", U32),
        optional("heads", U32),
        optional("primary", YES_NO),
    ],
    content: Content::Children(&[maybe(&ACCELERATION), maybe(&RESOLUTION)]),
    ..element("model")
};

pub(super) static MODEL_QXL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["qxl"])),
        optional("ram", U32),
        optional("vgamem", U32),
        optional("vram64", U32),
        optional("vram", U32),
        optional("heads", U32),
        optional("primary", YES_NO),
    ],
    content: Content::Children(&[maybe(&ACCELERATION), maybe(&RESOLUTION)]),
    ..element("model")
};

pub(super) static MODEL: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (
                &["vga", "cirrus", "vmvga", "xen", "vbox", "virtio", "gop", "none", "bochs", "ramfb"],
                &MODEL_VGA,
            ),
            (&["qxl"], &MODEL_QXL),
        ],
    }),
    ..element("model")
};

pub(super) static ACCELERATION: Element = Element {
    attributes: &[
        optional("accel3d", YES_NO),
        optional("accel2d", YES_NO),
        optional("rendernode", Value::AbsFilePath),
    ],
    ..element("acceleration")
};

pub(super) static RESOLUTION: Element =
    Element { attributes: &[required("x", U32), required("y", U32)], ..element("resolution") };
