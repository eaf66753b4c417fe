//! Single faults at every place of a right document.

use std::ops::Range;

use super::scan::{Attribute, Element, elements};

/// What has to be said of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It is refused.
    Error,
    /// It is as right as before.
    Right,
    /// The mutation cannot know; if it is refused, then at its place.
    Either,
}

/// A document with one fault.
#[derive(Debug)]
pub struct Mutant {
    pub class: &'static str,
    pub note: String,
    pub text: String,
    /// Line of the first byte that differs.
    pub line: u32,
    /// The element or attribute at fault; any of them will do.
    pub names: Vec<String>,
    pub expect: Expect,
}

struct Maker<'a> {
    text: &'a str,
    made: Vec<Mutant>,
}

impl Maker<'_> {
    fn replace(&mut self, class: &'static str, at: Range<usize>, with: &str, names: &[&str], expect: Expect) {
        let mut text = self.text.to_owned();
        text.replace_range(at.clone(), with);
        if text == self.text {
            return;
        }
        let same = text.bytes().zip(self.text.bytes()).take_while(|(new, old)| new == old).count();
        let line = 1 + self.text[..same].matches('\n').count() as u32;
        let note = format!("{:?} at byte {} -> {with:?}", names, at.start);
        let names = names.iter().map(|&name| name.to_owned()).collect();
        self.made.push(Mutant { class, note, text, line, names, expect });
    }
}

/// Every mutant of `text`.
pub fn mutants(text: &str) -> Vec<Mutant> {
    let all = elements(text);
    let mut maker = Maker { text, made: Vec::new() };
    for element in all.iter().filter(|element| !element.foreign) {
        shape(&mut maker, &all, element);
        markup(&mut maker, element);
        if element.children.is_empty() && !element.content.is_empty() && element.name != "metadata" {
            content(&mut maker, element);
        }
        for attribute in &element.attributes {
            if !attribute.name.starts_with("xmlns") {
                of_attribute(&mut maker, element, attribute);
            }
        }
    }
    maker.made
}

/// Elements: misspelled, unknown, dropped, repeated, reordered, misplaced.
fn shape(maker: &mut Maker<'_>, all: &[Element], element: &Element) {
    let name = element.name.as_str();
    let Some(parent) = element.parent else { return };
    let whole = maker.text[element.whole.clone()].to_owned();
    let misspelt = format!("{name}q");
    let renamed = whole.replace(&format!("<{name}"), &format!("<{misspelt}"));
    let renamed = renamed.replace(&format!("</{name}>"), &format!("</{misspelt}>"));
    if !name.contains(':') && all[parent].name != "metadata" {
        maker.replace(
            "misspelled-element",
            element.whole.clone(),
            &renamed,
            &[&misspelt, name],
            Expect::Error,
        );
    }
    let parent_name = all[parent].name.as_str();
    maker.replace("dropped-element", element.whole.clone(), "", &[name, parent_name], Expect::Either);
    let behind = element.whole.end..element.whole.end;
    let again = format!("\n{whole}");
    maker.replace("repeated-element", behind.clone(), &again, &[name], Expect::Either);
    maker.replace(
        "unknown-element",
        behind.clone(),
        "<gadget on='1'/>",
        &["gadget"],
        unless_metadata(all, parent),
    );
    maker.replace("stray-text", behind, "stray words", &[parent_name], Expect::Error);
    let siblings = &all[parent].children;
    if let Some(next) = siblings.iter().skip_while(|&&it| all[it].whole != element.whole).nth(1) {
        let next = &all[*next];
        let between = element.whole.end..next.whole.start;
        let text = format!("{}{}{whole}", &maker.text[next.whole.clone()], &maker.text[between]);
        // Order has a meaning only among elements of one name.
        if next.name != element.name {
            let span = element.whole.start..next.whole.end;
            maker.replace("reordered", span, &text, &[name], Expect::Right);
        }
    }
}

fn unless_metadata(all: &[Element], parent: usize) -> Expect {
    if all[parent].name == "metadata" { Expect::Either } else { Expect::Error }
}

/// Faults of the markup.
fn markup(maker: &mut Maker<'_>, element: &Element) {
    let name = element.name.as_str();
    let tag = element.tag.clone();
    let closing = tag.end - 1..tag.end;
    if !element.is_empty_tag() {
        let end_tag = element.content.end..element.whole.end;
        maker.replace("misspelled-end-tag", end_tag.clone(), &format!("</{name}q>"), &[name], Expect::Error);
        if element.children.is_empty() {
            // Where an element ends that nobody closed is said at its start.
            let class = "missing-end-tag-of-text";
            maker.replace(class, end_tag.clone(), "", &[name], Expect::Error);
        }
        maker.replace("end-tag-without-bracket", end_tag.end - 1..end_tag.end, "", &[name], Expect::Error);
    }
    if element.is_empty_tag() {
        maker.replace(
            "start-tag-without-bracket",
            closing.start - 1..closing.end,
            "",
            &[name],
            Expect::Error,
        );
    }
    let behind = element.name_at.end..element.name_at.end;
    maker.replace("attribute-without-value", behind.clone(), " loose", &["loose", name], Expect::Error);
    maker.replace("attribute-without-quotes", behind.clone(), " loose=1", &["loose", name], Expect::Error);
    if !element.name.contains(':') {
        maker.replace("unknown-attribute", behind.clone(), " colour='red'", &["colour"], Expect::Error);
    }
    maker.replace("undeclared-prefix", behind, " nowhere:a='b'", &["nowhere:a", name], Expect::Error);
}

/// Faults of a text.
fn content(maker: &mut Maker<'_>, element: &Element) {
    let name = element.name.as_str();
    let text = &maker.text[element.content.clone()];
    let start = element.content.start..element.content.start;
    maker.replace("bare-ampersand", start.clone(), "a & b", &[name], Expect::Error);
    maker.replace("element-in-text", start.clone(), "<b/>", &["b", name], Expect::Error);
    maker.replace("unknown-entity", start.clone(), "&copy;", &[name], Expect::Error);
    maker.replace("control-character", start.clone(), "\u{1}", &[name, ""], Expect::Error);
    let number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    maker.replace("emptied-text", element.content.clone(), "", &[name], Expect::Either);
    if number {
        maker.replace("overflow", element.content.clone(), "99999999999999999999999", &[name], Expect::Error);
        maker.replace("not-a-number", element.content.clone(), "many", &[name], Expect::Error);
        maker.replace("negative", element.content.clone(), "-7", &[name], Expect::Error);
        maker.replace("blank-in-number", start, " ", &[name], Expect::Error);
    } else {
        maker.replace("other-text", element.content.clone(), "bogus word", &[name], Expect::Either);
    }
}

/// Faults of an attribute.
fn of_attribute(maker: &mut Maker<'_>, element: &Element, attribute: &Attribute) {
    let (name, of) = (attribute.name.as_str(), element.name.as_str());
    let written = maker.text[attribute.whole.clone()].to_owned();
    let blank = attribute.whole.start - 1..attribute.whole.end;
    maker.replace("dropped-attribute", blank.clone(), "", &[name, of], Expect::Either);
    maker.replace(
        "repeated-attribute",
        blank.end..blank.end,
        &format!(" {written}"),
        &[name, of],
        Expect::Error,
    );
    let renamed = written.replacen(name, &format!("{name}q"), 1);
    let misspelt = format!("{name}q");
    maker.replace(
        "misspelled-attribute",
        attribute.whole.clone(),
        &renamed,
        &[&misspelt, name, of],
        Expect::Error,
    );
    let quote = attribute.whole.end - 1..attribute.whole.end;
    maker.replace("missing-quote", quote, "", &[name, of], Expect::Error);
    let value = attribute.value.clone();
    maker.replace("less-than-in-value", value.start..value.start, "<", &[name, of], Expect::Error);
    maker.replace("ampersand-in-value", value.start..value.start, "a&b", &[name, of], Expect::Error);
    maker.replace("emptied-value", value.clone(), "", &[name, of], Expect::Either);
    maker.replace("other-value", value.clone(), "bogus-word", &[name, of], Expect::Either);
    if maker.text[value.clone()].bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        maker.replace("overflow", value, "99999999999999999999999", &[name, of], Expect::Either);
    }
}
