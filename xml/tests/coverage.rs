//! Every code has a document that shows it, every row one that uses it.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use browndog_xml::explain::Code;
use browndog_xml::report::Severity;
use browndog_xml::schema::OLDEST;
use browndog_xml::source::Source;
use browndog_xml::{read, read_for};
use support::rows;

/// The documents of `tests/NAME`: the code in the file's name, and the file.
fn coded(name: &str) -> Vec<(Code, Source)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    std::fs::read_dir(directory)
        .expect("the directory is readable")
        .map(|entry| {
            let path = entry.expect("a directory lists its entries").path();
            let file = path.file_name().expect("a file has a name").to_string_lossy().into_owned();
            let code = file.split('-').next().and_then(Code::parse).expect("a name begins with a code");
            (code, Source::from_bytes(file, std::fs::read(path).expect("a listed file is readable")))
        })
        .collect()
}

#[test]
fn every_code_has_a_document_that_shows_it() {
    let mut shown = BTreeSet::new();
    for (directory, severity) in [("reject", Severity::Error), ("warn", Severity::Warning)] {
        for (code, source) in coded(directory) {
            let asked = (code == Code::TooNew).then_some(OLDEST);
            let reading = read_for(&source, asked);
            let report = reading.report.render_human(&source, false);
            assert_eq!(reading.domain.is_none(), severity == Severity::Error, "{}\n{report}", source.name());
            let first = reading.report.diagnostics.iter().find(|it| it.severity == severity);
            assert_eq!(first.map(|it| it.code), Some(code), "{}\n{report}", source.name());
            let _new = shown.insert(code);
        }
    }
    // From 600 on the codes are of conversions, which have tests of their own.
    let missing: Vec<&Code> =
        Code::ALL.iter().filter(|code| code.number() < 600 && !shown.contains(code)).collect();
    assert!(missing.is_empty(), "without a document: {missing:?}");
}

#[test]
fn every_row_is_accepted_or_refused_as_it_says() {
    let mut missing = rows::every();
    for (_, text) in support::accepted() {
        rows::used(&text, &mut missing);
    }
    let mut why: BTreeMap<rows::Row, String> = BTreeMap::new();
    for row in missing.clone() {
        if !missing.contains(&row) {
            continue;
        }
        for text in rows::documents(&row) {
            let source = Source::new("row.xml", text);
            let reading = read(&source);
            if reading.domain.is_some() {
                rows::used(source.text(), &mut missing);
            } else if let Some(error) = reading.report.errors().next() {
                if error.code == Code::Refused {
                    // The table refuses it: that is what its row is for.
                    let _refused = missing.remove(&row);
                    break;
                }
                let _last = why.insert(row.clone(), format!("{} {}", error.code, error.message));
            }
        }
    }
    let left: Vec<String> = missing
        .iter()
        .map(|row| format!("{row}: {}", why.get(row).map_or("no document", String::as_str)))
        .collect();
    // What cannot stand in an accepted document, and why: read before it is accepted.
    insta::assert_snapshot!(left.join("\n"));
}
