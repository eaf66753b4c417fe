//! The conformance suite of the W3C, held against libxml2: `ci/w3c` fetches it and runs this.
//!
//! Each document is looked at four times: as it is, as the content of a domain's `<metadata>`, and
//! both without its document type declaration. libxml2's verdict counts, not the suite's: the suite asks
//! for what older editions said as well.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::oracle::xmllint;
use support::verdict::{Exception, Verdict, ours};

/// Every file below `directory` that is a document.
fn documents(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("the suite is readable") {
            let path = entry.expect("a directory lists its entries").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "xml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The document without its document type declaration, if it has one that ends.
fn undeclared(text: &str) -> Option<String> {
    let start = text.find("<!DOCTYPE")?;
    let mut depth = 0;
    let mut quote = None;
    let mut rest = text[start..].char_indices();
    while let Some((at, character)) = rest.next() {
        let here = &text[start + at..];
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => depth -= 1,
            (None, '>') if depth == 0 => {
                return Some(format!("{}{}", &text[..start], &here[1..]));
            }
            (None, '<') if here.starts_with("<!--") || here.starts_with("<?") => {
                let end = if here.starts_with("<?") { "?>" } else { "-->" };
                let end = start + at + here.find(end)? + end.len();
                while rest.clone().next().is_some_and(|(at, _)| start + at < end) {
                    let _passed = rest.next();
                }
            }
            (None, _) => {}
        }
    }
    None
}

/// The document as the content of a right domain's metadata; its XML declaration stays in front.
fn embedded(text: &str) -> String {
    let text = text.trim_start_matches('\u{FEFF}');
    let (declaration, body) = match text.find("?>") {
        Some(end) if text.starts_with("<?xml") && text[5..].starts_with([' ', '\t', '\r', '\n']) => {
            text.split_at(end + 2)
        }
        _ => ("", text),
    };
    format!(
        "{declaration}<domain type='lxc'><name>a</name><memory>65536</memory><os><type>exe</type><init>/i</init></os><metadata>{body}</metadata></domain>"
    )
}

/// What was done to documents, their names and they themselves.
type Group = (&'static str, Vec<(String, Vec<u8>)>);

#[derive(Default)]
struct Row {
    documents: usize,
    well_formed: usize,
    malformed: usize,
    exceptions: BTreeMap<Exception, usize>,
    differ: Vec<String>,
}

impl Row {
    fn add(&mut self, name: &str, bytes: &[u8], good: bool) {
        self.documents += 1;
        match ours(bytes) {
            Verdict::Exception(exception) => {
                *self.exceptions.entry(exception).or_default() += 1;
                assert!(is_listed(bytes, exception), "{name}: refused as {exception:?}, which it is not");
            }
            Verdict::WellFormed => {
                self.well_formed += 1;
                if !good {
                    self.differ.push(format!("{name}: taken, libxml2 refuses it"));
                }
            }
            Verdict::Malformed => {
                self.malformed += 1;
                if good {
                    self.differ.push(format!("{name}: refused, libxml2 takes it"));
                }
            }
        }
    }
}

/// Whether a document has what it was refused for.
fn is_listed(bytes: &[u8], exception: Exception) -> bool {
    let text = String::from_utf8_lossy(bytes);
    match exception {
        Exception::DocumentType => text.to_ascii_uppercase().contains("<!DOCTYPE"),
        Exception::Encoding => text.contains("encoding") || bytes.contains(&0) || bytes.starts_with(&[0xFE]),
        Exception::Version => text.contains("1.1"),
        Exception::Bound => false,
    }
}

#[test]
fn every_document_without_a_document_type_has_the_verdict_of_libxml2() {
    let Some(suite) = std::env::var_os("BROWNDOG_W3C").map(PathBuf::from) else {
        return println!("skipped: no conformance suite of the W3C: ci/w3c fetches it and runs this");
    };
    let paths = documents(&suite);
    let mut groups: [Group; 4] = [
        ("as it is", Vec::new()),
        ("as it is, in <metadata>", Vec::new()),
        ("its declaration cut out", Vec::new()),
        ("its declaration cut out, in <metadata>", Vec::new()),
    ];
    for path in &paths {
        let name = path.strip_prefix(&suite).unwrap_or(path).display().to_string();
        let bytes = std::fs::read(path).expect("a listed file is readable");
        if let Ok(text) = String::from_utf8(bytes.clone()) {
            if let Some(cut) = undeclared(&text) {
                groups[3].1.push((name.clone(), embedded(&cut).into_bytes()));
                groups[2].1.push((name.clone(), cut.into_bytes()));
            } else {
                groups[1].1.push((name.clone(), embedded(&text).into_bytes()));
            }
        }
        groups[0].1.push((name, bytes));
    }
    let mut differ = Vec::new();
    println!(
        "documents | well-formed | malformed | document type | encoding | XML 1.1 | not libxml2's verdict |"
    );
    for (what, documents) in groups {
        let bytes: Vec<&[u8]> = documents.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let Some(good) = xmllint(&bytes) else {
            return println!("skipped: xmllint is not installed");
        };
        let mut row = Row::default();
        for ((name, bytes), good) in documents.iter().zip(good) {
            row.add(name, bytes, good);
        }
        let count = |exception| row.exceptions.get(&exception).copied().unwrap_or(0);
        println!(
            "{:9} | {:11} | {:9} | {:13} | {:8} | {:7} | {:21} | {what}",
            row.documents,
            row.well_formed,
            row.malformed,
            count(Exception::DocumentType),
            count(Exception::Encoding),
            count(Exception::Version),
            row.differ.len(),
        );
        differ.extend(row.differ.into_iter().map(|line| format!("{what}: {line}")));
    }
    assert!(paths.len() > 2000, "the suite is whole");
    assert!(differ.is_empty(), "{differ:#?}");
}
