//! `<devices>` of a container domain.

use super::values::U64;
use super::{
    Content, Element, Support, Variants, element, ignored, many, maybe, once, optional, required, text,
};
use crate::value::Value;

/// The devices.
pub static DEVICES: Element = Element {
    content: Content::Children(&[maybe(&EMULATOR), many(&FILESYSTEM), many(&CONSOLE)]),
    doc: "what it is connected to",
    ..element("devices")
};

static EMULATOR: Element = Element {
    support: Support::Ignored("nothing but browndog itself stands behind a container here"),
    doc: "libvirt's container controller",
    ..text("emulator", Value::AbsFilePath)
};

static FILESYSTEM: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("mount"),
        rows: &[(&["mount"], &FS_MOUNT), (&["bind"], &FS_BIND), (&["ram"], &FS_RAM)],
    }),
    doc: "a file system in the container",
    ..element("filesystem")
};
static FS_MOUNT: Element = Element {
    attributes: &[optional("type", Value::Choice(&["mount"])), ACCESSMODE],
    content: Content::Children(&[once(&SOURCE_DIR), once(&TARGET), maybe(&READONLY)]),
    ..element("filesystem")
};
static FS_BIND: Element = Element {
    attributes: &[required("type", Value::Choice(&["bind"])), ACCESSMODE],
    content: Content::Children(&[once(&SOURCE_DIR), once(&TARGET), maybe(&READONLY)]),
    ..element("filesystem")
};
static FS_RAM: Element = Element {
    attributes: &[required("type", Value::Choice(&["ram"])), ACCESSMODE],
    content: Content::Children(&[once(&SOURCE_RAM), once(&TARGET), maybe(&READONLY)]),
    ..element("filesystem")
};
const ACCESSMODE: super::Attribute = ignored(
    "accessmode",
    Value::Choice(&["passthrough", "mapped", "squash"]),
    "a container sees the files as they are",
);
static SOURCE_DIR: Element =
    Element { attributes: &[required("dir", Value::AbsPath)], doc: "the directory", ..element("source") };
static SOURCE_RAM: Element = Element {
    attributes: &[required("usage", U64), optional("units", Value::Unit)],
    doc: "how much memory; KiB without units",
    ..element("source")
};
static TARGET: Element =
    Element { attributes: &[required("dir", Value::AbsPath)], doc: "where it appears", ..element("target") };
static READONLY: Element = Element { doc: "it cannot be written", ..element("readonly") };

static CONSOLE: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["pty"])),
        ignored("tty", Value::AbsPath, "it is output of libvirt"),
    ],
    content: Content::Children(&[maybe(&CONSOLE_TARGET)]),
    doc: "a terminal",
    ..element("console")
};
static CONSOLE_TARGET: Element = Element {
    attributes: &[optional("type", Value::Choice(&["lxc"])), optional("port", super::values::U32)],
    doc: "which one it is",
    ..element("target")
};
