//! Text of an element: two blanks a level, single quotes.

use super::Item;

/// The document of this root.
pub(crate) fn write(root: &Item) -> String {
    let mut out = String::new();
    element(&mut out, root, 0);
    out
}

fn element(out: &mut String, item: &Item, depth: usize) {
    for comment in &item.comments {
        line(out, depth, comment);
    }
    indent(out, depth);
    out.push('<');
    out.push_str(&item.name);
    for (name, value) in &item.attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("='");
        escape(out, value, true);
        out.push('\'');
    }
    if let Some(raw) = &item.raw {
        let content = raw.trim().is_empty();
        out.push_str(if content { "/>\n" } else { ">" });
        if !content {
            out.push_str(raw);
            close(out, item);
        }
    } else if !item.children.is_empty() || !item.trailing.is_empty() && item.text.is_empty() {
        out.push_str(">\n");
        for child in &item.children {
            element(out, child, depth + 1);
        }
        for comment in &item.trailing {
            line(out, depth + 1, comment);
        }
        indent(out, depth);
        close(out, item);
    } else if item.text.is_empty() {
        out.push_str("/>\n");
    } else {
        out.push('>');
        escape(out, &item.text, false);
        for comment in &item.trailing {
            out.push_str(comment);
        }
        close(out, item);
    }
}

fn close(out: &mut String, item: &Item) {
    out.push_str("</");
    out.push_str(&item.name);
    out.push_str(">\n");
}

fn line(out: &mut String, depth: usize, text: &str) {
    indent(out, depth);
    out.push_str(text);
    out.push('\n');
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn escape(out: &mut String, text: &str, attribute: bool) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            character => out.push(character),
        }
    }
}
