//! What neither dialect can say: elements of `urn:browndog:domain:1`, below `<domain>`.

use super::values::LINE;
use super::{Attribute, Content, Element, Namespace, element, optional, required, text};
use crate::value::{Pattern, SocketFamily, Value};

const fn own(name: &'static str, attributes: &'static [Attribute], doc: &'static str) -> Element {
    Element { namespace: Namespace::Browndog, attributes, doc, ..element(name) }
}

/// The UTS name.
pub static HOSTNAME: Element = Element {
    namespace: Namespace::Browndog,
    doc: "the container's host name, where it is not the domain's name",
    ..text("hostname", Value::Hostname)
};
/// The system call filter.
pub static SECCOMP: Element =
    own("seccomp", &[required("profile", Value::Choice(&["default", "none"]))], "the system call filter");
/// A family of sockets.
pub static SOCKET: Element = own(
    "socket",
    &[required("family", Value::Choice(SocketFamily::WORDS))],
    "a family of sockets that the container may make, beside unix, inet, inet6 and netlink",
);
/// A whole system.
pub static SYSTEM: Element = own(
    "system",
    &[optional("state", Value::Choice(&["on", "off"]))],
    "the init is a whole system's, which mounts and manages: with an id map it gets the capabilities for it",
);
/// Whether programs may gain privilege by being executed.
pub static NO_NEW_PRIVS: Element = own(
    "no_new_privs",
    &[optional("state", Value::Choice(&["on", "off"]))],
    "'off': set-user-ID programs and file capabilities act, as su and sudo need it; 'on' is the default",
);
/// A process 1 of browndog's.
pub static INIT: Element = own(
    "init",
    &[optional("state", Value::Choice(&["on", "off"]))],
    "a small process 1 around the init: it waits for orphans and passes signals on",
);
/// A file system in memory.
pub static RAM: Element = own(
    "ram",
    &[
        required("target", Value::AbsFilePath),
        optional("mode", Value::Pattern(&MODE)),
        optional("size", Value::Choice(&["half"])),
    ],
    "of the file system of type 'ram' at this target: the mode of its top directory in octal digits, 1777 without; and \
     size='half', that it may hold half of the machine's memory, whatever its usage says, as tmpfs where no size is said",
);
/// A mount that need not be.
pub static OPTIONAL: Element = own(
    "optional",
    &[required("target", Value::AbsFilePath)],
    "the file system of type 'mount' at this target is left out where its source is not on the host",
);
/// The mask of new files' modes.
pub static UMASK: Element = own(
    "umask",
    &[required("mask", Value::Pattern(&UMASK_FORM))],
    "the umask of the init in octal digits; 022 without",
);
/// A group beside the init's own.
pub static GROUP: Element = own(
    "group",
    &[required("id", Value::Unsigned(0, 4_294_967_294))],
    "a supplementary group of the init, in the place of those that the container's group file gives its user",
);
/// A resource limit.
pub static RLIMIT: Element = own(
    "rlimit",
    &[required("name", RLIMITS), required("soft", LIMIT), required("hard", LIMIT)],
    "a resource limit of the first process",
);
/// A kernel parameter.
pub static SYSCTL: Element = own(
    "sysctl",
    &[required("name", Value::Pattern(&SYSCTL_NAME)), required("value", Value::Pattern(&LINE))],
    "a kernel parameter of the container's own namespaces",
);
/// A path to cover.
pub static MASK: Element =
    own("mask", &[required("path", Value::AbsFilePath)], "a path in the container that is covered");
/// A time namespace.
pub static TIME: Element = own(
    "time",
    &[optional("monotonic", SECONDS), optional("boottime", SECONDS)],
    "a time namespace with these offsets in seconds",
);
/// A bound on processes.
pub static PIDS: Element = own(
    "pids",
    &[required("limit", Value::Unsigned(1, 4_194_304))],
    "how many processes there may be at once",
);
/// A name server.
pub static NAMESERVER: Element = Element {
    namespace: Namespace::Browndog,
    attributes: &[required("address", Value::Ip)],
    content: Content::Empty,
    doc: "a name server for the container's resolver",
    ..element("nameserver")
};

/// `getrlimit(2)`, without `RLIMIT_`, in lower case.
const RLIMITS: Value = Value::Choice(&[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
]);
static UMASK_FORM: Pattern = Pattern::new("0?[0-7]{1,3}", "a mask in octal digits, such as 022 or 0077");
static MODE: Pattern = Pattern::new("0?[0-7]{3,4}", "a mode in octal digits, such as 1777 or 0750");
const LIMIT: Value = Value::Pattern(&LIMIT_FORM);
static LIMIT_FORM: Pattern = Pattern::new("[0-9]{1,19}|unlimited", "a number or 'unlimited'");
static SYSCTL_NAME: Pattern = Pattern::new(r"[a-z0-9_\-]+(\.[a-zA-Z0-9_\-]+)+", "a dotted parameter name");
const SECONDS: Value = Value::Integer(-4_294_967_295, 4_294_967_295);
