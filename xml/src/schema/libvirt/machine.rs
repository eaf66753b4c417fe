//! What describes a machine and not a container.

use super::patterns;
use super::reasons;
use super::shapes::inert;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{
    Content, Element, Support, Variants, Version, element, many, maybe, once, optional, required, since, some,
};
use crate::value::Value;

pub(super) static GENID: Element = Element {
    content: Content::Text(Value::OneOf(&[Value::Uuid, Value::Empty])),
    support: Support::Ignored(reasons::MACHINE),
    doc: "an id that changes when a state is used again",
    ..element("genid")
};

pub(super) static BOOTLOADER: Element = Element {
    content: Content::Text(Value::Text),
    support: Support::Refused(reasons::KERNEL),
    doc: "the program of the host that fetches a Xen guest's kernel",
    ..element("bootloader")
};

pub(super) static BOOTLOADER_ARGS: Element = Element {
    content: Content::Text(Value::Text),
    support: Support::Refused(reasons::KERNEL),
    doc: "its arguments",
    ..element("bootloader_args")
};

pub(super) static MAXMEMORY: Element = Element {
    attributes: &[optional("unit", Value::Unit), optional("slots", U32)],
    content: Content::Text(U64),
    support: Support::Refused("memory is not plugged into a container, and libvirt's driver refuses it"),
    doc: "the most memory that may be plugged in",
    ..element("maxMemory")
};

pub(super) static VCPUS: Element = Element {
    content: Content::Children(&[many(&VCPU)]),
    support: Support::Ignored(reasons::CPU),
    doc: "the processors of a machine one by one",
    ..element("vcpus")
};

pub(super) static IOTHREADS: Element = Element {
    content: Content::Text(U32),
    support: Support::Ignored(reasons::MACHINE),
    doc: "how many threads serve its disks",
    ..element("iothreads")
};

pub(super) static IOTHREADIDS: Element = Element {
    content: Content::Children(&[many(&IOTHREAD)]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "these threads one by one",
    ..element("iothreadids")
};

pub(super) static DEFAULTIOTHREAD: Element = Element {
    attributes: &[optional("thread_pool_min", U32), optional("thread_pool_max", U32)],
    support: Support::Ignored(reasons::MACHINE),
    doc: "the pool of the emulator's main thread",
    ..element("defaultiothread")
};

pub(super) static ON_LOCKFAILURE: Element = Element {
    content: Content::Text(Value::Choice(&["poweroff", "restart", "pause", "ignore"])),
    support: Support::Ignored(reasons::NOTHING),
    doc: "what follows when a lock on a disk is lost",
    ..element("on_lockfailure")
};

pub(super) static PM: Element = Element {
    content: Content::Children(&[maybe(&SUSPEND_TO_MEM), maybe(&SUSPEND_TO_DISK)]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "which states of sleep a machine offers",
    ..element("pm")
};

pub(super) static PERF: Element = Element {
    content: Content::Children(&[some(&EVENT)]),
    support: Support::Ignored(reasons::NOTHING),
    doc: "events of the processor that are counted",
    ..element("perf")
};

pub(super) static KEYWRAP: Element = Element {
    content: Content::Children(&[some(&CIPHER)]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "which keys of an IBM Z machine are wrapped",
    ..element("keywrap")
};

static LAUNCHSECURITY_SEV: Element = Element {
    attributes: &[required("type", Value::Choice(&["sev"])), optional("kernelHashes", YES_NO)],
    content: Content::Children(&[
        maybe(&CBITPOS),
        maybe(&REDUCEDPHYSBITS),
        once(&POLICY),
        maybe(&HANDLE),
        maybe(&DHCERT),
        maybe(&SESSION),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "memory encrypted by AMD's SEV",
    ..element("launchSecurity")
};

static LAUNCHSECURITY_SEV_SNP: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["sev-snp"])),
        optional("kernelHashes", YES_NO),
        optional("authorKey", YES_NO),
        optional("vcek", YES_NO),
    ],
    content: Content::Children(&[
        maybe(&CBITPOS),
        maybe(&REDUCEDPHYSBITS),
        once(&POLICY),
        maybe(&GUEST_VISIBLE_WORKAROUNDS),
        maybe(&ID_BLOCK),
        maybe(&ID_AUTH),
        maybe(&HOST_DATA),
    ]),
    since: Some(Version(10, 5)),
    ..inert("launchSecurity", reasons::MACHINE, "memory encrypted and checked by AMD's SEV-SNP")
};

static LAUNCHSECURITY_TDX: Element = Element {
    attributes: &[required("type", Value::Choice(&["tdx"]))],
    content: Content::Children(&[
        maybe(&POLICY),
        maybe(&MR_CONFIG_ID),
        maybe(&MR_OWNER),
        maybe(&MR_OWNER_CONFIG),
        maybe(&QUOTE_GENERATION_SERVICE),
    ]),
    since: Some(Version(11, 6)),
    ..inert("launchSecurity", reasons::MACHINE, "a machine protected by Intel's TDX")
};

static LAUNCHSECURITY_S390_PV: Element = Element {
    attributes: &[required("type", Value::Choice(&["s390-pv"]))],
    support: Support::Ignored(reasons::MACHINE),
    doc: "protected virtualization of IBM Z",
    ..element("launchSecurity")
};

pub(super) static LAUNCHSECURITY: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["sev"], &LAUNCHSECURITY_SEV),
            (&["sev-snp"], &LAUNCHSECURITY_SEV_SNP),
            (&["s390-pv"], &LAUNCHSECURITY_S390_PV),
            (&["tdx"], &LAUNCHSECURITY_TDX),
        ],
    }),
    support: Support::Ignored(reasons::MACHINE),
    doc: "how a machine is protected from its host",
    ..element("launchSecurity")
};

static VCPU: Element = Element {
    attributes: &[
        required("id", U32),
        required("enabled", YES_NO),
        optional("hotpluggable", YES_NO),
        optional("order", U32),
    ],
    support: Support::Refused(
        "a container has no CPUs of its own to switch, and libvirt's driver refuses it",
    ),
    doc: "whether this processor is there",
    ..element("vcpu")
};

static IOTHREAD: Element = Element {
    attributes: &[required("id", U32), optional("thread_pool_min", U32), optional("thread_pool_max", U32)],
    content: Content::Children(&[maybe(&POLL)]),
    doc: "a thread, by its number",
    ..element("iothread")
};

static SUSPEND_TO_MEM: Element = Element {
    attributes: &[optional("enabled", YES_NO)],
    doc: "sleep with the memory kept",
    ..element("suspend-to-mem")
};

static SUSPEND_TO_DISK: Element = Element {
    attributes: &[optional("enabled", YES_NO)],
    doc: "sleep with the memory on disk",
    ..element("suspend-to-disk")
};

static EVENT: Element = Element {
    attributes: &[
        required(
            "name",
            Value::Choice(&[
                "cmt",
                "mbmt",
                "mbml",
                "cpu_cycles",
                "instructions",
                "cache_references",
                "cache_misses",
                "branch_instructions",
                "branch_misses",
                "bus_cycles",
                "stalled_cycles_frontend",
                "stalled_cycles_backend",
                "ref_cpu_cycles",
                "cpu_clock",
                "task_clock",
                "page_faults",
                "context_switches",
                "cpu_migrations",
                "page_faults_min",
                "page_faults_maj",
                "alignment_faults",
                "emulation_faults",
            ]),
        ),
        required("enabled", YES_NO),
    ],
    doc: "an event, and whether it is counted",
    ..element("event")
};

static CIPHER: Element = Element {
    attributes: &[required("name", Value::Choice(&["aes", "dea"])), required("state", ON_OFF)],
    doc: "a cipher, and whether its keys are wrapped",
    ..element("cipher")
};

static CBITPOS: Element = Element {
    content: Content::Text(U32),
    doc: "the bit of an address that says encrypted",
    ..element("cbitpos")
};

static REDUCEDPHYSBITS: Element = Element {
    content: Content::Text(U32),
    doc: "how many address bits encryption takes",
    ..element("reducedPhysBits")
};

static POLICY: Element = Element {
    content: Content::Text(Value::Pattern(&patterns::HEX)),
    doc: "what the owner allows the host",
    ..element("policy")
};

static HANDLE: Element =
    Element { content: Content::Text(U32), doc: "the number of the firmware's guest", ..element("handle") };

static DHCERT: Element = base64("dhCert", "the owner's key for the exchange");
static SESSION: Element = base64("session", "the owner's session");

const fn base64(name: &'static str, doc: &'static str) -> Element {
    Element { content: Content::Text(Value::Text), doc, ..element(name) }
}
static GUEST_VISIBLE_WORKAROUNDS: Element =
    base64("guestVisibleWorkarounds", "faults of the processor that the guest is told of");
static ID_BLOCK: Element = base64("idBlock", "what the guest's first memory has to be");
static ID_AUTH: Element = base64("idAuth", "the signature of that");
static HOST_DATA: Element = base64("hostData", "what the host adds to the guest's proof");
static MR_CONFIG_ID: Element = base64("mrConfigId", "the measure of the guest's configuration");
static MR_OWNER: Element = base64("mrOwner", "the measure of the guest's owner");
static MR_OWNER_CONFIG: Element = base64("mrOwnerConfig", "the measure of the owner's configuration");
static QUOTE_GENERATION_SERVICE: Element = Element {
    attributes: &[optional("path", Value::AbsFilePath)],
    doc: "the socket of the service that makes the guest's proof",
    ..element("quoteGenerationService")
};

static POLL: Element = Element {
    attributes: &[
        optional("max", U64),
        optional("grow", U64),
        optional("shrink", U64),
        since(Version(12, 7), optional("weight", U32)),
    ],
    since: Some(Version(9, 4)),
    doc: "how long the thread looks for work before it sleeps",
    ..element("poll")
};

pub(super) static HWUUID: Element = Element {
    content: Content::Text(Value::Uuid),
    since: Some(Version(11, 7)),
    ..inert("hwuuid", reasons::MACHINE, "the UUID that a machine's firmware shows, where it is another")
};

pub(super) static IOMMUFD: Element = Element {
    attributes: &[required("enabled", YES_NO), optional("fdgroup", Value::Text)],
    since: Some(Version(12, 2)),
    ..inert("iommufd", reasons::MACHINE, "the host's newer interface for devices that are handed over")
};
