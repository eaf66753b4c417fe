//! Sources of `<disk>` that are reached over a network, by protocol.

use super::disk_source::source;
use super::shapes::{INDEX, inert};
use super::{common, disk_parts, patterns, reasons};
use crate::schema::values::{U32, YES_NO};
use crate::schema::{
    Attribute, Content, Element, Variants, Version, element, many, maybe, once, optional, required, some,
};
use crate::value::Value;

const NAME: Attribute = required("name", Value::Text);
const QUERY: Attribute = optional("query", Value::Text);
const TLS: Attribute = optional("tls", YES_NO);

/// A source by one protocol.
macro_rules! protocol {
    ([$($word:literal),*], [$($attribute:expr),*], [$($own:expr),* $(,)?], $doc:literal) => {
        Element {
            attributes: &[required("protocol", Value::Choice(&[$($word),*])), $($attribute),*],
            content: source![$($own),*],
            doc: $doc,
            ..element("source")
        }
    };
}

static NBD: Element = protocol!(
    ["nbd"],
    [optional("name", Value::Text), TLS, optional("tlsHostname", Value::Text), INDEX],
    [once(&HOST), maybe(&NBD_RECONNECT), maybe(&disk_parts::ENCRYPTION)],
    "an export of a network block device's server"
);
static GLUSTER: Element = protocol!(
    ["gluster"],
    [NAME, INDEX],
    [some(&HOST), maybe(&disk_parts::ENCRYPTION)],
    "an image on a Gluster volume"
);
static RBD: Element = protocol!(
    ["rbd"],
    [INDEX, optional("name", Value::Text)],
    [many(&HOST), maybe(&SNAPSHOT), maybe(&CONFIG), maybe(&common::AUTH), maybe(&disk_parts::ENCRYPTION),],
    "an image of a Ceph cluster"
);
static ISCSI: Element = protocol!(
    ["iscsi"],
    [NAME, INDEX],
    [once(&HOST), maybe(&common::AUTH), maybe(&disk_parts::ENCRYPTION), maybe(&common::INITIATOR)],
    "a logical unit of an iSCSI target"
);
static HTTP: Element = protocol!(
    ["http"],
    [NAME, QUERY, INDEX],
    [
        once(&HOST),
        maybe(&disk_parts::ENCRYPTION),
        maybe(&COOKIES),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
        maybe(&common::AUTH),
    ],
    "a file of a web server"
);
static HTTPS: Element = protocol!(
    ["https"],
    [NAME, QUERY, INDEX],
    [
        once(&HOST),
        maybe(&disk_parts::ENCRYPTION),
        maybe(&SSL),
        maybe(&COOKIES),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
        maybe(&common::AUTH),
    ],
    "a file of a web server, over an encrypted connection"
);
static FTPS: Element = protocol!(
    ["ftps"],
    [NAME, INDEX],
    [
        once(&HOST),
        maybe(&disk_parts::ENCRYPTION),
        maybe(&SSL),
        maybe(&READAHEAD),
        maybe(&TIMEOUT),
        maybe(&common::AUTH),
    ],
    "a file of an FTP server, over an encrypted connection"
);
static FTP: Element = protocol!(
    ["ftp"],
    [NAME, INDEX],
    [once(&HOST), maybe(&disk_parts::ENCRYPTION), maybe(&READAHEAD), maybe(&TIMEOUT), maybe(&common::AUTH),],
    "a file of an FTP server"
);
static SSH: Element = Element {
    since: Some(Version(9, 8)),
    ..protocol!(
        ["ssh"],
        [NAME, INDEX],
        [
            once(&HOST),
            maybe(&disk_parts::ENCRYPTION),
            maybe(&READAHEAD),
            maybe(&TIMEOUT),
            maybe(&KNOWNHOSTS),
            maybe(&SSH_IDENTITY),
            maybe(&common::AUTH),
        ],
        "a file of a machine that is reached by SSH"
    )
};
static SHEEPDOG: Element = protocol!(
    ["sheepdog", "tftp"],
    [NAME, INDEX],
    [once(&HOST), maybe(&disk_parts::ENCRYPTION), maybe(&READAHEAD), maybe(&TIMEOUT)],
    "an image of a Sheepdog cluster, or a file of a TFTP server"
);
static VXHS: Element =
    protocol!(["vxhs"], [NAME, INDEX, TLS], [once(&HOST)], "a volume of a Veritas HyperScale server");
static NFS: Element =
    protocol!(["nfs"], [NAME, INDEX], [once(&HOST), maybe(&IDENTITY)], "a file of an NFS server");

pub(super) static NETWORK: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "protocol",
        absent: None,
        rows: &[
            (&["nbd"], &NBD),
            (&["gluster"], &GLUSTER),
            (&["rbd"], &RBD),
            (&["iscsi"], &ISCSI),
            (&["http"], &HTTP),
            (&["https"], &HTTPS),
            (&["ftps"], &FTPS),
            (&["ftp"], &FTP),
            (&["ssh"], &SSH),
            (&["sheepdog", "tftp"], &SHEEPDOG),
            (&["vxhs"], &VXHS),
            (&["nfs"], &NFS),
        ],
    }),
    doc: "a source that is reached over the network",
    ..element("source")
};

static HOST_TCP: Element = Element {
    attributes: &[
        optional("transport", Value::Choice(&["tcp", "rdma"])),
        required("name", Value::OneOf(&[Value::Pattern(&patterns::DNS_NAME), Value::Ip])),
        optional("port", U32),
    ],
    ..inert("host", reasons::NOTHING, "the server, by name or address")
};
static HOST_UNIX: Element = Element {
    attributes: &[required("transport", Value::Choice(&["unix"])), required("socket", Value::AbsFilePath)],
    ..inert("host", reasons::NOTHING, "the server, by a socket of this host")
};
static HOST: Element = Element {
    content: Content::Variants(&Variants {
        attribute: "transport",
        absent: Some("tcp"),
        rows: &[(&["tcp", "rdma"], &HOST_TCP), (&["unix"], &HOST_UNIX)],
    }),
    ..inert("host", reasons::NOTHING, "the server")
};
static NBD_RECONNECT: Element = Element { since: Some(Version(9, 2)), ..common::RECONNECT_ROW };
static SNAPSHOT: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::GENERIC_NAME))],
    ..inert("snapshot", reasons::NOTHING, "the state of the image that is used")
};
static CONFIG: Element = Element {
    attributes: &[required("file", Value::AbsFilePath)],
    ..inert("config", reasons::NOTHING, "the cluster's configuration file")
};
static COOKIES: Element = Element {
    content: Content::Children(&[some(&COOKIE)]),
    ..inert("cookies", reasons::NOTHING, "what is sent along to the web server")
};
static COOKIE: Element = Element {
    attributes: &[required("name", Value::Pattern(&patterns::COOKIE_NAME))],
    content: Content::Text(Value::Pattern(&patterns::COOKIE)),
    ..inert("cookie", reasons::NOTHING, "one cookie")
};
static READAHEAD: Element = Element {
    attributes: &[required("size", Value::Unsigned(1, u64::MAX))],
    ..inert("readahead", reasons::NOTHING, "how many bytes are read ahead")
};
static TIMEOUT: Element = Element {
    attributes: &[required("seconds", Value::Unsigned(1, u64::MAX))],
    ..inert("timeout", reasons::NOTHING, "how long an answer is waited for")
};
static SSL: Element = Element {
    attributes: &[required("verify", YES_NO)],
    ..inert("ssl", reasons::NOTHING, "whether the server's certificate is looked at")
};
static IDENTITY: Element = Element {
    attributes: &[
        optional("user", Value::Pattern(&patterns::GENERIC_NAME)),
        optional("group", Value::Pattern(&patterns::GENERIC_NAME)),
    ],
    ..inert("identity", reasons::NOTHING, "who asks, for the server")
};
static SSH_IDENTITY: Element = Element {
    attributes: &[
        required("username", Value::Pattern(&patterns::GENERIC_NAME)),
        optional("keyfile", Value::AbsFilePath),
        optional("agentsock", Value::AbsFilePath),
    ],
    ..inert("identity", reasons::NOTHING, "the account, and the key or the agent that proves it")
};
static KNOWNHOSTS: Element = Element {
    attributes: &[required("path", Value::AbsFilePath)],
    ..inert("knownHosts", reasons::NOTHING, "the file with the keys of known servers")
};
