//! What goes wrong around a run: each has its message, its status, and leaves nothing.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use browndog_conformance::RunReport;
use browndog_conformance::judge::Status;

mod support;

use support::{BINARY, conformance, install_script, root, text};

/// Canaries of other users are planted.
const CANARIES: &str = "planting canaries of other users";

/// A runtime that is a script, and a word that no other process has in its command line.
fn runtime(script: &str) -> (tempfile::TempDir, String, String) {
    let place = tempfile::tempdir().expect("a directory");
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    // What sleep(1) takes for a number.
    let word = format!("9{:010}{:04}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let path = place.path().join("fake");
    install_script(&path, &format!("#!/bin/sh\n{}\n", script.replace("WORD", &word)));
    let path = path.to_string_lossy().into_owned();
    (place, path, word)
}

/// Processes with this word in their command line.
fn running(word: &str) -> Vec<String> {
    let lines = std::fs::read_dir("/proc").expect("procfs").flatten().filter_map(|e| {
        let line = std::fs::read(e.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|l| l.contains(word)).collect()
}

fn read(path: &Path) -> RunReport {
    serde_json::from_slice(&std::fs::read(path).expect("a report was written")).expect("a whole report")
}

#[test]
fn a_runtime_that_hangs_is_an_error_of_its_checks_and_is_ended_with_all_it_started() {
    if !root(CANARIES) {
        return;
    }
    let (place, path, word) = runtime("sleep WORD & exec sleep WORD");
    let json = place.path().join("out.json");
    let words = [
        "run",
        "--runtime",
        &path,
        "--filter",
        "pid-01",
        "--patience",
        "1",
        "--json",
        &json.to_string_lossy(),
    ];
    let output = conformance(&words);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report = read(&json);
    let verdict = &report.cells[0].results[0].verdict;
    assert_eq!(verdict.status, Status::Error);
    assert!(verdict.reasons[0].contains("hangs"), "{:?}", verdict.reasons);
    assert_eq!(running(&word), Vec::<String>::new());
}

#[rstest::rstest]
#[case("kill -SEGV $$", "signal: 11")]
#[case("echo it is broken >&2; exit 9", "it is broken")]
#[case("echo BROWNDOG-FACTS nonsense", "facts cannot be read")]
fn a_runtime_that_fails_is_an_error_that_says_what_it_did(#[case] script: &str, #[case] expected: &str) {
    if !root(CANARIES) {
        return;
    }
    let (place, path, _) = runtime(script);
    let json = place.path().join("out.json");
    let output =
        conformance(&["run", "--runtime", &path, "--filter", "pid-01", "--json", &json.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report = read(&json);
    let verdict = &report.cells[0].results[0].verdict;
    assert_eq!(verdict.status, Status::Error);
    assert!(verdict.reasons[0].contains(expected), "{:?}", verdict.reasons);
}

#[rstest::rstest]
#[case(&["--runtime-cmd", "no-such-command --option"], "no no-such-command on PATH")]
#[case(&["--runtime-cmd", "/nowhere/command"], "/nowhere/command")]
#[case(&["--json", "/nowhere/out.json"], "writing /nowhere/out.json")]
#[case(&["--junit", "/proc/out.xml"], "writing /proc/out.xml")]
#[case(&["--tap", "/"], "writing /")]
#[case(&["--html", "/nowhere/out.html"], "writing /nowhere/out.html")]
#[case(&["--baseline", "/nowhere/old.json"], "/nowhere/old.json is no report")]
fn what_cannot_work_is_said_before_anything_runs(#[case] words: &[&str], #[case] expected: &str) {
    let mut all = vec!["run", "--filter", "pid-01"];
    all.extend(words);
    let output = conformance(&all);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(expected), "{errors}");
    assert!(!errors.contains("scene 1"), "something ran: {errors}");
}

#[test]
fn a_report_of_before_stays_where_the_run_cannot_begin() {
    let place = tempfile::tempdir().expect("a directory");
    let old = place.path().join("out.json");
    std::fs::write(&old, "the old one").expect("a file");
    let output = conformance(&["run", "--runtime", "nosuch", "--json", &old.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&old).expect("still there"), "the old one");
}

#[test]
fn without_qemu_the_package_is_named() {
    let place = tempfile::tempdir().expect("a directory");
    let output = Command::new(BINARY)
        .args(["conformance", "run", "--kernel", BINARY, "--filter", "pid-01"])
        .env("PATH", place.path())
        .output()
        .expect("the binary was built");
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("qemu-system-x86_64") && errors.contains("qemu-system-x86"), "{errors}");
}

#[test]
fn a_kernel_that_the_archive_has_not_is_said_with_those_it_has() {
    if !Path::new("/etc/apt").exists() {
        eprintln!("skipped: this machine has no apt");
        return;
    }
    let output = conformance(&["run", "--vm", "4.4", "--filter", "pid-01"]);
    let errors = text(&output.stderr);
    if errors.contains("apt-get update") || errors.contains("no source that ends in") {
        eprintln!("skipped: Debian's archive cannot be reached");
        return;
    }
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("no linux-image-4.4") && errors.contains("known: "), "{errors}");
}

/// The first is full before anything is fetched, the second while the lists are.
#[rstest::rstest]
#[case("nr_inodes=3")]
#[case("size=16k")]
fn a_full_disk_under_the_cache_is_said(#[case] bounds: &str) {
    if !root(CANARIES) || !Path::new("/etc/apt").exists() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    // A file system so small, in a mount namespace that ends with the command.
    let script = format!(
        "mount -t tmpfs -o {bounds} none \"$1\" && XDG_CACHE_HOME=$1 exec \"$2\" conformance run --vm 6.12 --filter pid-01"
    );
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script, "sh"])
        .args([place.path(), Path::new(BINARY)])
        .env("LC_ALL", "C")
        .output()
        .expect("unshare runs");
    let errors = text(&output.stderr);
    let unreachable =
        ["Could not resolve", "Temporary failure", "Could not connect", "Unable to connect", "timed out"];
    if unreachable.iter().any(|words| errors.contains(words)) && !errors.contains("No space left") {
        eprintln!("skipped: Debian's archive cannot be reached");
        return;
    }
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.to_lowercase().contains("no space left"), "{errors}");
    assert!(errors.contains(&*place.path().to_string_lossy()), "{errors}");
}

/// A run that is in its first scene, and what it says further.
fn begun(runtime: &str, place: &Path, words: &[&str]) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut child = Command::new(BINARY)
        .args(["conformance", "run", "--runtime", runtime])
        .args(words)
        .env("TMPDIR", place)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line of progress").expect("text");
    assert!(first.contains("scene 1"), "{first}");
    (child, lines)
}

#[rstest::rstest]
#[case(nix::sys::signal::Signal::SIGINT)]
#[case(nix::sys::signal::Signal::SIGTERM)]
fn an_interrupted_run_cleans_up_and_writes_what_it_has(#[case] signal: nix::sys::signal::Signal) {
    if !root(CANARIES) {
        return;
    }
    let (place, path, word) = runtime("sleep WORD & exec sleep WORD");
    let json = place.path().join("out.json");
    let words = ["--area", "pid,life", "--json", &json.to_string_lossy()];
    let (mut child, lines) = begun(&path, place.path(), &words);
    let deadline = Instant::now() + Duration::from_secs(60);
    while running(&word).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, signal).expect("it runs");
    // Everything it says has to be read, or it waits for its reader.
    let _rest: Vec<_> = lines.collect();
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(1));
    let report = read(&json);
    let results = &report.cells[0].results;
    assert!(results.len() > 20, "{}", results.len());
    for result in results {
        assert_eq!(result.verdict.status, Status::Error, "{}", result.id);
        assert!(result.verdict.reasons[0].contains("interrupted"), "{:?}", result.verdict.reasons);
    }
    assert_eq!(running(&word), Vec::<String>::new());
    let left: Vec<_> =
        std::fs::read_dir(place.path()).expect("there").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "the script and the report, no more: {left:?}");
}

#[test]
fn the_canary_ends_with_a_suite_that_is_killed() {
    if !root(CANARIES) {
        return;
    }
    // It ends with its standard input, which is the suite's.
    let (place, path, _) = runtime("exec cat");
    let (mut child, _lines) = begun(&path, place.path(), &["--filter", "pid-01"]);
    let below = || -> Vec<String> {
        let of = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id()));
        of.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let said = |pid: &String| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    // exec lets the suite go on before the kernel shows the words of the new program.
    let deadline = Instant::now() + Duration::from_secs(60);
    let canary = loop {
        if let Some(pid) = below().into_iter().find(|pid| said(pid).contains("canary")) {
            break pid;
        }
        assert!(Instant::now() < deadline, "no canary below the suite");
        std::thread::sleep(Duration::from_millis(10));
    };
    let command = said(&canary);
    child.kill().expect("it runs");
    let _status = child.wait().expect("it ends");
    while said(&canary) == command && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_ne!(said(&canary), command, "the canary outlives the suite");
}
