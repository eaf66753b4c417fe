//! What only a machine starts with, in `<os>`. libvirt's driver for containers reads past all of it.

use super::values::YES_NO;
use super::{
    Attribute, Content, Element, Support, Variants, Version, element, libvirt, maybe, once, optional,
    required, since, some, with_newer,
};
use crate::value::Value;

/// Why it has no effect.
pub(super) const MACHINES: &str = "it is for virtual machines; a container starts <init>";

const fn machine(name: &'static str, content: Content, doc: &'static str) -> Element {
    Element { content, support: Support::Ignored(MACHINES), doc, ..element(name) }
}
const fn with(attributes: &'static [Attribute], element: Element) -> Element {
    Element { attributes, ..element }
}

pub(super) static CMDLINE: Element = Element {
    support: Support::Ignored(
        "no kernel is started; what libvirt's driver makes of it is <initenv name='LIBVIRT_LXC_CMDLINE'>",
    ),
    ..machine("cmdline", Content::Text(Value::Text), "the arguments of a kernel")
};
pub(super) static KERNEL: Element = machine("kernel", Content::Text(Value::Text), "the kernel of a machine");
pub(super) static INITRD: Element =
    machine("initrd", Content::Text(Value::Text), "the first root file system of a machine");
pub(super) static SHIM: Element = Element {
    since: Some(Version(11, 2)),
    ..machine("shim", Content::Text(Value::Text), "what starts a signed kernel")
};
pub(super) static DTB: Element = machine("dtb", Content::Text(Value::Text), "the device tree of a machine");
pub(super) static ROOT: Element = machine("root", Content::Text(Value::Text), "the root device of a kernel");

pub(super) static FIRMWARE: Element = machine(
    "firmware",
    Content::Children(&[some(&FEATURE)]),
    "what a machine's firmware has to be able to do",
);
static FEATURE: Element = Element {
    attributes: &[required("enabled", YES_NO), required("name", Value::NonEmpty)],
    doc: "a feature, and whether it is wanted",
    ..element("feature")
};

const FORMATS: Value = Value::Choice(&["raw", "qcow2"]);
pub(super) static LOADER: Element = with(
    &[
        optional("readonly", YES_NO),
        optional("secure", YES_NO),
        optional("type", Value::Choice(&["rom", "pflash"])),
        optional("stateless", YES_NO),
        since(Version(9, 2), optional("format", FORMATS)),
    ],
    machine("loader", Content::Text(Value::Text), "a machine's firmware"),
);

const TEMPLATE: Attribute = optional("template", Value::Text);
const TEMPLATE_FORMAT: Attribute = since(Version(10, 10), optional("templateFormat", FORMATS));
const FORMAT: Attribute = since(Version(9, 2), optional("format", FORMATS));
const NVRAM_DOC: &str = "the variables of a machine's firmware";
static NVRAM_PLAIN: Element = with(
    &[TEMPLATE, TEMPLATE_FORMAT, FORMAT],
    machine("nvram", Content::Text(Value::Text), "the variables of a machine's firmware, in a file"),
);
static NVRAM_FILE: Element = with(
    &[TEMPLATE, TEMPLATE_FORMAT, FORMAT, required("type", Value::Choice(&["file"]))],
    machine(
        "nvram",
        Content::Children(&[maybe(libvirt::SOURCE_FILE)]),
        "the variables of a machine's firmware, in a source that is a file",
    ),
);
static NVRAM_BLOCK: Element = with(
    &[TEMPLATE, TEMPLATE_FORMAT, FORMAT, required("type", Value::Choice(&["block"]))],
    machine(
        "nvram",
        Content::Children(&[maybe(libvirt::SOURCE_BLOCK)]),
        "the variables of a machine's firmware, on a block device",
    ),
);
static NVRAM_NETWORK: Element = with(
    &[TEMPLATE, TEMPLATE_FORMAT, FORMAT, required("type", Value::Choice(&["network"]))],
    machine(
        "nvram",
        Content::Children(&[once(libvirt::SOURCE_NETWORK)]),
        "the variables of a machine's firmware, on a server",
    ),
);
static NVRAM_VOLUME: Element = with(
    &[TEMPLATE, TEMPLATE_FORMAT, FORMAT, required("type", Value::Choice(&["volume"]))],
    machine(
        "nvram",
        Content::Children(&[maybe(libvirt::SOURCE_VOLUME)]),
        "the variables of a machine's firmware, in a volume of a pool",
    ),
);
pub(super) static NVRAM: Element = machine(
    "nvram",
    Content::Variants(&Variants {
        attribute: "type",
        absent: Some(""),
        rows: &[
            (&[""], &NVRAM_PLAIN),
            (&["file"], &NVRAM_FILE),
            (&["block"], &NVRAM_BLOCK),
            (&["network"], &NVRAM_NETWORK),
            (&["volume"], &NVRAM_VOLUME),
        ],
    }),
    NVRAM_DOC,
);
pub(super) static VARSTORE: Element = Element {
    since: Some(Version(12, 1)),
    ..with(
        &[TEMPLATE, optional("path", Value::Text)],
        machine("varstore", Content::Empty, "the file that QEMU keeps the firmware's variables in"),
    )
};

pub(super) static BOOT: Element = with(
    &[required("dev", Value::Choice(&["hd", "fd", "cdrom", "network"]))],
    machine("boot", Content::Empty, "the kind of device that a machine boots from"),
);
pub(super) static BOOTMENU: Element = with(
    &[optional("enable", YES_NO), optional("timeout", Value::Unsigned(0, 65_535))],
    machine("bootmenu", Content::Empty, "whether a machine asks what to boot"),
);
pub(super) static BIOS: Element = with(
    &[optional("useserial", YES_NO), optional("rebootTimeout", Value::Integer(-1, 65_535))],
    machine("bios", Content::Empty, "how a machine's firmware behaves"),
);
pub(super) static SMBIOS: Element = with(
    &[required("mode", Value::Choice(&["emulate", "host", "sysinfo"]))],
    machine("smbios", Content::Empty, "where a machine's SMBIOS tables come from"),
);
pub(super) static ACPI: Element =
    machine("acpi", Content::Children(&[some(&TABLE)]), "ACPI tables for a machine");
static TABLE: Element = Element {
    attributes: &[with_newer(
        &[(Version(11, 2), &["raw", "rawset", "msdm"])],
        required("type", Value::Choice(&["slic", "raw", "rawset", "msdm"])),
    )],
    content: Content::Text(Value::Text),
    doc: "the file of a table",
    ..element("table")
};
