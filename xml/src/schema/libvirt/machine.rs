//! What describes a machine and not a container.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{
    Content, Element, Support, Variants, element, many, maybe, once, optional, required, some,
};
use crate::value::Value;

pub(super) static GENID: Element = Element {
    content: Content::Text(Value::OneOf(&[Value::Uuid, Value::Empty])),
    support: Support::Ignored(reasons::MACHINE),
    ..element("genid")
};

pub(super) static BOOTLOADER: Element = Element {
    content: Content::Text(Value::Text),
    support: Support::Refused(reasons::KERNEL),
    ..element("bootloader")
};

pub(super) static BOOTLOADER_ARGS: Element = Element {
    content: Content::Text(Value::Text),
    support: Support::Refused(reasons::KERNEL),
    ..element("bootloader_args")
};

pub(super) static MAXMEMORY: Element = Element {
    attributes: &[optional("unit", Value::Unit), required("slots", U32)],
    content: Content::Text(U64),
    support: Support::Refused("memory is not plugged into a container, and libvirt's driver refuses it"),
    ..element("maxMemory")
};

pub(super) static VCPUS: Element = Element {
    content: Content::Children(&[many(&VCPU)]),
    support: Support::Ignored(reasons::CPU),
    ..element("vcpus")
};

pub(super) static IOTHREADS: Element = Element {
    content: Content::Text(U32),
    support: Support::Ignored(reasons::MACHINE),
    ..element("iothreads")
};

pub(super) static IOTHREADIDS: Element = Element {
    content: Content::Children(&[many(&IOTHREAD)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("iothreadids")
};

pub(super) static DEFAULTIOTHREAD: Element = Element {
    attributes: &[optional("thread_pool_min", U32), optional("thread_pool_max", U32)],
    support: Support::Ignored(reasons::MACHINE),
    ..element("defaultiothread")
};

pub(super) static ON_LOCKFAILURE: Element = Element {
    content: Content::Text(Value::Choice(&["poweroff", "restart", "pause", "ignore"])),
    support: Support::Ignored(reasons::NOTHING),
    ..element("on_lockfailure")
};

pub(super) static PM: Element = Element {
    content: Content::Children(&[maybe(&SUSPEND_TO_MEM), maybe(&SUSPEND_TO_DISK)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("pm")
};

pub(super) static PERF: Element = Element {
    content: Content::Children(&[some(&EVENT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("perf")
};

pub(super) static KEYWRAP: Element = Element {
    content: Content::Children(&[some(&CIPHER)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("keywrap")
};

pub(super) static LAUNCHSECURITY_SEV: Element = Element {
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
    ..element("launchSecurity")
};

pub(super) static LAUNCHSECURITY_S390_PV: Element = Element {
    attributes: &[required("type", Value::Choice(&["s390-pv"]))],
    support: Support::Ignored(reasons::MACHINE),
    ..element("launchSecurity")
};

pub(super) static LAUNCHSECURITY: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[(&["sev"], &LAUNCHSECURITY_SEV), (&["s390-pv"], &LAUNCHSECURITY_S390_PV)],
    }),
    support: Support::Ignored(reasons::MACHINE),
    ..element("launchSecurity")
};

pub(super) static VCPU: Element = Element {
    attributes: &[
        required("id", U32),
        required("enabled", YES_NO),
        optional("hotpluggable", YES_NO),
        optional("order", U32),
    ],
    support: Support::Refused(
        "a container has no CPUs of its own to switch, and libvirt's driver refuses it",
    ),
    ..element("vcpu")
};

pub(super) static IOTHREAD: Element = Element {
    attributes: &[required("id", U32), optional("thread_pool_min", U32), optional("thread_pool_max", U32)],
    ..element("iothread")
};

pub(super) static SUSPEND_TO_MEM: Element =
    Element { attributes: &[optional("enabled", YES_NO)], ..element("suspend-to-mem") };

pub(super) static SUSPEND_TO_DISK: Element =
    Element { attributes: &[optional("enabled", YES_NO)], ..element("suspend-to-disk") };

pub(super) static EVENT: Element = Element {
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
    ..element("event")
};

pub(super) static CIPHER: Element = Element {
    attributes: &[required("name", Value::Choice(&["aes", "dea"])), required("state", ON_OFF)],
    ..element("cipher")
};

pub(super) static CBITPOS: Element = Element { content: Content::Text(U32), ..element("cbitpos") };

pub(super) static REDUCEDPHYSBITS: Element =
    Element { content: Content::Text(U32), ..element("reducedPhysBits") };

pub(super) static POLICY: Element =
    Element { content: Content::Text(Value::Pattern(&patterns::HEX)), ..element("policy") };

pub(super) static HANDLE: Element = Element { content: Content::Text(U32), ..element("handle") };

pub(super) static DHCERT: Element = Element { content: Content::Text(Value::Text), ..element("dhCert") };

pub(super) static SESSION: Element = Element { content: Content::Text(Value::Text), ..element("session") };
