//! The whole program under hostile documents: instructions, counted by valgrind, and bounded memory.

#[path = "../xml/tests/support/hostile_cases.rs"]
mod hostile_cases;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hostile_cases::CASES;

const BROWNDOG: &str = env!("CARGO_BIN_EXE_browndog");

/// Instructions that `validate` of `program` takes for `text`.
fn instructions(program: &Path, directory: &Path, text: &str) -> u64 {
    let file = directory.join("hostile.xml");
    std::fs::write(&file, text).expect("a temporary file can be written");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["validate", "--jobs", "1"])
        .arg(&file)
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counted = said.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse().ok());
    counted.unwrap_or_else(|| panic!("valgrind counts: {said}"))
}

#[test]
fn instructions_grow_with_a_document_and_not_with_its_square() {
    let Some(program) = std::env::var_os("BROWNDOG_COUNTED").map(PathBuf::from) else {
        eprintln!("skipped: BROWNDOG_COUNTED names no release build to count the instructions of");
        return;
    };
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: valgrind is not installed");
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let empty = instructions(&program, directory.path(), "");
    let mut wrong = Vec::new();
    for (name, document) in CASES {
        let of = |n| instructions(&program, directory.path(), &document(n)).saturating_sub(empty);
        let (small, large) = (of(400), of(1600));
        let (bytes, ratio) = (document(1600).len() as u64, large as f64 / small.max(1) as f64);
        println!(
            "{name}: {} instructions a byte, {ratio:.1} times as many for 4 times as much",
            large / bytes
        );
        // In the square it were 16 times.
        if large > 7 * small && large > 20_000_000 {
            wrong.push(format!("{name}: {small} {large}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// More than the bound of a document is not read, be it a file or a pipe that never ends.
#[test]
fn a_gigabyte_is_refused_in_bounded_memory() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("huge.xml");
    let mut file = std::fs::File::create(&path).expect("a temporary file can be made");
    file.write_all(b"<domain type='lxc'><name>a</name><vcpu cpuset='").expect("it can be written");
    // A hole: it reads as so many NULs and takes no space.
    file.set_len(1 << 30).expect("it can have a hole");
    // Half a gigabyte of addresses: a reader of the whole would fail.
    let bounded = |from: &str| {
        let command = format!("ulimit -v 524288; {from}");
        let mut run = Command::new("sh");
        let run = run.args(["-c", &command]).arg(BROWNDOG).arg(&path).stdin(Stdio::null());
        run.output().expect("a shell runs")
    };
    for from in
        ["exec \"$0\" validate \"$1\"", "cat \"$1\" | \"$0\" validate -", "\"$0\" validate - </dev/zero"]
    {
        let output = bounded(from);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("BD0016") && text.contains("longer than 128 MiB"), "{from}: {output:?}");
        assert_eq!(output.status.code(), Some(1), "{from}: {output:?}");
    }
}
