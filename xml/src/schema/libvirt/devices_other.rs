//! Small devices.

use super::patterns;
use super::reasons;
use super::shapes::{VIRTIO_DRIVER, VIRTIO_MODELS, amount, inert};
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{
    Content, Element, Support, Variants, Version, element, many, maybe, once, optional, required, since,
    with_newer,
};
use crate::value::Value;

pub(super) static LEASE: Element = Element {
    content: Content::Children(&[once(&LOCKSPACE), once(&KEY), once(&TARGET)]),
    support: Support::Ignored(reasons::NOTHING),
    doc: "a lease of a lock manager",
    ..element("lease")
};

static INPUT_TABLET: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["tablet", "mouse", "keyboard"])),
        optional("bus", Value::Choice(&["ps2", "usb", "xen", "virtio"])),
        optional("model", VIRTIO_MODELS),
    ],
    content: Content::Children(&[
        maybe(&VIRTIO_DRIVER),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Refused(reasons::INPUT),
    doc: "a tablet, mouse or keyboard that is imitated",
    ..element("input")
};

static INPUT_PASSTHROUGH: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["passthrough"])),
        required("bus", Value::Choice(&["virtio"])),
        optional("model", VIRTIO_MODELS),
    ],
    content: Content::Children(&[
        maybe(&VIRTIO_DRIVER),
        once(&SOURCE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Refused(reasons::INPUT),
    doc: "an input device of the host",
    ..element("input")
};

static INPUT_EVDEV: Element = Element {
    attributes: &[required("type", Value::Choice(&["evdev"])), optional("model", VIRTIO_MODELS)],
    content: Content::Children(&[
        maybe(&VIRTIO_DRIVER),
        once(&INPUT_SOURCE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Refused(reasons::INPUT),
    doc: "an input device of the host that is shared",
    ..element("input")
};

pub(super) static INPUT: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["tablet", "mouse", "keyboard"], &INPUT_TABLET),
            (&["passthrough"], &INPUT_PASSTHROUGH),
            (&["evdev"], &INPUT_EVDEV),
        ],
    }),
    support: Support::Refused(reasons::INPUT),
    doc: "an input device of a machine",
    ..element("input")
};

pub(super) static HUB: Element = Element {
    attributes: &[required("type", Value::Choice(&["usb"]))],
    content: Content::Children(&[maybe(&super::common::ALIAS), maybe(&super::common::ADDRESS)]),
    support: Support::Ignored(reasons::BUS),
    doc: "a USB hub of a machine",
    ..element("hub")
};

pub(super) static REDIRFILTER: Element = Element {
    content: Content::Children(&[many(&USBDEV)]),
    support: Support::Ignored(reasons::BUS),
    doc: "which USB devices a viewer may give",
    ..element("redirfilter")
};

pub(super) static WATCHDOG: Element = Element {
    attributes: &[
        with_newer(
            &[(Version(9, 1), &["itco"])],
            required("model", Value::Choice(&["i6300esb", "ib700", "diag288", "itco"])),
        ),
        optional(
            "action",
            Value::Choice(&["reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi"]),
        ),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "a watchdog of a machine",
    ..element("watchdog")
};

pub(super) static MEMBALLOON: Element = Element {
    attributes: &[
        required(
            "model",
            Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional", "xen", "none"]),
        ),
        optional("autodeflate", ON_OFF),
        optional("freePageReporting", ON_OFF),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&STATS),
        maybe(&VIRTIO_DRIVER),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "a device by which a machine gives memory back",
    ..element("memballoon")
};

pub(super) static NVRAM: Element = Element {
    content: Content::Children(&[maybe(&super::common::ADDRESS)]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "the non-volatile memory of a POWER machine",
    ..element("nvram")
};

pub(super) static PANIC: Element = Element {
    attributes: &[with_newer(
        &[(Version(9, 1), &["pvpanic"])],
        optional("model", Value::Choice(&["isa", "pseries", "hyperv", "s390", "pvpanic"])),
    )],
    content: Content::Children(&[maybe(&super::common::ALIAS), maybe(&super::common::ADDRESS)]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "a device by which a guest says that it crashed",
    ..element("panic")
};

pub(super) static IOMMU: Element = Element {
    attributes: &[with_newer(
        &[(Version(11, 5), &["amd"])],
        required("model", Value::Choice(&["intel", "smmuv3", "virtio", "amd"])),
    )],
    content: Content::Children(&[
        maybe(&IOMMU_DRIVER),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::ALIAS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "the unit that translates addresses for a machine's devices",
    ..element("iommu")
};

pub(super) static VSOCK: Element = Element {
    attributes: &[optional("model", VIRTIO_MODELS)],
    content: Content::Children(&[
        maybe(&CID),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&VIRTIO_DRIVER),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "sockets between a machine and its host",
    ..element("vsock")
};

static LOCKSPACE: Element =
    Element { content: Content::Text(Value::Text), doc: "the lock space", ..element("lockspace") };

static KEY: Element =
    Element { content: Content::Text(Value::Text), doc: "the name in it", ..element("key") };

static TARGET: Element = Element {
    attributes: &[required("path", Value::Text), optional("offset", U32)],
    doc: "the file of the lease, and where in it",
    ..element("target")
};

static SOURCE: Element = Element {
    attributes: &[required("evdev", Value::AbsFilePath)],
    doc: "its node on the host",
    ..element("source")
};

static INPUT_SOURCE: Element = Element {
    attributes: &[
        required("dev", Value::AbsFilePath),
        optional("grab", Value::Choice(&["all"])),
        optional(
            "grabToggle",
            Value::Choice(&[
                "ctrl-ctrl",
                "alt-alt",
                "shift-shift",
                "meta-meta",
                "scrolllock",
                "ctrl-scrolllock",
            ]),
        ),
        optional("repeat", ON_OFF),
    ],
    doc: "its node on the host, and the keys that hand it over",
    ..element("source")
};

static USBDEV: Element = Element {
    attributes: &[
        required("allow", YES_NO),
        optional(
            "class",
            Value::OneOf(&[Value::Pattern(&patterns::HEX2), Value::Pattern(&patterns::MINUS_ONE)]),
        ),
        optional(
            "vendor",
            Value::OneOf(&[Value::Pattern(&patterns::HEX4), Value::Pattern(&patterns::MINUS_ONE)]),
        ),
        optional(
            "product",
            Value::OneOf(&[Value::Pattern(&patterns::HEX4), Value::Pattern(&patterns::MINUS_ONE)]),
        ),
        optional(
            "version",
            Value::OneOf(&[Value::Pattern(&patterns::VERSION), Value::Pattern(&patterns::MINUS_ONE)]),
        ),
    ],
    doc: "a kind of USB device, and whether it is let through",
    ..element("usbdev")
};

static STATS: Element = Element {
    attributes: &[required("period", Value::Unsigned(1, u64::MAX))],
    doc: "how often the guest is asked, in seconds",
    ..element("stats")
};

static IOMMU_DRIVER: Element = Element {
    attributes: &[
        optional("intremap", ON_OFF),
        optional("caching_mode", ON_OFF),
        optional("eim", ON_OFF),
        optional("iotlb", ON_OFF),
        optional("aw_bits", Value::Pattern(&patterns::UINT8)),
        since(Version(10, 7), optional("dma_translation", ON_OFF)),
        since(Version(11, 5), optional("xtsup", ON_OFF)),
        since(Version(11, 5), optional("passthrough", ON_OFF)),
        since(Version(11, 10), optional("pciBus", U32)),
        since(Version(12, 7), optional("accel", ON_OFF)),
        since(Version(12, 7), optional("ats", ON_OFF)),
        since(Version(12, 7), optional("ril", ON_OFF)),
        since(Version(12, 7), optional("ssidsize", U32)),
        since(Version(12, 7), optional("oas", U32)),
        since(Version(12, 7), optional("cmdqv", ON_OFF)),
    ],
    content: Content::Children(&[maybe(&GRANULE)]),
    doc: "what the unit can do",
    ..element("driver")
};

static CID: Element = Element {
    attributes: &[optional("auto", YES_NO), optional("address", U32)],
    doc: "the number of the machine's sockets",
    ..element("cid")
};

static GRANULE: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["host"])),
        optional("size", U32),
        optional("unit", Value::Unit),
    ],
    since: Some(Version(12, 1)),
    doc: "the smallest range that it translates",
    ..element("granule")
};

pub(super) static CRYPTO: Element = Element {
    attributes: &[required("model", Value::Choice(&["virtio"])), required("type", Value::Choice(&["qemu"]))],
    content: Content::Children(&[
        once(&CRYPTO_BACKEND),
        maybe(&VIRTIO_DRIVER),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ADDRESS),
    ]),
    since: Some(Version(9, 1)),
    ..inert("crypto", reasons::MACHINE, "a device that encrypts for a machine")
};
static CRYPTO_BACKEND: Element = Element {
    attributes: &[
        required("model", Value::Choice(&["builtin", "lkcf"])),
        optional("queues", Value::Unsigned(1, u64::MAX)),
    ],
    doc: "who does the work on the host",
    ..element("backend")
};

pub(super) static PSTORE: Element = Element {
    attributes: &[required("backend", Value::Choice(&["acpi-erst"]))],
    content: Content::Children(&[
        maybe(&PSTORE_PATH),
        once(&PSTORE_SIZE),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::ALIAS),
    ]),
    since: Some(Version(10, 6)),
    ..inert("pstore", reasons::MACHINE, "memory in which a guest leaves the last words of a crash")
};
static PSTORE_PATH: Element = Element {
    content: Content::Text(Value::AbsFilePath),
    doc: "the file of the host that keeps it",
    ..element("path")
};
static PSTORE_SIZE: Element = amount("size", Support::ActedOn, "how large it is");
