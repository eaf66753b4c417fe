//! `<features><hyperv>`.

use super::patterns;
use super::reasons;
use super::shapes::{inert, optional_switch, switch};
use crate::schema::values::{ON_OFF, U32};
use crate::schema::{Content, Element, Support, Variants, Version, element, maybe, optional, required};
use crate::value::Value;

static PASSTHROUGH: Element = Element {
    attributes: &[required("mode", Value::Choice(&["passthrough"]))],
    support: Support::Ignored(reasons::NOTHING),
    doc: "everything of Hyper-V that the host can imitate",
    ..element("hyperv")
};

const FEATURES: Content = Content::Children(&[
    maybe(&RELAXED),
    maybe(&VAPIC),
    maybe(&SPINLOCKS),
    maybe(&VPINDEX),
    maybe(&RUNTIME),
    maybe(&SYNIC),
    maybe(&STIMER),
    maybe(&RESET),
    maybe(&VENDOR_ID),
    maybe(&FREQUENCIES),
    maybe(&REENLIGHTENMENT),
    maybe(&TLBFLUSH),
    maybe(&IPI),
    maybe(&EVMCS),
    maybe(&AVIC),
    maybe(&EMSR_BITMAP),
    maybe(&XMM_INPUT),
]);

static CUSTOM: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["custom"]))],
    content: FEATURES,
    ..inert("hyperv", reasons::NOTHING, "the parts of Hyper-V that are written in it")
};

static HOST_MODEL: Element = Element {
    attributes: &[required("mode", Value::Choice(&["host-model"]))],
    content: FEATURES,
    since: Some(Version(11, 9)),
    ..inert("hyperv", reasons::NOTHING, "what the host can imitate, spelt out when it starts")
};

/// `<hyperv>`.
pub(super) static HYPERV: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "mode",
        absent: Some("custom"),
        rows: &[(&["passthrough"], &PASSTHROUGH), (&["custom"], &CUSTOM), (&["host-model"], &HOST_MODEL)],
    }),
    ..inert("hyperv", reasons::NOTHING, "what a Windows guest is shown of Hyper-V")
};

static RELAXED: Element = switch("relaxed", "no watchdog for the timers of the guest");
static VAPIC: Element = switch("vapic", "the interrupt controller without exits");
static SPINLOCKS: Element = Element {
    attributes: &[required("state", ON_OFF), optional("retries", U32)],
    ..inert("spinlocks", reasons::NOTHING, "how often a lock is tried before the hypervisor is told")
};
static VPINDEX: Element = switch("vpindex", "the number of the virtual processor");
static RUNTIME: Element = switch("runtime", "how long the processor ran");
static SYNIC: Element = switch("synic", "the synthetic interrupt controller");
static STIMER: Element = Element {
    content: Content::Children(&[maybe(&DIRECT)]),
    ..optional_switch("stimer", "synthetic timers")
};
static RESET: Element = switch("reset", "a reset by the hypervisor");
static VENDOR_ID: Element = Element {
    attributes: &[required("state", ON_OFF), optional("value", Value::Pattern(&patterns::VALUE))],
    ..inert("vendor_id", reasons::NOTHING, "the name of the hypervisor's vendor")
};
static FREQUENCIES: Element = switch("frequencies", "registers that tell clock rates");
static REENLIGHTENMENT: Element = switch("reenlightenment", "a notice when the clock rate changes");
static TLBFLUSH: Element = Element {
    content: Content::Children(&[maybe(&TLBFLUSH_DIRECT), maybe(&TLBFLUSH_EXTENDED)]),
    ..optional_switch("tlbflush", "translation caches emptied by the hypervisor")
};
static TLBFLUSH_DIRECT: Element =
    Element { since: Some(Version(11, 0)), ..switch("direct", "also by a nested hypervisor's guest") };
static TLBFLUSH_EXTENDED: Element =
    Element { since: Some(Version(11, 0)), ..switch("extended", "also parts of an address space") };
static IPI: Element = switch("ipi", "interrupts between processors by the hypervisor");
static EVMCS: Element = switch("evmcs", "the nested control structure in the newer form");
static AVIC: Element = switch("avic", "the interrupt controller in hardware");
static EMSR_BITMAP: Element =
    Element { since: Some(Version(10, 7)), ..switch("emsr_bitmap", "fewer exits for nested registers") };
static XMM_INPUT: Element = Element {
    since: Some(Version(10, 7)),
    ..switch("xmm_input", "arguments of hypercalls in vector registers")
};
static DIRECT: Element = switch("direct", "timers that interrupt at once, without a message");
