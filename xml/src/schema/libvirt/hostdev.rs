//! `<hostdev>`.

use super::shapes::{STARTUP_POLICY, VIRTIO_MODELS, inert, pci_address};
use super::{common, patterns, reasons};
use crate::schema::values::{ON_OFF, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, Version, element, ignored, many, maybe, once, optional,
    required, since, some,
};
use crate::value::Value;

const SUBSYSTEM: Attribute = optional("mode", Value::Choice(&["subsystem"]));
const CAPABILITIES: Attribute = required("mode", Value::Choice(&["capabilities"]));
const MANAGED: Attribute = ignored("managed", YES_NO, reasons::NOTHING);
const NO_BUS: Support = Support::CannotStart(reasons::NO_BUS);

/// What every kind of `<hostdev>` holds, after its own parts.
macro_rules! hostdev {
    ([$($attribute:expr),* $(,)?], [$($own:expr),*], $support:expr, $doc:literal) => {
        Element {
            attributes: &[$($attribute),*],
            content: Content::Children(&[
                $($own,)*
                maybe(&common::BOOT),
                maybe(&common::ROM),
                maybe(&READONLY),
                maybe(&SHAREABLE),
                maybe(&common::ALIAS),
                maybe(&common::ACPI),
                maybe(&common::ADDRESS),
            ]),
            support: $support,
            doc: $doc,
            ..element("hostdev")
        }
    };
}

static PCI: Element = hostdev!(
    [
        SUBSYSTEM,
        MANAGED,
        required("type", Value::Choice(&["pci"])),
        since(Version(10, 3), optional("display", ON_OFF)),
        since(Version(10, 3), optional("ramfb", ON_OFF)),
    ],
    [maybe(&DRIVER), maybe(&common::TEAMING), once(&PCI_SOURCE)],
    NO_BUS,
    "a PCI device of the host"
);
static USB: Element = hostdev!(
    [SUBSYSTEM, MANAGED, required("type", Value::Choice(&["usb"]))],
    [once(&USB_SOURCE)],
    Support::ActedOn,
    "a USB device of the host"
);
static SCSI: Element = hostdev!(
    [
        SUBSYSTEM,
        MANAGED,
        required("type", Value::Choice(&["scsi"])),
        optional("sgio", Value::Choice(&["filtered", "unfiltered"])),
        optional("rawio", YES_NO),
    ],
    [once(&SCSI_SOURCE)],
    NO_BUS,
    "a SCSI device of the host"
);
static SCSI_HOST: Element = hostdev!(
    [SUBSYSTEM, MANAGED, required("type", Value::Choice(&["scsi_host"])), optional("model", VIRTIO_MODELS),],
    [once(&SCSI_HOST_SOURCE)],
    NO_BUS,
    "a SCSI host adapter that the host's kernel imitates"
);
static MDEV: Element = hostdev!(
    [
        SUBSYSTEM,
        MANAGED,
        required("type", Value::Choice(&["mdev"])),
        required("model", Value::Choice(&["vfio-pci", "vfio-ccw", "vfio-ap"])),
        optional("ramfb", ON_OFF),
        optional("display", ON_OFF),
    ],
    [once(&MDEV_SOURCE)],
    NO_BUS,
    "a share of a device that its driver divides"
);
static STORAGE: Element = hostdev!(
    [CAPABILITIES, required("type", Value::Choice(&["storage"]))],
    [once(&STORAGE_SOURCE)],
    Support::ActedOn,
    "a block device of the host, by its node"
);
static MISC: Element = hostdev!(
    [CAPABILITIES, required("type", Value::Choice(&["misc"]))],
    [once(&MISC_SOURCE)],
    Support::ActedOn,
    "a character device of the host, by its node"
);
static NET: Element = hostdev!(
    [CAPABILITIES, required("type", Value::Choice(&["net"]))],
    [once(&NET_SOURCE), many(&common::IP), many(&common::ROUTE)],
    Support::ActedOn,
    "a network interface of the host, which is moved into the container"
);

/// `<hostdev>`.
pub(super) static HOSTDEV: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["pci"], &PCI),
            (&["usb"], &USB),
            (&["scsi"], &SCSI),
            (&["scsi_host"], &SCSI_HOST),
            (&["mdev"], &MDEV),
            (&["storage"], &STORAGE),
            (&["misc"], &MISC),
            (&["net"], &NET),
        ],
    }),
    doc: "a device of the host",
    ..element("hostdev")
};

static DRIVER: Element = Element {
    attributes: &[
        optional("name", Value::Choice(&["kvm", "vfio", "xen"])),
        since(Version(10, 0), optional("model", Value::Pattern(&patterns::GENERIC_NAME))),
        since(Version(12, 1), optional("iommufd", YES_NO)),
    ],
    ..inert("driver", reasons::MACHINE, "the driver of the host that hands the device over")
};
static READONLY: Element = inert("readonly", reasons::NOTHING, "a machine can only read");
static SHAREABLE: Element =
    inert("shareable", reasons::NOTHING, "several machines may have it at the same time");

static PCI_SOURCE: Element = Element {
    attributes: &[STARTUP_POLICY, optional("writeFiltering", YES_NO)],
    content: Content::Children(&[once(&PCI_ADDRESS)]),
    doc: "the device",
    ..element("source")
};
static PCI_ADDRESS: Element =
    Element { attributes: pci_address!(), doc: "its place on the host's PCI bus", ..element("address") };

static USB_SOURCE: Element = Element {
    attributes: &[
        STARTUP_POLICY,
        ignored("guestReset", Value::Choice(&["off", "uninitialized", "on"]), reasons::NOTHING),
    ],
    content: Content::Children(&[maybe(&common::VENDOR), maybe(&common::PRODUCT), maybe(&USB_ADDRESS)]),
    doc: "the device, by vendor and product, or by where it is plugged in",
    ..element("source")
};
static USB_ADDRESS: Element = Element {
    attributes: &[
        required("bus", Value::Pattern(&patterns::HEX3)),
        optional("device", Value::Pattern(&patterns::HEX3)),
        since(Version(12, 8), optional("port", Value::Pattern(&patterns::PORT))),
    ],
    doc: "its bus and number on the host",
    ..element("address")
};

static SCSI_SOURCE_ADAPTER: Element = Element {
    attributes: &[optional("protocol", Value::Choice(&["adapter"]))],
    content: Content::Children(&[once(&ADAPTER), once(&SCSI_ADDRESS)]),
    doc: "the device, by the host's adapter and its place there",
    ..element("source")
};
static SCSI_SOURCE_ISCSI: Element = Element {
    attributes: &[required("protocol", Value::Choice(&["iscsi"])), required("name", Value::Text)],
    content: Content::Children(&[some(&HOST), maybe(&common::AUTH), maybe(&common::INITIATOR)]),
    doc: "the logical unit, by iSCSI",
    ..element("source")
};
static SCSI_SOURCE: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "protocol",
        absent: Some("adapter"),
        rows: &[(&["adapter"], &SCSI_SOURCE_ADAPTER), (&["iscsi"], &SCSI_SOURCE_ISCSI)],
    }),
    doc: "the SCSI device",
    ..element("source")
};
static SCSI_ADDRESS: Element = Element {
    attributes: &[
        required("bus", Value::Pattern(&patterns::TWO_DIGITS)),
        required("target", Value::Pattern(&patterns::TEN_DIGITS)),
        required("unit", Value::Pattern(&patterns::TWENTY_DIGITS)),
    ],
    doc: "its bus, target and unit",
    ..element("address")
};
static HOST: Element = Element {
    attributes: &[required("name", Value::Text), optional("port", Value::Integer(-1, 65_535))],
    ..inert("host", reasons::NOTHING, "the server of the logical unit")
};

static ADAPTER_SCSI_HOST: Element = Element {
    attributes: &[optional("type", Value::Choice(&["scsi_host"])), optional("name", Value::Text)],
    content: Content::Children(&[maybe(&PARENTADDR)]),
    ..inert("adapter", reasons::NOTHING, "a SCSI host adapter, by name or by the card it is on")
};
static ADAPTER_FC_HOST: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["fc_host"])),
        optional("parent", Value::Text),
        optional("managed", YES_NO),
        optional("parent_wwnn", Value::Pattern(&patterns::WWN)),
        optional("parent_wwpn", Value::Pattern(&patterns::WWN)),
        optional("parent_fabric_wwn", Value::Pattern(&patterns::WWN)),
        required("wwnn", Value::Pattern(&patterns::WWN)),
        required("wwpn", Value::Pattern(&patterns::WWN)),
    ],
    ..inert("adapter", reasons::NOTHING, "a Fibre Channel adapter, by its world wide names")
};
static ADAPTER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("scsi_host"),
        rows: &[(&["scsi_host"], &ADAPTER_SCSI_HOST), (&["fc_host"], &ADAPTER_FC_HOST)],
    }),
    ..inert("adapter", reasons::NOTHING, "the adapter of the host that the device hangs on")
};
static PARENTADDR: Element = Element {
    attributes: &[optional("unique_id", Value::Unsigned(1, u64::MAX))],
    content: Content::Children(&[once(&PARENT_ADDRESS)]),
    ..inert("parentaddr", reasons::NOTHING, "the card that the adapter is on")
};
static PARENT_ADDRESS: Element = Element {
    attributes: pci_address!(),
    ..inert("address", reasons::BUS, "the card's place on the host's PCI bus")
};

static SCSI_HOST_SOURCE: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["vhost"])),
        required("wwpn", Value::Pattern(&patterns::WWPN)),
    ],
    doc: "the adapter, by its world wide name",
    ..element("source")
};
static MDEV_SOURCE: Element = Element {
    content: Content::Children(&[once(&MDEV_ADDRESS)]),
    doc: "the share of the device",
    ..element("source")
};
static MDEV_ADDRESS: Element =
    Element { attributes: &[required("uuid", Value::Uuid)], doc: "its UUID", ..element("address") };

static STORAGE_SOURCE: Element =
    Element { content: Content::Children(&[once(&BLOCK)]), doc: "the device", ..element("source") };
static BLOCK: Element = Element {
    content: Content::Text(Value::AbsFilePath),
    doc: "the path of a block device's node on the host",
    ..element("block")
};
static MISC_SOURCE: Element =
    Element { content: Content::Children(&[once(&CHAR)]), doc: "the device", ..element("source") };
static CHAR: Element = Element {
    content: Content::Text(Value::AbsFilePath),
    doc: "the path of a character device's node on the host",
    ..element("char")
};
static NET_SOURCE: Element =
    Element { content: Content::Children(&[once(&INTERFACE)]), doc: "the interface", ..element("source") };
static INTERFACE: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::DEVICE_NAME)),
    doc: "the name of an interface of the host",
    ..element("interface")
};
