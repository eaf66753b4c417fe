//! Changes to a document as text: one element set or removed, the rest as it was.
//!
//! The result is brought into canonical order and checked like any other document before it is kept.

use std::ops::Range;

use browndog_xml::domain::Domain;
use browndog_xml::report::Severity;
use browndog_xml::source::Source;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::error::{LifeError, Result};

/// A document, checked and in canonical form.
#[derive(Clone, Debug)]
pub struct Document {
    /// Canonical text.
    pub source: Source,
    /// What it says.
    pub domain: Domain,
}

impl Document {
    /// Checks `source` and brings it into canonical form.
    ///
    /// # Errors
    /// All findings, rendered.
    pub fn check(source: &Source) -> Result<Self> {
        let canonical = browndog_xml::fmt::format(source)
            .map_err(|report| LifeError::Invalid { rendered: report.render_human(source, false) })?;
        Self::read(&Source::new(source.name(), canonical))
    }

    /// Checks `source` and takes it as it is.
    ///
    /// # Errors
    /// All findings, rendered.
    pub fn read(source: &Source) -> Result<Self> {
        let reading = browndog_xml::read(source);
        match reading.domain {
            Some(domain) => Ok(Self { source: source.clone(), domain }),
            None => {
                // What has no effect was said when it was defined.
                let mut report = reading.report;
                report.diagnostics.retain(|found| found.severity == Severity::Error);
                Err(LifeError::Invalid { rendered: report.render_human(source, false) })
            }
        }
    }

    /// The same with `element` at `path` (names below the root): in the place of the one that is there,
    /// or added, with its parents. Without `element`, the one that is there is removed.
    ///
    /// # Errors
    /// A result that is no valid document: all findings, rendered.
    pub fn with(&self, path: &[&str], element: Option<&str>) -> Result<Self> {
        let text = splice(self.source.text(), path, element);
        Self::check(&Source::new(self.source.name(), text))
    }

    /// The same without the bytes of `range`, and with `element` at the end of the element at `path`.
    ///
    /// # Errors
    /// As [`Document::with`].
    pub fn replacing(&self, range: Range<usize>, element: &str) -> Result<Self> {
        let text = self.source.text();
        let text = format!("{}{element}{}", &text[..range.start], &text[range.end..]);
        Self::check(&Source::new(self.source.name(), text))
    }

    /// The same with one more child at the end of the element at `path`.
    ///
    /// # Errors
    /// As [`Document::with`].
    pub fn adding(&self, path: &[&str], element: &str) -> Result<Self> {
        let text = self.source.text();
        let text = match find(text, path) {
            Some(_) => insert(text, path, element),
            None => splice(text, path, Some(&wrap(&path[path.len() - 1..], element))),
        };
        Self::check(&Source::new(self.source.name(), text))
    }

    /// Where the content of the element at `path` ends; `None` where it is not there, or has none.
    pub(crate) fn end_of(&self, path: &[&str]) -> Option<usize> {
        find(self.source.text(), path)?.content.map(|content| content.end)
    }

    /// The same with `<name></name>` for an empty element at `path`; `None` where it is not there, or not empty.
    pub(crate) fn opened(&self, path: &[&str]) -> Option<Self> {
        let name = path.last()?;
        if find(self.source.text(), path)?.content.is_some() {
            return None;
        }
        let text = splice(self.source.text(), path, Some(&format!("<{name}></{name}>")));
        Some(Self { source: Source::new(self.source.name(), text), domain: self.domain.clone() })
    }

    /// The text of each child of the element at `path` that has this name, and where it stands.
    pub fn children(&self, path: &[&str], name: &str) -> Vec<(Range<usize>, &str)> {
        let text = self.source.text();
        let mut whole = path.to_vec();
        whole.push(name);
        find_all(text, &whole).into_iter().map(|found| (found.whole.clone(), &text[found.whole])).collect()
    }

    /// The uuid.
    pub fn uuid(&self) -> Option<String> {
        self.domain.uuid.as_ref().map(|uuid| uuid.value.to_string())
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.domain.name.value.as_str()
    }
}

/// Text as it stands in an element.
pub fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

struct Place {
    whole: Range<usize>,
    /// Where its content is; `None` for `<empty/>`.
    content: Option<Range<usize>>,
}

fn find(text: &str, path: &[&str]) -> Option<Place> {
    find_all(text, path).into_iter().next()
}

/// Every element at `path` below the root, in document order.
fn find_all(text: &str, path: &[&str]) -> Vec<Place> {
    let mut reader = Reader::from_str(text);
    // Where the elements that are open begin, and their content; the root is number 0.
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    let mut found = Vec::new();
    let on_path = |open: &[(String, usize, usize)], name: &str| {
        open.len() == path.len()
            && open.iter().skip(1).map(|(name, ..)| name.as_str()).chain([name]).eq(path.iter().copied())
    };
    loop {
        let start = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let name = tag.name().as_ref().to_owned();
                open.push((name, start, reader.buffer_position() as usize));
            }
            Ok(Event::End(_)) => {
                let Some((name, from, content)) = open.pop() else { break };
                if path.is_empty() && open.is_empty() || on_path(&open, &name) {
                    let whole = from..reader.buffer_position() as usize;
                    found.push(Place { whole, content: Some(content..start) });
                }
            }
            Ok(Event::Empty(tag)) => {
                let name = tag.name().as_ref().to_owned();
                if path.is_empty() && open.is_empty() || on_path(&open, &name) {
                    found.push(Place { whole: start..reader.buffer_position() as usize, content: None });
                }
            }
            // The document was checked before; what cannot be read has nothing to be found in.
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    found
}

/// `text` with `element` at `path` below its root, as [`Document::with`] has it.
pub(crate) fn splice(text: &str, path: &[&str], element: Option<&str>) -> String {
    match (find(text, path), element) {
        (Some(place), _) => {
            format!("{}{}{}", &text[..place.whole.start], element.unwrap_or(""), &text[place.whole.end..])
        }
        (None, None) => text.to_owned(),
        (None, Some(element)) => {
            // The deepest parent that is there takes the rest.
            let there =
                (0..path.len()).rev().find(|&depth| find(text, &path[..depth]).is_some()).unwrap_or(0);
            insert(text, &path[..there], &wrap(&path[there..path.len() - 1], element))
        }
    }
}

/// `element` inside new elements of these names.
fn wrap(names: &[&str], element: &str) -> String {
    let opening: String = names.iter().map(|name| format!("<{name}>")).collect();
    let closing: String = names.iter().rev().map(|name| format!("</{name}>")).collect();
    format!("{opening}{element}{closing}")
}

/// `element` as the last child of the first element at `path`.
fn insert(text: &str, path: &[&str], element: &str) -> String {
    let Some(place) = find(text, path) else { return text.to_owned() };
    match place.content {
        Some(content) => format!("{}{element}{}", &text[..content.end], &text[content.end..]),
        None => {
            // `<name …/>` becomes `<name …>element</name>`.
            let tag = text[place.whole.clone()].trim_end_matches("/>").trim_end();
            let name = tag[1..].split_whitespace().next().unwrap_or("");
            format!("{}{tag}>{element}</{name}>{}", &text[..place.whole.start], &text[place.whole.end..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "<domain type='lxc'><!-- <name>no</name> --><name>a</name><memory unit='KiB'>65536</memory>\
        <os><type>exe</type><init>/bin/sh</init></os><devices><console type='pty'/></devices></domain>";

    fn document() -> Document {
        Document::check(&Source::new("test", TEXT)).unwrap()
    }

    #[test]
    fn an_element_is_replaced_where_it_stands_and_not_in_a_comment() {
        let changed = document().with(&["name"], Some("<name>b</name>")).unwrap();
        assert_eq!(changed.name(), "b");
        assert!(changed.source.text().contains("<!-- <name>no</name> -->"), "{}", changed.source.text());
    }

    #[test]
    fn an_element_is_added_with_its_parents() {
        let changed =
            document().with(&["memtune", "soft_limit"], Some("<soft_limit unit='KiB'>100</soft_limit>"));
        assert_eq!(changed.unwrap().domain.memory.soft.unwrap().value, 102_400);
    }

    #[test]
    fn an_element_is_removed_and_one_that_is_not_there_is_no_mistake() {
        let with = document().with(&["title"], Some("<title>T</title>")).unwrap();
        assert_eq!(with.domain.title.as_ref().unwrap().value, "T");
        let without = with.with(&["title"], None).unwrap();
        assert_eq!(without.domain.title, None);
        assert_eq!(without.with(&["title"], None).unwrap().source.text(), without.source.text());
    }

    #[test]
    fn a_child_is_added_behind_the_others_and_found_again() {
        let changed = document().adding(&["devices"], "<console type='pty'/>").unwrap();
        assert_eq!(changed.domain.consoles.len(), 2);
        assert_eq!(changed.children(&["devices"], "console").len(), 2);
    }

    #[test]
    fn a_child_is_added_to_a_text_that_is_one_empty_element() {
        let with = splice("<interface type='ethernet'/>", &["guest"], Some("<guest dev='a'/>"));
        assert_eq!(with, "<interface type='ethernet'><guest dev='a'/></interface>");
    }

    #[test]
    fn a_change_that_makes_no_valid_document_is_refused() {
        assert!(matches!(
            document().with(&["memory"], Some("<memory>x</memory>")),
            Err(LifeError::Invalid { .. })
        ));
    }
}
