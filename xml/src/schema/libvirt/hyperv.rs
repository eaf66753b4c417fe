//! `<features><hyperv>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{ON_OFF, U32};
use crate::schema::{Content, Element, Support, Variants, element, maybe, optional, required};
use crate::value::Value;

pub(super) static HYPERV_PASSTHROUGH: Element = Element {
    attributes: &[required("mode", Value::Choice(&["passthrough"]))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("hyperv")
};

pub(super) static HYPERV_CUSTOM: Element = Element {
    attributes: &[optional("mode", Value::Choice(&["custom"]))],
    content: Content::Children(&[
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
    ]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("hyperv")
};

pub(super) static HYPERV: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "mode",
        absent: Some("custom"),
        rows: &[(&["passthrough"], &HYPERV_PASSTHROUGH), (&["custom"], &HYPERV_CUSTOM)],
    }),
    support: Support::Ignored(reasons::NOTHING),
    ..element("hyperv")
};

pub(super) static RELAXED: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("relaxed")
};

pub(super) static VAPIC: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("vapic")
};

pub(super) static SPINLOCKS: Element = Element {
    attributes: &[required("state", ON_OFF), optional("retries", U32)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("spinlocks")
};

pub(super) static VPINDEX: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("vpindex")
};

pub(super) static RUNTIME: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("runtime")
};

pub(super) static SYNIC: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("synic")
};

pub(super) static STIMER: Element = Element {
    attributes: &[optional("state", ON_OFF)],
    content: Content::Children(&[maybe(&DIRECT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("stimer")
};

pub(super) static RESET: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("reset")
};

pub(super) static VENDOR_ID: Element = Element {
    attributes: &[required("state", ON_OFF), optional("value", Value::Pattern(&patterns::VALUE))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("vendor_id")
};

pub(super) static FREQUENCIES: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("frequencies")
};

pub(super) static REENLIGHTENMENT: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("reenlightenment")
};

pub(super) static TLBFLUSH: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("tlbflush")
};

pub(super) static IPI: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("ipi")
};

pub(super) static EVMCS: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("evmcs")
};

pub(super) static AVIC: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("avic")
};

pub(super) static DIRECT: Element = Element {
    attributes: &[required("state", ON_OFF)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("direct")
};
