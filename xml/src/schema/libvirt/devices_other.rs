//! Small devices.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, once, optional, required};
use crate::value::Value;

pub(super) static LEASE: Element = Element {
    content: Content::Children(&[once(&LOCKSPACE), once(&KEY), once(&TARGET)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("lease")
};

pub(super) static INPUT_TABLET: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["tablet", "mouse", "keyboard"])),
        optional("bus", Value::Choice(&["ps2", "usb", "xen", "virtio"])),
        optional("model", Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"])),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Refused(reasons::INPUT),
    ..element("input")
};

pub(super) static INPUT_PASSTHROUGH: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["passthrough"])),
        required("bus", Value::Choice(&["virtio"])),
        optional("model", Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"])),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        once(&SOURCE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Refused(reasons::INPUT),
    ..element("input")
};

pub(super) static INPUT_EVDEV: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["evdev"])),
        optional("model", Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"])),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        once(&INPUT_SOURCE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Refused(reasons::INPUT),
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
    ..element("input")
};

pub(super) static HUB: Element = Element {
    attributes: &[required("type", Value::Choice(&["usb"]))],
    content: Content::Children(&[maybe(&super::common::ALIAS), maybe(&super::common::ADDRESS)]),
    support: Support::Ignored(reasons::BUS),
    ..element("hub")
};

pub(super) static REDIRFILTER: Element = Element {
    content: Content::Children(&[many(&USBDEV)]),
    support: Support::Ignored(reasons::BUS),
    ..element("redirfilter")
};

pub(super) static WATCHDOG: Element = Element {
    attributes: &[
        required("model", Value::Choice(&["i6300esb", "ib700", "diag288"])),
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
        maybe(&MEMBALLOON_DRIVER),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("memballoon")
};

pub(super) static NVRAM: Element = Element {
    content: Content::Children(&[maybe(&super::common::ADDRESS)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("nvram")
};

pub(super) static PANIC: Element = Element {
    attributes: &[optional("model", Value::Choice(&["isa", "pseries", "hyperv", "s390"]))],
    content: Content::Children(&[maybe(&super::common::ALIAS), maybe(&super::common::ADDRESS)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("panic")
};

pub(super) static IOMMU: Element = Element {
    attributes: &[required("model", Value::Choice(&["intel", "smmuv3", "virtio"]))],
    content: Content::Children(&[
        maybe(&IOMMU_DRIVER),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::ALIAS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("iommu")
};

pub(super) static VSOCK: Element = Element {
    attributes: &[optional(
        "model",
        Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
    )],
    content: Content::Children(&[
        maybe(&CID),
        maybe(&super::common::ADDRESS),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&VSOCK_DRIVER),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("vsock")
};

pub(super) static LOCKSPACE: Element =
    Element { content: Content::Text(Value::Text), ..element("lockspace") };

pub(super) static KEY: Element = Element { content: Content::Text(Value::Text), ..element("key") };

pub(super) static TARGET: Element =
    Element { attributes: &[required("path", Value::Text), optional("offset", U32)], ..element("target") };

pub(super) static DRIVER: Element = Element {
    attributes: &[
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
    ],
    ..element("driver")
};

pub(super) static SOURCE: Element =
    Element { attributes: &[required("evdev", Value::AbsFilePath)], ..element("source") };

pub(super) static INPUT_SOURCE: Element = Element {
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
    ..element("source")
};

pub(super) static USBDEV: Element = Element {
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
    ..element("usbdev")
};

pub(super) static STATS: Element =
    Element { attributes: &[required("period", Value::Unsigned(1, u64::MAX))], ..element("stats") };

pub(super) static MEMBALLOON_DRIVER: Element = Element {
    attributes: &[
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
    ],
    ..element("driver")
};

pub(super) static IOMMU_DRIVER: Element = Element {
    attributes: &[
        optional("intremap", ON_OFF),
        optional("caching_mode", ON_OFF),
        optional("eim", ON_OFF),
        optional("iotlb", ON_OFF),
        optional("aw_bits", Value::Pattern(&patterns::UINT8)),
    ],
    ..element("driver")
};

pub(super) static CID: Element =
    Element { attributes: &[optional("auto", YES_NO), optional("address", U32)], ..element("cid") };

pub(super) static VSOCK_DRIVER: Element = Element {
    attributes: &[
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
    ],
    ..element("driver")
};
