//! RELAX NG. It is wider than the checker where the checker looks at several places at once:
//! what browndog accepts, this grammar accepts.

use super::{escape, name_of, named_rows, uri, variants_of};
use crate::schema::{Attribute, Child, Content, Element, Occurs, lxc, rfc};
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
    for (element, name) in &rows {
        define(&mut out, element, name, &rows);
    }
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
        for (_, row) in variants {
            out.push_str(&format!("      <ref name=\"{}\"/>\n", name_of(rows, row)));
        }
        out.push_str("    </choice>\n  </define>\n");
        return;
    }
    out.push_str(&format!("    <element name=\"{}\" ns=\"{}\">\n", element.name, uri(element.namespace)));
    for attribute in element.attributes {
        write_attribute(out, attribute);
    }
    match element.content {
        Content::Empty | Content::Variants(_) => out.push_str("      <empty/>\n"),
        Content::Text(value) => out.push_str(&pattern(value)),
        Content::Children(children) => write_children(out, children, rows),
        Content::Either(_, children) => {
            out.push_str("      <choice>\n      <text/>\n      <group>\n");
            write_children(out, children, rows);
            out.push_str("      </group>\n      </choice>\n");
        }
        Content::Foreign => out.push_str("      <ref name=\"anything\"/>\n"),
    }
    out.push_str("    </element>\n  </define>\n");
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
    if children.is_empty() {
        out.push_str("      <empty/>\n");
        return;
    }
    out.push_str("      <interleave>\n");
    for child in children {
        let reference = format!("<ref name=\"{}\"/>", name_of(rows, child.element));
        let wrapped = match child.occurs {
            Occurs::Required => reference,
            Occurs::Optional | Occurs::Implied => format!("<optional>{reference}</optional>"),
            Occurs::Many => format!("<zeroOrMore>{reference}</zeroOrMore>"),
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
        Value::Unsigned(..) => form("[0-9]+"),
        Value::Integer(..) => form("-?[0-9]+"),
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

/// The expression in XML Schema's dialect, which has no flags.
fn xsd(expression: &str) -> String {
    match expression.strip_prefix("(?s:").and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => inner.replacen('.', "(.|\\n)", 1),
        None => expression.to_owned(),
    }
}
