//! The page about faults written down by hand: all of them, and everything it names is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../FAULTS.md");
const MUTANTS: &str = include_str!("../MUTANTS.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Number and answer of each row.
fn rows() -> Vec<(&'static str, &'static str)> {
    let cells = PAGE.lines().filter_map(|line| line.strip_prefix("| m")?.strip_suffix(" |"));
    cells
        .map(|row| {
            let mut cells = row.split(" | ");
            let number = cells.next().unwrap_or_default();
            (number, cells.nth(1).unwrap_or_else(|| panic!("m{number} has no answer")))
        })
        .collect()
}

#[test]
fn every_fault_is_answered_once_and_none_is_invented() {
    let numbers: Vec<&str> = rows().iter().map(|(number, _)| *number).collect();
    let expected: Vec<String> = (1..=181).map(|n| format!("{n:03}")).collect();
    assert_eq!(numbers, expected);
    let Ok(catalogue) = std::fs::read_to_string(root().join("../shared/conformance-catalogue.md")) else {
        eprintln!("skipped: ../shared/conformance-catalogue.md is not here");
        return;
    };
    let number = |l: &'_ str| -> Option<String> { l.strip_prefix("| m")?.get(..3).map(str::to_owned) };
    let all = catalogue.lines().filter_map(number).filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let theirs: BTreeSet<String> = all.collect();
    assert_eq!(theirs, expected.into_iter().collect());
}

#[test]
fn every_mutant_check_and_test_that_answers_exists() {
    let mutants = browndog_conformance::mutants::table::read(MUTANTS);
    let mut wrong = Vec::new();
    for (number, answer) in rows() {
        let mut said = !answer.trim().is_empty();
        for word in answer.split('`').skip(1).step_by(2) {
            said &= mutants.contains_key(word);
        }
        let words: Vec<&str> = answer.split_whitespace().map(|w| w.trim_end_matches(';')).collect();
        for pair in words.windows(2) {
            match pair[0] {
                "check" => said &= browndog_conformance::checks::find(pair[1]).is_some(),
                "test" => {
                    let (file, name) = pair[1].split_once("::").unwrap_or((pair[1], ""));
                    let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
                    said &= !text.is_empty() && text.contains(&format!("fn {name}"));
                }
                _ => {}
            }
        }
        if !said {
            wrong.push(format!("m{number}: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Faults that no check notices yet, each a check to be written. The list may only get shorter.
const OPEN: [&str; 0] = [];

/// The other direction, and the list itself, need a guest: `ci/mutants` compares them.
#[test]
fn the_table_of_mutants_has_the_open_survivors_and_every_row_says_something() {
    let mutants = browndog_conformance::mutants::table::read(MUTANTS);
    assert!(mutants.len() > 300, "{}", mutants.len());
    let said = |part: &str| {
        let rows = mutants.iter().filter(|(_, text)| text.contains(part) || text.trim().is_empty());
        rows.map(|(word, _)| word.as_str()).collect::<BTreeSet<_>>()
    };
    assert_eq!(said("**survived**"), BTreeSet::from(OPEN));
}
