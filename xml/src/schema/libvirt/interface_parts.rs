//! Parts of `<interface>`.

use super::shapes::{ATS, IOMMU, PACKED, PAGE_PER_VQ, inert};
use super::{patterns, reasons};
use crate::schema::values::{ON_OFF, U32, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, Version, element, ignored, many, maybe, optional,
    required, since, some, with_newer,
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

pub(super) static MAC: Element = Element {
    attributes: &[
        required("address", Value::MacAddr),
        ignored("type", Value::Choice(&["generated", "static"]), reasons::NOTHING),
        ignored("check", YES_NO, reasons::NOTHING),
        since(Version(11, 2), ignored("currentAddress", Value::MacAddr, reasons::OUTPUT)),
    ],
    doc: "its Ethernet address",
    ..element("mac")
};
pub(super) static LINK: Element = Element {
    attributes: &[required("state", Value::Choice(&["up", "down"]))],
    doc: "whether it is up",
    ..element("link")
};
pub(super) static MTU: Element = Element {
    attributes: &[required("size", Value::Unsigned(0, 65_535))],
    doc: "the longest packet, in bytes",
    ..element("mtu")
};
pub(super) static TARGET: Element = Element {
    attributes: &[
        required("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        ignored("managed", YES_NO, reasons::NOTHING),
    ],
    doc: "the name of the end that stays on the host",
    ..element("target")
};
pub(super) static GUEST: Element = Element {
    attributes: &[
        optional("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        ignored("actual", Value::Pattern(&patterns::DEVICE_NAME), reasons::OUTPUT),
    ],
    doc: "its name in the container",
    ..element("guest")
};
pub(super) static COALESCE: Element = Element {
    content: Content::Children(&[maybe(&RX)]),
    ..inert("coalesce", reasons::TRAFFIC, "how many packets may wait for one interrupt")
};
static RX: Element = Element {
    content: Content::Children(&[maybe(&FRAMES)]),
    ..inert("rx", reasons::NOTHING, "for packets that come in")
};
static FRAMES: Element =
    Element { attributes: &[optional("max", U32)], ..inert("frames", reasons::NOTHING, "the most of them") };

pub(super) static PORTFORWARD: Element = Element {
    attributes: &[
        required("proto", Value::Choice(&["tcp", "udp"])),
        optional("address", Value::Ip),
        optional("dev", Value::Pattern(&patterns::DEVICE_NAME)),
    ],
    content: Content::Children(&[many(&RANGE)]),
    ..inert("portForward", reasons::USERNET, "ports of the host that lead to the guest")
};
static RANGE: Element = Element {
    attributes: &[
        required("start", Value::Integer(-1, 65_535)),
        optional("end", Value::Integer(-1, 65_535)),
        optional("to", Value::Integer(-1, 65_535)),
        optional("exclude", YES_NO),
    ],
    ..inert("range", reasons::NOTHING, "ports from and to, and the guest's first one")
};

pub(super) static SCRIPT: Element = Element {
    attributes: &[required("path", Value::NonEmpty)],
    doc: "a program of the host that sets the interface up",
    ..element("script")
};
pub(super) static DOWNSCRIPT: Element = Element {
    attributes: &[required("path", Value::NonEmpty)],
    doc: "a program of the host that takes the interface down",
    ..element("downscript")
};
pub(super) static BACKENDDOMAIN: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::LINE))],
    ..inert("backenddomain", reasons::OTHER, "the Xen domain that has the other end")
};
pub(super) static MODEL: Element = Element {
    attributes: &[required("type", Value::Pattern(&patterns::MODEL_TYPE))],
    ..inert("model", reasons::VIRTIO, "the card that a machine would see")
};
pub(super) static BACKEND: Element = Element {
    attributes: &[
        with_newer(&[(Version(10, 6), &["default"])], optional("type", Value::Choice(&["passt", "default"]))),
        optional("tap", Value::AbsFilePath),
        optional("vhost", Value::AbsFilePath),
        optional("logFile", Value::AbsFilePath),
        since(Version(11, 8), optional("hostname", Value::Pattern(&patterns::DNS_NAME))),
        since(Version(11, 8), optional("fqdn", Value::Pattern(&patterns::DNS_NAME))),
    ],
    ..inert("backend", reasons::VIRTIO, "who carries a machine's packets")
};

/// Which driver of the host hands a card over.
const HANDOVER_MODEL: Attribute =
    since(Version(10, 0), optional("model", Value::Pattern(&patterns::GENERIC_NAME)));
const HANDOVER_IOMMUFD: Attribute = since(Version(12, 1), optional("iommufd", YES_NO));
static DRIVER_HANDOVER: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["kvm", "vfio", "xen"])),
        HANDOVER_MODEL,
        HANDOVER_IOMMUFD,
        IOMMU,
        ATS,
        PACKED,
        PAGE_PER_VQ,
        optional("rss", ON_OFF),
        optional("rss_hash_report", ON_OFF),
    ],
    content: Content::Children(&[maybe(&HOST), maybe(&DRIVER_GUEST)]),
    ..inert("driver", reasons::VIRTIO, "how a card of the host is handed over")
};
static DRIVER_EMULATED: Element = Element {
    attributes: &[
        optional("name", Value::Choice(&["qemu", "vhost"])),
        HANDOVER_MODEL,
        HANDOVER_IOMMUFD,
        optional("queues", Value::Unsigned(1, u64::MAX)),
        optional("rx_queue_size", Value::Unsigned(1, u64::MAX)),
        optional("tx_queue_size", Value::Unsigned(1, u64::MAX)),
        optional("txmode", Value::Choice(&["iothread", "timer"])),
        optional("ioeventfd", ON_OFF),
        optional("event_idx", ON_OFF),
        IOMMU,
        ATS,
        PACKED,
        PAGE_PER_VQ,
        optional("rss", ON_OFF),
        optional("rss_hash_report", ON_OFF),
    ],
    content: Content::Children(&[maybe(&HOST), maybe(&DRIVER_GUEST)]),
    ..inert("driver", reasons::VIRTIO, "how an imitated card is driven")
};
pub(super) static DRIVER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "name",
        absent: Some("qemu"),
        rows: &[(&["kvm", "vfio", "xen"], &DRIVER_HANDOVER), (&["qemu", "vhost"], &DRIVER_EMULATED)],
    }),
    ..inert("driver", reasons::VIRTIO, "how the card of a machine is driven")
};
static HOST: Element = Element {
    attributes: &[
        optional("csum", ON_OFF),
        optional("gso", ON_OFF),
        optional("tso4", ON_OFF),
        optional("tso6", ON_OFF),
        optional("ecn", ON_OFF),
        optional("ufo", ON_OFF),
        optional("mrg_rxbuf", ON_OFF),
    ],
    ..inert("host", reasons::NOTHING, "what the host's side does for the card")
};
static DRIVER_GUEST: Element = Element {
    attributes: &[
        optional("csum", ON_OFF),
        optional("tso4", ON_OFF),
        optional("tso6", ON_OFF),
        optional("ecn", ON_OFF),
        optional("ufo", ON_OFF),
    ],
    ..inert("guest", reasons::NOTHING, "what the machine's side does for the card")
};

pub(super) static FILTERREF: Element = Element {
    attributes: &[required("filter", Value::Pattern(&patterns::NC_NAME))],
    content: Content::Children(&[many(&PARAMETER)]),
    support: Support::CannotStart(reasons::FILTER),
    doc: "the filter of libvirt's that its traffic passes",
    ..element("filterref")
};
static PARAMETER: Element = Element {
    attributes: &[
        required("name", Value::Pattern(&patterns::PARAMETER_NAME)),
        required("value", Value::Pattern(&patterns::VALUE_2)),
    ],
    doc: "a variable of the filter",
    ..element("parameter")
};
pub(super) static TUNE: Element = Element {
    content: Content::Children(&[maybe(&SNDBUF)]),
    ..inert("tune", reasons::VIRTIO, "how the host's end buffers")
};
static SNDBUF: Element = Element {
    content: Content::Text(U32),
    ..inert("sndbuf", reasons::NOTHING, "how many bytes may wait to be sent")
};

pub(super) static BANDWIDTH: Element = Element {
    attributes: &[ignored("classID", Value::Unsigned(1, u64::MAX), reasons::OUTPUT)],
    content: Content::Children(&[maybe(&INBOUND), maybe(&OUTBOUND)]),
    doc: "how fast data may pass",
    ..element("bandwidth")
};
const KILOBYTES: Value = Value::Unsigned(1, 4_294_967_295);
static RATE: &[Attribute] = &[
    optional("average", KILOBYTES),
    optional("peak", KILOBYTES),
    Attribute { support: Support::CannotStart(reasons::FLOOR), ..optional("floor", KILOBYTES) },
    optional("burst", KILOBYTES),
];
static INBOUND: Element = Element { attributes: RATE, doc: "towards the container", ..element("inbound") };
static OUTBOUND: Element = Element { attributes: RATE, doc: "from the container", ..element("outbound") };

pub(super) static VLAN: Element = Element {
    attributes: &[optional("trunk", Value::Choice(&["yes"]))],
    content: Content::Children(&[some(&TAG)]),
    support: Support::CannotStart(reasons::VLAN),
    doc: "the VLANs that its port of the bridge is in",
    ..element("vlan")
};
static TAG: Element = Element {
    attributes: &[
        required("id", Value::Unsigned(0, 4095)),
        optional("nativeMode", Value::Choice(&["tagged", "untagged"])),
    ],
    doc: "a VLAN, by its number",
    ..element("tag")
};
pub(super) static PORT: Element = Element {
    attributes: &[optional("isolated", YES_NO)],
    doc: "whether it reaches other ports that are isolated",
    ..element("port")
};
