//! `<audio>`.

use super::patterns;
use super::reasons;
use crate::schema::values::YES_NO;
use crate::schema::{Content, Element, Support, Variants, element, maybe, optional, required};
use crate::value::Value;

pub(super) static AUDIO_NONE: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["none"])),
    ],
    content: Content::Children(&[maybe(&INPUT), maybe(&OUTPUT)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_DBUS: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["dbus"])),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT), maybe(&AUDIO_OUTPUT)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_ALSA: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["alsa"])),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_2), maybe(&AUDIO_OUTPUT_2)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_COREAUDIO: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["coreaudio"])),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_3), maybe(&AUDIO_OUTPUT_3)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_JACK: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["jack"])),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_4), maybe(&AUDIO_OUTPUT_4)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_OSS: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["oss"])),
        optional("tryMMap", YES_NO),
        optional("exclusive", YES_NO),
        optional("dspPolicy", Value::Integer(-2_147_483_648, 2_147_483_647)),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_5), maybe(&AUDIO_OUTPUT_5)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_PULSEAUDIO: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["pulseaudio"])),
        optional("serverName", Value::Text),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_6), maybe(&AUDIO_OUTPUT_6)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_SDL: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["sdl"])),
        optional("driver", Value::Choice(&["esd", "alsa", "arts", "pulseaudio"])),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_7), maybe(&AUDIO_OUTPUT_7)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_SPICE: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["spice"])),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_8), maybe(&AUDIO_OUTPUT_8)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO_FILE: Element = Element {
    attributes: &[
        required("id", Value::Pattern(&patterns::UINT8)),
        optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
        required("type", Value::Choice(&["file"])),
        optional("path", Value::NonEmpty),
    ],
    content: Content::Children(&[maybe(&AUDIO_INPUT_9), maybe(&AUDIO_OUTPUT_9)]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static AUDIO: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["none"], &AUDIO_NONE),
            (&["dbus"], &AUDIO_DBUS),
            (&["alsa"], &AUDIO_ALSA),
            (&["coreaudio"], &AUDIO_COREAUDIO),
            (&["jack"], &AUDIO_JACK),
            (&["oss"], &AUDIO_OSS),
            (&["pulseaudio"], &AUDIO_PULSEAUDIO),
            (&["sdl"], &AUDIO_SDL),
            (&["spice"], &AUDIO_SPICE),
            (&["file"], &AUDIO_FILE),
        ],
    }),
    support: Support::Ignored(reasons::MACHINE),
    ..element("audio")
};

pub(super) static INPUT: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static OUTPUT: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_2: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("dev", Value::NonEmpty),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_2: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("dev", Value::NonEmpty),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_3: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("bufferCount", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_3: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("bufferCount", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_4: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("serverName", Value::Text),
        optional("clientName", Value::Text),
        optional("connectPorts", Value::Text),
        optional("exactName", YES_NO),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_4: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("serverName", Value::Text),
        optional("clientName", Value::Text),
        optional("connectPorts", Value::Text),
        optional("exactName", YES_NO),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_5: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        optional("bufferCount", Value::Pattern(&patterns::UINT32)),
        optional("tryPoll", YES_NO),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_5: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("dev", Value::Pattern(&patterns::DEVICE_NAME)),
        optional("bufferCount", Value::Pattern(&patterns::UINT32)),
        optional("tryPoll", YES_NO),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_6: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("name", Value::Text),
        optional("streamName", Value::Text),
        optional("latency", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_6: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("name", Value::Text),
        optional("streamName", Value::Text),
        optional("latency", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_7: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("bufferCount", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_7: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
        optional("bufferCount", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_8: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_8: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static AUDIO_INPUT_9: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("input")
};

pub(super) static AUDIO_OUTPUT_9: Element = Element {
    attributes: &[
        optional("mixingEngine", YES_NO),
        optional("fixedSettings", YES_NO),
        optional("voices", Value::Pattern(&patterns::UINT32)),
        optional("bufferLength", Value::Pattern(&patterns::UINT32)),
    ],
    content: Content::Children(&[maybe(&SETTINGS)]),
    ..element("output")
};

pub(super) static SETTINGS: Element = Element {
    attributes: &[
        optional("frequency", Value::Pattern(&patterns::UINT32)),
        optional("channels", Value::Pattern(&patterns::UINT32)),
        optional("format", Value::Choice(&["s8", "u8", "s16", "u16", "s32", "u32", "f32"])),
    ],
    ..element("settings")
};
