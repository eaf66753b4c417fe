//! The tables in other forms: RELAX NG, a reference manual, JSON, a dictionary for fuzzers.

mod dictionary;
mod json;
mod markdown;
mod range;
mod relaxng;

pub use dictionary::dictionary;
pub use json::json;
pub use markdown::markdown;
pub use relaxng::relaxng;

use super::{Content, Element, Namespace, lxc, rfc, walk};

/// Every row of both dialects, each once, and the name it goes by in an export.
fn named_rows() -> Vec<(&'static Element, String)> {
    let mut rows: Vec<(&'static Element, String)> = Vec::new();
    for root in [&lxc::DOMAIN, &rfc::DOMAIN] {
        walk(root, &mut |element| {
            if rows.iter().any(|(known, _)| std::ptr::eq(*known, element)) {
                return;
            }
            let same = rows.iter().filter(|(known, _)| known.name == element.name).count();
            let name =
                if same == 0 { element.name.to_owned() } else { format!("{}.{}", element.name, same + 1) };
            rows.push((element, name));
        });
    }
    rows
}

fn name_of(rows: &[(&'static Element, String)], element: &'static Element) -> String {
    rows.iter()
        .find(|(known, _)| std::ptr::eq(*known, element))
        .map_or_else(String::new, |(_, name)| name.clone())
}

fn uri(namespace: Namespace) -> String {
    match namespace {
        Namespace::None => String::new(),
        Namespace::Lxc => Namespace::LXC_URI.to_owned(),
        Namespace::Browndog => Namespace::BROWNDOG_URI.to_owned(),
        Namespace::Foreign(driver) => format!("http://libvirt.org/schemas/domain/{driver}/1.0"),
    }
}

fn prefixed(element: &Element) -> String {
    match element.namespace {
        Namespace::None => element.name.to_owned(),
        Namespace::Lxc => format!("lxc:{}", element.name),
        Namespace::Browndog => format!("browndog:{}", element.name),
        Namespace::Foreign(driver) => format!("{driver}:{}", element.name),
    }
}

/// Rows that an element stands for: itself, or what its attribute chooses.
fn variants_of(element: &'static Element) -> &'static [(&'static [&'static str], &'static Element)] {
    match element.content {
        Content::Variants(variants) => variants.rows,
        _ => &[],
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
