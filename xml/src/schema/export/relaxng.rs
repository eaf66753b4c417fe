//! RELAX NG. It is wider than the checker where the checker looks at several places at once:
//! what browndog accepts, this grammar accepts.

use std::collections::BTreeSet;

use super::{escape, name_of, named_rows, range, uri, variants_of};
use crate::schema::{Attribute, Child, Content, Element, Occurs, Support, lxc, rfc};
use crate::value::Value;

/// The grammar of both dialects.
pub fn relaxng() -> String {
    let rows = named_rows();
    let mut out = String::from(
        "<?xml version=\"1.0\"?>\n<!-- Generated from browndog's schema tables; do not edit. -->\n\
         <grammar xmlns=\"http://relaxng.org/ns/structure/1.0\" \
         datatypeLibrary=\"http://www.w3.org/2001/XMLSchema-datatypes\">\n  <start>\n    <choice>\n",
    );
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        out.push_str(&format!("      <ref name=\"{}\"/>\n", name_of(&rows, root)));
    }
    out.push_str("    </choice>\n  </start>\n");
    for (element, name) in rows.iter().filter(|(element, _)| !is_refused(element.support)) {
        define(&mut out, element, name, &rows);
    }
    numbers(&mut out, &rows);
    out.push_str(
        "  <define name=\"anything\">\n    <zeroOrMore>\n      <choice>\n        <text/>\n        <attribute><anyName/></attribute>\n        \
         <element><anyName/><ref name=\"anything\"/></element>\n      </choice>\n    </zeroOrMore>\n  </define>\n</grammar>\n",
    );
    out
}

type Rows = [(&'static Element, String)];

fn define(out: &mut String, element: &'static Element, name: &str, rows: &Rows) {
    out.push_str(&format!("  <define name=\"{name}\">\n"));
    let variants = variants_of(element);
    if !variants.is_empty() {
        out.push_str("    <choice>\n");
        for (_, row) in variants.iter().filter(|(_, row)| !is_refused(row.support)) {
            out.push_str(&format!("      <ref name=\"{}\"/>\n", name_of(rows, row)));
        }
        out.push_str("    </choice>\n  </define>\n");
        return;
    }
    out.push_str(&format!("    <element name=\"{}\" ns=\"{}\">\n", element.name, uri(element.namespace)));
    for attribute in element.attributes.iter().filter(|it| !is_refused(it.support)) {
        write_attribute(out, attribute);
    }
    match element.content {
        Content::Empty | Content::Variants(_) => out.push_str("      <empty/>\n"),
        Content::Text(value) => out.push_str(&pattern(value)),
        Content::Children(children) => write_children(out, children, rows),
        Content::Either(value, children) => {
            out.push_str(&format!("      <choice>\n{}      <group>\n", pattern(value)));
            write_children(out, children, rows);
            out.push_str("      </group>\n      </choice>\n");
        }
        Content::Foreign => out.push_str("      <ref name=\"anything\"/>\n"),
    }
    out.push_str("    </element>\n  </define>\n");
}

/// What the checker refuses by its row, the grammar does not have.
fn is_refused(support: Support) -> bool {
    matches!(support, Support::Refused(_))
}

fn write_attribute(out: &mut String, attribute: &Attribute) {
    let (open, close) = if attribute.required { ("", "") } else { ("<optional>", "</optional>") };
    let value = pattern(attribute.value);
    out.push_str(&format!(
        "      {open}<attribute name=\"{}\">{}</attribute>{close}\n",
        attribute.name,
        value.trim()
    ));
}

fn write_children(out: &mut String, children: &[Child], rows: &Rows) {
    let mut taken = children.iter().filter(|child| !is_refused(child.element.support)).peekable();
    if taken.peek().is_none() {
        out.push_str("      <empty/>\n");
        return;
    }
    out.push_str("      <interleave>\n");
    for child in taken {
        let reference = format!("<ref name=\"{}\"/>", name_of(rows, child.element));
        let wrapped = match child.occurs {
            Occurs::Required => reference,
            Occurs::Optional | Occurs::Implied => format!("<optional>{reference}</optional>"),
            Occurs::Many | Occurs::InParts => format!("<zeroOrMore>{reference}</zeroOrMore>"),
            Occurs::AtLeastOnce => format!("<oneOrMore>{reference}</oneOrMore>"),
        };
        out.push_str(&format!("        {wrapped}\n"));
    }
    out.push_str("      </interleave>\n");
}

fn pattern(value: Value) -> String {
    let form = |expression: &str| {
        format!("<data type=\"string\"><param name=\"pattern\">{}</param></data>", escape(expression))
    };
    let pattern = match value {
        Value::Text | Value::MountPair => "<text/>".to_owned(),
        Value::Choice(words) => {
            let words: String =
                words.iter().map(|word| format!("<value type=\"string\">{}</value>", escape(word))).collect();
            format!("<choice>{words}</choice>")
        }
        Value::Empty => "<empty/>".to_owned(),
        Value::OneOf(types) => {
            format!("<choice>{}</choice>", types.iter().map(|it| pattern(*it)).collect::<String>())
        }
        Value::Unsigned(low, high) => format!("<ref name=\"{}\"/>", number(low.into(), high.into())),
        Value::Integer(low, high) => format!("<ref name=\"{}\"/>", number(low.into(), high.into())),
        Value::Pattern(known) => form(&xsd(known.expression)),
        Value::AbsPath | Value::AbsFilePath => form("/.*"),
        Value::Uuid => {
            form("[a-fA-F0-9]{8}-?[a-fA-F0-9]{4}-?[a-fA-F0-9]{4}-?[a-fA-F0-9]{4}-?[a-fA-F0-9]{12}")
        }
        Value::Unit => form("[bB]([yY][tT][eE][sS]?)?|[kKmMgGtTpPeE]([iI]?[bB])?"),
        Value::IdSet => form("(\\^?[0-9]+|[0-9]+-[0-9]+)(,(\\^?[0-9]+|[0-9]+-[0-9]+))*"),
        Value::MacAddr => form("[a-fA-F0-9][02468aAcCeE](:[a-fA-F0-9]{2}){5}"),
        Value::Ip => form("[0-9a-fA-F:.]+"),
        Value::Netmask => form("[0-9.]+"),
        Value::NonEmpty | Value::DomainName | Value::Hostname | Value::InterfaceName | Value::Account => {
            "<data type=\"string\"><param name=\"minLength\">1</param></data>".to_owned()
        }
    };
    format!("      {pattern}\n")
}

fn number(low: i128, high: i128) -> String {
    format!("number.{low}.{high}")
}

/// The ranges of numbers that the rows use, as forms of text: the types of XML Schema also take blanks and signs.
fn numbers(out: &mut String, rows: &Rows) {
    let mut ranges = BTreeSet::new();
    for (element, _) in rows {
        for attribute in element.attributes {
            gather(attribute.value, &mut ranges);
        }
        if let Content::Text(value) | Content::Either(value, _) = element.content {
            gather(value, &mut ranges);
        }
    }
    for (low, high) in ranges {
        let form = range::expression(low, high);
        out.push_str(&format!(
            "  <define name=\"{}\">\n    <data type=\"string\"><param name=\"pattern\">{form}</param></data>\n  </define>\n",
            number(low, high)
        ));
    }
}

fn gather(value: Value, ranges: &mut BTreeSet<(i128, i128)>) {
    let _new = match value {
        Value::Unsigned(low, high) => ranges.insert((low.into(), high.into())),
        Value::Integer(low, high) => ranges.insert((low.into(), high.into())),
        Value::OneOf(types) => {
            types.iter().for_each(|it| gather(*it, ranges));
            false
        }
        _ => false,
    };
}

/// The expression in XML Schema's dialect, which has no flags.
fn xsd(expression: &str) -> String {
    match expression.strip_prefix("(?s:").and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => inner.replacen('.', "(.|\\n)", 1),
        None => expression.to_owned(),
    }
}
