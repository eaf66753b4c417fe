//! Character devices: `<console>`, `<serial>`, `<parallel>`, `<channel>`, `<smartcard>`, `<redirdev>`.

use super::reasons;
use super::words;
use crate::schema::values::U32;
use crate::schema::{
    Content, Element, Support, Variants, element, ignored, many, maybe, once, optional, required, some,
};
use crate::value::Value;

pub(super) static CONSOLE: Element = Element {
    attributes: &[ignored("tty", Value::AbsFilePath, reasons::OUTPUT), optional("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&super::common::CONSOLE_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&TARGET),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::LOG),
    ]),
    ..element("console")
};

pub(super) static PARALLEL: Element = Element {
    attributes: &[required("type", words::WORDS_DEV), optional("tty", Value::AbsFilePath)],
    content: Content::Children(&[
        many(&super::common::CONSOLE_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&super::common::LOG),
        maybe(&TARGET),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::PTY),
    ..element("parallel")
};

pub(super) static SERIAL: Element = Element {
    attributes: &[required("type", words::WORDS_DEV), optional("tty", Value::AbsFilePath)],
    content: Content::Children(&[
        many(&super::common::CONSOLE_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&super::common::LOG),
        maybe(&TARGET),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::PTY),
    ..element("serial")
};

pub(super) static CHANNEL: Element = Element {
    attributes: &[required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&super::common::CONSOLE_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&super::common::LOG),
        once(&CHANNEL_TARGET),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::PTY),
    ..element("channel")
};

pub(super) static SMARTCARD_HOST: Element = Element {
    attributes: &[required("mode", Value::Choice(&["host"]))],
    content: Content::Children(&[maybe(&super::common::ACPI), maybe(&super::common::ADDRESS)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("smartcard")
};

pub(super) static SMARTCARD_HOST_CERTIFICATES: Element = Element {
    attributes: &[required("mode", Value::Choice(&["host-certificates"]))],
    content: Content::Children(&[
        some(&CERTIFICATE),
        maybe(&DATABASE),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("smartcard")
};

pub(super) static SMARTCARD_PASSTHROUGH: Element = Element {
    attributes: &[required("mode", Value::Choice(&["passthrough"])), required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&super::common::CONSOLE_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&super::common::LOG),
        maybe(&TARGET),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("smartcard")
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
    support: Support::Ignored(reasons::MACHINE),
    ..element("smartcard")
};

pub(super) static REDIRDEV: Element = Element {
    attributes: &[required("bus", Value::Choice(&["usb"])), required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&super::common::CONSOLE_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&super::common::LOG),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::BOOT),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("redirdev")
};

pub(super) static TARGET_XEN: Element = Element {
    attributes: &[
        optional(
            "type",
            Value::Choice(&["xen", "serial", "uml", "virtio", "lxc", "openvz", "sclp", "sclplm"]),
        ),
        optional("port", U32),
    ],
    content: Content::Children(&[maybe(&MODEL)]),
    ..element("target")
};

pub(super) static TARGET_ISA_SERIAL: Element = Element {
    attributes: &[
        optional(
            "type",
            Value::Choice(&[
                "isa-serial",
                "usb-serial",
                "pci-serial",
                "spapr-vio-serial",
                "system-serial",
                "sclp-serial",
                "isa-debug",
            ]),
        ),
        optional("port", U32),
    ],
    content: Content::Children(&[maybe(&MODEL)]),
    ..element("target")
};

pub(super) static TARGET: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("xen"),
        rows: &[
            (&["xen", "serial", "uml", "virtio", "lxc", "openvz", "sclp", "sclplm"], &TARGET_XEN),
            (
                &[
                    "isa-serial",
                    "usb-serial",
                    "pci-serial",
                    "spapr-vio-serial",
                    "system-serial",
                    "sclp-serial",
                    "isa-debug",
                ],
                &TARGET_ISA_SERIAL,
            ),
        ],
    }),
    ..element("target")
};

pub(super) static CHANNEL_TARGET_GUESTFWD: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["guestfwd"])),
        required("address", Value::Text),
        required("port", Value::Text),
    ],
    ..element("target")
};

pub(super) static CHANNEL_TARGET_VIRTIO: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["virtio"])),
        optional("name", Value::Text),
        optional("state", Value::Choice(&["connected", "disconnected"])),
    ],
    ..element("target")
};

pub(super) static CHANNEL_TARGET_XEN: Element = Element {
    attributes: &[required("type", Value::Choice(&["xen"])), optional("name", Value::Text)],
    ..element("target")
};

pub(super) static CHANNEL_TARGET: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["guestfwd"], &CHANNEL_TARGET_GUESTFWD),
            (&["virtio"], &CHANNEL_TARGET_VIRTIO),
            (&["xen"], &CHANNEL_TARGET_XEN),
        ],
    }),
    ..element("target")
};

pub(super) static CERTIFICATE: Element =
    Element { content: Content::Text(Value::Text), ..element("certificate") };

pub(super) static DATABASE: Element =
    Element { content: Content::Text(Value::AbsPath), ..element("database") };

pub(super) static MODEL: Element = Element {
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
    support: Support::Ignored(reasons::NOTHING),
    ..element("model")
};
