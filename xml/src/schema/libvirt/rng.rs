//! `<rng>`.

use super::shapes::{VIRTIO_DRIVER, VIRTIO_MODELS};
use super::words;
use crate::schema::{Content, Element, Support, Variants, element, many, maybe, once, optional, required};
use crate::value::Value;

pub(super) static RNG: Element = Element {
    attributes: &[required("model", VIRTIO_MODELS)],
    content: Content::Children(&[
        once(&BACKEND),
        maybe(&VIRTIO_DRIVER),
        maybe(&RATE),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ACPI),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored("a container has the host's /dev/random"),
    doc: "a source of random numbers for a machine",
    ..element("rng")
};

static BACKEND_RANDOM: Element = Element {
    attributes: &[required("model", Value::Choice(&["random"]))],
    content: Content::Text(Value::OneOf(&[Value::AbsFilePath, Value::Empty])),
    doc: "the numbers come from a device of the host",
    ..element("backend")
};

static BACKEND_EGD: Element = Element {
    attributes: &[required("model", Value::Choice(&["egd"])), required("type", words::WORDS_DEV)],
    content: Content::Children(&[
        many(&super::common::CHARDEV_SOURCE),
        maybe(&super::common::PROTOCOL),
        maybe(&super::common::LOG),
    ]),
    doc: "the numbers come from a daemon that gathers them",
    ..element("backend")
};

static BACKEND_BUILTIN: Element = Element {
    attributes: &[required("model", Value::Choice(&["builtin"]))],
    doc: "the numbers come from the host's system call",
    ..element("backend")
};

static BACKEND: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "model",
        absent: None,
        rows: &[(&["random"], &BACKEND_RANDOM), (&["egd"], &BACKEND_EGD), (&["builtin"], &BACKEND_BUILTIN)],
    }),
    doc: "where the numbers come from",
    ..element("backend")
};

static RATE: Element = Element {
    attributes: &[
        required("bytes", Value::Unsigned(1, u64::MAX)),
        optional("period", Value::Unsigned(1, u64::MAX)),
    ],
    doc: "how many bytes it may take in how many milliseconds",
    ..element("rate")
};
