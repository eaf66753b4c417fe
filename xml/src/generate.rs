//! Documents made from the schema's tables, steered by bytes: for fuzzing and for the tests.

use crate::schema::{Child, Content, Element, Namespace, Occurs, lxc, rfc};
use crate::value::Value;

/// Deepest nesting that is made; rows may contain themselves.
const DEPTH: usize = 8;
/// Most bytes of a document.
const BYTES: usize = 60_000;

/// A source of decisions: bytes first, then always the least.
#[derive(Debug)]
pub struct Generator<'a> {
    data: &'a [u8],
    out: String,
    names: usize,
}

impl<'a> Generator<'a> {
    /// Steered by `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, out: String::new(), names: 0 }
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
        self.element(root, 0);
        self.out.push('\n');
        std::mem::take(&mut self.out)
    }

    fn element(&mut self, row: &'static Element, depth: usize) {
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
                let value = self.value(attribute.value);
                self.out.push_str(&format!(" {}='{}'", attribute.name, escape(&value)));
            }
        }
        let before = self.out.len();
        self.out.push('>');
        match row.content {
            Content::Text(value) => self.text(value),
            Content::Children(children) => self.children(children, depth),
            Content::Either(value, children) => {
                if self.next().is_multiple_of(2) {
                    self.text(value)
                } else {
                    self.children(children, depth)
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

    fn children(&mut self, children: &'static [Child], depth: usize) {
        for child in children {
            let times = match child.occurs {
                Occurs::Required => 1,
                _ if depth >= DEPTH || self.out.len() > BYTES => usize::from(child.occurs.is_required()),
                Occurs::Optional => usize::from(self.next() % 4 == 3),
                Occurs::AtLeastOnce => 1 + usize::from(self.next() % 4 == 3),
                Occurs::Many => usize::from(self.next() % 8).saturating_sub(5),
            };
            for _ in 0..times {
                if self.next() % 2 == 1 {
                    self.out.push('\n');
                }
                self.element(child.element, depth + 1);
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

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}
