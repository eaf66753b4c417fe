//! `<features>`.

use super::reasons;
use crate::schema::values::{ON_OFF, U32, U64};
use crate::schema::{Content, Element, Support, element, maybe, optional, required};
use crate::value::Value;

pub(super) static FEATURES: Element = Element {
    content: Content::Children(&[
        maybe(&ACPI),
        maybe(&APIC),
        maybe(&PAE),
        maybe(&HAP),
        maybe(&VIRIDIAN),
        maybe(&PRIVNET),
        maybe(&super::hyperv::HYPERV),
        maybe(&KVM),
        maybe(&XEN),
        maybe(&PVSPINLOCK),
        maybe(&crate::schema::capabilities::CAPABILITIES),
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
    ]),
    ..element("features")
};

pub(super) static PAE: Element = Element { support: Support::Ignored(reasons::NOTHING), ..element("pae") };

pub(super) static APIC: Element = Element {
    attributes: &[optional("eoi", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("apic")
};

pub(super) static ACPI: Element = Element { support: Support::Ignored(reasons::BUS), ..element("acpi") };

pub(super) static HAP: Element = Element {
    attributes: &[optional("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("hap")
};

pub(super) static VIRIDIAN: Element =
    Element { support: Support::Ignored(reasons::NOTHING), ..element("viridian") };

pub(super) static KVM: Element = Element {
    content: Content::Children(&[
        maybe(&HIDDEN),
        maybe(&HINT_DEDICATED),
        maybe(&POLL_CONTROL),
        maybe(&PV_IPI),
        maybe(&DIRTY_RING),
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("kvm")
};

pub(super) static XEN: Element = Element {
    content: Content::Children(&[maybe(&E820_HOST), maybe(&PASSTHROUGH)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("xen")
};

pub(super) static PRIVNET: Element = Element { ..element("privnet") };

pub(super) static PVSPINLOCK: Element = Element {
    attributes: &[optional("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("pvspinlock")
};

pub(super) static PMU: Element = Element {
    attributes: &[optional("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("pmu")
};

pub(super) static VMPORT: Element = Element {
    attributes: &[optional("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("vmport")
};

pub(super) static GIC: Element = Element {
    attributes: &[optional("version", Value::Choice(&["host", "2", "3"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("gic")
};

pub(super) static SMM: Element = Element {
    attributes: &[optional("state", ON_OFF)],
    content: Content::Children(&[maybe(&TSEG)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("smm")
};

pub(super) static IOAPIC: Element = Element {
    attributes: &[required("driver", Value::Choice(&["qemu", "kvm"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("ioapic")
};

pub(super) static HPT: Element = Element {
    attributes: &[optional("resizing", Value::Choice(&["enabled", "disabled", "required"]))],
    content: Content::Children(&[maybe(&MAXPAGESIZE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("hpt")
};

pub(super) static VMCOREINFO: Element = Element {
    attributes: &[optional("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("vmcoreinfo")
};

pub(super) static HTM: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("htm")
};

pub(super) static NESTED_HV: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("nested-hv")
};

pub(super) static MSRS: Element = Element {
    attributes: &[required("unknown", Value::Choice(&["ignore", "fault"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("msrs")
};

pub(super) static CCF_ASSIST: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("ccf-assist")
};

pub(super) static CFPC: Element = Element {
    attributes: &[required("value", Value::Choice(&["broken", "workaround", "fixed"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("cfpc")
};

pub(super) static SBBC: Element = Element {
    attributes: &[required("value", Value::Choice(&["broken", "workaround", "fixed"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("sbbc")
};

pub(super) static IBS: Element = Element {
    attributes: &[required(
        "value",
        Value::Choice(&["broken", "workaround", "fixed-ibs", "fixed-ccd", "fixed-na"]),
    )],
    support: Support::Ignored(reasons::NOTHING),
    ..element("ibs")
};

pub(super) static TCG: Element = Element {
    content: Content::Children(&[maybe(&TB_CACHE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("tcg")
};

pub(super) static HIDDEN: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("hidden")
};

pub(super) static HINT_DEDICATED: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("hint-dedicated")
};

pub(super) static POLL_CONTROL: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("poll-control")
};

pub(super) static PV_IPI: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("pv-ipi")
};

pub(super) static DIRTY_RING: Element = Element {
    attributes: &[required("state", ON_OFF), optional("size", U32)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("dirty-ring")
};

pub(super) static E820_HOST: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("e820_host")
};

pub(super) static PASSTHROUGH: Element = Element {
    attributes: &[required("state", ON_OFF), optional("mode", Value::Choice(&["sync_pt", "share_pt"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("passthrough")
};

pub(super) static TSEG: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("tseg")
};

pub(super) static MAXPAGESIZE: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("maxpagesize")
};

pub(super) static TB_CACHE: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("tb-cache")
};
