//! Whether a document is well-formed: what we say, and what others say.

use std::path::Path;
use std::process::{Command, Stdio};

use browndog_xml::read;
use browndog_xml::report::Code;
use browndog_xml::source::Source;

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
            // The reader asks for an element; so does XML.
            _ => malformed = true,
        }
    }
    assert!(malformed || report.suppressed == 0, "a verdict needs every finding: {}", source.text());
    if malformed { Verdict::Malformed } else { Verdict::WellFormed }
}

/// Whether the XML declaration names an encoding that is not UTF-8.
fn declares_encoding(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let declaration = text.split_once("?>").map_or("", |(declaration, _)| declaration);
    declaration.contains("encoding") && !declaration.contains("utf-8")
}

/// Whether libxml2 finds each of these documents well-formed, by its namespaces as well; `None` where
/// there is no xmllint.
pub fn xmllint(documents: &[&[u8]]) -> Option<Vec<bool>> {
    if Command::new("xmllint").arg("--version").stderr(Stdio::null()).status().is_err() {
        return None;
    }
    let directory = tempfile::tempdir().expect("a directory can be made");
    let name = |number: usize| format!("{number}.xml");
    for (number, bytes) in documents.iter().enumerate() {
        std::fs::write(directory.path().join(name(number)), bytes).expect("a file can be written");
    }
    let mut good = vec![true; documents.len()];
    let numbers: Vec<usize> = (0..documents.len()).collect();
    for part in numbers.chunks(200) {
        said_of(directory.path(), &part.iter().map(|&number| name(number)).collect::<Vec<_>>(), &mut good);
    }
    Some(good)
}

/// Marks the files that libxml2 has an error for: `NUMBER.xml:LINE: parser error : …`. That a namespace's
/// name is no URI is an error for libxml2 and none of well-formedness.
fn said_of(directory: &Path, names: &[String], good: &mut [bool]) {
    let output = Command::new("xmllint")
        .args(["--noout", "--nonet"])
        .args(names)
        .current_dir(directory)
        .output()
        .expect("xmllint ran before");
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let Some((number, rest)) = line.split_once(".xml:") else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        let Some((_, kind)) = rest.split_once(": ") else { continue };
        if kind.starts_with("parser error")
            || kind.starts_with("namespace error") && !kind.contains("is not a valid URI")
        {
            good[number] = false;
        }
    }
}

/// Whether roxmltree, which checks names and namespaces, finds a document well-formed.
pub fn roxmltree(text: &str) -> Result<(), String> {
    match roxmltree::Document::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
