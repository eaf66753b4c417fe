//! `<audio>`: where the sound of a machine goes, by backend.

use super::patterns;
use super::reasons;
use super::shapes::inert;
use crate::schema::values::YES_NO;
use crate::schema::{Attribute, Content, Element, Variants, Version, element, maybe, optional, required};
use crate::value::Value;

const DIRECTION: Content = Content::Children(&[maybe(&SETTINGS)]);

/// `<input>` and `<output>` of a backend, with what only this backend has.
macro_rules! directions {
    ($input:ident, $output:ident, $backend:literal $(, $own:expr)*) => {
        static $input: Element = Element {
            attributes: &[MIXING, FIXED, VOICES, BUFFER, $($own),*],
            content: DIRECTION,
            doc: concat!("how sound is recorded ", $backend),
            ..element("input")
        };
        static $output: Element = Element {
            attributes: &[MIXING, FIXED, VOICES, BUFFER, $($own),*],
            content: DIRECTION,
            doc: concat!("how sound is played ", $backend),
            ..element("output")
        };
    };
}

/// A backend: its word, its two directions, and its own attributes.
macro_rules! backend {
    ($word:literal, $input:ident, $output:ident, $doc:literal $(, $own:expr)*) => {
        Element {
            attributes: &[
                required("id", Value::Pattern(&patterns::UINT8)),
                optional("timerPeriod", Value::Pattern(&patterns::UINT32)),
                required("type", Value::Choice(&[$word])),
                $($own),*
            ],
            content: Content::Children(&[maybe(&$input), maybe(&$output)]),
            ..inert("audio", reasons::MACHINE, $doc)
        }
    };
}

const MIXING: Attribute = optional("mixingEngine", YES_NO);
const FIXED: Attribute = optional("fixedSettings", YES_NO);
const VOICES: Attribute = optional("voices", Value::Pattern(&patterns::UINT32));
const BUFFER: Attribute = optional("bufferLength", Value::Pattern(&patterns::UINT32));
const BUFFERS: Attribute = optional("bufferCount", Value::Pattern(&patterns::UINT32));
const NAME: Attribute = optional("name", Value::Text);
const STREAM: Attribute = optional("streamName", Value::Text);
const LATENCY: Attribute = optional("latency", Value::Pattern(&patterns::UINT32));

directions!(PLAIN_INPUT, PLAIN_OUTPUT, "where the backend has no settings of its own");
directions!(ALSA_INPUT, ALSA_OUTPUT, "by ALSA", optional("dev", Value::NonEmpty));
directions!(COREAUDIO_INPUT, COREAUDIO_OUTPUT, "by macOS, or by SDL", BUFFERS);
directions!(
    JACK_INPUT,
    JACK_OUTPUT,
    "by JACK",
    optional("serverName", Value::Text),
    optional("clientName", Value::Text),
    optional("connectPorts", Value::Text),
    optional("exactName", YES_NO)
);
directions!(
    OSS_INPUT,
    OSS_OUTPUT,
    "by the Open Sound System",
    optional("dev", Value::Pattern(&patterns::DEVICE_NAME)),
    BUFFERS,
    optional("tryPoll", YES_NO)
);
directions!(STREAM_INPUT, STREAM_OUTPUT, "by PulseAudio or PipeWire", NAME, STREAM, LATENCY);

static NONE: Element = backend!("none", PLAIN_INPUT, PLAIN_OUTPUT, "no sound of the host's at all");
static DBUS: Element = backend!("dbus", PLAIN_INPUT, PLAIN_OUTPUT, "sound over D-Bus");
static ALSA: Element = backend!("alsa", ALSA_INPUT, ALSA_OUTPUT, "sound by the host's ALSA devices");
static COREAUDIO: Element = backend!("coreaudio", COREAUDIO_INPUT, COREAUDIO_OUTPUT, "sound on macOS");
static JACK: Element = backend!("jack", JACK_INPUT, JACK_OUTPUT, "sound by a JACK server");
static OSS: Element = backend!(
    "oss",
    OSS_INPUT,
    OSS_OUTPUT,
    "sound by the Open Sound System",
    optional("tryMMap", YES_NO),
    optional("exclusive", YES_NO),
    optional("dspPolicy", Value::Integer(-2_147_483_648, 2_147_483_647))
);
static PULSEAUDIO: Element = backend!(
    "pulseaudio",
    STREAM_INPUT,
    STREAM_OUTPUT,
    "sound by a PulseAudio server",
    optional("serverName", Value::Text)
);
static PIPEWIRE: Element = Element {
    since: Some(Version(9, 10)),
    ..backend!(
        "pipewire",
        STREAM_INPUT,
        STREAM_OUTPUT,
        "sound by a PipeWire server",
        optional("runtimeDir", Value::NonEmpty)
    )
};
static SDL: Element = backend!(
    "sdl",
    COREAUDIO_INPUT,
    COREAUDIO_OUTPUT,
    "sound by the SDL library",
    optional("driver", Value::Choice(&["esd", "alsa", "arts", "pulseaudio"]))
);
static SPICE: Element = backend!("spice", PLAIN_INPUT, PLAIN_OUTPUT, "sound that a SPICE client hears");
static FILE: Element = backend!(
    "file",
    PLAIN_INPUT,
    PLAIN_OUTPUT,
    "sound written to a WAV file",
    optional("path", Value::NonEmpty)
);

/// `<audio>`.
pub(super) static AUDIO: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["none"], &NONE),
            (&["dbus"], &DBUS),
            (&["alsa"], &ALSA),
            (&["coreaudio"], &COREAUDIO),
            (&["jack"], &JACK),
            (&["oss"], &OSS),
            (&["pulseaudio"], &PULSEAUDIO),
            (&["pipewire"], &PIPEWIRE),
            (&["sdl"], &SDL),
            (&["spice"], &SPICE),
            (&["file"], &FILE),
        ],
    }),
    ..inert("audio", reasons::MACHINE, "where the sound of a machine's cards goes on the host")
};

static SETTINGS: Element = Element {
    attributes: &[
        optional("frequency", Value::Pattern(&patterns::UINT32)),
        optional("channels", Value::Pattern(&patterns::UINT32)),
        optional("format", Value::Choice(&["s8", "u8", "s16", "u16", "s32", "u32", "f32"])),
    ],
    doc: "rate, channels and sample format, where they are fixed",
    ..element("settings")
};
