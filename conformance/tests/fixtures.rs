//! Runtimes with a fault, as scripts around runc: what each of them makes fail, and what it may pass.

use std::collections::BTreeSet;

use browndog_conformance::RunReport;
use browndog_conformance::judge::Status;

mod support;

use support::{conformance, install_script, root, text};

/// Never starts anything, with this exit status.
fn never(status: u32) -> String {
    format!("exit {status}")
}

/// An exit status above 128 is told as 1.
const MISTOLD: &str = "runc \"$@\"; s=$?; [ $s -gt 128 ] && exit 1; exit $s";

/// A program that cannot be entered into a container makes it wait for ever, deaf to SIGTERM.
const DEAF: &str = "trap '' TERM; case \" $* \" in *' true '*) runc \"$@\" || while :; do sleep 1; done;; \
                    *) exec runc \"$@\";; esac";

/// Removing a container removes every other whose name begins alike.
const GREEDY: &str = "case \" $* \" in *' delete '*) for last; do :; done; top=$(dirname \"$(dirname \"$2\")\"); \
                      for s in $top/*/state/$last*; do [ -d $s ] && runc --root $(dirname $s) delete --force $(basename $s); \
                      done; exit 0;; *) exec runc \"$@\";; esac";

/// Nothing is ever frozen, and it says that it is.
const AWAKE: &str = "case \" $* \" in *' pause '*|*' resume '*) exit 0;; *) exec runc \"$@\";; esac";

/// Its state is everybody's.
const OPEN: &str = "runc \"$@\"; s=$?; chmod -R o+w \"$2\"; exit $s";

/// A file of its state is written by its name, whatever stands there.
const FOLLOWS: &str = "case \" $* \" in *' run '*) echo started >\"$2/log\";; *' delete '*) runc \"$@\"; s=$?; \
                       rm -f \"$2/log\"; exit $s;; esac; exec runc \"$@\"";

/// Something stays that it has started.
const LITTERS: &str =
    "case \" $* \" in *' pause '*) setsid sleep 47 >/dev/null 2>&1 </dev/null &;; esac; exec runc \"$@\"";

/// What the first start said is said again by every other one, and nothing is started.
const LIAR: &str = "old=$0.said; case \" $* \" in *' run '*) ;; *) exit 0;; esac\n\
                    [ -e $old ] && { cat $old; read -r word; exit 0; }\n\
                    runc \"$@\" | tee $old";

fn has_runc() -> bool {
    let there =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|d| d.join("runc").exists());
    if !there {
        eprintln!("skipped: runc is not installed");
    }
    there
}

/// The report of a runtime that is this script.
fn report(script: &str, selection: &[&str]) -> RunReport {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("fixture");
    install_script(&path, &format!("#!/bin/sh\n{script}\n"));
    let path = path.to_string_lossy().into_owned();
    let words = [&["run", "--runtime-cmd", &path, "--format", "json"], selection].concat();
    let output = conformance(&words);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr)))
}

fn ids(report: &RunReport, status: Status) -> BTreeSet<&str> {
    let results = report.cells.iter().flat_map(|c| &c.results);
    results.filter(|r| r.verdict.status == status).map(|r| r.id.as_str()).collect()
}

#[rstest::rstest]
#[case(MISTOLD, "life-06c", "ends")]
#[case(MISTOLD, "life-08b", "ends")]
#[case(MISTOLD, "entered-06", "entered")]
#[case(DEAF, "entered-05", "entered")]
#[case(GREEDY, "beside-01", "beside")]
#[case(AWAKE, "beside-02", "beside")]
#[case(OPEN, "beside-03", "beside")]
#[case(FOLLOWS, "beside-04", "beside")]
#[case(LITTERS, "beside-05", "beside")]
fn a_fault_of_the_fixture_is_found(#[case] script: &str, #[case] check: &str, #[case] scene: &str) {
    if !root("starting containers") || !has_runc() {
        return;
    }
    let report = report(script, &["--filter", check, "--scene", scene]);
    assert!(ids(&report, Status::Fail).contains(check), "{report:?}");
    let sound = report_of_runc(check, scene);
    assert!(ids(&sound, Status::Pass).contains(check), "without the fault: {sound:?}");
}

fn report_of_runc(check: &str, scene: &str) -> RunReport {
    report("exec runc \"$@\"", &["--filter", check, "--scene", scene])
}

/// Nothing was started, so that nothing was seen: whatever passes looked at nothing.
#[rstest::rstest]
#[case(0)]
#[case(127)]
fn a_runtime_that_starts_nothing_passes_nothing(#[case] status: u32) {
    if !root("planting canaries of other users") {
        return;
    }
    let report = report(&never(status), &[]);
    assert_eq!(ids(&report, Status::Pass), BTreeSet::new());
    assert!(ids(&report, Status::Error).len() > 300, "{}", ids(&report, Status::Error).len());
}

/// Facts of another start, or of another run, are not this one's.
#[test]
fn a_liar_that_says_old_facts_again_is_found_out() {
    if !root("starting containers") || !has_runc() {
        return;
    }
    let scenes = "plain,nonroot,readonly,volumes,strict,closed,images,astray,twofold,given,odd,staged,mapped";
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("liar");
    install_script(&path, &format!("#!/bin/sh\n{LIAR}\n"));
    let path = path.to_string_lossy().into_owned();
    let words = ["run", "--runtime-cmd", &path, "--format", "json", "--scene"];
    let first = conformance(&[&words[..], &["plain"]].concat());
    assert!(first.status.code().is_some_and(|code| code < 2), "{}", text(&first.stderr));
    assert!(path_of_what_was_said(&path).exists(), "it has something to say again");
    let output = conformance(&[&words[..], &[scenes]].concat());
    let report: RunReport = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(ids(&report, Status::Pass), BTreeSet::new());
}

fn path_of_what_was_said(path: &str) -> std::path::PathBuf {
    format!("{path}.said").into()
}
