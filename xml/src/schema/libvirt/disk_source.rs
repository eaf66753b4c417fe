//! Sources of `<disk>`.

use super::patterns;
use super::reasons;
use super::words;
use crate::schema::values::{ON_OFF, U32, U64, YES_NO};
use crate::schema::{
    Content, Element, Support, Variants, element, many, maybe, once, optional, required, some,
};
use crate::value::Value;

pub(super) static SOURCE: Element = Element {
    attributes: &[
        optional("file", Value::OneOf(&[Value::AbsFilePath, Value::Pattern(&patterns::FILE)])),
        optional("fdgroup", Value::Text),
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"])),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
        many(&super::common::SECLABEL),
    ]),
    ..element("source")
};

pub(super) static BACKINGSTORE_FILE: Element = Element {
    attributes: &[
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("type", Value::Choice(&["file"])),
    ],
    content: Content::Children(&[maybe(&SOURCE), maybe(&BACKINGSTORE), maybe(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_BLOCK: Element = Element {
    attributes: &[
        optional("index", Value::Unsigned(1, u64::MAX)),
        required("type", Value::Choice(&["block"])),
    ],
    content: Content::Children(&[maybe(&DISK_SOURCE_5), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_DIR: Element = Element {
    attributes: &[optional("index", Value::Unsigned(1, u64::MAX)), required("type", Value::Choice(&["dir"]))],
    content: Content::Children(&[maybe(&DISK_SOURCE), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_NETWORK: Element = Element {
    attributes: &[
        optional("index", Value::Unsigned(1, u64::MAX)),
        required("type", Value::Choice(&["network"])),
    ],
    content: Content::Children(&[once(&DISK_SOURCE_4), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_VOLUME: Element = Element {
    attributes: &[
        optional("index", Value::Unsigned(1, u64::MAX)),
        required("type", Value::Choice(&["volume"])),
    ],
    content: Content::Children(&[maybe(&DISK_SOURCE_6), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_NVME: Element = Element {
    attributes: &[
        optional("index", Value::Unsigned(1, u64::MAX)),
        required("type", Value::Choice(&["nvme"])),
    ],
    content: Content::Children(&[maybe(&DISK_SOURCE_2), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE_VHOSTUSER: Element = Element {
    attributes: &[
        optional("index", Value::Unsigned(1, u64::MAX)),
        required("type", Value::Choice(&["vhostuser"])),
    ],
    content: Content::Children(&[once(&DISK_SOURCE_3), maybe(&BACKINGSTORE), once(&FORMAT)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static BACKINGSTORE: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "type",
        absent: Some("file"),
        rows: &[
            (&["file"], &BACKINGSTORE_FILE),
            (&["block"], &BACKINGSTORE_BLOCK),
            (&["dir"], &BACKINGSTORE_DIR),
            (&["network"], &BACKINGSTORE_NETWORK),
            (&["volume"], &BACKINGSTORE_VOLUME),
            (&["nvme"], &BACKINGSTORE_NVME),
            (&["vhostuser"], &BACKINGSTORE_VHOSTUSER),
        ],
    }),
    support: Support::Ignored(reasons::NOTHING),
    ..element("backingStore")
};

pub(super) static DISK_SOURCE: Element = Element {
    attributes: &[
        required("dir", Value::AbsFilePath),
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"])),
    ],
    content: Content::Children(&[maybe(&SLICES), maybe(&PRIVATEDATA), maybe(&super::disk_parts::ENCRYPTION)]),
    ..element("source")
};

pub(super) static DISK_SOURCE_2: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["pci"])),
        required("namespace", Value::Pattern(&patterns::UINT32)),
        optional("managed", YES_NO),
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"])),
    ],
    content: Content::Children(&[
        once(&ADDRESS),
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_3: Element = Element {
    attributes: &[required("type", Value::Choice(&["unix"])), required("path", Value::AbsFilePath)],
    content: Content::Children(&[maybe(&super::common::RECONNECT)]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_NBD: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["nbd"])),
        optional("name", Value::Text),
        optional("tls", YES_NO),
        optional("tlsHostname", Value::Text),
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        once(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_GLUSTER: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["gluster"])),
        required("name", Value::Text),
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        some(&HOST),
        maybe(&super::disk_parts::ENCRYPTION),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_RBD: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["rbd"])),
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("name", Value::Text),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
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
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
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
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
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
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
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
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
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
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
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
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
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
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("tls", YES_NO),
    ],
    content: Content::Children(&[maybe(&SLICES), maybe(&PRIVATEDATA), once(&HOST)]),
    ..element("source")
};

pub(super) static DISK_SOURCE_4_NFS: Element = Element {
    attributes: &[
        required("protocol", Value::Choice(&["nfs"])),
        required("name", Value::Text),
        optional("index", Value::Unsigned(1, u64::MAX)),
    ],
    content: Content::Children(&[maybe(&SLICES), maybe(&PRIVATEDATA), once(&HOST), once(&IDENTITY)]),
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

pub(super) static DISK_SOURCE_5: Element = Element {
    attributes: &[
        optional("dev", Value::OneOf(&[Value::AbsFilePath, Value::Pattern(&patterns::DEVICE_NAME)])),
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"])),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
        maybe(&RESERVATIONS),
        many(&super::common::SECLABEL),
    ]),
    ..element("source")
};

pub(super) static DISK_SOURCE_6: Element = Element {
    attributes: &[
        required("pool", Value::Pattern(&patterns::OBJECT_NAME)),
        required("volume", Value::Pattern(&patterns::VOLUME_NAME)),
        optional("mode", Value::Choice(&["host", "direct"])),
        optional("index", Value::Unsigned(1, u64::MAX)),
        optional("startupPolicy", Value::Choice(&["mandatory", "requisite", "optional"])),
    ],
    content: Content::Children(&[
        maybe(&SLICES),
        maybe(&PRIVATEDATA),
        maybe(&super::disk_parts::ENCRYPTION),
        many(&super::common::SECLABEL),
    ]),
    ..element("source")
};

pub(super) static SLICES: Element = Element {
    content: Content::Children(&[once(&SLICE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("slices")
};

pub(super) static PRIVATEDATA: Element =
    Element { support: Support::Ignored(reasons::NOTHING), ..element("privateData") };

pub(super) static FORMAT: Element = Element {
    attributes: &[required("type", words::WORDS_RAW)],
    content: Content::Children(&[maybe(&METADATA_CACHE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("format")
};

pub(super) static ADDRESS: Element = Element {
    attributes: &[
        optional("domain", Value::Pattern(&patterns::UINT32)),
        optional("bus", Value::Pattern(&patterns::UINT8)),
        optional("slot", Value::Pattern(&patterns::PCI_SLOT)),
        optional("function", Value::Pattern(&patterns::PCI_FUNCTION)),
        optional("multifunction", ON_OFF),
    ],
    support: Support::Ignored(reasons::BUS),
    ..element("address")
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

pub(super) static RESERVATIONS: Element = Element {
    attributes: &[optional("managed", YES_NO)],
    content: Content::Children(&[maybe(&super::common::SOURCE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("reservations")
};

pub(super) static SLICE: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["storage"])),
        required("offset", U32),
        required("size", Value::Unsigned(1, u64::MAX)),
    ],
    support: Support::Ignored(reasons::NOTHING),
    ..element("slice")
};

pub(super) static METADATA_CACHE: Element = Element {
    content: Content::Children(&[maybe(&MAX_SIZE)]),
    support: Support::Ignored(reasons::NOTHING),
    ..element("metadata_cache")
};

pub(super) static COOKIE: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::COOKIE_NAME))],
    content: Content::Text(Value::Pattern(&patterns::COOKIE)),
    support: Support::Ignored(reasons::NOTHING),
    ..element("cookie")
};

pub(super) static MAX_SIZE: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    content: Content::Text(U64),
    support: Support::Ignored(reasons::NOTHING),
    ..element("max_size")
};
