//! The shared corpus: every document against what libvirt's schema and driver say about it.
//!
//! The corpus is not part of the repository (its licences vary). `BROWNDOG_CORPUS` names its
//! directory; without it `../shared/corpus` beside the checkout is tried; without both the test
//! says that it was skipped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use browndog_xml::read;
use browndog_xml::report::{Diagnostic, Severity};
use browndog_xml::source::Source;

struct Row {
    file: String,
    kind: String,
    must: String,
    fault_line: Option<u32>,
    note: String,
}

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("BROWNDOG_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let found = named.or(Some(beside)).filter(|path| path.join("manifest.tsv").is_file());
    if found.is_none() {
        eprintln!("skipped: no corpus (BROWNDOG_CORPUS is not set, ../shared/corpus is not there)");
    }
    found
}

fn manifest(corpus: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(corpus.join("manifest.tsv")).expect("the manifest is readable");
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            Row {
                file: fields[0].to_owned(),
                kind: fields[1].to_owned(),
                must: fields[2].to_owned(),
                fault_line: fields[9].parse().ok(),
                note: fields[12].to_owned(),
            }
        })
        .collect()
}

fn source(corpus: &Path, file: &str) -> Source {
    Source::from_bytes(file, std::fs::read(corpus.join(file)).expect("a listed file is readable"))
}

/// Names of elements and attributes that a mutant's note speaks of.
fn named(note: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = note;
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').map_or(rest.len(), |end| at + end);
        names.extend(rest[at + 1..end].rsplit('/').next().map(str::to_owned));
        rest = &rest[end..];
    }
    for word in note.split([' ', '>', ',', ':']) {
        names.extend(word.strip_prefix('@').map(str::to_owned));
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_error(diagnostics: &[Diagnostic]) -> Option<&Diagnostic> {
    diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error)
}

/// What the corpus has as refused, by libvirt's grammar alone, and libvirt's driver takes: a kernel's command line in a
/// container, and two `<devices>`.
const TAKEN: [&str; 2] = ["refuse/nova-2011-template-lxc.xml", "refuse/mut-s-duplicate-singleton-004.xml"];

#[test]
fn verdicts_and_places_agree_with_the_corpus() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for row in manifest(&corpus) {
        let source = source(&corpus, &row.file);
        let reading = read(&source);
        let first = first_error(&reading.report.diagnostics);
        let shown = first.map(|it| {
            format!("{} {}:{} {}", it.code, source.position(it.span.start).line, it.path, it.message)
        });
        let accepted = reading.domain.is_some();
        assert_eq!(accepted, !reading.report.has_errors(), "{}: the verdict is the report's", row.file);
        let mut tally = |what, good: bool| {
            let count = counts.entry(what).or_default();
            count.1 += 1;
            count.0 += u32::from(good);
            if !good {
                wrong.push(format!("{what}: {} [{}] got {shown:?}", row.file, row.note));
            }
        };
        match row.must.as_str() {
            "accept" => tally("verdict", accepted),
            "refuse" if TAKEN.contains(&row.file.as_str()) => assert!(accepted, "{}: {shown:?}", row.file),
            "refuse" => tally("verdict", !accepted),
            _ => {}
        }
        if row.must == "refuse" && row.kind == "mutant" {
            if let (Some(line), Some(first)) = (row.fault_line, first) {
                tally("line", source.position(first.span.start).line == line);
            }
            let names = named(&row.note);
            if let (false, Some(first)) = (names.is_empty(), first) {
                let last = first.path.rsplit(['/', '@']).next().unwrap_or_default();
                let bare = last.split('[').next().unwrap_or_default();
                let good = names.iter().any(|name| name == bare)
                    || names.iter().any(|name| first.message.contains(&format!("<{name}>")));
                tally("name", good);
            }
        }
    }
    for line in &wrong {
        println!("{line}");
    }
    println!("{counts:?}");
    if std::env::var_os("BROWNDOG_CORPUS_REPORT").is_some() {
        return;
    }
    let share = |what: &str| counts.get(what).map_or(1.0, |&(good, all)| f64::from(good) / f64::from(all));
    assert!(share("verdict") >= 1.0, "verdicts: {}", share("verdict"));
    assert!(share("line") >= 0.98, "lines: {}", share("line"));
    assert!(share("name") >= 0.99, "names: {}", share("name"));
}
