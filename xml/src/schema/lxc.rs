//! `<domain type='lxc'>`: libvirt's container domain, outside `<devices>`.

use super::values::{ARCHITECTURES, GENERIC_NAME, LINE, ON_OFF, U32, U64, VARIABLE};
use super::{
    Attribute, Content, Element, Namespace, Support, Variants, Version, boot, commandline, devices, element,
    extension, ignored, implied, in_parts, libvirt, many, maybe, once, optional, required, text, with_newer,
};
use crate::value::Value;

/// The root.
pub static DOMAIN: Element = Element {
    attributes: &[required("type", Value::Choice(&["lxc"])), ignored("id", U32, "libvirt numbers what runs")],
    content: Content::Children(&[
        once(&NAME),
        maybe(&UUID),
        maybe(libvirt::ROOT_HWUUID),
        maybe(libvirt::ROOT_GENID),
        maybe(&TITLE),
        maybe(&DESCRIPTION),
        maybe(&METADATA),
        maybe(libvirt::ROOT_MAXMEMORY),
        implied(&MEMORY),
        maybe(&CURRENT_MEMORY),
        maybe(libvirt::ROOT_BLKIOTUNE),
        maybe(&MEMTUNE),
        maybe(libvirt::ROOT_MEMORYBACKING),
        maybe(&VCPU),
        maybe(libvirt::ROOT_VCPUS),
        maybe(libvirt::ROOT_IOTHREADS),
        maybe(libvirt::ROOT_IOTHREADIDS),
        maybe(libvirt::ROOT_DEFAULTIOTHREAD),
        maybe(libvirt::ROOT_CPUTUNE),
        maybe(libvirt::ROOT_NUMATUNE),
        maybe(&RESOURCE),
        maybe(libvirt::ROOT_IOMMUFD),
        many(libvirt::ROOT_SYSINFO),
        maybe(libvirt::ROOT_BOOTLOADER),
        maybe(libvirt::ROOT_BOOTLOADER_ARGS),
        once(&OS),
        maybe(&IDMAP),
        maybe(libvirt::ROOT_FEATURES),
        maybe(libvirt::ROOT_CPU),
        maybe(libvirt::ROOT_CLOCK),
        maybe(libvirt::ROOT_THROTTLEGROUPS),
        maybe(&ON_POWEROFF),
        maybe(&ON_REBOOT),
        maybe(&ON_CRASH),
        maybe(libvirt::ROOT_ON_LOCKFAILURE),
        maybe(libvirt::ROOT_PM),
        maybe(libvirt::ROOT_PERF),
        in_parts(&devices::DEVICES),
        many(&SECLABEL),
        maybe(libvirt::ROOT_KEYWRAP),
        maybe(libvirt::ROOT_LAUNCHSECURITY),
        maybe(&SHARE),
        maybe(&commandline::QEMU),
        maybe(&commandline::QEMU_CAPABILITIES),
        maybe(&commandline::QEMU_DEPRECATION),
        maybe(&commandline::QEMU_OVERRIDE),
        maybe(&commandline::BHYVE),
        maybe(&commandline::XEN),
        maybe(&commandline::VMWARE),
        maybe(&extension::HOSTNAME),
        maybe(&extension::SECCOMP),
        many(&extension::SOCKET),
        maybe(&extension::SYSTEM),
        maybe(&extension::NO_NEW_PRIVS),
        maybe(&extension::INIT),
        many(&extension::RAM),
        many(&extension::OPTIONAL),
        maybe(&extension::UMASK),
        many(&extension::GROUP),
        many(&extension::RLIMIT),
        many(&extension::SYSCTL),
        many(&extension::MASK),
        maybe(&extension::TIME),
        maybe(&extension::PIDS),
        many(&extension::NAMESERVER),
    ]),
    doc: "one container",
    ..element("domain")
};

static NAME: Element = Element { doc: "the container's name", ..text("name", Value::DomainName) };
static UUID: Element = Element { doc: "its UUID, with or without dashes", ..text("uuid", Value::Uuid) };
static TITLE: Element = Element { doc: "one line about it", ..text("title", Value::Pattern(&LINE)) };
static DESCRIPTION: Element = Element { doc: "what it is for", ..text("description", Value::Text) };
static METADATA: Element =
    Element { content: Content::Foreign, doc: "what other tools keep here", ..element("metadata") };

static UNIT: &[Attribute] = &[optional("unit", Value::Unit)];
static MEMORY: Element = Element {
    attributes: &[
        optional("unit", Value::Unit),
        ignored("dumpCore", ON_OFF, "a container has no core of its own to dump"),
    ],
    doc: "the most memory it may use; KiB without a unit",
    ..text("memory", U64)
};
static CURRENT_MEMORY: Element =
    Element { attributes: UNIT, doc: "how much of that it is given", ..text("currentMemory", U64) };

static VCPU: Element = Element {
    attributes: &[
        optional("placement", Value::Choice(&["static", "auto"])),
        optional("cpuset", Value::IdSet),
        ignored("current", Value::Unsigned(1, 65_535), "no processor is plugged into a container"),
    ],
    doc: "how many CPUs are reported, and which it runs on",
    ..text("vcpu", Value::Unsigned(1, 65_535))
};

static MEMTUNE: Element = Element {
    content: Content::Children(&[
        maybe(&HARD_LIMIT),
        maybe(&SOFT_LIMIT),
        maybe(&MIN_GUARANTEE),
        maybe(&SWAP_HARD_LIMIT),
    ]),
    doc: "bounds on memory",
    ..element("memtune")
};
static HARD_LIMIT: Element =
    Element { attributes: UNIT, doc: "the limit that holds", ..text("hard_limit", U64) };
static SOFT_LIMIT: Element =
    Element { attributes: UNIT, doc: "the limit under pressure", ..text("soft_limit", U64) };
static MIN_GUARANTEE: Element = Element {
    attributes: UNIT,
    support: Support::Ignored("no control group guarantees memory in libvirt's sense"),
    doc: "memory that is kept for it",
    ..text("min_guarantee", U64)
};
static SWAP_HARD_LIMIT: Element =
    Element { attributes: UNIT, doc: "memory and swap together", ..text("swap_hard_limit", U64) };

static RESOURCE: Element = Element {
    content: Content::Children(&[maybe(&PARTITION), maybe(&FIBRECHANNEL)]),
    doc: "where its control group is",
    ..element("resource")
};
static PARTITION: Element =
    Element { doc: "the parent control group", ..text("partition", Value::AbsFilePath) };

static FIBRECHANNEL: Element = Element {
    attributes: &[required("appid", Value::NonEmpty)],
    support: Support::Ignored("fabric tags are not set here"),
    doc: "a tag for storage traffic",
    ..element("fibrechannel")
};

static IDMAP: Element = Element {
    content: Content::Children(&[many(&UID), many(&GID)]),
    doc: "a user namespace with these ids",
    ..element("idmap")
};
static UID: Element = Element { attributes: RANGE, doc: "user ids", ..element("uid") };
static GID: Element = Element { attributes: RANGE, doc: "group ids", ..element("gid") };
static RANGE: &[Attribute] = &[required("start", U32), required("target", U32), required("count", U32)];

static OS: Element = Element {
    attributes: &[ignored("firmware", Value::Choice(&["bios", "efi"]), boot::MACHINES)],
    content: Content::Children(&[
        once(&TYPE),
        maybe(&INIT),
        many(&INITARG),
        many(&INITENV),
        maybe(&INITDIR),
        maybe(&INITUSER),
        maybe(&INITGROUP),
        maybe(&boot::CMDLINE),
        maybe(&boot::KERNEL),
        maybe(&boot::INITRD),
        maybe(&boot::SHIM),
        maybe(&boot::FIRMWARE),
        maybe(&boot::LOADER),
        maybe(&boot::NVRAM),
        maybe(&boot::VARSTORE),
        many(&boot::BOOT),
        maybe(&boot::BOOTMENU),
        maybe(&boot::BIOS),
        maybe(&boot::SMBIOS),
        maybe(&boot::DTB),
        maybe(&boot::ROOT),
        maybe(&boot::ACPI),
    ]),
    doc: "what runs in it",
    ..element("os")
};
static TYPE: Element = Element {
    attributes: &[with_newer(&[(Version(10, 2), &["loongarch64"])], optional("arch", ARCHITECTURES))],
    doc: "exe",
    ..text("type", Value::Choice(&["exe"]))
};
static INIT: Element =
    Element { doc: "the program that becomes process 1", ..text("init", Value::AbsFilePath) };
static INITARG: Element = Element { doc: "an argument of it", ..text("initarg", Value::NonEmpty) };
static INITENV: Element = Element {
    attributes: &[required("name", Value::Pattern(&VARIABLE))],
    doc: "a variable of its environment",
    ..text("initenv", Value::NonEmpty)
};
static INITDIR: Element = Element { doc: "its working directory", ..text("initdir", Value::AbsFilePath) };
static INITUSER: Element = Element { doc: "its user", ..text("inituser", Value::Pattern(&GENERIC_NAME)) };
static INITGROUP: Element = Element { doc: "its group", ..text("initgroup", Value::Pattern(&GENERIC_NAME)) };

const END: Value = Value::Choice(&["destroy", "restart", "preserve", "rename-restart"]);
const CRASH: Value = Value::Choice(&[
    "destroy",
    "restart",
    "preserve",
    "rename-restart",
    "coredump-destroy",
    "coredump-restart",
    "preserve-running",
]);
static ON_POWEROFF: Element = Element { doc: "what follows when it ends", ..text("on_poweroff", END) };
static ON_REBOOT: Element = Element { doc: "what follows when it reboots", ..text("on_reboot", END) };
static ON_CRASH: Element = Element {
    newer: &[(Version(12, 6), &["preserve-running"])],
    doc: "what follows when it dies",
    ..text("on_crash", CRASH)
};

static SECLABEL: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("dynamic"),
        rows: &[(&["dynamic"], &DYNAMIC_LABEL), (&["static"], &STATIC_LABEL), (&["none"], &NO_LABEL)],
    }),
    doc: "its security label",
    ..element("seclabel")
};
static DYNAMIC_LABEL: Element = Element {
    attributes: &[
        optional("type", Value::Choice(&["dynamic"])),
        optional("model", Value::Text),
        ignored("relabel", Value::Choice(&["yes"]), "no file is labelled here"),
    ],
    content: Content::Children(&[maybe(&LABEL), maybe(&IMAGELABEL), maybe(&BASELABEL)]),
    doc: "a label that is made at the start",
    ..element("seclabel")
};
static STATIC_LABEL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["static"])),
        optional("model", Value::Text),
        ignored("relabel", super::values::YES_NO, "no file is labelled here"),
    ],
    content: Content::Children(&[once(&LABEL), maybe(&IMAGELABEL)]),
    doc: "the label that is written in it",
    ..element("seclabel")
};
static NO_LABEL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["none"])),
        ignored("model", Value::Text, "no label is of no model"),
        ignored("relabel", Value::Choice(&["no"]), "no file is labelled here"),
    ],
    doc: "no label",
    ..element("seclabel")
};
static LABEL: Element = Element { doc: "the label of its processes", ..text("label", Value::Text) };
static IMAGELABEL: Element = Element {
    support: Support::Ignored("it is output of libvirt"),
    doc: "the label of its files",
    ..text("imagelabel", Value::Text)
};
static BASELABEL: Element = Element {
    support: Support::Ignored("labels are not generated here"),
    doc: "what its label is made from",
    ..text("baselabel", Value::Text)
};

static SHARE: Element = Element {
    namespace: Namespace::Lxc,
    content: Content::Children(&[maybe(&SHARENET), maybe(&SHAREIPC), maybe(&SHAREUTS)]),
    doc: "namespaces of others that it joins",
    ..element("namespace")
};
static SHARENET: Element = Element {
    attributes: &[required("type", Value::Choice(&["netns", "name", "pid"])), required("value", Value::Text)],
    ..share("sharenet", "whose network namespace")
};
static SHAREIPC: Element = share("shareipc", "whose IPC namespace");
static SHAREUTS: Element = share("shareuts", "whose UTS namespace");
const fn share(name: &'static str, doc: &'static str) -> Element {
    Element { namespace: Namespace::Lxc, attributes: SHARED, doc, ..element(name) }
}
static SHARED: &[Attribute] =
    &[required("type", Value::Choice(&["name", "pid"])), required("value", Value::Text)];
