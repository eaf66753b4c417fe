//! What every verb promises: help, formats, exit statuses, a reader that goes away.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::io::Read;
use std::process::{Command, Stdio};

use rstest::rstest;
use serde_json::Value;
use support::{BROWNDOG, Case, browndog, text};

#[rstest]
fn help_has_examples_or_exit_statuses(
    #[values(
        "validate",
        "explain",
        "fmt",
        "schema",
        "convert",
        "plan",
        "run",
        "host",
        "conformance",
        "bench start",
        "bench compare",
        "docs"
    )]
    verb: &str,
) {
    let words: Vec<&str> = verb.split(' ').chain(["--help"]).collect();
    let output = browndog(&words);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    assert!(help.contains("Exit status") || help.contains("Examples"), "{help}");
}

#[test]
fn json_is_an_array_with_an_object_per_file() {
    let case = Case::new();
    let file = case.file("<domain type='lxc'>\n  <nam>x</nam>\n</domain>");
    let output =
        browndog(&["validate".as_ref(), "--format=json".as_ref(), file.as_os_str(), file.as_os_str()]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value.as_array().unwrap().len(), 2);
    let first = &value[0]["diagnostics"][0];
    assert_eq!(
        (&value[0]["verdict"], &first["line"], &first["column"]),
        (&"invalid".into(), &2.into(), &3.into())
    );
    for field in ["code", "severity", "message", "end_line", "end_column", "path", "help"] {
        assert!(first.get(field).is_some(), "no {field} in {first}");
    }
}

#[test]
fn jsonl_is_an_object_per_line_in_the_order_named() {
    let case = Case::new();
    let file = case.script("true");
    let output =
        browndog(&["validate".as_ref(), "--format=jsonl".as_ref(), file.as_os_str(), file.as_os_str()]);
    let text = text(&output.stdout);
    assert_eq!(text.lines().count(), 2);
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).unwrap()["verdict"] == "valid"));
}

#[test]
fn standard_input_is_a_dash() {
    let mut child = Command::new(BROWNDOG)
        .args(["validate", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"<domain type='kvm'/>").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("standard input:1:"), "{}", text(&output.stdout));
}

#[test]
fn an_ignored_element_is_an_error_only_when_denied() {
    let case = Case::new();
    let file = case.domain("<init>/bin/true</init>", "<emulator>/usr/libexec/libvirt_lxc</emulator>");
    let plain = browndog(&["validate".as_ref(), file.as_os_str()]);
    assert_eq!(plain.status.code(), Some(0), "{}", text(&plain.stdout));
    assert!(text(&plain.stdout).contains("BD0500"));
    let denied = browndog(&["validate".as_ref(), "--deny=ignored".as_ref(), file.as_os_str()]);
    assert_eq!(denied.status.code(), Some(1));
}

#[test]
fn every_listed_code_is_explained() {
    let list = text(&browndog(&["explain"]).stdout);
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(codes.len() > 20, "{list}");
    for code in codes {
        assert_eq!(browndog(&["explain", code]).status.code(), Some(0), "{code}");
    }
}

#[test]
fn plan_needs_no_privilege_and_every_step_says_who_asked() {
    let case = Case::new();
    let file = case.script("true");
    let mut command = Command::new(BROWNDOG);
    let output = command.args(["plan", "--format=json"]).arg(&file).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    assert!(steps.len() > 20);
    for step in steps {
        let asked = &step["asked_by"];
        assert!(asked.get("line").is_some() || asked.get("default").is_some(), "{step}");
        assert_ne!(step["why"], "", "{step}");
    }
}

#[rstest]
#[case("v2", "cpu.max")]
#[case("hybrid", "cpu.cfs_quota_us")]
#[case("rootless", "clone-tree:/dev/null")]
fn a_plan_for_another_machine_is_about_that_one(#[case] machine: &str, #[case] has: &str) {
    let planned = |file: &str| {
        let output = browndog(&["plan", "--on", machine, file]);
        (output.status.code(), text(&output.stdout))
    };
    let (status, plan) = planned("domains/limits.xml");
    // A user without privilege has no limits.
    assert_eq!(status, Some(i32::from(machine == "rootless")), "{plan}");
    assert!(plan.contains(has), "{plan}");
    // A source that is on no machine is there.
    let case = Case::new();
    let nowhere = "<filesystem type='mount'><source dir='/nowhere/at/all'/><target dir='/mnt'/></filesystem>";
    let file = case.domain("<init>/bin/true</init>", nowhere);
    let (status, plan) = planned(file.to_str().unwrap());
    assert!(status == Some(0) && plan.contains("/nowhere/at/all"), "{plan}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = Command::new(BROWNDOG)
        .args(["docs", "completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    assert!(matches!(output.status.code(), Some(0 | 141)), "{:?}", output.status);
}

#[test]
fn a_pipe_gets_no_colours() {
    let case = Case::new();
    let output = browndog(&["validate".as_ref(), case.file("<x/>").as_os_str()]);
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn manual_pages_are_written_for_every_verb() {
    let case = Case::new();
    let dir = case.dir.path().join("man");
    assert_eq!(browndog(&["docs".as_ref(), "man".as_ref(), dir.as_os_str()]).status.code(), Some(0));
    for page in ["browndog.1", "browndog-run.1", "browndog-validate.1"] {
        let text = std::fs::read_to_string(dir.join(page)).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
}

/// The second column of the table in `runtime/life/VERBS.md`, with the first.
fn table() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/runtime/life/VERBS.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cell = |line: &str, at: usize| {
        line.replace("\\|", "/").split('|').nth(at + 1).unwrap_or_default().trim().to_owned()
    };
    rows.map(|line| (cell(line, 0), cell(line, 1))).collect()
}

fn words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_table_of_virshs_verbs_is_true() {
    let rows = table();
    assert!(rows.len() > 30, "the table is not where it was: {}", rows.len());
    let mut offenders = Vec::new();
    for (virsh, ours) in &rows {
        for command in words(ours) {
            let mut words = command.split(' ');
            let verb = words.next().unwrap();
            let output = browndog(&[verb, "--help"]);
            let help = text(&output.stdout);
            if output.status.code() != Some(0) {
                offenders.push(format!("{virsh}: there is no 'browndog {verb}'"));
            }
            offenders.extend(
                words
                    .filter(|word| word.starts_with("--") && !help.contains(*word))
                    .map(|option| format!("{virsh}: 'browndog {verb}' has no {option}")),
            );
        }
        if words(ours).is_empty() {
            for verb in words(virsh) {
                let name = verb.split(' ').next().unwrap();
                if browndog(&[name, "--help"]).status.code() == Some(0) {
                    offenders
                        .push(format!("there is a 'browndog {name}', and the table says that there is none"));
                }
            }
        }
    }
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}

#[test]
fn every_verb_on_a_domain_is_in_the_table_of_virshs() {
    let known: Vec<String> = table().iter().flat_map(|(_, ours)| words(ours)).collect();
    let known: Vec<&str> = known.iter().filter_map(|command| command.split(' ').next()).collect();
    let help = text(&browndog(&["--help"]).stdout);
    let verbs = help.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let domains: Vec<&str> = verbs
        .filter(|verb| !verb.is_empty() && *verb != "help")
        .filter(|verb| text(&browndog(&[*verb, "--help"]).stdout).contains("<DOMAIN>"))
        .collect();
    assert!(domains.len() > 20, "{domains:?}");
    let missing: Vec<_> = domains.iter().filter(|verb| !known.contains(verb)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
