//! `<controller>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, U64};
use crate::schema::{Content, Element, Support, Variants, element, maybe, optional, required};
use crate::value::Value;

pub(super) static CONTROLLER_FDC: Element = Element {
    attributes: &[optional("index", U32), required("type", Value::Choice(&["fdc", "sata", "ccid"]))],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_SCSI: Element = Element {
    attributes: &[
        optional("index", U32),
        required("type", Value::Choice(&["scsi"])),
        optional(
            "model",
            Value::Choice(&[
                "auto",
                "buslogic",
                "lsilogic",
                "lsisas1068",
                "vmpvscsi",
                "ibmvscsi",
                "virtio-scsi",
                "lsisas1078",
                "virtio-transitional",
                "virtio-non-transitional",
                "ncr53c90",
                "dc390",
                "am53c974",
            ]),
        ),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_USB: Element = Element {
    attributes: &[
        optional("index", U32),
        required("type", Value::Choice(&["usb"])),
        optional(
            "model",
            Value::Choice(&[
                "piix3-uhci",
                "piix4-uhci",
                "ehci",
                "ich9-ehci1",
                "ich9-uhci1",
                "ich9-uhci2",
                "ich9-uhci3",
                "vt82c686b-uhci",
                "pci-ohci",
                "nec-xhci",
                "none",
                "qusb1",
                "qusb2",
                "qemu-xhci",
            ]),
        ),
        optional("ports", U32),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&MASTER),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_IDE: Element = Element {
    attributes: &[
        optional("index", U32),
        required("type", Value::Choice(&["ide"])),
        optional("model", Value::Choice(&["piix3", "piix4", "ich6"])),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_ISA: Element = Element {
    attributes: &[optional("index", U32), required("type", Value::Choice(&["isa"]))],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_PCI_PCI_ROOT: Element = Element {
    attributes: &[
        optional("index", U32),
        required("type", Value::Choice(&["pci"])),
        required("model", Value::Choice(&["pci-root", "pcie-root"])),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&MODEL),
        maybe(&TARGET),
        maybe(&PCIHOLE64),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_PCI_PCI_BRIDGE: Element = Element {
    attributes: &[
        optional("index", U32),
        required("type", Value::Choice(&["pci"])),
        required(
            "model",
            Value::Choice(&[
                "pci-bridge",
                "dmi-to-pci-bridge",
                "pcie-to-pci-bridge",
                "pcie-root-port",
                "pcie-switch-upstream-port",
                "pcie-switch-downstream-port",
                "pci-expander-bus",
                "pcie-expander-bus",
            ]),
        ),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&MODEL),
        maybe(&TARGET),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_PCI: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "model",
        absent: None,
        rows: &[
            (&["pci-root", "pcie-root"], &CONTROLLER_PCI_PCI_ROOT),
            (
                &[
                    "pci-bridge",
                    "dmi-to-pci-bridge",
                    "pcie-to-pci-bridge",
                    "pcie-root-port",
                    "pcie-switch-upstream-port",
                    "pcie-switch-downstream-port",
                    "pci-expander-bus",
                    "pcie-expander-bus",
                ],
                &CONTROLLER_PCI_PCI_BRIDGE,
            ),
        ],
    }),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_VIRTIO_SERIAL: Element = Element {
    attributes: &[
        optional("index", U32),
        required("type", Value::Choice(&["virtio-serial"])),
        optional("model", Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"])),
        optional("ports", U32),
        optional("vectors", U32),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER_XENBUS: Element = Element {
    attributes: &[
        optional("index", U32),
        required("type", Value::Choice(&["xenbus"])),
        optional("maxGrantFrames", U32),
        optional("maxEventChannels", U32),
    ],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&DRIVER),
    ]),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static CONTROLLER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["fdc", "sata", "ccid"], &CONTROLLER_FDC),
            (&["scsi"], &CONTROLLER_SCSI),
            (&["usb"], &CONTROLLER_USB),
            (&["ide"], &CONTROLLER_IDE),
            (&["isa"], &CONTROLLER_ISA),
            (&["pci"], &CONTROLLER_PCI),
            (&["virtio-serial"], &CONTROLLER_VIRTIO_SERIAL),
            (&["xenbus"], &CONTROLLER_XENBUS),
        ],
    }),
    support: Support::Ignored(reasons::BUS),
    ..element("controller")
};

pub(super) static DRIVER: Element = Element {
    attributes: &[
        optional("queues", U32),
        optional("cmd_per_lun", U32),
        optional("max_sectors", U32),
        optional("ioeventfd", ON_OFF),
        optional("iothread", U32),
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
    ],
    ..element("driver")
};

pub(super) static MASTER: Element =
    Element { attributes: &[required("startport", Value::Pattern(&patterns::PORT))], ..element("master") };

pub(super) static MODEL: Element = Element {
    attributes: &[required(
        "name",
        Value::Choice(&[
            "spapr-pci-host-bridge",
            "pci-bridge",
            "i82801b11-bridge",
            "pcie-pci-bridge",
            "ioh3420",
            "pcie-root-port",
            "x3130-upstream",
            "xio3130-downstream",
            "pxb",
            "pxb-pcie",
        ]),
    )],
    ..element("model")
};

pub(super) static TARGET: Element = Element {
    attributes: &[
        optional("chassisNr", Value::Pattern(&patterns::UINT8)),
        optional("chassis", Value::Pattern(&patterns::UINT8)),
        optional("port", Value::Pattern(&patterns::UINT8)),
        optional("busNr", Value::Pattern(&patterns::UINT8)),
        optional("index", Value::Pattern(&patterns::UINT8)),
        optional("hotplug", ON_OFF),
    ],
    content: Content::Children(&[maybe(&NODE)]),
    ..element("target")
};

pub(super) static PCIHOLE64: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    ..element("pcihole64")
};

pub(super) static NODE: Element = Element { content: Content::Text(U32), ..element("node") };
