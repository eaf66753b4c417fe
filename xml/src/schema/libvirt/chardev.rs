//! Character devices: `<console>`, `<serial>`, `<parallel>`, `<channel>`, `<smartcard>`, `<redirdev>`.

use super::shapes::inert;
use super::{common, reasons, words};
use crate::schema::values::U32;
use crate::schema::{
    Content, Element, Variants, element, ignored, many, maybe, once, optional, required, some,
};
use crate::value::Value;

pub(super) static CONSOLE: Element = Element {
    attributes: &[ignored("tty", Value::AbsFilePath, reasons::OUTPUT), optional("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&common::CHARDEV_SOURCE),
        maybe(&common::PROTOCOL),
        maybe(&TARGET),
        maybe(&common::ALIAS),
        maybe(&common::ACPI),
        maybe(&common::ADDRESS),
        maybe(&common::LOG),
    ]),
    doc: "a terminal; the first is the init's standard input, output and error",
    ..element("console")
};

/// A port of a machine.
macro_rules! port {
    ($name:literal, $doc:literal) => {
        Element {
            attributes: &[required("type", words::WORDS_DEV), optional("tty", Value::AbsFilePath)],
            content: Content::Children(&[
                many(&common::CHARDEV_SOURCE),
                maybe(&common::PROTOCOL),
                maybe(&common::LOG),
                maybe(&TARGET),
                maybe(&common::ALIAS),
                maybe(&common::ACPI),
                maybe(&common::ADDRESS),
            ]),
            ..inert($name, reasons::PTY, $doc)
        }
    };
}
pub(super) static PARALLEL: Element = port!("parallel", "a parallel port of a machine");
pub(super) static SERIAL: Element = port!("serial", "a serial port of a machine");

pub(super) static CHANNEL: Element = Element {
    attributes: &[required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&common::CHARDEV_SOURCE),
        maybe(&common::PROTOCOL),
        maybe(&common::LOG),
        once(&CHANNEL_TARGET),
        maybe(&common::ALIAS),
        maybe(&common::ADDRESS),
    ]),
    ..inert("channel", reasons::PTY, "a line between a program of the host and one of a machine")
};

static SMARTCARD_HOST: Element = Element {
    attributes: &[required("mode", Value::Choice(&["host"]))],
    content: Content::Children(&[maybe(&common::ACPI), maybe(&common::ADDRESS)]),
    ..inert("smartcard", reasons::MACHINE, "the host's reader, as it is")
};
static SMARTCARD_HOST_CERTIFICATES: Element = Element {
    attributes: &[required("mode", Value::Choice(&["host-certificates"]))],
    content: Content::Children(&[
        some(&CERTIFICATE),
        maybe(&DATABASE),
        maybe(&common::ACPI),
        maybe(&common::ADDRESS),
    ]),
    ..inert("smartcard", reasons::MACHINE, "a card made from three certificates of the host's")
};
static SMARTCARD_PASSTHROUGH: Element = Element {
    attributes: &[required("mode", Value::Choice(&["passthrough"])), required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&common::CHARDEV_SOURCE),
        maybe(&common::PROTOCOL),
        maybe(&common::LOG),
        maybe(&TARGET),
        maybe(&common::ACPI),
        maybe(&common::ADDRESS),
    ]),
    ..inert("smartcard", reasons::MACHINE, "a card behind a character device")
};
pub(super) static SMARTCARD: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "mode",
        absent: None,
        rows: &[
            (&["host"], &SMARTCARD_HOST),
            (&["host-certificates"], &SMARTCARD_HOST_CERTIFICATES),
            (&["passthrough"], &SMARTCARD_PASSTHROUGH),
        ],
    }),
    ..inert("smartcard", reasons::MACHINE, "a smart card of a machine")
};
static CERTIFICATE: Element = Element {
    content: Content::Text(Value::Text),
    doc: "the name of a certificate in the host's database",
    ..element("certificate")
};
static DATABASE: Element = Element {
    content: Content::Text(Value::AbsPath),
    doc: "the directory of that database",
    ..element("database")
};

pub(super) static REDIRDEV: Element = Element {
    attributes: &[required("bus", Value::Choice(&["usb"])), required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&common::CHARDEV_SOURCE),
        maybe(&common::PROTOCOL),
        maybe(&common::LOG),
        maybe(&common::ALIAS),
        maybe(&common::ADDRESS),
        maybe(&common::BOOT),
    ]),
    ..inert("redirdev", reasons::BUS, "a USB device that a viewer's machine gives")
};

const CONSOLES: &[&str] = &["xen", "serial", "uml", "virtio", "lxc", "openvz", "sclp", "sclplm"];
const SERIALS: &[&str] = &[
    "isa-serial",
    "usb-serial",
    "pci-serial",
    "spapr-vio-serial",
    "system-serial",
    "sclp-serial",
    "isa-debug",
];
static TARGET_CONSOLE: Element = Element {
    attributes: &[optional("type", Value::Choice(CONSOLES)), optional("port", U32)],
    content: Content::Children(&[maybe(&MODEL)]),
    doc: "which of the consoles it is",
    ..element("target")
};
static TARGET_SERIAL: Element = Element {
    attributes: &[optional("type", Value::Choice(SERIALS)), optional("port", U32)],
    content: Content::Children(&[maybe(&MODEL)]),
    doc: "which of a machine's serial ports it is",
    ..element("target")
};
static TARGET: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("xen"),
        rows: &[(CONSOLES, &TARGET_CONSOLE), (SERIALS, &TARGET_SERIAL)],
    }),
    doc: "what it is for the guest",
    ..element("target")
};
static MODEL: Element = Element {
    attributes: &[required(
        "name",
        Value::Choice(&[
            "isa-serial",
            "usb-serial",
            "pci-serial",
            "spapr-vty",
            "pl011",
            "16550a",
            "sclpconsole",
            "sclplmconsole",
            "isa-debugcon",
        ]),
    )],
    ..inert("model", reasons::NOTHING, "the part that is imitated")
};

static CHANNEL_TARGET_GUESTFWD: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["guestfwd"])),
        required("address", Value::Text),
        required("port", Value::Text),
    ],
    doc: "an address and port that the guest connects to",
    ..element("target")
};
static CHANNEL_TARGET_VIRTIO: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["virtio"])),
        optional("name", Value::Text),
        optional("state", Value::Choice(&["connected", "disconnected"])),
    ],
    doc: "a named port of virtio",
    ..element("target")
};
static CHANNEL_TARGET_XEN: Element = Element {
    attributes: &[required("type", Value::Choice(&["xen"])), optional("name", Value::Text)],
    doc: "a named channel of Xen",
    ..element("target")
};
static CHANNEL_TARGET: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["guestfwd"], &CHANNEL_TARGET_GUESTFWD),
            (&["virtio"], &CHANNEL_TARGET_VIRTIO),
            (&["xen"], &CHANNEL_TARGET_XEN),
        ],
    }),
    doc: "the guest's end of the channel",
    ..element("target")
};
