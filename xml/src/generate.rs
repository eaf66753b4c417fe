//! Documents made from the schema's tables, steered by bytes: for fuzzing and for the tests.

use std::ops::Range;

use crate::events::ranges;
use crate::read;
use crate::schema::{Attribute, Child, Content, Element, Namespace, Occurs, lxc, rfc};
use crate::source::Source;
use crate::value::Value;

/// Deepest nesting that is made; rows may contain themselves.
const DEPTH: usize = 8;
/// Most bytes of a document.
const BYTES: usize = 60_000;

/// Parts that may be left out by the tables, and may not by the rules.
pub const COMPANY: &[(&str, &str)] = &[
    ("domain", "application"),
    ("os", "init"),
    ("resource", "partition"),
    ("disk", "source"),
    ("filesystem", "source"),
    ("filesystem", "target"),
    ("video", "model"),
    ("cpu", "model"),
];

/// Values whose table takes more than their rule does: element around, element, attribute or text.
const WORDS: &[(&str, &str, &str, &[&str])] = &[
    ("domain", "memory", "", &["65536", "1000000"]),
    ("domain", "memory", "unit", &["KiB", "k", "bytes"]),
    ("os", "init", "", &["/sbin/init", "/bin/sh"]),
    ("interface", "model", "type", &["virtio", "e1000"]),
    ("seclabel", "seclabel", "model", &["selinux", "apparmor", "dac"]),
];

/// How often what is refused is taken out of a document before it is given up.
const ROUNDS: usize = 8;

/// A source of decisions: bytes first, then always the least.
#[derive(Debug)]
pub struct Generator<'a> {
    data: &'a [u8],
    out: String,
    names: usize,
    /// Paths that stand for those of the host.
    host: &'a [&'a str],
}

impl<'a> Generator<'a> {
    /// Steered by `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, out: String::new(), names: 0, host: &[] }
    }

    /// What documents name of the host is one of `paths`.
    pub fn of_host(self, paths: &'a [&'a str]) -> Self {
        Self { host: paths, ..self }
    }

    fn next(&mut self) -> u8 {
        match self.data.split_first() {
            Some((&first, rest)) => {
                self.data = rest;
                first
            }
            None => 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        let number = if bound > 256 {
            usize::from(self.next()) << 8 | usize::from(self.next())
        } else {
            usize::from(self.next())
        };
        number % bound.max(1)
    }

    /// A document that has the shape the tables ask for.
    pub fn document(&mut self) -> String {
        self.out.clear();
        let root: &'static Element = if self.next() % 4 == 3 { &rfc::DOMAIN } else { &lxc::DOMAIN };
        self.element(root, "", 0);
        self.out.push('\n');
        std::mem::take(&mut self.out)
    }

    /// A document that is accepted, but for one in a hundred: what a rule refuses is taken out again.
    pub fn acceptable(&mut self) -> String {
        let mut text = self.document();
        for round in 0..ROUNDS {
            let source = Source::new("made.xml", text);
            let report = read(&source).report;
            text = String::from_utf8(source.into_bytes()).unwrap_or_default();
            // A fault that stays is taken out with what is around it.
            let mut out: Vec<Range<usize>> = report
                .errors()
                .flat_map(|error| around(&text, error.span.start as usize, round / 2))
                .collect();
            if out.is_empty() {
                break;
            }
            out.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
            out.dedup_by(|next, kept| next.start < kept.end);
            for range in out.into_iter().rev() {
                text.replace_range(range, "");
            }
        }
        text
    }

    fn element(&mut self, row: &'static Element, around: &'static str, depth: usize) {
        let mut row = row;
        while let Content::Variants(variants) = row.content {
            row = variants.rows[self.below(variants.rows.len())].1;
        }
        let name = match row.namespace {
            Namespace::None => row.name.to_owned(),
            Namespace::Lxc => format!("lxc:{}", row.name),
            Namespace::Browndog => format!("browndog:{}", row.name),
            Namespace::Foreign(prefix) => format!("{prefix}:{}", row.name),
        };
        self.out.push('<');
        self.out.push_str(&name);
        if depth == 0 {
            self.out.push_str(" xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0' xmlns:browndog='urn:browndog:domain:1'");
            for driver in ["qemu", "xen", "bhyve", "vmware"] {
                self.out
                    .push_str(&format!(" xmlns:{driver}='http://libvirt.org/schemas/domain/{driver}/1.0'"));
            }
        }
        for attribute in row.attributes {
            if attribute.required || self.next() % 3 == 2 {
                let value = self.attribute(around, row.name, attribute);
                self.out.push_str(&format!(" {}='{}'", attribute.name, escape(&value)));
            }
        }
        let before = self.out.len();
        self.out.push('>');
        match row.content {
            Content::Text(value) => {
                let text = self.words(around, row.name, "").unwrap_or_else(|| self.value(value));
                self.out.push_str(&escape(&text));
            }
            Content::Children(children) => self.children(row.name, children, depth),
            Content::Either(value, children) => {
                if self.next().is_multiple_of(2) {
                    self.text(value)
                } else {
                    self.children(row.name, children, depth)
                }
            }
            Content::Foreign => self.out.push_str("<other>metadata</other>"),
            Content::Empty | Content::Variants(_) => {}
        }
        if self.out.len() == before + 1 && self.next().is_multiple_of(2) {
            self.out.truncate(before);
            self.out.push_str("/>");
        } else {
            self.out.push_str(&format!("</{name}>"));
        }
    }

    fn text(&mut self, value: Value) {
        let text = self.value(value);
        self.out.push_str(&escape(&text));
    }

    /// A value of [`WORDS`].
    fn words(&mut self, around: &str, element: &str, what: &str) -> Option<String> {
        let known = |it: &&(&str, &str, &str, _)| {
            (it.0 == around || it.0 == element) && it.1 == element && it.2 == what
        };
        let (.., words) = WORDS.iter().find(known)?;
        Some(words[self.below(words.len())].to_owned())
    }

    /// An attribute's value: one that its rule takes, where that is known.
    fn attribute(&mut self, around: &str, element: &str, attribute: &Attribute) -> String {
        if let Some(word) = self.words(around, element, attribute.name) {
            return word;
        }
        let of_host = element == "source" && matches!(attribute.value, Value::AbsPath | Value::AbsFilePath);
        if of_host && !self.host.is_empty() {
            return self.host[self.below(self.host.len())].to_owned();
        }
        self.value(attribute.value)
    }

    fn children(&mut self, around: &'static str, children: &'static [Child], depth: usize) {
        let mut before = 0;
        for child in children {
            let times = match child.occurs {
                Occurs::Required | Occurs::Implied => 1,
                Occurs::Optional | Occurs::Many if COMPANY.contains(&(around, child.element.name)) => 1,
                // Both or neither.
                _ if child.element.name == "initgroup" => before,
                _ if depth >= DEPTH || self.out.len() > BYTES => usize::from(child.occurs.is_required()),
                Occurs::Optional | Occurs::InParts => usize::from(self.next() % 4 == 3),
                Occurs::AtLeastOnce => 1 + usize::from(self.next() % 4 == 3),
                Occurs::Many => usize::from(self.next() % 8).saturating_sub(5),
            };
            before = times;
            for _ in 0..times {
                if self.next() % 2 == 1 {
                    self.out.push('\n');
                }
                self.element(child.element, around, depth + 1);
            }
        }
    }

    /// A text that is such a value; where no example is known, one that the type itself accepts.
    fn value(&mut self, value: Value) -> String {
        self.names += 1;
        let name = self.names;
        match value {
            Value::Text | Value::NonEmpty => {
                ["one", "a & b", "<x>", "é", "]]>", "' \"", "/p"][self.below(7)].to_owned()
            }
            Value::Choice(words) => words[self.below(words.len())].to_owned(),
            Value::Empty => String::new(),
            Value::OneOf(types) => {
                let chosen = types[self.below(types.len())];
                self.value(chosen)
            }
            Value::Unsigned(low, high) => match self.next() % 3 {
                0 => low.to_string(),
                1 => high.to_string(),
                _ => low.midpoint(high.min(low.saturating_add(1 << 20))).to_string(),
            },
            Value::Integer(low, high) => [low, high, low.midpoint(high)][self.below(3)].to_string(),
            Value::Pattern(pattern) => pattern.example(self.next()),
            Value::DomainName => format!("name-{name}"),
            Value::Uuid => "c7a5fdbd-edaf-9455-926a-d65c16db1809".to_owned(),
            Value::AbsPath | Value::AbsFilePath => format!("/path/{name}"),
            Value::Unit => ["KiB", "b", "MB", "g", "TiB"][self.below(5)].to_owned(),
            Value::IdSet => ["0-3,^2", "1", "0,2,4-5"][self.below(3)].to_owned(),
            Value::MacAddr => "52:54:00:12:34:56".to_owned(),
            Value::Ip => ["192.0.2.1", "2001:db8::1", "10.0.0.0"][self.below(3)].to_owned(),
            Value::Netmask => ["255.255.255.0", "255.0.0.0", "0.0.0.0"][self.below(3)].to_owned(),
            Value::Hostname => "box.example".to_owned(),
            Value::InterfaceName => format!("eth{}", name % 1000),
            Value::Account => ["root", "+1000"][self.below(2)].to_owned(),
            Value::MountPair => format!("/in/{name} = /out/{name}"),
        }
    }

    /// `text` with a few places damaged.
    pub fn hurt(&mut self, text: &str) -> String {
        let mut out = text.to_owned();
        for _ in 0..1 + self.next() % 4 {
            let at = out.floor_char_boundary(self.below(out.len().max(1)));
            let end = out.floor_char_boundary((at + self.below(40)).min(out.len())).max(at);
            let piece = [
                "",
                "<",
                ">",
                "/",
                "&",
                "\"",
                "'",
                "<!--",
                "]]>",
                "<![CDATA[",
                "</",
                "xmlns:",
                "\u{0}",
                "é",
                "<?x",
                "=",
            ];
            match self.next() % 3 {
                0 => out.replace_range(at..end, ""),
                1 => out.insert_str(at, piece[self.below(piece.len())]),
                _ => {
                    let copy = out[at..end].to_owned();
                    out.insert_str(at, &copy);
                }
            }
        }
        out
    }
}

/// The element that `at` stands in, or the one so many levels around it; never the document's own.
fn around(text: &str, at: usize, levels: usize) -> Option<Range<usize>> {
    let mut found: Vec<Range<usize>> = ranges(text).into_iter().filter(|range| range.contains(&at)).collect();
    // Nearest last, the root first.
    found.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let inner = found.len().checked_sub(1 + levels)?;
    (inner > 0).then(|| found[inner].clone())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}
