//! `<rng>`.

use super::words;
use crate::schema::values::ON_OFF;
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, once, optional, required};
use crate::value::Value;

pub(super) static RNG: Element = Element {
    attributes: &[required(
        "model",
        Value::Choice(&["virtio", "virtio-transitional", "virtio-non-transitional"]),
    )],
    content: Content::Children(&[
        once(&BACKEND),
        maybe(&DRIVER),
        maybe(&RATE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored("a container has the host's /dev/random"),
    ..element("rng")
};

pub(super) static BACKEND_RANDOM: Element = Element {
    attributes: &[required("model", Value::Choice(&["random"]))],
    content: Content::Text(Value::OneOf(&[Value::AbsFilePath, Value::Empty])),
    ..element("backend")
};

pub(super) static BACKEND_EGD: Element = Element {
    attributes: &[required("model", Value::Choice(&["egd"])), required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&super::common::CONSOLE_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&super::common::LOG),
    ]),
    ..element("backend")
};

pub(super) static BACKEND_BUILTIN: Element =
    Element { attributes: &[required("model", Value::Choice(&["builtin"]))], ..element("backend") };

pub(super) static BACKEND: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "model",
        absent: None,
        rows: &[(&["random"], &BACKEND_RANDOM), (&["egd"], &BACKEND_EGD), (&["builtin"], &BACKEND_BUILTIN)],
    }),
    ..element("backend")
};

pub(super) static DRIVER: Element = Element {
    attributes: &[
        optional("iommu", ON_OFF),
        optional("ats", ON_OFF),
        optional("packed", ON_OFF),
        optional("page_per_vq", ON_OFF),
    ],
    ..element("driver")
};

pub(super) static RATE: Element = Element {
    attributes: &[
        required("bytes", Value::Unsigned(1, u64::MAX)),
        optional("period", Value::Unsigned(1, u64::MAX)),
    ],
    ..element("rate")
};
