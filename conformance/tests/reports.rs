//! Reports as other programs read them, and reports put together and compared.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use browndog_conformance::RunReport;
use browndog_conformance::judge::Status;

mod support;

use support::{command, install_script, text};

fn conformance(words: &[&str], place: &Path) -> Output {
    command(words).current_dir(place).output().expect("the binary was built")
}

/// Everything that has to be escaped somewhere: markup, quotes, a terminal's colours, a line end, a number sign.
const ODD: &str = "<b>&\"'\u{1b}[31m ]]> #5 \u{8}\nsecond line";

/// A report with every status, known gaps, and odd characters in every text.
fn report(statuses: &[(&str, &str, Option<&str>)]) -> String {
    let results: Vec<_> = statuses
        .iter()
        .map(|(id, status, gap)| {
            serde_json::json!({
                "id": id, "severity": "isolation", "requirement": format!("A sentence, {ODD}."), "scene": "plain",
                "status": status, "reasons": if *status == "pass" { vec![] } else { vec![ODD] },
                "observed": { "a.fact": ODD, "a.list": [1, ODD] }, "milliseconds": 12_345, "gap": gap,
            })
        })
        .collect();
    serde_json::json!({ "schema": 1, "cells": [{
        "runtime": "run<c", "runtime_version": "1", "kernel": "6.12 #1", "place": "host", "cgroups": "v2",
        "milliseconds": 4_000_123, "results": results,
    }] })
    .to_string()
}

const EVERY: [(&str, &str, Option<&str>); 6] = [
    ("pid-01", "pass", None),
    ("pid-02", "fail", None),
    ("pid-03", "not-applicable", None),
    ("pid-04", "error", None),
    ("pid-10", "fail", Some("a gap with # and <markup>")),
    ("pid-11", "pass", Some("a gap that is none any more")),
];

fn place_with(files: &[(&str, String)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a directory");
    for (name, content) in files {
        std::fs::write(place.path().join(name), content).expect("a file");
    }
    place
}

#[test]
fn junit_fits_the_schema_that_surefire_and_jenkins_agree_on() {
    if Command::new("xmllint").arg("--version").output().is_err() {
        eprintln!("skipped: xmllint is not installed");
        return;
    }
    let place = place_with(&[("report.json", report(&EVERY))]);
    let output = conformance(&["merge", "report.json", "--junit", "out.xml"], place.path());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas/junit.xsd");
    let checked = Command::new("xmllint")
        .args(["--noout", "--schema"])
        .arg(schema)
        .arg(place.path().join("out.xml"))
        .output()
        .expect("xmllint runs");
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}

/// Reads what the TAP 14 specification says of version line, plans, test points, directives, YAML
/// blocks and subtests, and gives `(ok, description, directive)` of each point of the subtests.
fn tap(text: &str) -> Vec<(bool, String, Option<String>)> {
    let mut lines = text.lines().peekable();
    assert_eq!(lines.next(), Some("TAP version 14"));
    let plan = |line: Option<&str>| -> usize {
        line.and_then(|l| l.trim_start().strip_prefix("1..")).expect("a plan").parse().expect("a number")
    };
    let outer = plan(lines.next());
    let mut points = Vec::new();
    for number in 1..=outer {
        let name = lines.next().and_then(|l| l.strip_prefix("# Subtest: ")).expect("a subtest").to_owned();
        for inner in 1..=plan(lines.next()) {
            let line = lines.next().expect("a test point");
            let line = line.strip_prefix("    ").expect("indented by four");
            let (ok, rest) = match line.strip_prefix("not ok ") {
                Some(rest) => (false, rest),
                None => (true, line.strip_prefix("ok ").expect("ok or not ok")),
            };
            let rest = rest.strip_prefix(&format!("{inner} - ")).expect("its number");
            // A directive begins at the first number sign that is not escaped.
            let at = rest.match_indices('#').map(|(at, _)| at).find(|at| !rest[..*at].ends_with('\\'));
            let directive = at.map(|at| rest[at + 1..].trim().to_owned());
            if let Some(word) = &directive {
                assert!(word.starts_with("SKIP ") || word.starts_with("TODO "), "{word}");
            }
            points.push((ok, at.map_or(rest, |at| &rest[..at]).trim().to_owned(), directive));
            if lines.peek() == Some(&"      ---") {
                let block: Vec<&str> = lines.by_ref().skip(1).take_while(|l| *l != "      ...").collect();
                for line in block {
                    let (_, value) =
                        line.strip_prefix("      ").and_then(|l| l.split_once(": ")).expect("a key");
                    assert!(!value.is_empty(), "{line}");
                }
            }
        }
        let end = lines.next().expect("the subtest's own point");
        let name_end = end.split_once(&format!("ok {number} - ")).expect("its number").1;
        assert_eq!(name_end.replace('\\', ""), name.replace('\\', ""));
    }
    assert_eq!(lines.next(), None);
    points
}

#[test]
fn tap_parses_by_its_specification() {
    let place = place_with(&[("report.json", report(&EVERY))]);
    let output = conformance(&["merge", "report.json", "--format", "tap"], place.path());
    let points = tap(&text(&output.stdout));
    let kinds: std::collections::BTreeMap<_, _> = points
        .iter()
        .map(|(ok, text, directive)| (text.split(' ').next(), (*ok, directive.as_deref().map(|d| &d[..4]))))
        .collect();
    let expected = [
        ("pid-01", (true, None)),
        ("pid-02", (false, None)),
        ("pid-03", (true, Some("SKIP"))),
        ("pid-04", (false, None)),
        ("pid-10", (false, Some("TODO"))),
        ("pid-11", (true, Some("TODO"))),
    ];
    assert_eq!(kinds, expected.map(|(id, kind)| (Some(id), kind)).into());
}

#[test]
fn a_report_of_another_version_is_refused() {
    let place = place_with(&[("old.json", report(&EVERY).replace("\"schema\":1", "\"schema\":7"))]);
    let output = conformance(&["compare", "old.json", "old.json"], place.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("version 7"), "{}", text(&output.stderr));
}

#[test]
fn compare_gives_1_where_something_got_worse_and_0_elsewhere() {
    let place = place_with(&[
        ("good.json", report(&[("pid-01", "pass", None), ("pid-02", "pass", None)])),
        ("bad.json", report(&[("pid-01", "pass", None), ("pid-02", "fail", None)])),
        ("less.json", report(&[("pid-01", "pass", None)])),
    ]);
    for (before, after, status, says) in [
        ("good.json", "good.json", 0, "0 differences"),
        ("good.json", "bad.json", 1, "pid-02: pass -> FAIL"),
        ("bad.json", "good.json", 0, "better"),
        ("good.json", "less.json", 1, "pid-02: pass -> absent"),
    ] {
        let output = conformance(&["compare", before, after], place.path());
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{before} {after}: {out}{}", text(&output.stderr));
        assert!(out.to_lowercase().contains(&says.to_lowercase()), "{before} {after}: {out}");
    }
}

/// A runtime that refuses everything: every verdict is an error, and the run takes no time.
fn refusing() -> tempfile::TempDir {
    let place = place_with(&[]);
    install_script(&place.path().join("refuses"), "#!/bin/sh\necho no thanks >&2\nexit 3\n");
    place
}

fn verdicts(path: &Path) -> Vec<(String, Status)> {
    let bytes = std::fs::read(path).expect("a report");
    let report: RunReport = serde_json::from_slice(&bytes).expect("a report");
    assert_eq!(report.cells.len(), 1);
    report.cells[0].results.iter().map(|r| (r.id.clone(), r.verdict.status)).collect()
}

#[test]
fn the_shards_of_a_run_merge_into_the_whole_and_one_missing_is_noticed() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: the suite plants canaries of other users, which needs root");
        return;
    }
    let place = refusing();
    let run = |words: &[&str]| {
        let mut all = vec!["run", "--runtime", "./refuses", "--area", "pid,uts,life,mount,net,lat"];
        all.extend(words);
        let output = conformance(&all, place.path());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    };
    run(&["--json", "whole.json"]);
    for part in ["1", "2", "3"] {
        run(&["--shard", &format!("{part}/3"), "--json", &format!("part-{part}.json")]);
    }
    let merged = conformance(
        &["merge", "part-3.json", "part-1.json", "part-2.json", "--json", "merged.json"],
        place.path(),
    );
    assert_eq!(merged.status.code(), Some(1), "{}", text(&merged.stderr));
    let whole = verdicts(&place.path().join("whole.json"));
    assert!(whole.len() > 50, "{}", whole.len());
    assert_eq!(verdicts(&place.path().join("merged.json")), whole);
    let lacking = conformance(&["merge", "part-3.json", "part-1.json"], place.path());
    assert_eq!(lacking.status.code(), Some(2));
    assert!(text(&lacking.stderr).contains("2/3"), "{}", text(&lacking.stderr));
    // What was so before is no reason to fail.
    let output = conformance(
        &["run", "--runtime", "./refuses", "--filter", "pid-01", "--baseline", "whole.json"],
        place.path(),
    );
    assert_eq!(output.status.code(), Some(1), "the other checks are gone: {}", text(&output.stdout));
    assert!(text(&output.stdout).contains("absent"), "{}", text(&output.stdout));
    let output = conformance(
        &[
            "run",
            "--runtime",
            "./refuses",
            "--shard",
            "1/3",
            "--baseline",
            "part-1.json",
            "--area",
            "pid,uts,life,mount,net,lat",
        ],
        place.path(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}
