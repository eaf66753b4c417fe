//! `<features>`.

use super::hyperv;
use super::reasons;
use super::shapes::{UNIT, inert, optional_switch, switch};
use crate::schema::capabilities::CAPABILITIES;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{Attribute, Content, Element, Version, element, maybe, optional, required};
use crate::value::Value;

/// `<features>`.
pub(super) static FEATURES: Element = Element {
    content: Content::Children(&[
        maybe(&ACPI),
        maybe(&APIC),
        maybe(&PAE),
        maybe(&HAP),
        maybe(&VIRIDIAN),
        maybe(&PRIVNET),
        maybe(&hyperv::HYPERV),
        maybe(&KVM),
        maybe(&XEN),
        maybe(&PVSPINLOCK),
        maybe(&CAPABILITIES),
        maybe(&PMU),
        maybe(&VMPORT),
        maybe(&GIC),
        maybe(&SMM),
        maybe(&IOAPIC),
        maybe(&HPT),
        maybe(&VMCOREINFO),
        maybe(&HTM),
        maybe(&NESTED_HV),
        maybe(&MSRS),
        maybe(&CCF_ASSIST),
        maybe(&CFPC),
        maybe(&SBBC),
        maybe(&IBS),
        maybe(&TCG),
        maybe(&ASYNC_TEARDOWN),
        maybe(&RAS),
        maybe(&PS2),
        maybe(&AIA),
        maybe(&VIRTUALIZATION),
    ]),
    doc: "what a container has beside its defaults: its own network, its capabilities",
    ..element("features")
};

static PRIVNET: Element =
    Element { doc: "a network namespace of its own, also without an interface", ..element("privnet") };

const fn feature(name: &'static str, attributes: &'static [Attribute], doc: &'static str) -> Element {
    Element { attributes, ..inert(name, reasons::NOTHING, doc) }
}

const fn amount(name: &'static str, doc: &'static str) -> Element {
    Element { content: Content::Text(U64), ..feature(name, UNIT, doc) }
}

/// Faults of a processor and what firmware does about them.
const REMEDY: &[Attribute] = &[required("value", Value::Choice(&["broken", "workaround", "fixed"]))];
const IBS_REMEDY: &[Attribute] =
    &[required("value", Value::Choice(&["broken", "workaround", "fixed-ibs", "fixed-ccd", "fixed-na"]))];

static ACPI: Element = inert("acpi", reasons::BUS, "power management by ACPI tables");
static APIC: Element = feature("apic", &[optional("eoi", ON_OFF)], "the interrupt controller of a PC");
static PAE: Element = inert("pae", reasons::NOTHING, "more than 4 GiB for 32-bit machines");
static HAP: Element = optional_switch("hap", "page tables that the hardware nests");
static VIRIDIAN: Element = inert("viridian", reasons::NOTHING, "Xen's imitation of Hyper-V");
static PVSPINLOCK: Element = optional_switch("pvspinlock", "locks that give the processor away");
static PMU: Element = optional_switch("pmu", "counters of the processor");
static VMPORT: Element = optional_switch("vmport", "the I/O port that VMware's tools ask at");
static VMCOREINFO: Element = optional_switch("vmcoreinfo", "where a crash dump finds the kernel's notes");
static GIC: Element = feature(
    "gic",
    &[optional("version", Value::Choice(&["host", "2", "3"]))],
    "the interrupt controller of an Arm machine",
);
static SMM: Element = Element {
    content: Content::Children(&[maybe(&TSEG)]),
    ..optional_switch("smm", "the processor's system management mode")
};
static TSEG: Element = amount("tseg", "memory that only system management mode sees");
static IOAPIC: Element = feature(
    "ioapic",
    &[required("driver", Value::Choice(&["qemu", "kvm"]))],
    "who imitates the I/O interrupt controller",
);
static HPT: Element = Element {
    content: Content::Children(&[maybe(&MAXPAGESIZE)]),
    ..feature(
        "hpt",
        &[optional("resizing", Value::Choice(&["enabled", "disabled", "required"]))],
        "the hashed page table of a POWER machine",
    )
};
static MAXPAGESIZE: Element = amount("maxpagesize", "the largest page that the machine may use");
static HTM: Element = switch("htm", "transactions of a POWER processor");
static NESTED_HV: Element = switch("nested-hv", "machines inside of a POWER machine");
static CCF_ASSIST: Element = switch("ccf-assist", "help for counting caches of a POWER processor");
static MSRS: Element = feature(
    "msrs",
    &[required("unknown", Value::Choice(&["ignore", "fault"]))],
    "what reading an unknown register of the processor gives",
);
static CFPC: Element = feature("cfpc", REMEDY, "whether a POWER processor's cache is flushed for safety");
static SBBC: Element = feature("sbbc", REMEDY, "whether a POWER processor checks bounds for safety");
static IBS: Element = feature("ibs", IBS_REMEDY, "how a POWER processor predicts indirect branches");
static KVM: Element = Element {
    content: Content::Children(&[
        maybe(&HIDDEN),
        maybe(&HINT_DEDICATED),
        maybe(&POLL_CONTROL),
        maybe(&PV_IPI),
        maybe(&DIRTY_RING),
    ]),
    ..inert("kvm", reasons::NOTHING, "what a guest is shown of KVM")
};
static HIDDEN: Element = switch("hidden", "the guest is not told that it runs on KVM");
static HINT_DEDICATED: Element =
    switch("hint-dedicated", "the guest is told that its processors are its own");
static POLL_CONTROL: Element = switch("poll-control", "the guest says whether the host polls");
static PV_IPI: Element = switch("pv-ipi", "interrupts between processors by a hypercall");
static DIRTY_RING: Element = feature(
    "dirty-ring",
    &[required("state", ON_OFF), optional("size", U32)],
    "changed pages noted in a ring",
);
static XEN: Element = Element {
    content: Content::Children(&[maybe(&E820_HOST), maybe(&PASSTHROUGH)]),
    ..inert("xen", reasons::NOTHING, "what only Xen has")
};
static E820_HOST: Element = switch("e820_host", "the host's memory map is the guest's");
static PASSTHROUGH: Element = feature(
    "passthrough",
    &[required("state", ON_OFF), optional("mode", Value::Choice(&["sync_pt", "share_pt"]))],
    "the page tables that given devices use",
);
static TCG: Element = Element {
    content: Content::Children(&[maybe(&TB_CACHE)]),
    ..inert("tcg", reasons::NOTHING, "what only emulation in software has")
};
static TB_CACHE: Element = amount("tb-cache", "memory for translated code");
static ASYNC_TEARDOWN: Element = Element {
    since: Some(Version(9, 6)),
    ..feature(
        "async-teardown",
        &[optional("enabled", YES_NO)],
        "memory given back after the emulator has ended",
    )
};
static RAS: Element =
    Element { since: Some(Version(10, 4)), ..switch("ras", "memory faults of the host told to the guest") };
static PS2: Element =
    Element { since: Some(Version(10, 7)), ..switch("ps2", "the controller of keyboard and mouse of a PC") };
static AIA: Element = Element {
    since: Some(Version(11, 1)),
    ..feature(
        "aia",
        &[required("value", Value::Choice(&["none", "aplic", "aplic-imsic"]))],
        "the interrupt architecture of a RISC-V machine",
    )
};
static VIRTUALIZATION: Element = Element {
    since: Some(Version(12, 1)),
    ..optional_switch("virtualization", "machines inside of an Arm machine")
};
