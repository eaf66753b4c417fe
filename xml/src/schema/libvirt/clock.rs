//! `<clock>`.

use super::patterns;
use super::reasons;
use crate::schema::values::{U32, U64, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, element, ignored, many, maybe, optional, required,
};
use crate::value::Value;

pub(super) static CLOCK_LOCALTIME: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["localtime", "utc"])),
        ignored(
            "adjustment",
            Value::OneOf(&[Value::Pattern(&patterns::ADJUSTMENT), Value::Choice(&["reset"])]),
            reasons::NOTHING,
        ),
    ],
    content: Content::Children(&[many(&TIMER)]),
    ..element("clock")
};

pub(super) static CLOCK_TIMEZONE: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["timezone"])),
        ignored("timezone", Value::Pattern(&patterns::TIMEZONE), reasons::NOTHING),
    ],
    content: Content::Children(&[many(&TIMER)]),
    support: Support::Ignored(reasons::CLOCK),
    ..element("clock")
};

pub(super) static CLOCK_VARIABLE: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["variable"])),
        ignored("adjustment", Value::Pattern(&patterns::ADJUSTMENT), reasons::NOTHING),
        ignored("basis", Value::Choice(&["utc", "localtime"]), reasons::NOTHING),
    ],
    content: Content::Children(&[many(&TIMER)]),
    support: Support::Ignored(reasons::CLOCK),
    ..element("clock")
};

pub(super) static CLOCK_ABSOLUTE: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["absolute"])),
        Attribute { support: Support::Ignored(reasons::NOTHING), ..required("start", U64) },
    ],
    content: Content::Children(&[many(&TIMER)]),
    support: Support::Ignored(reasons::CLOCK),
    ..element("clock")
};

pub(super) static CLOCK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "offset",
        absent: None,
        rows: &[
            (&["localtime", "utc"], &CLOCK_LOCALTIME),
            (&["timezone"], &CLOCK_TIMEZONE),
            (&["variable"], &CLOCK_VARIABLE),
            (&["absolute"], &CLOCK_ABSOLUTE),
        ],
    }),
    ..element("clock")
};

pub(super) static TIMER_PLATFORM_DELAY: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["platform", "rtc"])),
        ignored("track", Value::Choice(&["boot", "guest", "wall", "realtime"]), reasons::NOTHING),
        Attribute {
            support: Support::Ignored(reasons::NOTHING),
            ..required("tickpolicy", Value::Choice(&["delay", "merge", "discard"]))
        },
        optional("present", YES_NO),
    ],
    ..element("timer")
};

pub(super) static TIMER_PLATFORM_CATCHUP: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["platform", "rtc"])),
        ignored("track", Value::Choice(&["boot", "guest", "wall", "realtime"]), reasons::NOTHING),
        Attribute {
            support: Support::Ignored(reasons::NOTHING),
            ..required("tickpolicy", Value::Choice(&["catchup"]))
        },
        optional("present", YES_NO),
    ],
    content: Content::Children(&[maybe(&CATCHUP)]),
    ..element("timer")
};

pub(super) static TIMER_PLATFORM_PLAIN: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["platform", "rtc"])),
        ignored("track", Value::Choice(&["boot", "guest", "wall", "realtime"]), reasons::NOTHING),
        optional("present", YES_NO),
    ],
    ..element("timer")
};

pub(super) static TIMER_PLATFORM: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "tickpolicy",
        absent: Some(""),
        rows: &[
            (&["delay", "merge", "discard"], &TIMER_PLATFORM_DELAY),
            (&["catchup"], &TIMER_PLATFORM_CATCHUP),
            (&[""], &TIMER_PLATFORM_PLAIN),
        ],
    }),
    ..element("timer")
};

pub(super) static TIMER_TSC_DELAY: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["tsc"])),
        Attribute {
            support: Support::Ignored(reasons::NOTHING),
            ..required("tickpolicy", Value::Choice(&["delay", "merge", "discard"]))
        },
        ignored("frequency", U64, reasons::NOTHING),
        ignored(
            "mode",
            Value::Choice(&["auto", "native", "emulate", "paravirt", "smpsafe"]),
            reasons::NOTHING,
        ),
        optional("present", YES_NO),
    ],
    ..element("timer")
};

pub(super) static TIMER_TSC_CATCHUP: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["tsc"])),
        Attribute {
            support: Support::Ignored(reasons::NOTHING),
            ..required("tickpolicy", Value::Choice(&["catchup"]))
        },
        ignored("frequency", U64, reasons::NOTHING),
        ignored(
            "mode",
            Value::Choice(&["auto", "native", "emulate", "paravirt", "smpsafe"]),
            reasons::NOTHING,
        ),
        optional("present", YES_NO),
    ],
    content: Content::Children(&[maybe(&CATCHUP)]),
    ..element("timer")
};

pub(super) static TIMER_TSC_PLAIN: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["tsc"])),
        ignored("frequency", U64, reasons::NOTHING),
        ignored(
            "mode",
            Value::Choice(&["auto", "native", "emulate", "paravirt", "smpsafe"]),
            reasons::NOTHING,
        ),
        optional("present", YES_NO),
    ],
    ..element("timer")
};

pub(super) static TIMER_TSC: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "tickpolicy",
        absent: Some(""),
        rows: &[
            (&["delay", "merge", "discard"], &TIMER_TSC_DELAY),
            (&["catchup"], &TIMER_TSC_CATCHUP),
            (&[""], &TIMER_TSC_PLAIN),
        ],
    }),
    ..element("timer")
};

pub(super) static TIMER_HPET_DELAY: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["hpet", "pit", "armvtimer"])),
        Attribute {
            support: Support::Ignored(reasons::NOTHING),
            ..required("tickpolicy", Value::Choice(&["delay", "merge", "discard"]))
        },
        optional("present", YES_NO),
    ],
    ..element("timer")
};

pub(super) static TIMER_HPET_CATCHUP: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["hpet", "pit", "armvtimer"])),
        Attribute {
            support: Support::Ignored(reasons::NOTHING),
            ..required("tickpolicy", Value::Choice(&["catchup"]))
        },
        optional("present", YES_NO),
    ],
    content: Content::Children(&[maybe(&CATCHUP)]),
    ..element("timer")
};

pub(super) static TIMER_HPET_PLAIN: Element = Element {
    attributes: &[
        required("name", Value::Choice(&["hpet", "pit", "armvtimer"])),
        optional("present", YES_NO),
    ],
    ..element("timer")
};

pub(super) static TIMER_HPET: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "tickpolicy",
        absent: Some(""),
        rows: &[
            (&["delay", "merge", "discard"], &TIMER_HPET_DELAY),
            (&["catchup"], &TIMER_HPET_CATCHUP),
            (&[""], &TIMER_HPET_PLAIN),
        ],
    }),
    ..element("timer")
};

pub(super) static TIMER_KVMCLOCK: Element = Element {
    attributes: &[required("name", Value::Choice(&["kvmclock", "hypervclock"])), optional("present", YES_NO)],
    ..element("timer")
};

pub(super) static TIMER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "name",
        absent: None,
        rows: &[
            (&["platform", "rtc"], &TIMER_PLATFORM),
            (&["tsc"], &TIMER_TSC),
            (&["hpet", "pit", "armvtimer"], &TIMER_HPET),
            (&["kvmclock", "hypervclock"], &TIMER_KVMCLOCK),
        ],
    }),
    ..element("timer")
};

pub(super) static CATCHUP: Element = Element {
    attributes: &[optional("threshold", U32), optional("slew", U32), optional("limit", U32)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("catchup")
};
