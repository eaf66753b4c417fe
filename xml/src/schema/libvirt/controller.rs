//! `<controller>`.

use super::shapes::{ATS, IOMMU, PACKED, PAGE_PER_VQ, VIRTIO_MODELS, amount, inert};
use super::{common, disk_parts, patterns, reasons};
use crate::schema::values::{ON_OFF, U32, U64};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, Version, element, maybe, optional, required, since,
};
use crate::value::Value;

const INDEX: Attribute = optional("index", U32);
const SCSI_MODELS: Value = Value::Choice(&[
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
]);
const USB_MODELS: Value = Value::Choice(&[
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
]);
const PCI_ROOTS: &[&str] = &["pci-root", "pcie-root"];
const PCI_BRIDGES: &[&str] = &[
    "pci-bridge",
    "dmi-to-pci-bridge",
    "pcie-to-pci-bridge",
    "pcie-root-port",
    "pcie-switch-upstream-port",
    "pcie-switch-downstream-port",
    "pci-expander-bus",
    "pcie-expander-bus",
];

/// What every controller holds, with its own attributes and parts.
macro_rules! controller {
    ([$($word:literal),*], [$($attribute:expr),*], [$($own:expr),*], $doc:literal) => {
        Element {
            attributes: &[INDEX, required("type", Value::Choice(&[$($word),*])), $($attribute),*],
            content: Content::Children(&[
                maybe(&common::ALIAS),
                maybe(&common::ACPI),
                maybe(&common::ADDRESS),
                $($own,)*
                maybe(&DRIVER),
            ]),
            ..inert("controller", reasons::BUS, $doc)
        }
    };
}

static FDC: Element =
    controller!(["fdc", "sata", "ccid"], [], [], "a controller of floppy drives, SATA drives or smart cards");
static SCSI: Element = controller!(["scsi"], [optional("model", SCSI_MODELS)], [], "a SCSI host adapter");
static USB: Element = controller!(
    ["usb"],
    [optional("model", USB_MODELS), optional("ports", U32)],
    [maybe(&MASTER)],
    "a USB host controller"
);
static IDE: Element = controller!(
    ["ide"],
    [optional("model", Value::Choice(&["piix3", "piix4", "ich6"]))],
    [],
    "a controller of IDE drives"
);
static ISA: Element = controller!(["isa"], [], [], "the ISA bus");
static PCI_ROOT: Element = controller!(
    ["pci"],
    [required("model", Value::Choice(PCI_ROOTS))],
    [maybe(&MODEL), maybe(&TARGET), maybe(&PCIHOLE64)],
    "the root of the PCI buses"
);
static PCI_BRIDGE: Element = controller!(
    ["pci"],
    [required("model", Value::Choice(PCI_BRIDGES))],
    [maybe(&MODEL), maybe(&TARGET)],
    "a bridge or port between PCI buses"
);
static PCI: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "model",
        absent: None,
        rows: &[(PCI_ROOTS, &PCI_ROOT), (PCI_BRIDGES, &PCI_BRIDGE)],
    }),
    ..inert("controller", reasons::BUS, "a part of the tree of PCI buses")
};
static VIRTIO_SERIAL: Element = controller!(
    ["virtio-serial"],
    [optional("model", VIRTIO_MODELS), optional("ports", U32), optional("vectors", U32)],
    [],
    "the controller of virtio's consoles and channels"
);
static XENBUS: Element = controller!(
    ["xenbus"],
    [optional("maxGrantFrames", U32), optional("maxEventChannels", U32)],
    [],
    "the bus of Xen's devices"
);
static NVME: Element = Element {
    since: Some(Version(11, 5)),
    ..controller!(["nvme"], [], [maybe(&disk_parts::SERIAL)], "an NVMe controller, whose drives are disks")
};

/// `<controller>`.
pub(super) static CONTROLLER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["fdc", "sata", "ccid"], &FDC),
            (&["scsi"], &SCSI),
            (&["usb"], &USB),
            (&["ide"], &IDE),
            (&["isa"], &ISA),
            (&["pci"], &PCI),
            (&["virtio-serial"], &VIRTIO_SERIAL),
            (&["xenbus"], &XENBUS),
            (&["nvme"], &NVME),
        ],
    }),
    ..inert("controller", reasons::BUS, "a controller that devices of a machine are attached to")
};

static DRIVER: Element = Element {
    attributes: &[
        optional("queues", U32),
        optional("cmd_per_lun", U32),
        optional("max_sectors", U32),
        optional("ioeventfd", ON_OFF),
        optional("iothread", U32),
        IOMMU,
        ATS,
        PACKED,
        PAGE_PER_VQ,
    ],
    content: Content::Children(&[maybe(&IOTHREADS)]),
    doc: "how the controller is driven",
    ..element("driver")
};
static IOTHREADS: Element = Element { since: Some(Version(11, 2)), ..disk_parts::IOTHREADS };
static MASTER: Element = Element {
    attributes: &[required("startport", Value::Pattern(&patterns::PORT))],
    doc: "the first port of the companion that it is",
    ..element("master")
};
static MODEL: Element = Element {
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
    doc: "the part that is imitated",
    ..element("model")
};
static TARGET: Element = Element {
    attributes: &[
        optional("chassisNr", Value::Pattern(&patterns::UINT8)),
        optional("chassis", Value::Pattern(&patterns::UINT8)),
        optional("port", Value::Pattern(&patterns::UINT8)),
        optional("busNr", Value::Pattern(&patterns::UINT8)),
        optional("index", Value::Pattern(&patterns::UINT8)),
        optional("hotplug", ON_OFF),
        since(Version(10, 3), optional("memReserve", U64)),
    ],
    content: Content::Children(&[maybe(&NODE)]),
    doc: "the numbers that the machine sees it under",
    ..element("target")
};
static PCIHOLE64: Element =
    amount("pcihole64", Support::ActedOn, "addresses above 4 GiB that are kept for devices");
static NODE: Element =
    Element { content: Content::Text(U32), doc: "the NUMA node that it is near to", ..element("node") };
