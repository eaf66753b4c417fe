//! `<hostdev>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, YES_NO};
use crate::schema::{
    Content, Element, Support, Variants, element, ignored, many, maybe, once, optional, required, some,
};
use crate::value::Value;

pub(super) static HOSTDEV_PCI: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["subsystem"])),
        ignored("managed", YES_NO, reasons::NOTHING),
        required("type", Value::Choice(&["pci"])),
    ],
    content: Content::Children(&[
        maybe(&DRIVER),
        maybe(&super::common::TEAMING),
        once(&SOURCE),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::CannotStart(reasons::NO_BUS),
    ..element("hostdev")
};

pub(super) static HOSTDEV_USB: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["subsystem"])),
        ignored("managed", YES_NO, reasons::NOTHING),
        required("type", Value::Choice(&["usb"])),
    ],
    content: Content::Children(&[
        once(&HOSTDEV_SOURCE),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("hostdev")
};

pub(super) static HOSTDEV_SCSI: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["subsystem"])),
        ignored("managed", YES_NO, reasons::NOTHING),
        required("type", Value::Choice(&["scsi"])),
        optional("sgio", Value::Choice(&["filtered", "unfiltered"])),
        optional("rawio", YES_NO),
    ],
    content: Content::Children(&[
        once(&HOSTDEV_SOURCE_2),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::CannotStart(reasons::NO_BUS),
    ..element("hostdev")
};

pub(super) static HOSTDEV_SCSI_HOST: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["subsystem"])),
        ignored("managed", YES_NO, reasons::NOTHING),
        required("type", Value::Choice(&["scsi_host"])),
        optional("model", Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"])),
    ],
    content: Content::Children(&[
        once(&HOSTDEV_SOURCE_3),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::CannotStart(reasons::NO_BUS),
    ..element("hostdev")
};

pub(super) static HOSTDEV_MDEV: Element = Element {
    attributes: &[
        optional("mode", Value::Choice(&["subsystem"])),
        ignored("managed", YES_NO, reasons::NOTHING),
        required("type", Value::Choice(&["mdev"])),
        required("model", Value::Choice(&["vfio-pci", "vfio-ccw", "vfio-ap"])),
        optional("ramfb", ON_OFF),
        optional("display", ON_OFF),
    ],
    content: Content::Children(&[
        once(&HOSTDEV_SOURCE_4),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::CannotStart(reasons::NO_BUS),
    ..element("hostdev")
};

pub(super) static HOSTDEV_STORAGE: Element = Element {
    attributes: &[
        required("mode", Value::Choice(&["capabilities"])),
        required("type", Value::Choice(&["storage"])),
    ],
    content: Content::Children(&[
        once(&HOSTDEV_SOURCE_5),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("hostdev")
};

pub(super) static HOSTDEV_MISC: Element = Element {
    attributes: &[
        required("mode", Value::Choice(&["capabilities"])),
        required("type", Value::Choice(&["misc"])),
    ],
    content: Content::Children(&[
        once(&HOSTDEV_SOURCE_6),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("hostdev")
};

pub(super) static HOSTDEV_NET: Element = Element {
    attributes: &[
        required("mode", Value::Choice(&["capabilities"])),
        required("type", Value::Choice(&["net"])),
    ],
    content: Content::Children(&[
        once(&HOSTDEV_SOURCE_7),
        many(&super::common::IP),
        many(&super::common::ROUTE),
        maybe(&super::common::BOOT),
        maybe(&super::common::ROM),
        maybe(&READONLY),
        maybe(&SHAREABLE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    ..element("hostdev")
};

pub(super) static HOSTDEV: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["pci"], &HOSTDEV_PCI),
            (&["usb"], &HOSTDEV_USB),
            (&["scsi"], &HOSTDEV_SCSI),
            (&["scsi_host"], &HOSTDEV_SCSI_HOST),
            (&["mdev"], &HOSTDEV_MDEV),
            (&["storage"], &HOSTDEV_STORAGE),
            (&["misc"], &HOSTDEV_MISC),
            (&["net"], &HOSTDEV_NET),
        ],
    }),
    ..element("hostdev")
};

pub(super) static DRIVER: Element = Element {
    attributes: &[required("name", Value::Choice(&["kvm", "vfio", "xen"]))],
    support: Support::Ignored(reasons::MACHINE),
    ..element("driver")
};

pub(super) static SOURCE: Element = Element {
    attributes: &[
        ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT),
        optional("writeFiltering", YES_NO),
    ],
    content: Content::Children(&[once(&ADDRESS)]),
    ..element("source")
};

pub(super) static READONLY: Element =
    Element { support: Support::Ignored(reasons::NOTHING), ..element("readonly") };

pub(super) static SHAREABLE: Element =
    Element { support: Support::Ignored(reasons::NOTHING), ..element("shareable") };

pub(super) static HOSTDEV_SOURCE: Element = Element {
    attributes: &[
        ignored("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"]), reasons::PRESENT),
        ignored("guestReset", Value::Choice(&["off", "uninitialized", "on"]), reasons::NOTHING),
    ],
    content: Content::Children(&[
        maybe(&super::common::VENDOR),
        maybe(&super::common::PRODUCT),
        maybe(&SOURCE_ADDRESS),
    ]),
    ..element("source")
};

pub(super) static HOSTDEV_SOURCE_2_ADAPTER: Element = Element {
    attributes: &[optional("protocol", Value::Choice(&["adapter"]))],
    content: Content::Children(&[once(&ADAPTER), once(&HOSTDEV_SOURCE_ADDRESS)]),
    ..element("source")
};

pub(super) static HOSTDEV_SOURCE_2_ISCSI: Element = Element {
    attributes: &[required("protocol", Value::Choice(&["iscsi"])), required("name", Value::Text)],
    content: Content::Children(&[some(&HOST), maybe(&super::common::AUTH), maybe(&super::common::INITIATOR)]),
    ..element("source")
};

pub(super) static HOSTDEV_SOURCE_2: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "protocol",
        absent: Some("adapter"),
        rows: &[(&["adapter"], &HOSTDEV_SOURCE_2_ADAPTER), (&["iscsi"], &HOSTDEV_SOURCE_2_ISCSI)],
    }),
    ..element("source")
};

pub(super) static HOSTDEV_SOURCE_3: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["vhost"])),
        required("wwpn", Value::Pattern(&patterns::WWPN)),
    ],
    ..element("source")
};

pub(super) static HOSTDEV_SOURCE_4: Element =
    Element { content: Content::Children(&[once(&HOSTDEV_SOURCE_ADDRESS_2)]), ..element("source") };

pub(super) static HOSTDEV_SOURCE_5: Element =
    Element { content: Content::Children(&[once(&BLOCK)]), ..element("source") };

pub(super) static HOSTDEV_SOURCE_6: Element =
    Element { content: Content::Children(&[once(&CHAR)]), ..element("source") };

pub(super) static HOSTDEV_SOURCE_7: Element =
    Element { content: Content::Children(&[once(&INTERFACE)]), ..element("source") };

pub(super) static ADDRESS: Element = Element {
    attributes: &[
        optional("domain", Value::Pattern(&patterns::UINT32)),
        optional("bus", Value::Pattern(&patterns::UINT8)),
        optional("slot", Value::Pattern(&patterns::PCI_SLOT)),
        optional("function", Value::Pattern(&patterns::PCI_FUNCTION)),
        optional("multifunction", ON_OFF),
    ],
    ..element("address")
};

pub(super) static SOURCE_ADDRESS: Element = Element {
    attributes: &[
        required("bus", Value::Pattern(&patterns::HEX3)),
        required("device", Value::Pattern(&patterns::HEX3)),
    ],
    ..element("address")
};

pub(super) static ADAPTER_SCSI_HOST: Element = Element {
    attributes: &[optional("type", Value::Choice(&["scsi_host"])), optional("name", Value::Text)],
    content: Content::Children(&[maybe(&PARENTADDR)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("adapter")
};

pub(super) static ADAPTER_FC_HOST: Element = Element {
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
    support: Support::Ignored(reasons::NOTHING),
    ..element("adapter")
};

pub(super) static ADAPTER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("scsi_host"),
        rows: &[(&["scsi_host"], &ADAPTER_SCSI_HOST), (&["fc_host"], &ADAPTER_FC_HOST)],
    }),
    support: Support::Ignored(reasons::NOTHING),
    ..element("adapter")
};

pub(super) static HOSTDEV_SOURCE_ADDRESS: Element = Element {
    attributes: &[
        required("bus", Value::Pattern(&patterns::TWO_DIGITS)),
        required("target", Value::Pattern(&patterns::TEN_DIGITS)),
        required("unit", Value::Pattern(&patterns::TWENTY_DIGITS)),
    ],
    ..element("address")
};

pub(super) static HOST: Element = Element {
    attributes: &[required("name", Value::Text), optional("port", Value::Integer(-1, 65_535))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("host")
};

pub(super) static HOSTDEV_SOURCE_ADDRESS_2: Element =
    Element { attributes: &[required("uuid", Value::Uuid)], ..element("address") };

pub(super) static BLOCK: Element = Element { content: Content::Text(Value::AbsFilePath), ..element("block") };

pub(super) static CHAR: Element = Element { content: Content::Text(Value::AbsFilePath), ..element("char") };

pub(super) static INTERFACE: Element =
    Element { content: Content::Text(Value::Pattern(&patterns::DEVICE_NAME)), ..element("interface") };

pub(super) static PARENTADDR: Element = Element {
    attributes: &[optional("unique_id", Value::Unsigned(1, u64::MAX))],
    content: Content::Children(&[once(&PARENTADDR_ADDRESS)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("parentaddr")
};

pub(super) static PARENTADDR_ADDRESS: Element = Element {
    attributes: &[
        optional("domain", Value::Pattern(&patterns::UINT32)),
        optional("bus", Value::Pattern(&patterns::UINT8)),
        optional("slot", Value::Pattern(&patterns::PCI_SLOT)),
        optional("function", Value::Pattern(&patterns::PCI_FUNCTION)),
        optional("multifunction", ON_OFF),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};
