//! A dictionary for fuzzers: names and words of the tables, and the markup around them.

use std::collections::BTreeSet;

use super::{named_rows, prefixed};
use crate::schema::Content;
use crate::value::Value;

/// One token a line, in libFuzzer's form.
pub fn dictionary() -> String {
    let mut tokens: BTreeSet<String> = [
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?xml",
        "?>",
        "<!DOCTYPE",
        "&amp;",
        "&#10;",
        "xmlns:",
        "/>",
        "</",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    let words = |value: Value| {
        if let Value::Choice(words) = value {
            return words.iter().map(|word| (*word).to_owned()).collect();
        }
        Vec::new()
    };
    for (element, _) in named_rows() {
        tokens.extend([format!("<{}", prefixed(element)), format!("</{}>", prefixed(element))]);
        for attribute in element.attributes {
            tokens.extend([format!(" {}='", attribute.name)]);
            tokens.extend(words(attribute.value));
        }
        if let Content::Text(value) | Content::Either(value, _) = element.content {
            tokens.extend(words(value));
        }
    }
    let mut out = String::from("# Generated from browndog's schema tables; do not edit.\n");
    for token in tokens.iter().filter(|token| !token.is_empty()) {
        out.push_str(&format!("\"{}\"\n", token.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    out
}
