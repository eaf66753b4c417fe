//! `<sound>`.

use super::shapes::{VIRTIO_OPTIONS, inert};
use super::{common, patterns, reasons};
use crate::schema::values::YES_NO;
use crate::schema::{Content, Element, Version, element, many, maybe, optional, required, since, with_newer};
use crate::value::Value;

/// `<sound>`.
pub(super) static SOUND: Element = Element {
    attributes: &[
        with_newer(
            &[(Version(10, 4), &["virtio"])],
            required(
                "model",
                Value::Choice(&["sb16", "es1370", "pcspk", "ac97", "ich6", "ich7", "ich9", "usb", "virtio"]),
            ),
        ),
        since(Version(9, 4), optional("multichannel", YES_NO)),
        since(Version(10, 4), optional("streams", Value::Pattern(&patterns::UINT32))),
    ],
    content: Content::Children(&[
        many(&CODEC),
        maybe(&AUDIO),
        maybe(&common::ALIAS),
        maybe(&common::ACPI),
        maybe(&common::ADDRESS),
        maybe(&DRIVER),
    ]),
    ..inert("sound", reasons::MACHINE, "a sound card of a machine")
};
static AUDIO: Element = Element {
    attributes: &[required("id", Value::Pattern(&patterns::UINT8))],
    doc: "the number of the audio backend that plays it",
    ..element("audio")
};
static CODEC: Element = Element {
    attributes: &[required("type", Value::Choice(&["duplex", "micro", "output"]))],
    doc: "what the card can do: record, play, or both",
    ..element("codec")
};
static DRIVER: Element = Element {
    attributes: VIRTIO_OPTIONS,
    since: Some(Version(10, 4)),
    doc: "how the virtio card is driven",
    ..element("driver")
};
