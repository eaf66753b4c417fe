//! Every decision of `DECISIONS.md` has a file, every file a decision, and the reader keeps to them.

use std::collections::BTreeSet;
use std::path::Path;

use browndog_xml::read;
use browndog_xml::source::Source;

#[test]
fn what_is_decided_is_what_is_done() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(here.join("DECISIONS.md")).expect("the table is readable");
    let mut decided = BTreeSet::new();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [file, answer, reason] = cells[..] else { panic!("three cells: {line}") };
        assert!(!reason.is_empty(), "a decision has a reason: {line}");
        let file = file.trim_matches('`');
        let bytes = std::fs::read(here.join("tests/decisions").join(file)).expect("the file is there");
        let source = Source::from_bytes(file, bytes);
        let reading = read(&source);
        let done = if reading.domain.is_some() { "accepted" } else { "refused" };
        assert_eq!(done, answer, "{file}\n{}", reading.report.render_human(&source, false));
        assert!(decided.insert(file.to_owned()), "{file} is decided once");
    }
    let files: BTreeSet<String> = std::fs::read_dir(here.join("tests/decisions"))
        .expect("the directory is readable")
        .map(|entry| entry.expect("a directory lists its entries").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(decided, files, "each file is decided");
}
