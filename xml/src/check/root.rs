//! The root: whether this is a container's domain, and in which dialect.

use super::{Checker, Sink};
use crate::codes::Code;
use crate::domain::Dialect;
use crate::report::Diagnostic;
use crate::schema::{self, Element};
use crate::source::{EncodingFault, Span};
use crate::value::quoted;

/// How far the root element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// Not seen yet.
    Awaited,
    /// Open.
    Open,
    /// Closed.
    Closed,
    /// There is none, and that was said.
    Missing,
}

/// libvirt's other drivers: the word in `domain/@type`, and what it makes.
const DRIVERS: &[(&str, &str)] = &[
    ("qemu", "an emulated machine (QEMU)"),
    ("kqemu", "an accelerated machine (kqemu)"),
    ("kvm", "a virtual machine (KVM)"),
    ("hvf", "a virtual machine (macOS Hypervisor.framework)"),
    ("xen", "a Xen guest"),
    ("uml", "a User Mode Linux guest"),
    ("openvz", "a container of OpenVZ"),
    ("vz", "a guest of Virtuozzo"),
    ("parallels", "a guest of Parallels"),
    ("test", "a guest of libvirt's mock driver"),
    ("vmware", "a VMware guest"),
    ("hyperv", "a Hyper-V guest"),
    ("vbox", "a VirtualBox guest"),
    ("phyp", "a guest of IBM's POWER hypervisor"),
    ("bhyve", "a bhyve guest"),
];

impl<S: Sink> Checker<'_, S> {
    /// The row for a root of this name, or why there is none.
    pub(super) fn root_row(&mut self, name: Span) -> Option<(Dialect, &'static Element)> {
        let shown = self.name(name).to_owned();
        let span = Span { start: name.start - 1, end: name.end };
        if shown != "domain" {
            let help = match shown.as_str() {
                "network" | "pool" | "volume" | "storagepool" | "nwfilter" | "secret" | "interface" => {
                    "this is another kind of libvirt document"
                }
                "domstatus" => "this is libvirt's status file; the domain is inside it",
                "domainsnapshot" | "domainbackup" | "domaincheckpoint" => {
                    "the domain itself is another document"
                }
                "html" => "this is a web page",
                _ => "a container is described by <domain type='lxc'> or <domain type='linuxcontainer'>",
            };
            let fault = Diagnostic::error(
                Code::NotADomain,
                span,
                format!("the document is a <{shown}>, not a <domain>"),
            );
            self.push(fault.path(format!("/{shown}")).help(help));
            return None;
        }
        let raw = self.raw.iter().find(|raw| self.lexer.bytes(raw.name) == b"type").copied();
        let Some(raw) = raw else {
            let fault = Diagnostic::error(Code::MissingAttribute, span, "<domain> has no attribute 'type'");
            self.push(
                fault
                    .path("/domain/@type")
                    .help("write type='lxc', or type='linuxcontainer' for the form of 2008"),
            );
            return None;
        };
        let value = self.attribute_value(&raw);
        match &*value {
            "lxc" => return Some((Dialect::Lxc, &schema::lxc::DOMAIN)),
            "linuxcontainer" => return Some((Dialect::LinuxContainer, &schema::rfc::DOMAIN)),
            _ if raw.faulty => return Some((Dialect::Lxc, &schema::lxc::DOMAIN)),
            _ => {}
        }
        let span = Span { start: raw.name.start, end: raw.value.end + 1 };
        let fault = match DRIVERS.iter().find(|(word, _)| *word == value) {
            Some((word, what)) => Diagnostic::error(
                Code::OtherDriver,
                span,
                format!("this is a {word} domain: {what}, not a container of this kind"),
            )
            .help("a Linux container has type='lxc'"),
            None if value.is_empty() => {
                Diagnostic::error(Code::EmptyValue, span, "@type of <domain>: the value is empty")
                    .help("write type='lxc', or type='linuxcontainer' for the form of 2008")
            }
            None => Diagnostic::error(
                Code::NotAChoice,
                span,
                format!("@type of <domain>: {} is no kind of domain", quoted(&value)),
            )
            .help("write type='lxc', or type='linuxcontainer' for the form of 2008"),
        };
        self.push(fault.path("/domain/@type"));
        None
    }

    /// The document holds nothing.
    pub(super) fn no_root(&mut self) {
        let text = "the document holds no element";
        let fault = Diagnostic::error(Code::NoRoot, Span::default(), text).path("/");
        self.push(
            fault.help("a container is described by <domain type='lxc'> or <domain type='linuxcontainer'>"),
        );
    }

    /// The document begins with something that is not an element.
    pub(super) fn no_root_but(&mut self, span: Span) {
        let text = self.text[span.start as usize..].trim_start();
        let what = match text.as_bytes() {
            [0x7F, b'E', b'L', b'F', ..] => "this is a program, not XML",
            [b'{' | b'[', ..] => "this is JSON, not XML",
            [b'-', b'-', b'-', ..] => "this is YAML, not XML",
            bytes if bytes.starts_with(b"lxc.") || bytes.starts_with(b"# ") && text.contains("\nlxc.") => {
                "this is an LXC configuration, not XML"
            }
            bytes if bytes.starts_with(b"&lt;") => "the markup is escaped: '&lt;' stands for '<' in here",
            _ => "the document does not begin with an element",
        };
        let ends = |&(_, it): &(usize, char)| it.is_whitespace() || it == '<';
        let first = text.char_indices().skip(1).find(ends).map_or(text.len(), |(at, _)| at);
        let first = first.min(crate::limits::QUOTED_BYTES);
        let end = span.start as usize + text.floor_char_boundary(first.max(1));
        let fault = Diagnostic::error(Code::NoRoot, Span::new(span.start as usize, end), what).path("/");
        self.push(match what {
            "this is an LXC configuration, not XML" => {
                fault.help("'browndog convert --from lxc.conf' makes a domain of it")
            }
            _ => fault
                .help("a container is described by <domain type='lxc'> or <domain type='linuxcontainer'>"),
        });
    }

    /// The document is not a text.
    #[cold]
    pub(super) fn encoding(&mut self, (at, fault): (u32, EncodingFault)) {
        let (code, message, help) = match fault {
            EncodingFault::NotUtf8 => {
                (Code::NotUtf8, "from here on the bytes are not UTF-8", "convert the document to UTF-8")
            }
            EncodingFault::Utf16 => (Code::NotUtf8, "the document is UTF-16", "convert it to UTF-8"),
            EncodingFault::Utf32 => (Code::NotUtf8, "the document is UTF-32", "convert it to UTF-8"),
            EncodingFault::TooLong => {
                (Code::Limit, "the document is longer than 128 MiB", "no container needs as much")
            }
        };
        let start = self.text.floor_char_boundary(at as usize);
        let end = self.text[start..].chars().next().map_or(start, |it| start + it.len_utf8());
        self.report.push(Diagnostic::error(code, Span::new(start, end), message).path("/").help(help));
    }
}
