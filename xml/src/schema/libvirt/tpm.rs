//! `<tpm>`.

use super::patterns;
use super::reasons;
use crate::schema::values::YES_NO;
use crate::schema::{
    Content, Element, Support, Variants, Version, element, maybe, once, optional, required, since,
};
use crate::value::Value;

pub(super) static TPM: Element = Element {
    attributes: &[optional("model", Value::Choice(&["tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy"]))],
    content: Content::Children(&[
        once(&BACKEND),
        maybe(&super::common::ALIAS),
        maybe(&super::common::ADDRESS),
    ]),
    support: Support::Ignored(reasons::MACHINE),
    doc: "a trusted platform module of a machine",
    ..element("tpm")
};

static BACKEND_PASSTHROUGH: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["passthrough"])),
        optional("version", Value::Choice(&["1.2", "2.0"])),
    ],
    content: Content::Children(&[maybe(&DEVICE)]),
    doc: "the host's module",
    ..element("backend")
};

static BACKEND_EMULATOR: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["emulator"])),
        optional("persistent_state", YES_NO),
        since(Version(10, 10), optional("debug", Value::Pattern(&patterns::UINT8))),
        optional("version", Value::Choice(&["1.2", "2.0"])),
    ],
    content: Content::Children(&[
        maybe(&ENCRYPTION),
        maybe(&ACTIVE_PCR_BANKS),
        maybe(&STATE),
        maybe(&PROFILE),
    ]),
    doc: "a module imitated by a program of the host",
    ..element("backend")
};

static BACKEND_EXTERNAL: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["external"])),
        optional("version", Value::Choice(&["1.2", "2.0"])),
    ],
    content: Content::Children(&[maybe(&SOURCE)]),
    doc: "a module that another process imitates",
    ..element("backend")
};

static BACKEND: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: None,
        rows: &[
            (&["passthrough"], &BACKEND_PASSTHROUGH),
            (&["emulator"], &BACKEND_EMULATOR),
            (&["external"], &BACKEND_EXTERNAL),
        ],
    }),
    doc: "where the module is",
    ..element("backend")
};

static DEVICE: Element = Element {
    attributes: &[optional("path", Value::NonEmpty)],
    doc: "its node on the host",
    ..element("device")
};

static ENCRYPTION: Element = Element {
    attributes: &[required("secret", Value::Uuid)],
    doc: "the secret that its state is encrypted with",
    ..element("encryption")
};

static ACTIVE_PCR_BANKS: Element = Element {
    content: Content::Children(&[maybe(&SHA1), maybe(&SHA256), maybe(&SHA384), maybe(&SHA512)]),
    doc: "which hashes its registers are kept in",
    ..element("active_pcr_banks")
};

static SOURCE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["unix"])),
        required("path", Value::NonEmpty),
        required("mode", Value::Choice(&["connect"])),
    ],
    doc: "the socket of that process",
    ..element("source")
};

static SHA1: Element = Element { doc: "SHA-1", ..element("sha1") };

static SHA256: Element = Element { doc: "SHA-256", ..element("sha256") };

static SHA384: Element = Element { doc: "SHA-384", ..element("sha384") };

static SHA512: Element = Element { doc: "SHA-512", ..element("sha512") };

static STATE: Element = Element {
    attributes: &[required("type", Value::Choice(&["file", "dir"])), required("path", Value::AbsFilePath)],
    since: Some(Version(10, 10)),
    doc: "where its state is kept",
    ..element("source")
};
static PROFILE: Element = Element {
    attributes: &[
        optional("source", Value::Pattern(&patterns::PROFILE_NAME)),
        optional("removeDisabled", Value::Choice(&["check", "fips-host"])),
        optional("name", Value::Pattern(&patterns::PROFILE_NAME)),
    ],
    since: Some(Version(10, 10)),
    doc: "which algorithms it has",
    ..element("profile")
};
