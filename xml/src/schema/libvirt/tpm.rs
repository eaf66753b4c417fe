//! `<tpm>`.

use super::reasons;
use crate::schema::values::YES_NO;
use crate::schema::{Content, Element, Support, Variants, element, maybe, once, optional, required};
use crate::value::Value;

pub(super) static TPM: Element = Element {
    attributes: &[optional("model", Value::Choice(&["tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy"]))],
    content: Content::Children(&[
        once(&BACKEND),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    ..element("tpm")
};

pub(super) static BACKEND_PASSTHROUGH: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["passthrough"])),
        optional("version", Value::Choice(&["1.2", "2.0"])),
    ],
    content: Content::Children(&[maybe(&DEVICE)]),
    ..element("backend")
};

pub(super) static BACKEND_EMULATOR: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["emulator"])),
        optional("persistent_state", YES_NO),
        optional("version", Value::Choice(&["1.2", "2.0"])),
    ],
    content: Content::Children(&[maybe(&ENCRYPTION), maybe(&ACTIVE_PCR_BANKS)]),
    ..element("backend")
};

pub(super) static BACKEND_EXTERNAL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["external"])),
        optional("version", Value::Choice(&["1.2", "2.0"])),
    ],
    content: Content::Children(&[maybe(&SOURCE)]),
    ..element("backend")
};

pub(super) static BACKEND: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["passthrough"], &BACKEND_PASSTHROUGH),
            (&["emulator"], &BACKEND_EMULATOR),
            (&["external"], &BACKEND_EXTERNAL),
        ],
    }),
    ..element("backend")
};

pub(super) static DEVICE: Element =
    Element { attributes: &[optional("path", Value::NonEmpty)], ..element("device") };

pub(super) static ENCRYPTION: Element =
    Element { attributes: &[required("secret", Value::Uuid)], ..element("encryption") };

pub(super) static ACTIVE_PCR_BANKS: Element = Element {
    content: Content::Children(&[maybe(&SHA1), maybe(&SHA256), maybe(&SHA384), maybe(&SHA512)]),
    ..element("active_pcr_banks")
};

pub(super) static SOURCE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["unix"])),
        required("path", Value::NonEmpty),
        required("mode", Value::Choice(&["connect"])),
    ],
    ..element("source")
};

pub(super) static SHA1: Element = Element { ..element("sha1") };

pub(super) static SHA256: Element = Element { ..element("sha256") };

pub(super) static SHA384: Element = Element { ..element("sha384") };

pub(super) static SHA512: Element = Element { ..element("sha512") };
