//! The page of escapes says what is so: its steps, checks and tests exist.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use browndog_runtime::plan::order::ORDERS;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The way out, what stops it, and the names in the last three cells.
fn rows() -> Vec<(String, String, [Vec<String>; 3])> {
    let page = fs::read_to_string(here("runtime/ESCAPES.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [way, stopped, steps, checks, tests] = cells[..] else { panic!("five cells: {row}") };
        let names = |cell: &str| cell.split_whitespace().map(str::to_owned).collect();
        (way.to_owned(), stopped.to_owned(), [names(steps), names(checks), names(tests)])
    })
    .collect()
}

fn tests_of(directories: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for directory in directories {
        for entry in fs::read_dir(here(directory)).unwrap() {
            let path = entry.unwrap().path();
            let text = if path.is_file() { fs::read_to_string(&path).unwrap() } else { String::new() };
            let names = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split('(').next());
            found.extend(names.map(str::to_owned));
        }
    }
    found
}

#[test]
fn every_way_out_names_a_step_a_check_and_a_test_that_exist() {
    let steps: BTreeSet<&str> = ORDERS.iter().flat_map(|row| [row.before, row.after]).collect();
    let list = support::text(&support::browndog(&["conformance", "list"]).stdout);
    let checks: BTreeSet<&str> = list.split_whitespace().collect();
    let tests = tests_of(&["tests", "runtime/tests"]);
    let rows = rows();
    assert!(rows.len() > 15, "{}", rows.len());
    for (way, stopped, [named_steps, named_checks, named_tests]) in rows {
        assert!(!stopped.is_empty(), "{way}: what stops it?");
        for (what, names) in [("step", &named_steps), ("check", &named_checks), ("test", &named_tests)] {
            assert!(!names.is_empty(), "{way}: no {what}");
        }
        let missing = |names: &[String], known: &dyn Fn(&str) -> bool| -> Vec<String> {
            names.iter().filter(|name| !known(name)).cloned().collect()
        };
        assert_eq!(missing(&named_steps, &|name| steps.contains(name)), [""; 0], "{way}: no such step");
        assert_eq!(missing(&named_checks, &|name| checks.contains(name)), [""; 0], "{way}: no such check");
        assert_eq!(missing(&named_tests, &|name| tests.contains(name)), [""; 0], "{way}: no such test");
    }
}
