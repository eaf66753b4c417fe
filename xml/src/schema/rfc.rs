//! `<domain type='linuxcontainer'>`: the RFC of December 2007 and its two revisions.
//!
//! Three forms are one table here: everything in `<container>` or beside it, mounts as text or as
//! elements, gateway and name server inside `<ip>` or behind it.

use super::values::{U32, U64};
use super::{
    Attribute, Child, Content, Element, element, extension, ignored, many, maybe, optional, required, text,
};
use crate::value::Value;

/// The root.
pub static DOMAIN: Element = Element {
    attributes: &[
        required("type", Value::Choice(&["linuxcontainer"])),
        ignored("id", U32, "libvirt numbers what runs"),
    ],
    content: Content::Children(&[
        super::once(&NAME),
        maybe(&UUID),
        maybe(&CONTAINER),
        many(&FILESYSTEM),
        many(&MOUNT),
        many(&APPLICATION),
        maybe(&NETWORK),
        maybe(&CPUSHARE),
        maybe(&MEMORY),
        maybe(&DEVICES),
        many(&CONSOLE),
        maybe(&extension::HOSTNAME),
        maybe(&extension::SECCOMP),
        many(&extension::SOCKET),
        maybe(&extension::NO_NEW_PRIVS),
        maybe(&extension::INIT),
        many(&extension::RLIMIT),
        many(&extension::SYSCTL),
        many(&extension::MASK),
        maybe(&extension::TIME),
        maybe(&extension::PIDS),
        many(&extension::NAMESERVER),
    ]),
    doc: "one container",
    ..element("domain")
};

static NAME: Element = Element { doc: "the container's name", ..text("name", Value::DomainName) };
static UUID: Element = Element { doc: "its UUID, with or without dashes", ..text("uuid", Value::Uuid) };

/// What the RFC's first form wraps everything in.
pub static CONTAINER: Element = Element {
    content: Content::Children(&[
        many(&FILESYSTEM),
        many(&MOUNT),
        many(&APPLICATION),
        maybe(&NETWORK),
        maybe(&CPUSHARE),
        maybe(&MEMORY),
        many(&CONSOLE),
    ]),
    doc: "a wrapper without meaning of its own",
    ..element("container")
};

/// Either a wrapper of mounts (first and second form) or a mount (third form).
pub static FILESYSTEM: Element = Element {
    attributes: &[optional("type", Value::Choice(&["mount"]))],
    content: Content::Children(&[many(&MOUNT), maybe(&SOURCE), maybe(&TARGET)]),
    doc: "mounts, or one mount",
    ..element("filesystem")
};

static MOUNT: Element = Element {
    content: Content::Either(Value::MountPair, MOUNT_CHILDREN),
    doc: "TARGET = SOURCE: a directory of the host, mounted in the container",
    ..element("mount")
};
static MOUNT_CHILDREN: &[Child] = &[super::once(&SOURCE), super::once(&TARGET)];

static SOURCE: Element = Element { attributes: DIR, doc: "a directory of the host", ..element("source") };
static TARGET: Element =
    Element { attributes: DIR, doc: "where it appears in the container", ..element("target") };
static DIR: &[Attribute] = &[required("dir", Value::AbsPath)];

static APPLICATION: Element =
    Element { doc: "a program to run, and its arguments", ..text("application", Value::NonEmpty) };

static NETWORK: Element = Element {
    attributes: &[optional("hostname", Value::Hostname)],
    content: Content::Children(&[many(&IP), maybe(&GATEWAY), many(&NAMESERVER)]),
    doc: "the container's own network",
    ..element("network")
};

static IP: Element = Element {
    attributes: &[required("address", Value::Ip), required("netmask", Value::Netmask)],
    content: Content::Children(&[maybe(&GATEWAY), many(&NAMESERVER)]),
    doc: "an address of the container",
    ..element("ip")
};

static GATEWAY: Element =
    Element { attributes: &[required("address", Value::Ip)], doc: "the default route", ..element("gateway") };

static NAMESERVER: Element = Element {
    attributes: &[optional("address", Value::Ip)],
    content: Content::Text(Value::Text),
    doc: "a name server for the container's resolver",
    ..element("nameserver")
};

static CPUSHARE: Element = Element {
    doc: "its share of the CPU, relative to others",
    ..text("cpushare", Value::Unsigned(2, 262_144))
};

static MEMORY: Element = Element {
    attributes: &[optional("unit", Value::Unit)],
    doc: "how much memory it may use, in KiB",
    ..text("memory", U64)
};

/// Where the first form has the console.
pub static DEVICES: Element =
    Element { content: Content::Children(&[many(&CONSOLE)]), doc: "consoles", ..element("devices") };

static CONSOLE: Element = Element {
    attributes: &[optional("tty", Value::AbsPath)],
    doc: "a terminal; @tty names one of the host",
    ..element("console")
};
