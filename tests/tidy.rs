//! House rules that no compiler checks. A rule that no script checks is a wish.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file; tests and tables may be longer. A file on the list below may shrink, not grow.
const LINES: usize = 500;
const LONGER: [(&str, usize, &str); 1] =
    [("runtime/src/plan/step.rs", 520, "one variant per kernel effect, with the call it is")];

/// Where `unsafe` may stand: system calls, the allocator of a test, and the attribute of `main`.
const UNSAFE: [&str; 5] =
    ["runtime/src/sys", "runtime/tests/guard.rs", "conformance/src/sys", "benches/floor/src/", "src/main.rs"];

/// Longest script: what is longer belongs into the binary.
const SCRIPT_LINES: usize = 60;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository with its path from the root; what is ignored or binary is none of ours.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort();
    assert!(found.len() > 20, "the walk found too little: {}", found.len());
    found
}

fn collect(dir: &Path, found: &mut Vec<(String, String)>) {
    let skipped = [".git", "target", "corpus", "artifacts"];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !skipped.contains(&name.as_str()) {
                collect(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), text));
        }
    }
}

fn rust() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".rs"))
}

fn is_test(path: &str) -> bool {
    path.contains("tests/") || path.ends_with("tests.rs") || path.starts_with("fuzz/")
}

/// Lines that are neither comment nor string continuation, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn report(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn a_source_file_can_be_read_in_one_sitting() {
    let too_long = |(path, text): (String, String)| {
        let listed = LONGER.iter().find(|(long, ..)| *long == path);
        let allowed = listed.map_or(LINES, |(_, lines, _)| *lines);
        let lines = text.lines().count();
        (lines > allowed && !is_test(&path)).then(|| format!("{path}: {lines} lines, at most {allowed}"))
    };
    report("split these by concern", &rust().filter_map(too_long).collect::<Vec<_>>());
}

#[test]
fn unsafe_stands_only_where_the_system_calls_are() {
    let mut offenders = Vec::new();
    for (path, text) in rust().filter(|(path, _)| path != "tests/tidy.rs") {
        if UNSAFE.iter().any(|allowed| path.starts_with(allowed)) {
            continue;
        }
        let word = |line: &str| {
            // Every second piece between quotes is a string: a word of libvirt's, not the keyword.
            let line: String = line.split('"').step_by(2).collect::<Vec<_>>().join(" ");
            let line = line.split("//").next().unwrap_or("");
            line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
        };
        offenders
            .extend(code(&text).filter(|(_, line)| word(line)).map(|(number, _)| format!("{path}:{number}")));
    }
    report("`unsafe` outside the system call modules", &offenders);
}

#[test]
fn no_result_is_thrown_away() {
    let mut offenders = Vec::new();
    for (path, text) in rust().filter(|(path, _)| path != "tests/tidy.rs") {
        let thrown = |line: &&(usize, &str)| line.1.contains("let _ =") || line.1.contains("let _=");
        let lines: Vec<_> = code(&text).collect();
        offenders.extend(lines.iter().filter(thrown).map(|(number, _)| format!("{path}:{number}")));
    }
    report("`let _ =`: handle it, or name what is dropped and why", &offenders);
}

#[test]
fn no_path_of_the_machine_it_was_made_on() {
    let here = root().to_string_lossy().into_owned();
    let offenders: Vec<_> =
        files().into_iter().filter(|(_, text)| text.contains(&here)).map(|(path, _)| path).collect();
    report("these carry the path of this checkout", &offenders);
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = |(_, text): &(String, String)| {
        !text.lines().take_while(|line| !line.starts_with("use ")).any(|line| line.starts_with("//!"))
    };
    report("no `//!` at the top", &rust().filter(silent).map(|(path, _)| path).collect::<Vec<_>>());
}

#[test]
fn scripts_are_short_and_stop_at_the_first_error() {
    let mut offenders = Vec::new();
    for (path, text) in
        files().into_iter().filter(|(_, text)| text.starts_with("#!") && text.contains("sh\n"))
    {
        if text.lines().count() > SCRIPT_LINES {
            offenders.push(format!("{path}: more than {SCRIPT_LINES} lines"));
        }
        // A script that only hands over to another has nothing to stop.
        if !text.contains("set -euo pipefail") && !text.contains("exec ") && !text.starts_with("#!/bin/sh") {
            offenders.push(format!("{path}: no `set -euo pipefail`"));
        }
    }
    report("scripts", &offenders);
}

/// What stands in the README's `sh` blocks, without comments and prompts.
fn readme_commands() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let lines = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    let bare = lines.map(|line| line.split(" #").next().unwrap().trim().to_owned());
    bare.filter(|line| !line.is_empty()).collect()
}

#[test]
fn every_command_of_the_readme_exists() {
    let help = Command::new(env!("CARGO_BIN_EXE_browndog")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let verbs: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|v| !v.is_empty())
        .collect();
    let commands = readme_commands();
    assert!(!commands.is_empty());
    let mut offenders = Vec::new();
    for command in &commands {
        let ours =
            command.strip_prefix("browndog ").or_else(|| command.split_once(" -- ").map(|(_, rest)| rest));
        let verb = ours.and_then(|words| words.split(' ').find(|word| !word.starts_with("--")));
        if let Some(verb) = verb.filter(|verb| !verbs.contains(verb)) {
            offenders.push(format!("{command}: no verb {verb:?}"));
        }
        let named = command.split(' ').filter(|word| word.starts_with("domains/") || word.starts_with("ci/"));
        offenders.extend(
            named.filter(|file| !root().join(file).exists()).map(|file| format!("{command}: no {file}")),
        );
    }
    report("the README promises what is not there", &offenders);
}

#[test]
fn every_sample_says_how_it_is_meant() {
    let samples =
        files().into_iter().filter(|(path, _)| path.starts_with("domains/") && path.ends_with(".xml"));
    let silent: Vec<_> =
        samples.filter(|(_, text)| !text.starts_with("<!--")).map(|(path, _)| path).collect();
    report("a sample begins with a comment that says what it shows", &silent);
}
