//! What we say of a document's markup, and what a parser says that checks names and namespaces: for the tests
//! and the fuzzer.

use browndog_xml::report::Code;
use browndog_xml::source::Source;
use browndog_xml::{fmt, read};

/// What we say of a document's markup, whatever it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Well-formed, also by the rules of namespaces.
    WellFormed,
    /// Not.
    Malformed,
    /// Refused before that is known: a document type declaration, another encoding than UTF-8, XML 1.1.
    Exception(Exception),
}

/// What is refused whatever else it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exception {
    DocumentType,
    Encoding,
    Version,
    /// A bound of the reader was reached, or there was more to say than a report holds.
    Bound,
}

/// What [`read`] says of the markup.
pub fn ours(bytes: &[u8]) -> Verdict {
    let source = Source::from_bytes("document.xml", bytes.to_vec());
    let report = read(&source).report;
    let mut malformed = false;
    for error in report.errors().filter(|error| error.code.number() <= 16) {
        match error.code {
            Code::Doctype => return Verdict::Exception(Exception::DocumentType),
            // What is not UTF-8 and does not say what else it is is malformed for everybody.
            Code::NotUtf8 if !error.message.contains("not UTF-8") || declares_encoding(bytes) => {
                return Verdict::Exception(Exception::Encoding);
            }
            Code::BadInstruction if error.message.starts_with("XML 1.1") => {
                return Verdict::Exception(Exception::Version);
            }
            Code::Limit => return Verdict::Exception(Exception::Bound),
            // The reader asks for an element; so does XML.
            _ => malformed = true,
        }
    }
    match (malformed, report.suppressed) {
        (true, _) => Verdict::Malformed,
        (false, 0) => Verdict::WellFormed,
        (false, _) => Verdict::Exception(Exception::Bound),
    }
}

/// Whether the XML declaration names an encoding that is not UTF-8.
fn declares_encoding(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let declaration = text.split_once("?>").map_or("", |(declaration, _)| declaration);
    declaration.contains("encoding") && !declaration.contains("utf-8")
}

/// Whether roxmltree, which checks names and namespaces, finds a document well-formed.
pub fn roxmltree(text: &str) -> Result<(), String> {
    match roxmltree::Document::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// The errors of a document: code, and what stands at the place.
pub fn errors(text: &str) -> Vec<(Code, String)> {
    let source = Source::new("document.xml", text);
    let report = read(&source).report;
    let at = |error: &browndog_xml::report::Diagnostic| {
        text[error.span.start as usize..error.span.end as usize].to_owned()
    };
    report.errors().map(|error| (error.code, at(error))).collect()
}

/// Where roxmltree does not look, or looks too closely; libxml2 does what the standard says of these.
fn is_known_difference(text: &str, other: &Result<(), String>) -> bool {
    let unlooked_at = |(code, place): &(Code, String)| match code {
        // Takes references to characters that there are not.
        Code::BadReference => place.starts_with("&#"),
        // Takes a prefix for no namespace, names that begin with a colon and the end tags of such.
        Code::BadNamespace => place.starts_with("xmlns:") || place.starts_with(':'),
        Code::StrayEndTag => place.starts_with("</:"),
        // Takes an instruction with a colon in its name, or with anything behind it.
        Code::BadInstruction => true,
        _ => false,
    };
    match other {
        Ok(()) => errors(text).iter().any(unlooked_at) || is_in_the_declaration(text),
        // It is always declared.
        Err(message) => message.contains("unknown namespace prefix 'xml'"),
    }
}

/// Whether an error stands in the XML declaration, whose values roxmltree does not read.
fn is_in_the_declaration(text: &str) -> bool {
    let end = if text.starts_with("<?xml") { text.find("?>").unwrap_or(0) } else { 0 };
    let report = read(&Source::new("document.xml", text)).report;
    report.errors().any(|error| (error.span.start as usize) < end)
}

/// Holds what we say of a document against what roxmltree says, and its canonical form as well.
pub fn agree(text: &str) {
    let verdict = ours(text.as_bytes());
    let other = roxmltree(text);
    if matches!(verdict, Verdict::Exception(_)) || is_known_difference(text, &other) {
        return;
    }
    assert_eq!(verdict == Verdict::WellFormed, other.is_ok(), "{other:?} {:?}\n{text}", errors(text));
    if let Ok(form) = fmt::format(&Source::new("document.xml", text)) {
        let of_form = roxmltree(&form);
        assert!(of_form.is_ok(), "{of_form:?}: the form of\n{text}\nis\n{form}");
    }
}
