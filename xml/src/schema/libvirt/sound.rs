//! `<sound>`.

use super::patterns;
use super::reasons;
use crate::schema::{Content, Element, Support, element, many, maybe, required};
use crate::value::Value;

pub(super) static SOUND: Element = Element {
    attributes: &[required(
        "model",
        Value::Choice(&["sb16", "es1370", "pcspk", "ac97", "ich6", "ich7", "ich9", "usb"]),
    )],
    content: Content::Children(&[
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
        maybe(&AUDIO),
        many(&CODEC),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("sound")
};

pub(super) static AUDIO: Element =
    Element { attributes: &[required("id", Value::Pattern(&patterns::UINT8))], ..element("audio") };

pub(super) static CODEC: Element = Element {
    attributes: &[required("type", Value::Choice(&["duplex", "micro", "output"]))],
    ..element("codec")
};
