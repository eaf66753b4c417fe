//! Parts of `<interface>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, element, ignored, many, maybe, once, optional, required,
    some,
};
use crate::value::Value;

/// What every kind of `<interface>` holds; its own parts stand behind the address.
macro_rules! parts {
    ($($own:expr),* $(,)?) => {
        crate::schema::Content::Children(&[
            crate::schema::maybe(&super::interface_parts::MAC),
            $($own,)*
            crate::schema::maybe(&super::interface_parts::BANDWIDTH),
            crate::schema::maybe(&super::interface_parts::VLAN),
            crate::schema::maybe(&super::interface_parts::PORT),
            crate::schema::many(&super::common::IP),
            crate::schema::many(&super::common::ROUTE),
            crate::schema::maybe(&super::interface_parts::SCRIPT),
            crate::schema::maybe(&super::interface_parts::DOWNSCRIPT),
            crate::schema::maybe(&super::interface_parts::BACKENDDOMAIN),
            crate::schema::maybe(&super::interface_parts::TARGET),
            crate::schema::maybe(&super::interface_parts::GUEST),
            crate::schema::maybe(&super::interface_parts::MODEL),
            crate::schema::maybe(&super::interface_parts::DRIVER),
            crate::schema::maybe(&super::interface_parts::BACKEND),
            crate::schema::maybe(&super::interface_parts::FILTERREF),
            crate::schema::maybe(&super::interface_parts::TUNE),
            crate::schema::maybe(&super::interface_parts::LINK),
            crate::schema::maybe(&super::interface_parts::MTU),
            crate::schema::maybe(&super::interface_parts::COALESCE),
            crate::schema::maybe(&super::common::TEAMING),
            crate::schema::maybe(&super::common::BOOT),
            crate::schema::maybe(&super::common::ROM),
            crate::schema::maybe(&super::common::ALIAS),
            crate::schema::maybe(&super::common::ACPI),
            crate::schema::maybe(&super::common::ADDRESS),
            crate::schema::many(&super::interface_parts::PORTFORWARD),
        ])
    };
}
pub(super) use parts;

pub(super) static SOURCE: Element = Element {
    attributes: &[
        required("bridge", Value::Pattern(&patterns::BRIDGE)),
        ignored("macTableManager", Value::Choice(&["kernel", "libvirt"]), reasons::SWITCH),
        ignored("network", Value::Text, reasons::OUTPUT),
        ignored("portgroup", Value::Pattern(&patterns::DEVICE_NAME), reasons::SWITCH),
        ignored("portid", Value::Uuid, reasons::OUTPUT),
    ],
    ..element("source")
};

pub(super) static LINK: Element =
    Element { attributes: &[required("state", Value::Choice(&["up", "down"]))], ..element("link") };

pub(super) static MTU: Element =
    Element { attributes: &[required("size", Value::Unsigned(0, 65_535))], ..element("mtu") };

pub(super) static COALESCE: Element = Element {
    content: Content::Children(&[maybe(&RX)]),
    support: Support::Ignored(reasons::TRAFFIC),
    ..element("coalesce")
};

pub(super) static TARGET: Element = Element {
    attributes: &[
        required("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        ignored("managed", YES_NO, reasons::NOTHING),
    ],
    ..element("target")
};

pub(super) static GUEST: Element = Element {
    attributes: &[
        optional("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        ignored("actual", Value::Pattern(&patterns::DEVICE_NAME), reasons::OUTPUT),
    ],
    ..element("guest")
};

pub(super) static MAC: Element = Element {
    attributes: &[
        required("address", Value::MacAddr),
        ignored("type", Value::Choice(&["generated", "static"]), reasons::NOTHING),
        ignored("check", YES_NO, reasons::NOTHING),
    ],
    ..element("mac")
};

pub(super) static PORTFORWARD: Element = Element {
    attributes: &[
        required("proto", Value::Choice(&["tcp", "udp"])),
        optional("address", Value::Ip),
        optional("dev", Value::Pattern(&patterns::DEVICE_NAME)),
    ],
    content: Content::Children(&[many(&RANGE)]),
    support: Support::Ignored(reasons::USERNET),
    ..element("portForward")
};

pub(super) static SCRIPT: Element =
    Element { attributes: &[required("path", Value::NonEmpty)], ..element("script") };

pub(super) static DOWNSCRIPT: Element =
    Element { attributes: &[required("path", Value::NonEmpty)], ..element("downscript") };

pub(super) static BACKENDDOMAIN: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::LINE))],
    support: Support::Ignored(reasons::OTHER),
    ..element("backenddomain")
};

pub(super) static MODEL: Element = Element {
    attributes: &[required("type", Value::Pattern(&patterns::MODEL_TYPE))],
    support: Support::Ignored(reasons::VIRTIO),
    ..element("model")
};

pub(super) static BACKEND: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["passt"])),
        optional("tap", Value::AbsFilePath),
        optional("vhost", Value::AbsFilePath),
        optional("logFile", Value::AbsFilePath),
    ],
    support: Support::Ignored(reasons::VIRTIO),
    ..element("backend")
};

pub(super) static DRIVER_KVM: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["kvm", "vfio", "xen"])),
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
        optional("rss", ON_OFF),
        optional("rss_hash_report", ON_OFF),
    ],
    content: Content::Children(&[maybe(&HOST), maybe(&DRIVER_GUEST)]),
    support: Support::Ignored(reasons::VIRTIO),
    ..element("driver")
};

pub(super) static DRIVER_QEMU: Element = Element {
    attributes: &[
        optional("name", Value::Choice(&["qemu", "vhost"])),
        optional("queues", Value::Unsigned(1, u64::MAX)),
        optional("rx_queue_size", Value::Unsigned(1, u64::MAX)),
        optional("tx_queue_size", Value::Unsigned(1, u64::MAX)),
        optional("txmode", Value::Choice(&["iothread", "timer"])),
        optional("ioeventfd", ON_OFF),
        optional("event_idx", ON_OFF),
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
        optional("rss", ON_OFF),
        optional("rss_hash_report", ON_OFF),
    ],
    content: Content::Children(&[maybe(&HOST), maybe(&DRIVER_GUEST)]),
    support: Support::Ignored(reasons::VIRTIO),
    ..element("driver")
};

pub(super) static DRIVER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "name",
        absent: Some("qemu"),
        rows: &[(&["kvm", "vfio", "xen"], &DRIVER_KVM), (&["qemu", "vhost"], &DRIVER_QEMU)],
    }),
    support: Support::Ignored(reasons::VIRTIO),
    ..element("driver")
};

pub(super) static FILTERREF: Element = Element {
    attributes: &[required("filter", Value::Pattern(&patterns::NC_NAME))],
    content: Content::Children(&[many(&PARAMETER)]),
    support: Support::CannotStart(reasons::FILTER),
    ..element("filterref")
};

pub(super) static TUNE: Element = Element {
    content: Content::Children(&[maybe(&SNDBUF)]),
    support: Support::Ignored(reasons::VIRTIO),
    ..element("tune")
};

pub(super) static BANDWIDTH: Element = Element {
    attributes: &[ignored("classID", Value::Unsigned(1, u64::MAX), reasons::OUTPUT)],
    content: Content::Children(&[maybe(&INBOUND), maybe(&OUTBOUND)]),
    ..element("bandwidth")
};

pub(super) static VLAN: Element = Element {
    attributes: &[optional("trunk", Value::Choice(&["yes"]))],
    content: Content::Children(&[some(&TAG)]),
    support: Support::CannotStart(reasons::VLAN),
    ..element("vlan")
};

pub(super) static PORT: Element = Element { attributes: &[optional("isolated", YES_NO)], ..element("port") };

pub(super) static INTERFACE_SOURCE: Element = Element {
    content: Content::Children(&[many(&super::common::IP), many(&super::common::ROUTE)]),
    ..element("source")
};

pub(super) static INTERFACE_SOURCE_2: Element = Element {
    attributes: &[
        required("network", Value::Text),
        ignored("portgroup", Value::Pattern(&patterns::DEVICE_NAME), reasons::SWITCH),
        ignored("portid", Value::Uuid, reasons::OUTPUT),
        ignored("bridge", Value::Pattern(&patterns::BRIDGE), reasons::OUTPUT),
        ignored("macTableManager", Value::Choice(&["kernel", "libvirt"]), reasons::SWITCH),
    ],
    ..element("source")
};

pub(super) static INTERFACE_SOURCE_3: Element = Element {
    attributes: &[
        required("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        optional("mode", Value::Choice(&["vepa", "bridge", "private", "passthrough"])),
        ignored("network", Value::Text, reasons::OUTPUT),
        ignored("portgroup", Value::Pattern(&patterns::DEVICE_NAME), reasons::SWITCH),
        ignored("portid", Value::Uuid, reasons::OUTPUT),
    ],
    ..element("source")
};

pub(super) static INTERFACE_SOURCE_4: Element =
    Element { attributes: &[required("dev", Value::Pattern(&patterns::DEVICE_NAME))], ..element("source") };

pub(super) static INTERFACE_SOURCE_5: Element =
    Element { attributes: &[required("name", Value::Pattern(&patterns::DEVICE_NAME))], ..element("source") };

pub(super) static INTERFACE_SOURCE_6: Element = Element {
    attributes: &[required("address", Value::Ip), required("port", Value::Integer(-1, 65_535))],
    ..element("source")
};

pub(super) static INTERFACE_SOURCE_7: Element = Element {
    attributes: &[required("address", Value::Ip), required("port", Value::Integer(-1, 65_535))],
    content: Content::Children(&[once(&LOCAL)]),
    ..element("source")
};

pub(super) static INTERFACE_SOURCE_8: Element = Element {
    attributes: &[optional("address", Value::Ip), required("port", Value::Integer(-1, 65_535))],
    ..element("source")
};

pub(super) static INTERFACE_SOURCE_9: Element = Element {
    attributes: &[optional("missing", YES_NO)],
    content: Content::Children(&[
        maybe(&super::common::VENDOR),
        maybe(&super::common::PRODUCT),
        maybe(&ADDRESS),
    ]),
    ..element("source")
};

pub(super) static INTERFACE_SOURCE_10: Element =
    Element { attributes: &[required("dev", Value::Pattern(&patterns::DEVICE_NAME))], ..element("source") };

pub(super) static INTERFACE_SOURCE_11: Element = Element {
    attributes: &[
        required("switchid", Value::Uuid),
        Attribute {
            support: Support::Ignored(reasons::OUTPUT),
            ..required("portid", Value::Integer(i64::MIN, i64::MAX))
        },
        required("portgroupid", Value::Text),
        required("connectionid", Value::Integer(i64::MIN, i64::MAX)),
    ],
    ..element("source")
};

pub(super) static RX: Element = Element {
    content: Content::Children(&[maybe(&FRAMES)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("rx")
};

pub(super) static RANGE: Element = Element {
    attributes: &[
        required("start", Value::Integer(-1, 65_535)),
        optional("end", Value::Integer(-1, 65_535)),
        optional("to", Value::Integer(-1, 65_535)),
        optional("exclude", YES_NO),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("range")
};

pub(super) static HOST: Element = Element {
    attributes: &[
        optional("csum", ON_OFF),
        optional("gso", ON_OFF),
        optional("tso4", ON_OFF),
        optional("tso6", ON_OFF),
        optional("ecn", ON_OFF),
        optional("ufo", ON_OFF),
        optional("mrg_rxbuf", ON_OFF),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("host")
};

pub(super) static DRIVER_GUEST: Element = Element {
    attributes: &[
        optional("csum", ON_OFF),
        optional("tso4", ON_OFF),
        optional("tso6", ON_OFF),
        optional("ecn", ON_OFF),
        optional("ufo", ON_OFF),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("guest")
};

pub(super) static PARAMETER: Element = Element {
    attributes: &[
        required("name", Value::Pattern(&patterns::PARAMETER_NAME)),
        required("value", Value::Pattern(&patterns::VALUE_2)),
    ],
    ..element("parameter")
};

pub(super) static SNDBUF: Element =
    Element { content: Content::Text(U32), support: Support::Ignored(reasons::NOTHING), ..element("sndbuf") };

const FLOOR: Attribute = Attribute {
    support: Support::CannotStart(reasons::FLOOR),
    ..optional("floor", Value::Unsigned(1, 4_294_967_295))
};

pub(super) static INBOUND: Element = Element {
    attributes: &[
        optional("average", Value::Unsigned(1, 4_294_967_295)),
        optional("peak", Value::Unsigned(1, 4_294_967_295)),
        FLOOR,
        optional("burst", Value::Unsigned(1, 4_294_967_295)),
    ],
    ..element("inbound")
};

pub(super) static OUTBOUND: Element = Element {
    attributes: &[
        optional("average", Value::Unsigned(1, 4_294_967_295)),
        optional("peak", Value::Unsigned(1, 4_294_967_295)),
        FLOOR,
        optional("burst", Value::Unsigned(1, 4_294_967_295)),
    ],
    ..element("outbound")
};

pub(super) static TAG: Element = Element {
    attributes: &[
        required("id", Value::Unsigned(0, 4095)),
        optional("nativeMode", Value::Choice(&["tagged", "untagged"])),
    ],
    ..element("tag")
};

pub(super) static LOCAL: Element = Element {
    attributes: &[required("address", Value::Ip), required("port", Value::Integer(-1, 65_535))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("local")
};

pub(super) static ADDRESS_PCI: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["pci"])),
        optional("domain", Value::Pattern(&patterns::UINT32)),
        optional("bus", Value::Pattern(&patterns::UINT8)),
        optional("slot", Value::Pattern(&patterns::PCI_SLOT)),
        optional("function", Value::Pattern(&patterns::PCI_FUNCTION)),
        optional("multifunction", ON_OFF),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_USB: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["usb"])),
        required("bus", Value::Pattern(&patterns::HEX3)),
        required("device", Value::Pattern(&patterns::HEX3)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS_PLAIN: Element = Element {
    attributes: &[
        required("bus", Value::Pattern(&patterns::HEX3)),
        required("device", Value::Pattern(&patterns::HEX3)),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static ADDRESS: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some(""),
        rows: &[(&["pci"], &ADDRESS_PCI), (&["usb"], &ADDRESS_USB), (&[""], &ADDRESS_PLAIN)],
    }),
    support: Support::Ignored(reasons::BUS),
    ..element("address")
};

pub(super) static FRAMES: Element = Element {
    attributes: &[optional("max", U32)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("frames")
};
