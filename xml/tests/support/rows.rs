//! Rows of the tables, which of them a document uses, and documents that use one.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use browndog_xml::generate::COMPANY;
use browndog_xml::schema::{Attribute, Content, Element, Namespace, Support, lxc, rfc, walk};
use browndog_xml::value::Value;

use super::scan::{self, elements};

/// An element's row, or one of its attributes, by the path that leads there first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    path: String,
    attribute: Option<&'static str>,
    /// Where the element's row is: its identity, as names are shared.
    at: usize,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attribute {
            Some(attribute) => write!(f, "{}/@{attribute}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

fn address(element: &'static Element) -> usize {
    std::ptr::from_ref(element).addr()
}

/// How the nearest way from a root to each row goes.
fn ways() -> &'static [Vec<&'static Element>] {
    static WAYS: LazyLock<Vec<Vec<&'static Element>>> = LazyLock::new(find_ways);
    &WAYS
}

fn find_ways() -> Vec<Vec<&'static Element>> {
    let mut known: Vec<Vec<&'static Element>> = Vec::new();
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        known.push(vec![root]);
        let mut at = known.len() - 1;
        while let Some(way) = known.get(at).cloned() {
            at += 1;
            let last = way[way.len() - 1];
            let below = last.children().iter().map(|child| child.element);
            let variants = match last.content {
                Content::Variants(variants) => variants.rows,
                _ => &[],
            };
            for next in below.chain(variants.iter().map(|(_, row)| *row)) {
                if !known.iter().any(|way| std::ptr::eq(way[way.len() - 1], next)) {
                    known.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
    }
    known
}

fn shown(way: &[&'static Element]) -> String {
    let mut path = String::new();
    for pair in way.windows(2) {
        if !matches!(pair[0].content, Content::Variants(_)) {
            path.push('/');
            path.push_str(pair[1].name);
        }
    }
    let last = way[way.len() - 1];
    let choice: Vec<&str> = match way {
        [.., before, _] => match before.content {
            Content::Variants(variants) => {
                let row = variants.rows.iter().find(|(_, row)| std::ptr::eq(*row, last));
                row.map_or_else(Vec::new, |(words, _)| words.to_vec())
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    if !choice.is_empty() {
        path.push_str(&format!("({})", choice.join("|")));
    }
    let root = if std::ptr::eq(way[0], &raw const rfc::DOMAIN) { "linuxcontainer" } else { "lxc" };
    format!("{root}{path}")
}

/// Every row but those that only choose another.
pub fn every() -> BTreeSet<Row> {
    let mut rows = BTreeSet::new();
    for way in ways() {
        let element = way[way.len() - 1];
        if matches!(element.content, Content::Variants(_)) {
            continue;
        }
        let (at, path) = (address(element), shown(way));
        let of = |attribute| Row { at, path: path.clone(), attribute };
        let _new = rows.insert(of(None));
        rows.extend(element.attributes.iter().map(|attribute| of(Some(attribute.name))));
    }
    let mut walked = 0;
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        walk(root, &mut |_| walked += 1);
    }
    assert!(walked >= ways().len(), "the ways reach what the schema's own walk reaches");
    rows
}

/// Takes the rows that `text` uses out of `missing`.
pub fn used(text: &str, missing: &mut BTreeSet<Row>) {
    every_element(text, &mut |element, row| {
        let at = address(row);
        let names: Vec<&str> = element.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
        missing.retain(|known| {
            known.at != at || known.attribute.is_some_and(|attribute| !names.contains(&attribute))
        });
    });
}

/// Where `text` uses `row`: the whole of it, and what it says (a value, or what is between the tags).
pub fn places(text: &str, row: &Row) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    every_element(text, &mut |element, known| {
        if address(known) != row.at {
            return;
        }
        match row.attribute {
            None => found.push((element.whole.clone(), element.content.clone())),
            Some(name) => {
                let of_name = element.attributes.iter().filter(|attribute| attribute.name == name);
                found.extend(of_name.map(|attribute| (attribute.whole.clone(), attribute.value.clone())));
            }
        }
    });
    found
}

/// Every row of [`every`] and its mark, which is that of the outermost element that has one.
pub fn marks() -> Vec<(Row, Support)> {
    let mut all = Vec::new();
    for way in ways() {
        let element = way[way.len() - 1];
        if matches!(element.content, Content::Variants(_)) {
            continue;
        }
        let mark = way.iter().map(|it| it.support).find(|it| *it != Support::ActedOn);
        let (at, path) = (address(element), shown(way));
        let of = |attribute| Row { at, path: path.clone(), attribute };
        all.push((of(None), mark.unwrap_or(Support::ActedOn)));
        all.extend(element.attributes.iter().map(|it| (of(Some(it.name)), mark.unwrap_or(it.support))));
    }
    all
}

fn every_element(text: &str, seen: &mut dyn FnMut(&scan::Element, &'static Element)) {
    let all = elements(text);
    let Some(root) = all.first() else { return };
    let attribute = |element: &scan::Element, name: &str| {
        let found = element.attributes.iter().find(|attribute| attribute.name == name)?;
        Some(text[found.value.clone()].to_owned())
    };
    let row = if attribute(root, "type").as_deref() == Some("linuxcontainer") {
        &rfc::DOMAIN
    } else {
        &lxc::DOMAIN
    };
    visit(&all, 0, row, &attribute, seen);
}

/// Visits the elements of a document, each with its row.
fn visit(
    all: &[scan::Element],
    index: usize,
    row: &'static Element,
    attribute: &dyn Fn(&scan::Element, &str) -> Option<String>,
    seen: &mut dyn FnMut(&scan::Element, &'static Element),
) {
    let mut row = row;
    while let Content::Variants(variants) = row.content {
        let written = attribute(&all[index], variants.attribute);
        let word = written.as_deref().or(variants.absent).unwrap_or_default();
        let Some((_, chosen)) = variants.rows.iter().find(|(words, _)| words.contains(&word)) else { return };
        row = chosen;
    }
    seen(&all[index], row);
    for &child in &all[index].children {
        // The documents of the tests declare each namespace under its usual prefix.
        let found = row.children().iter().find(|known| prefixed(known.element) == all[child].name);
        if let Some(found) = found {
            visit(all, child, found.element, attribute, seen);
        }
    }
}

/// Documents that use `row`, the likeliest to be accepted first.
pub fn documents(row: &Row) -> impl Iterator<Item = String> {
    let way = ways().iter().find(|way| address(way[way.len() - 1]) == row.at);
    (0..24).filter_map(move |choice| Some(Writer { choice, row }.document(way?)))
}

/// Numbers that mean something beside each other, by the attribute's name.
const FITTING: &[(&str, &[&str])] =
    &[("average", &["3", "7"]), ("peak", &["9", "12"]), ("gateway", &["192.0.2.1", "192.0.2.3"])];

struct Writer<'a> {
    choice: u8,
    row: &'a Row,
}

impl Writer<'_> {
    fn document(&self, way: &[&'static Element]) -> String {
        let mut out = String::new();
        self.element(&mut out, way, &[]);
        out
    }

    /// The element at the start of `way`; the rest of the way is below it.
    fn element(&self, out: &mut String, way: &[&'static Element], choices: &[(&'static str, &'static str)]) {
        let (element, rest) = (way[0], &way[1..]);
        if let Content::Variants(variants) = element.content {
            let (chosen, rest) = match rest {
                [next, ..] => (*next, rest),
                [] => (variants.rows[usize::from(self.choice) % variants.rows.len()].1, rest),
            };
            let words =
                variants.rows.iter().find(|(_, row)| std::ptr::eq(*row, chosen)).map_or(&[][..], |it| it.0);
            let word = words.get(usize::from(self.choice) % words.len().max(1)).copied().unwrap_or_default();
            let choices: Vec<_> = choices.iter().copied().chain([(variants.attribute, word)]).collect();
            let whole: Vec<&'static Element> = if rest.is_empty() { vec![chosen] } else { rest.to_vec() };
            return self.element(out, &whole, &choices);
        }
        let name = prefixed(element);
        out.push_str(&format!("<{name}"));
        if element.name == "domain" {
            out.push_str(" xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0' xmlns:browndog='urn:browndog:domain:1'");
            for driver in ["qemu", "xen", "bhyve", "vmware"] {
                out.push_str(&format!(" xmlns:{driver}='http://libvirt.org/schemas/domain/{driver}/1.0'"));
            }
        }
        let target = rest.is_empty() && address(element) == self.row.at;
        for attribute in element.attributes {
            self.attribute(out, attribute, target, choices);
        }
        out.push('>');
        match element.content {
            Content::Text(value) | Content::Either(value, _) if rest.is_empty() => {
                out.push_str(&self.value(value));
            }
            _ => self.children(out, element, rest),
        }
        out.push_str(&format!("</{name}>\n"));
    }

    fn attribute(
        &self,
        out: &mut String,
        attribute: &Attribute,
        target: bool,
        choices: &[(&'static str, &'static str)],
    ) {
        let chosen = choices.iter().find(|(name, _)| *name == attribute.name);
        let wanted = target && self.row.attribute == Some(attribute.name);
        // Every other attribute of the target in every second document: some need company.
        let company = ["dir", "average"].contains(&attribute.name);
        // Other attributes do without it, and interfaces that are of no network.
        if attribute.name == "floor" && !wanted {
            return;
        }
        if !(attribute.required || company || wanted || chosen.is_some() || target && self.choice % 2 == 1) {
            return;
        }
        let value = match chosen {
            Some((_, "")) => return,
            Some((_, word)) => (*word).to_owned(),
            None => match FITTING.iter().find(|(name, _)| *name == attribute.name) {
                Some((_, words)) => words[usize::from(self.choice) / 2 % words.len()].to_owned(),
                None => self.value(attribute.value),
            },
        };
        out.push_str(&format!(" {}='{value}'", attribute.name));
    }

    fn children(&self, out: &mut String, element: &'static Element, rest: &[&'static Element]) {
        let next = rest.first().copied();
        for child in element.children() {
            if next.is_some_and(|next| std::ptr::eq(next, child.element)) {
                self.element(out, rest, &[]);
            } else if child.occurs.is_usual()
                || COMPANY.contains(&(element.name, child.element.name))
                || (element.name, child.element.name) == ("bandwidth", "inbound")
            {
                self.element(out, &[child.element], &[]);
            }
        }
        // What a definition needs around the row.
        if element.name == "devices" && next.is_some_and(|next| next.name == "graphics") {
            out.push_str("<video><model type='vga'/></video>");
        }
        if element.name == "devices" && next.is_some_and(|next| next.name == "redirdev") {
            out.push_str("<controller type='usb'/>");
        }
        if element.name == "interface" && next.is_none_or(|next| next.name != "model") {
            out.push_str("<model type='virtio'/>");
        }
        if std::ptr::eq(element, &raw const rfc::DOMAIN) && next.is_none_or(|next| next.name != "application")
        {
            out.push_str("<application>/sbin/init</application>");
        }
    }

    fn value(&self, value: Value) -> String {
        let choice = usize::from(self.choice);
        let pick = |words: &[&str]| words[choice / 2 % words.len()].to_owned();
        match value {
            Value::Text | Value::NonEmpty => pick(&["connect", "/p", "1", "virtio"]),
            Value::Choice(words) => pick(words),
            Value::Empty => String::new(),
            Value::OneOf(types) => self.value(types[choice / 2 % types.len()]),
            Value::Unsigned(low, high) => low.max(3).min(high).to_string(),
            Value::Integer(low, high) => low.max(3).min(high).to_string(),
            Value::Pattern(pattern) => pattern.example(self.choice / 2),
            Value::DomainName => "row".to_owned(),
            Value::Uuid => "c7a5fdbd-edaf-9455-926a-d65c16db1809".to_owned(),
            Value::AbsPath | Value::AbsFilePath => "/path/row".to_owned(),
            Value::Unit => "MiB".to_owned(),
            Value::IdSet => "0".to_owned(),
            Value::MacAddr => "52:54:00:12:34:56".to_owned(),
            Value::Ip => pick(&["192.0.2.0", "0.0.0.0", "192.0.2.1"]),
            Value::Netmask => "255.255.255.0".to_owned(),
            Value::Hostname => "box.example".to_owned(),
            Value::InterfaceName => "eth0".to_owned(),
            Value::Account => "root".to_owned(),
            Value::MountPair => "/in = /out".to_owned(),
        }
    }
}

fn prefixed(element: &Element) -> String {
    match element.namespace {
        Namespace::None => element.name.to_owned(),
        Namespace::Lxc => format!("lxc:{}", element.name),
        Namespace::Browndog => format!("browndog:{}", element.name),
        Namespace::Foreign(prefix) => format!("{prefix}:{}", element.name),
    }
}
