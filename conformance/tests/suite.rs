//! The suite against real runtimes and real kernels, as far as this machine has them.

use std::path::Path;

mod support;

use support::{conformance, root, text};

fn has(program: &str) -> bool {
    let found = ["/usr/sbin", "/usr/bin"].iter().any(|d| Path::new(d).join(program).exists());
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// Whether this machine can boot guests, and has or gets the kernel that they boot.
fn guests() -> bool {
    let kernel = || browndog_conformance::vm::Lab::default().kernel("6.12");
    has("qemu-system-x86_64")
        && kernel().map_err(|error| eprintln!("skipped: no kernel 6.12: {error}")).is_ok()
}

#[test]
fn runc_passes_pid_01_and_pid_02_on_this_host() {
    if !root("starting containers") || !has("runc") {
        return;
    }
    let output = conformance(&["run", "--runtime", "runc", "--filter", "pid-01,pid-02"]);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn null_runtime_is_refused_outside_a_guest() {
    let output = conformance(&["run", "--runtime", "null", "--filter", "pid-01"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("isolates nothing"), "{}", text(&output.stderr));
}

#[test]
fn vm_probe_that_was_told_nothing_tries_nothing_that_could_change_the_machine() {
    if !guests() {
        return;
    }
    // In a guest and never here: where the guard is broken, this rewrites /etc and sets the clock.
    let areas = "time,net,uts,ipc,caps,tries,mknod,keys,root";
    let output = conformance(&["vm", "--kernel", "6.12", "--", "browndog", "probe", "--facts", areas]);
    let line = text(&output.stdout);
    let facts: serde_json::Value = serde_json::from_str(line.trim_start_matches("BROWNDOG-FACTS "))
        .unwrap_or_else(|e| panic!("{e}: {line}{}", text(&output.stderr)));
    let names: Vec<&String> = facts.as_object().expect("an object").keys().collect();
    assert_eq!(names.len(), 9, "{names:?}");
    assert!(names.iter().all(|n| n.starts_with("probe.not_tried.")), "{names:?}");
}

/// The report of these runtimes in a guest, with a selection of checks.
fn in_a_guest(runtimes: &str, selection: &[&str]) -> browndog_conformance::RunReport {
    let words = [&["run", "--vm", "6.12", "--runtime", runtimes, "--format", "json"], selection].concat();
    let output = conformance(&words);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr)))
}

#[test]
fn vm_runs_the_suite_under_a_debian_kernel() {
    if !guests() || !has("runc") {
        return;
    }
    let report = in_a_guest("runc,null", &["--filter", "pid-01"]);
    let statuses: Vec<_> =
        report.cells.iter().map(|c| (c.runtime.as_str(), c.results[0].verdict.status)).collect();
    use browndog_conformance::judge::Status::{Fail, Pass};
    let reasons: Vec<_> = report.cells.iter().map(|c| &c.results[0].verdict.reasons).collect();
    assert_eq!(statuses, [("runc", Pass), ("null", Fail)], "{reasons:?}");
}

/// Checks of isolation that the null runtime passes; the number may only get smaller.
const VACUOUS: usize = 55;

/// What passes where nothing is isolated shows nothing.
#[test]
fn vm_null_runtime_passes_few_isolation_checks() {
    if !guests() {
        return;
    }
    let report = in_a_guest("null", &["--severity", "isolation"]);
    let all = &report.cells[0].results;
    let passed: Vec<&str> = all
        .iter()
        .filter(|r| r.verdict.status == browndog_conformance::judge::Status::Pass)
        .map(|r| r.id.as_str())
        .collect();
    assert!(all.len() > 150, "{}", all.len());
    assert!(passed.len() <= VACUOUS, "{} pass: {}", passed.len(), passed.join(" "));
}

#[test]
fn vm_hands_back_the_status_of_a_command() {
    if !guests() {
        return;
    }
    let output = conformance(&["vm", "--kernel", "6.12", "--", "browndog", "probe", "exit", "42"]);
    assert_eq!(output.status.code(), Some(42), "{}", text(&output.stderr));
}

/// Its daemon is a guest of ours: started for each container, and gone with it.
#[test]
fn libvirts_driver_is_run_with_a_daemon_of_its_own() {
    if !root("starting containers") || !has("virsh") || !has("libvirtd") {
        return;
    }
    let groups = || -> Vec<std::path::PathBuf> {
        let all = std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|e| e.path().join("machine"));
        all.filter(|group| group.exists()).collect()
    };
    let before = groups();
    let output = conformance(&[
        "run",
        "--runtime",
        "libvirt",
        "--filter",
        "pid-01",
        "--filter",
        "mount-01",
        "--filter",
        "leak-01",
    ]);
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(groups(), before, "the group of all its containers stays");
}

#[rstest::rstest]
#[case(&["run", "--runtime", "no-such-runtime"], "no runtime \"no-such-runtime\"")]
#[case(&["run", "--runtime", "/nowhere/runtime"], "/nowhere/runtime")]
#[case(&["run", "--filter", "nosuch-99"], "no check fits \"nosuch-99\"")]
#[case(&["explain", "nosuch-99"], "no check fits \"nosuch-99\"")]
#[case(&["run", "--vm", "newest"], "names no kernel")]
#[case(&["run", "--kernel", "/nowhere/vmlinuz"], "/nowhere/vmlinuz")]
#[case(&["run", "--shard", "3/2"], "no part such as 2/5")]
fn what_cannot_be_run_is_named_and_gives_exit_code_2(#[case] words: &[&str], #[case] expected: &str) {
    let output = conformance(words);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
}
