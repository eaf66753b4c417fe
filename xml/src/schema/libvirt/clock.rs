//! `<clock>`.

use super::shapes::inert;
use super::{patterns, reasons};
use crate::schema::values::{U32, U64, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Support, Variants, element, ignored, many, maybe, optional, required,
};
use crate::value::Value;

static LOCALTIME: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["localtime", "utc"])),
        ignored(
            "adjustment",
            Value::OneOf(&[Value::Pattern(&patterns::ADJUSTMENT), Value::Choice(&["reset"])]),
            reasons::NOTHING,
        ),
    ],
    content: Content::Children(&[many(&TIMER)]),
    doc: "the clock at Coordinated Universal Time or at the host's zone",
    ..element("clock")
};
static TIMEZONE: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["timezone"])),
        ignored("timezone", Value::Pattern(&patterns::TIMEZONE), reasons::NOTHING),
    ],
    content: Content::Children(&[many(&TIMER)]),
    ..inert("clock", reasons::CLOCK, "the clock at a zone that is named")
};
static VARIABLE: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["variable"])),
        ignored("adjustment", Value::Pattern(&patterns::ADJUSTMENT), reasons::NOTHING),
        ignored("basis", Value::Choice(&["utc", "localtime"]), reasons::NOTHING),
    ],
    content: Content::Children(&[many(&TIMER)]),
    ..inert("clock", reasons::CLOCK, "the clock so many seconds off, as the guest set it")
};
static ABSOLUTE: Element = Element {
    attributes: &[
        required("offset", Value::Choice(&["absolute"])),
        Attribute { support: Support::Ignored(reasons::NOTHING), ..required("start", U64) },
    ],
    content: Content::Children(&[many(&TIMER)]),
    ..inert("clock", reasons::CLOCK, "the clock at this second when it starts")
};
/// `<clock>`.
pub(super) static CLOCK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "offset",
        absent: None,
        rows: &[
            (&["localtime", "utc"], &LOCALTIME),
            (&["timezone"], &TIMEZONE),
            (&["variable"], &VARIABLE),
            (&["absolute"], &ABSOLUTE),
        ],
    }),
    doc: "what the clock shows, and which clock devices there are",
    ..element("clock")
};

const TRACK: Attribute =
    ignored("track", Value::Choice(&["boot", "guest", "wall", "realtime"]), reasons::NOTHING);
const FREQUENCY: Attribute = ignored("frequency", U64, reasons::NOTHING);
const MODE: Attribute =
    ignored("mode", Value::Choice(&["auto", "native", "emulate", "paravirt", "smpsafe"]), reasons::NOTHING);
const PRESENT: Attribute = optional("present", YES_NO);
const DELAY: &[&str] = &["delay", "merge", "discard"];

const fn policy(words: &'static [&'static str]) -> Attribute {
    Attribute { support: Support::Ignored(reasons::NOTHING), ..required("tickpolicy", Value::Choice(words)) }
}

/// A timer in its three forms: ticks late, made up for, or as it comes.
macro_rules! timer {
    ($all:ident, $delay:ident, $catchup:ident, $plain:ident, $names:expr, [$($own:expr),*], $doc:literal) => {
        static $delay: Element = Element {
            attributes: &[required("name", Value::Choice($names)), policy(DELAY), $($own,)* PRESENT],
            doc: concat!($doc, ", whose missed ticks come late, together or not at all"),
            ..element("timer")
        };
        static $catchup: Element = Element {
            attributes: &[required("name", Value::Choice($names)), policy(&["catchup"]), $($own,)* PRESENT],
            content: Content::Children(&[maybe(&CATCHUP)]),
            doc: concat!($doc, ", whose missed ticks are made up for"),
            ..element("timer")
        };
        static $plain: Element = Element {
            attributes: &[required("name", Value::Choice($names)), $($own,)* PRESENT],
            doc: concat!($doc, ", with nothing said about missed ticks"),
            ..element("timer")
        };
        static $all: Element = Element {
            content: Content::Variants(&Variants {
                attribute: "tickpolicy",
                absent: Some(""),
                rows: &[(DELAY, &$delay), (&["catchup"], &$catchup), (&[""], &$plain)],
            }),
            doc: $doc,
            ..element("timer")
        };
    };
}
const RTC_NAMES: &[&str] = &["platform", "rtc"];
const HPET_NAMES: &[&str] = &["hpet", "pit", "armvtimer"];
timer!(RTC, RTC_DELAY, RTC_CATCHUP, RTC_PLAIN, RTC_NAMES, [TRACK], "the clock on the board");
timer!(TSC, TSC_DELAY, TSC_CATCHUP, TSC_PLAIN, &["tsc"], [FREQUENCY, MODE], "the processor's time stamp");
timer!(HPET, HPET_DELAY, HPET_CATCHUP, HPET_PLAIN, HPET_NAMES, [], "a timer of the machine");
static KVMCLOCK: Element = Element {
    attributes: &[required("name", Value::Choice(&["kvmclock", "hypervclock"])), PRESENT],
    doc: "the clock that the hypervisor gives",
    ..element("timer")
};
static TIMER: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "name",
        absent: None,
        rows: &[
            (RTC_NAMES, &RTC),
            (&["tsc"], &TSC),
            (HPET_NAMES, &HPET),
            (&["kvmclock", "hypervclock"], &KVMCLOCK),
        ],
    }),
    doc: "a clock device; of a container's, rtc and hpet are nodes",
    ..element("timer")
};
static CATCHUP: Element = Element {
    attributes: &[optional("threshold", U32), optional("slew", U32), optional("limit", U32)],
    ..inert("catchup", reasons::NOTHING, "how fast missed ticks are made up for")
};
