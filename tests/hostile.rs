//! The whole program under hostile documents: instructions, counted by valgrind, and bounded memory.

#[path = "../xml/tests/support/hostile_cases.rs"]
mod hostile_cases;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hostile_cases::{CASES, Case};

const BROWNDOG: &str = env!("CARGO_BIN_EXE_browndog");

/// Instructions that `words` of `program` take for `text`.
fn instructions(program: &Path, directory: &Path, words: &[&str], text: &str) -> u64 {
    let file = directory.join("hostile.xml");
    std::fs::write(&file, text).expect("a temporary file can be written");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(words)
        .arg(&file)
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counted = said.lines().find_map(|line| line.split("Collected : ").nth(1)?.trim().parse().ok());
    counted.unwrap_or_else(|| panic!("valgrind counts: {said}"))
}

const VALIDATE: &[&str] = &["validate", "--jobs", "1"];

/// The program whose instructions are counted; why nothing is counted is said.
fn counted() -> Option<PathBuf> {
    let Some(program) = std::env::var_os("BROWNDOG_COUNTED").map(PathBuf::from) else {
        eprintln!("skipped: BROWNDOG_COUNTED names no release build to count the instructions of");
        return None;
    };
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("skipped: valgrind is not installed");
        return None;
    }
    Some(program)
}

/// What grows faster than the document.
fn wrong(program: &Path, words: &[&str], cases: &[Case], n: usize) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let empty = instructions(program, directory.path(), words, "");
    let mut wrong = Vec::new();
    for (name, document) in cases {
        let of = |n| instructions(program, directory.path(), words, &document(n)).saturating_sub(empty);
        let (small, large) = (of(n), of(4 * n));
        let (bytes, ratio) = (document(4 * n).len() as u64, large as f64 / small.max(1) as f64);
        println!(
            "{name}: {} instructions a byte, {ratio:.1} times as many for 4 times as much",
            large / bytes
        );
        // In the square it were 16 times.
        if large > 7 * small && large > 20_000_000 {
            wrong.push(format!("{words:?}: {name}: {small} {large}"));
        }
    }
    wrong
}

#[test]
fn instructions_grow_with_a_document_and_not_with_its_square() {
    let Some(program) = counted() else { return };
    let wrong = wrong(&program, VALIDATE, CASES, 400);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A document without errors, each of whose parts `part` makes.
fn valid(n: usize, devices: impl Fn(usize) -> String, extension: impl Fn(usize) -> String) -> String {
    let all = |part: &dyn Fn(usize) -> String| (0..n).map(part).collect::<String>();
    format!(
        "<domain type='lxc' xmlns:browndog='urn:browndog:domain:1'><name>a</name><memory unit='MiB'>64</memory>\
         <os><type>exe</type><init>/bin/true</init></os><features><privnet/></features>\
         <devices>{}</devices>{}</domain>",
        all(&devices),
        all(&extension)
    )
}

fn none(_: usize) -> String {
    String::new()
}

fn mount(kind: &str, target: &str) -> String {
    format!(
        "<filesystem type='{kind}'><source dir='/usr'/><target dir='{target}'/><readonly/></filesystem>\n"
    )
}

fn mask(path: &str) -> String {
    format!("<browndog:mask path='{path}'/>\n")
}

/// What a start is planned for, in every way that has once taken time in the square, or in the cube.
const STARTS: &[Case] = &[
    ("file systems", |n| valid(n, |it| mount("mount", &format!("/mnt/{it}")), none)),
    ("file systems at one place", |n| valid(n, |_| mount("mount", "/mnt"), none)),
    ("copies inside", |n| valid(n, |it| mount("bind", &format!("/mnt/{it}")), none)),
    ("file systems in memory", |n| {
        let part = |it| {
            format!(
                "<filesystem type='ram'><source usage='64' units='KiB'/><target dir='/mnt/{it}'/></filesystem>"
            )
        };
        valid(n, part, none)
    }),
    ("masks", |n| valid(n, none, |it| mask(&format!("/mnt/{it}")))),
    ("masks of file systems", |n| {
        valid(n / 4, |it| mount("mount", &format!("/mnt/{it}")), |it| mask(&format!("/mnt/{it}/x")))
    }),
    ("masks and mounts below the kernel's", |n| {
        valid(n, |it| mount("mount", &format!("/proc/{it}")), |it| mask(&format!("/proc/x{it}")))
    }),
    ("masks through copies of copies", |n| {
        let copy = |it| {
            format!(
                "<filesystem type='bind'><source dir='/c{it}'/><target dir='/c{}'/></filesystem>\n",
                it + 1
            )
        };
        valid(n / 4, copy, |it| mask(&format!("/c{}/x{it}", n / 4)))
    }),
    ("interfaces", |n| {
        let part = |it| {
            format!("<interface type='ethernet'><target dev='h{it}'/><guest dev='g{it}'/></interface>\n")
        };
        valid(n, part, none)
    }),
    ("devices", |n| {
        let part = |it| {
            format!(
                "<hostdev mode='capabilities' type='misc'><source><char>/dev/a{it}</char></source></hostdev>\n"
            )
        };
        valid(n, part, none)
    }),
    ("disks", |n| {
        let part =
            |it| format!("<disk type='block'><source dev='/dev/a{it}'/><target dev='d{it}'/></disk>\n");
        valid(n, part, none)
    }),
    ("sysctls", |n| {
        valid(n, none, |it| format!("<browndog:sysctl name='net.ipv4.conf.e{it}.forwarding' value='1'/>\n"))
    }),
];

#[test]
fn a_plan_grows_with_a_document_and_not_with_its_square() {
    let Some(program) = counted() else { return };
    // As this machine is, and one on which all that is named is there.
    let mut wrong_ones = wrong(&program, &["plan"], STARTS, 1000);
    wrong_ones.extend(wrong(&program, &["plan", "--on", "v2"], STARTS, 1000));
    assert!(wrong_ones.is_empty(), "{wrong_ones:#?}");
}

/// The longest paths that there are, on each of which every directory is looked at.
#[test]
fn a_plan_takes_as_much_for_each_part_of_a_path() {
    let Some(program) = counted() else { return };
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let of = |depth: usize| {
        let part = |it| mount("mount", &format!("/mnt{}/{it}", "/a".repeat(depth)));
        instructions(&program, directory.path(), &["plan"], &valid(50, part, none))
    };
    let (none, small, large) = (of(1), of(400), of(1600));
    assert!(large - none < 6 * (small - none), "{none} {small} {large}");
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
