//! Sources of `<disk>` that are reached over a network, by protocol.

use super::patterns;
use super::reasons;
use crate::schema::values::{U32, YES_NO};
use crate::schema::{
    Content, Element, Support, Variants, element, ignored, many, maybe, once, optional, required, some,
};
use crate::value::Value;

pub(super) static DISK_SOURCE_4_NBD: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["nbd"])),
        optional("name", Value::Text),
        optional("tls", YES_NO),
        optional("tlsHostname", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_GLUSTER: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["gluster"])),
        required("name", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        some(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_RBD: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["rbd"])),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        optional("name", Value::Text),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        many(&HOST),
        maybe(&SNAPSHOT),
        maybe(&CONFIG),
        maybe(&super::common::AUTH),
        maybe(&super::disk_parts::ENCRYPTION),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_ISCSI: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["iscsi"])),
        required("name", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        maybe(&super::common::AUTH),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&super::common::INITIATOR),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_HTTP: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["http"])),
        required("name", Value::Text),
        optional("query", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&COOKIES),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
        maybe(&super::common::AUTH),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_HTTPS: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["https"])),
        required("name", Value::Text),
        optional("query", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&SSL),
        maybe(&COOKIES),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
        maybe(&super::common::AUTH),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_FTPS: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["ftps"])),
        required("name", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&SSL),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
        maybe(&super::common::AUTH),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_FTP: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["ftp"])),
        required("name", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
        maybe(&super::common::AUTH),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_SHEEPDOG: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["sheepdog", "tftp"])),
        required("name", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_VXHS: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["vxhs"])),
        required("name", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
        optional("tls", YES_NO),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_NFS: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["nfs"])),
        required("name", Value::Text),
        ignored("index", Value::Unsigned(1, u64::MAX), reasons::OUTPUT),
    ],
    content: Content::Children(&[
        maybe(&super::disk_source::SLICES),
        maybe(&super::disk_source::PRIVATEDATA),
        once(&HOST),
        once(&IDENTITY),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "protocol",
        absent: None,
        rows: &[
            (&["nbd"], &DISK_SOURCE_4_NBD),
            (&["gluster"], &DISK_SOURCE_4_GLUSTER),
            (&["rbd"], &DISK_SOURCE_4_RBD),
            (&["iscsi"], &DISK_SOURCE_4_ISCSI),
            (&["http"], &DISK_SOURCE_4_HTTP),
            (&["https"], &DISK_SOURCE_4_HTTPS),
            (&["ftps"], &DISK_SOURCE_4_FTPS),
            (&["ftp"], &DISK_SOURCE_4_FTP),
            (&["sheepdog", "tftp"], &DISK_SOURCE_4_SHEEPDOG),
            (&["vxhs"], &DISK_SOURCE_4_VXHS),
            (&["nfs"], &DISK_SOURCE_4_NFS),
        ],
    }),
    ..element("source")
};

pub(super) static HOST_TCP: Element = Element {
    attributes: &[
        optional("transport", Value::Choice(&["tcp", "rdma"])),
        required("name", Value::OneOf(&[Value::Pattern(&patterns::DNS_NAME), Value::Ip])),
        optional("port", U32),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("host")
};

pub(super) static HOST_UNIX: Element = Element {
    attributes: &[required("transport", Value::Choice(&["unix"])), required("socket", Value::AbsFilePath)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("host")
};

pub(super) static HOST: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "transport",
        absent: Some("tcp"),
        rows: &[(&["tcp", "rdma"], &HOST_TCP), (&["unix"], &HOST_UNIX)],
    }),
    support: Support::Ignored(reasons::NOTHING),
    ..element("host")
};

pub(super) static SNAPSHOT: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::GENERIC_NAME))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("snapshot")
};

pub(super) static CONFIG: Element = Element {
    attributes: &[required("file", Value::AbsFilePath)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("config")
};

pub(super) static COOKIES: Element = Element {
    content: Content::Children(&[some(&COOKIE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("cookies")
};

pub(super) static READAHEAD: Element = Element {
    attributes: &[required("size", Value::Unsigned(1, u64::MAX))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("readahead")
};

pub(super) static TIMEOUT: Element = Element {
    attributes: &[required("seconds", Value::Unsigned(1, u64::MAX))],
    support: Support::Ignored(reasons::NOTHING),
    ..element("timeout")
};

pub(super) static SSL: Element = Element {
    attributes: &[required("verify", YES_NO)],
    support: Support::Ignored(reasons::NOTHING),
    ..element("ssl")
};

pub(super) static IDENTITY: Element = Element {
    attributes: &[
        optional("user", Value::Pattern(&patterns::GENERIC_NAME)),
        optional("group", Value::Pattern(&patterns::GENERIC_NAME)),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("identity")
};

pub(super) static COOKIE: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::COOKIE_NAME))],
    content: Content::Text(Value::Pattern(&patterns::COOKIE)),
    support: Support::Ignored(reasons::NOTHING),
    ..element("cookie")
};
