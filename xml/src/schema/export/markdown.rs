//! The reference manual.

use super::{name_of, named_rows, prefixed, variants_of};
use crate::schema::{Content, Element, Support};
use crate::value::Value;

/// Every element: what it holds, its attributes, what has an effect.
pub fn markdown() -> String {
    let rows = named_rows();
    let mut out = String::from(
        "<!-- Generated from browndog's schema tables; do not edit. -->\n# Elements of a container domain\n\n\
         Both dialects, nearest to the root first. *No effect*: legal, and nothing in a container depends on it.\n\
         *Refused*: known, and not to be had. *Cannot be started*: a definition may hold it, a start is refused. Elements of one name with different contents are numbered.\n",
    );
    for (element, name) in &rows {
        section(&mut out, element, name, &rows);
    }
    out
}

fn section(out: &mut String, element: &'static Element, name: &str, rows: &[(&'static Element, String)]) {
    out.push_str(&format!("\n## {name}\n\n`<{}>`", prefixed(element)));
    if !element.doc.is_empty() {
        out.push_str(&format!(": {}", element.doc));
    }
    out.push_str(".\n");
    match element.support {
        Support::ActedOn => {}
        Support::Ignored(reason) => out.push_str(&format!("\n*No effect*: {reason}.\n")),
        Support::Refused(reason) => out.push_str(&format!("\n*Refused*: {reason}.\n")),
        Support::CannotStart(reason) => out.push_str(&format!("\n*Cannot be started*: {reason}.\n")),
    }
    if let Content::Variants(variants) = element.content {
        out.push_str(&format!("\nIts content depends on `@{}`:\n\n", variants.attribute));
        for (words, row) in variants_of(element) {
            let absent =
                if variants.absent.is_some_and(|absent| words.contains(&absent)) { " (or none)" } else { "" };
            out.push_str(&format!("- {}{absent}: {}\n", words.join(", "), name_of(rows, row)));
        }
        return;
    }
    if !element.attributes.is_empty() {
        out.push_str("\n| attribute | value | |\n|---|---|---|\n");
    }
    for attribute in element.attributes {
        let required = if attribute.required { "required" } else { "" };
        let support = match attribute.support {
            Support::ActedOn => String::new(),
            Support::Ignored(reason) => format!(" no effect: {reason}"),
            Support::Refused(reason) => format!(" refused: {reason}"),
            Support::CannotStart(reason) => format!(" cannot be started: {reason}"),
        };
        let value = describe(attribute.value).replace('|', "\\|");
        out.push_str(&format!("| `{}` | {value} | {required}{support} |\n", attribute.name));
    }
    match element.content {
        Content::Text(value) => out.push_str(&format!("\nText: {}.\n", describe(value))),
        Content::Foreign => out.push_str("\nAny well-formed XML.\n"),
        Content::Either(value, _) => out.push_str(&format!("\nText ({}), or elements.\n", describe(value))),
        _ => {}
    }
    if !element.children().is_empty() {
        let list: Vec<String> = element
            .children()
            .iter()
            .map(|child| {
                let often = match (child.occurs.is_required(), child.occurs.may_repeat()) {
                    (true, true) => "+",
                    (true, false) => "",
                    (false, true) => "*",
                    (false, false) => "?",
                };
                format!("{}{often}", name_of(rows, child.element))
            })
            .collect();
        out.push_str(&format!("\nHolds: {}.\n", list.join(", ")));
    }
}

/// A value type in words.
pub(super) fn describe(value: Value) -> String {
    match value {
        Value::Text => "any text".to_owned(),
        Value::NonEmpty => "some text".to_owned(),
        Value::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Value::Empty => "nothing".to_owned(),
        Value::OneOf(types) => types.iter().map(|it| describe(*it)).collect::<Vec<_>>().join(", or "),
        Value::Unsigned(0, u64::MAX) => "a number".to_owned(),
        Value::Unsigned(low, u64::MAX) => format!("a number from {low} on"),
        Value::Unsigned(low, high) => format!("a number from {low} to {high}"),
        Value::Integer(i64::MIN, i64::MAX) => "a number, also below zero".to_owned(),
        Value::Integer(low, high) => format!("a number from {low} to {high}"),
        Value::Pattern(pattern) => pattern.what.to_owned(),
        Value::DomainName => "a name that is also a file name".to_owned(),
        Value::Uuid => "a UUID, with or without dashes".to_owned(),
        Value::AbsPath => "an absolute path".to_owned(),
        Value::AbsFilePath => "an absolute path below the root".to_owned(),
        Value::Unit => "a unit of memory".to_owned(),
        Value::IdSet => "a set of numbers (`0-3,5,^2`)".to_owned(),
        Value::MacAddr => "the Ethernet address of one card".to_owned(),
        Value::Ip => "an IP address".to_owned(),
        Value::Netmask => "an IPv4 netmask".to_owned(),
        Value::Hostname => "a host name (RFC 1123)".to_owned(),
        Value::InterfaceName => "an interface name".to_owned(),
        Value::Account => "an account: a name or `+N`".to_owned(),
        Value::MountPair => "`TARGET = SOURCE`".to_owned(),
    }
}
