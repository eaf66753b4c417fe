//! One device as a document of its own, as virsh's attach-device takes it.
//!
//! It is checked where it is to stand, in a whole document, so that it is held to the same schema and the
//! same rules as one that was there from the beginning; what is found is shown where it stands in its file.

use std::ops::Range;

use browndog_runtime::error::{Kind, StartError, Tried, render_problem, render_problems};
use browndog_runtime::plan::Problem;
use browndog_xml::domain::{Domain, Origin};
use browndog_xml::report::Report;
use browndog_xml::source::{Source, Span};
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::edit::Document;
use crate::error::{LifeError, Result};

/// A document that holds one element.
#[derive(Clone, Debug)]
pub struct Fragment {
    source: Source,
    name: String,
    element: Range<usize>,
}

/// The fragment among the devices of a document.
#[derive(Clone, Debug)]
pub struct Composed<'a> {
    /// What both say together.
    pub domain: Domain,
    /// What of the fragment has no effect, rendered.
    pub notes: String,
    fragment: &'a Fragment,
    whole: Source,
    range: Range<usize>,
}

/// What a fragment stands in that is looked at by itself.
const AROUND: [&str; 2] = [
    "<domain type='lxc'><name>fragment</name><memory>65536</memory><os><type>exe</type>\
     <init>/sbin/init</init></os><devices>",
    "</devices></domain>",
];

impl Fragment {
    /// Takes `source`, which has to be one element.
    ///
    /// # Errors
    /// It is none, or more than one, or not well-formed: rendered, with the place.
    pub fn read(source: &Source) -> Result<Self> {
        let (name, element) = one_element(source)?;
        let fragment = Self { source: source.clone(), name, element };
        // Its own faults are said before those of the two together.
        let [before, after] = AROUND;
        let composed = fragment.compose(source.name(), before, after)?;
        if composed.domain.name.value.as_str() != "fragment" {
            return Err(fragment.refuse(0, "this is more than one device", ""));
        }
        Ok(fragment)
    }

    /// Its element's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its element.
    pub fn text(&self) -> &str {
        &self.source.text()[self.element.clone()]
    }

    /// What it says by itself.
    ///
    /// # Errors
    /// None that [`Fragment::read`] has not said.
    pub fn alone(&self) -> Result<Domain> {
        let [before, after] = AROUND;
        self.compose(self.source.name(), before, after).map(|composed| composed.domain)
    }

    /// Puts it behind the other devices of `document`.
    ///
    /// # Errors
    /// What is wrong with it there, rendered.
    pub fn within(&self, document: &Document) -> Result<Composed<'_>> {
        let open = document.opened(&["devices"]);
        let document = open.as_ref().unwrap_or(document);
        let text = document.source.text();
        match document.end_of(&["devices"]) {
            Some(at) => self.compose(document.source.name(), &text[..at], &text[at..]),
            None => {
                let at = document.end_of(&[]).unwrap_or(text.len());
                let (before, after) =
                    (format!("{}<devices>", &text[..at]), format!("</devices>{}", &text[at..]));
                self.compose(document.source.name(), &before, &after)
            }
        }
    }

    fn compose(&self, name: &str, before: &str, after: &str) -> Result<Composed<'_>> {
        let text = format!("{before}{}{after}", self.text());
        let whole = Source::new(name, text);
        let range = before.len()..before.len() + self.element.len();
        let reading = browndog_xml::read(&whole);
        let (own, other) = self.split(&reading.report, &range);
        let notes = own.render_human(&self.source, false);
        match reading.domain {
            Some(domain) => Ok(Composed { domain, notes, fragment: self, whole, range }),
            None if own.has_errors() => Err(LifeError::Invalid { rendered: notes }),
            None => Err(LifeError::Invalid { rendered: other.render_human(&whole, false) }),
        }
    }

    /// What was found in the fragment, with the places of its file; and the rest.
    fn split(&self, report: &Report, range: &Range<usize>) -> (Report, Report) {
        let is_own = |span: &Span| range.start <= span.start as usize && span.end as usize <= range.end;
        let (mut own, mut other) = (report.clone(), report.clone());
        own.diagnostics.retain(|found| is_own(&found.span));
        other.diagnostics.retain(|found| !is_own(&found.span));
        for found in &mut own.diagnostics {
            found.span = self.moved(found.span, range);
            found.labels.retain(|(span, _)| is_own(span));
            found.labels.iter_mut().for_each(|(span, _)| *span = self.moved(*span, range));
        }
        (own, other)
    }

    fn moved(&self, span: Span, range: &Range<usize>) -> Span {
        let moved = |at: u32| at as usize - range.start + self.element.start;
        Span::new(moved(span.start), moved(span.end))
    }

    fn refuse(&self, at: usize, message: &str, help: &str) -> LifeError {
        refuse(&self.source, at, message, help)
    }
}

impl Composed<'_> {
    /// Says why a container that runs does not get it: places in the fragment are shown in its file.
    pub fn render(&self, verb: &str, name: &str, error: &StartError) -> LifeError {
        let tried = Tried { cannot: verb, ..Tried::START };
        let rendered = match error {
            StartError::Refused(problems) => self.problems(problems),
            StartError::Step(step) => {
                let mut step = step.clone();
                let (origin, source) = self.place(step.origin);
                step.origin = origin;
                StartError::Step(step).render_as(tried, name, source)
            }
            other => other.render_as(tried, name, &self.whole),
        };
        LifeError::Start { rendered, code: 1 }
    }

    /// Those of the fragment first; each in its own file.
    fn problems(&self, problems: &[Problem]) -> String {
        let moved = |problem: &Problem| Problem { origin: self.place(problem.origin).0, ..problem.clone() };
        let (own, other): (Vec<&Problem>, Vec<&Problem>) = problems
            .iter()
            .partition(|problem| std::ptr::eq(self.place(problem.origin).1, &self.fragment.source));
        let render = |problems: Vec<&Problem>, source: &Source| {
            let moved: Vec<Problem> = problems.into_iter().map(moved).collect();
            render_problems(Kind::Error, &moved, source)
        };
        render(own, &self.fragment.source) + &render(other, &self.whole)
    }

    fn place(&self, origin: Origin) -> (Origin, &Source) {
        match origin {
            Origin::Xml(span) if self.range.contains(&(span.start as usize)) => {
                (Origin::Xml(self.fragment.moved(span, &self.range)), &self.fragment.source)
            }
            other => (other, &self.whole),
        }
    }
}

fn refuse(source: &Source, at: usize, message: &str, help: &str) -> LifeError {
    let problem = Problem {
        origin: Origin::Xml(Span::new(at, at + 1)),
        message: message.to_owned(),
        help: help.to_owned(),
    };
    LifeError::Invalid { rendered: render_problem(Kind::Error, &problem, source) }
}

const ONE: &str =
    "give each device a document of its own: one <interface>, <hostdev>, <disk> or <filesystem>";

/// The name of the one element that `source` is, and where it stands.
fn one_element(source: &Source) -> Result<(String, Range<usize>)> {
    let text = source.text();
    let mut reader = Reader::from_str(text);
    let (mut depth, mut found) = (0_usize, None::<(String, Range<usize>)>);
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader.read_event();
        let end = reader.buffer_position() as usize;
        match event {
            Ok(Event::Start(tag)) | Ok(Event::Empty(tag)) if depth == 0 && found.is_some() => {
                let message = format!("<{}> is a second element", tag.name().as_ref());
                return Err(refuse(source, start, &message, ONE));
            }
            Ok(Event::Start(tag)) => {
                if depth == 0 {
                    found = Some((tag.name().as_ref().to_owned(), start..text.len()));
                }
                depth += 1;
            }
            Ok(Event::Empty(tag)) if depth == 0 => found = Some((tag.name().as_ref().to_owned(), start..end)),
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                if let Some((_, range)) = found.as_mut().filter(|_| depth == 0) {
                    range.end = end;
                }
            }
            Ok(Event::Text(words)) if depth == 0 && !words.as_ref().trim().is_empty() => {
                return Err(refuse(source, start, "text beside the device", ONE));
            }
            Ok(Event::DocType(_)) => {
                return Err(refuse(source, start, "a document type declaration", "remove it"));
            }
            Err(_) if depth == 0 && found.is_some() => {
                return Err(refuse(source, start, "what follows the device is not well-formed", ONE));
            }
            // What is not well-formed is said better by the checker, which is asked next.
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    match found {
        Some((name, _)) if name == "domain" => Err(refuse(
            source,
            text.find('<').unwrap_or(0),
            "this is a whole domain, not one of its devices",
            ONE,
        )),
        Some(found) => Ok(found),
        None => Err(refuse(source, 0, "there is no device in the document", ONE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Fragment::read(&Source::new("d.xml", text)).unwrap_err().to_string()
    }

    #[test]
    fn a_fault_is_shown_where_it_stands_in_the_file_of_the_device() {
        let said = error(
            "<?xml version='1.0'?>\n<interface type='bridge'>\n  <sorce bridge='br0'/>\n</interface>\n",
        );
        assert!(said.contains("d.xml:3:3") && said.contains("did you mean <source>"), "{said}");
        let said =
            error("<hostdev mode='capabilities' type='misc'>\n<source><char>dev</char></source></hostdev>");
        assert!(said.contains("d.xml:2:15") && said.contains("not an absolute path"), "{said}");
    }

    #[test]
    fn one_device_is_one_element() {
        for (text, place, why) in [
            ("", "d.xml:1:1", "no device"),
            ("<disk/>\n <disk/>", "d.xml:2:2", "a second element"),
            ("<domain type='lxc'/>", "d.xml:1:1", "a whole domain"),
            ("<interface type='bridge'><source bridge='b'/>", "d.xml:1:1", "<interface>"),
        ] {
            let said = error(text);
            assert!(said.contains(place) && said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_place_that_a_device_has() {
        for text in [
            "</devices><name>x</name><devices>",
            "<interface type='ethernet'/></devices><devices>",
            "<interface type='ethernet'></devices></domain><domain><devices></interface>",
            "]]><interface type='ethernet'/>",
            "<!--<interface type='ethernet'/>",
        ] {
            assert!(Fragment::read(&Source::new("d.xml", text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_device_is_read_among_the_others() {
        let document = Document::check(&Source::new(
            "web",
            "<domain type='lxc'><name>a</name><memory>65536</memory>\
            <os><type>exe</type><init>/bin/sh</init></os><devices><console type='pty'/></devices></domain>",
        ));
        let text =
            "<!-- mine -->\n<filesystem type='ram'><source usage='64'/><target dir='/x'/></filesystem>\n";
        let fragment = Fragment::read(&Source::new("d.xml", text)).unwrap();
        assert_eq!(fragment.name(), "filesystem");
        let composed = fragment.within(&document.unwrap()).unwrap();
        assert_eq!(composed.domain.filesystems.len(), 1);
    }
}
