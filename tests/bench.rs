//! `bench` end to end, with peers of our own making on PATH: what fails, what hangs, what is interrupted.
#![allow(unused_results, reason = "commands are built in steps")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{BROWNDOG, Case, install_script, root, text};

/// Runtimes that are shell scripts, and nothing else, on PATH.
struct Peers {
    case: Case,
}

impl Peers {
    fn new(peers: &[(&str, &str)]) -> Self {
        let case = Case::new();
        for name in ["bin", "tmp"] {
            fs::create_dir(case.dir.path().join(name)).unwrap();
        }
        let made = Self { case };
        for (name, script) in peers {
            let script = format!("#!/bin/sh\necho x >> '{}'\n{script}\n", made.turns(name).display());
            install_script(&made.path("bin").join(name), &script);
        }
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.case.dir.path().join(name)
    }

    /// One line for each time the peer was called.
    fn turns(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.turns"))
    }

    fn count(&self, name: &str) -> usize {
        fs::read_to_string(self.turns(name)).unwrap_or_default().lines().count()
    }

    fn bench(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BROWNDOG);
        command.arg("bench").args(arguments).stdin(Stdio::null());
        command.env("PATH", self.path("bin")).env("TMPDIR", self.path("tmp"));
        command
    }

    fn start(&self, arguments: &[&str]) -> Output {
        let few = ["start", "--rounds", "2", "--starts", "2", "--warmup", "1"];
        self.bench(&[&few, arguments].concat()).output().unwrap()
    }

    /// What the bench made for itself and did not take away.
    fn left(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn a_peer_that_fails_is_left_out_with_its_message_and_the_rest_goes_on() {
    if !root() {
        return;
    }
    let peers = Peers::new(&[("bwrap", "echo 'no luck today' >&2; exit 3"), ("crun", "exit 0")]);
    let output = peers.start(&["--only", "bare,bwrap,crun"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
    assert!(out.contains("left out: bwrap: exit status: 3: no luck today"), "{out}");
    assert!(out.lines().any(|line| line.starts_with("crun ")), "{out}");
    assert_eq!(peers.left(), [] as [&Path; 0]);
}

#[test]
fn a_peer_that_hangs_is_left_out_and_ended() {
    if !root() {
        return;
    }
    // The script's own child holds on as well.
    let peers = Peers::new(&[("bwrap", "/bin/sleep 1000"), ("crun", "exit 0")]);
    let output = peers.start(&["--only", "bwrap,crun", "--patience", "10"]);
    let out = text(&output.stdout);
    assert!(out.contains("left out: bwrap: hung: no end within 10 s"), "{out}{}", text(&output.stderr));
    assert!(out.lines().any(|line| line.starts_with("crun ")), "{out}");
    // Asked for its version, where it hangs already, and started once.
    assert_eq!(peers.count("bwrap"), 2);
}

#[test]
fn a_bench_that_is_interrupted_prints_what_it_has_and_cleans_up() {
    if !root() {
        return;
    }
    let peers = Peers::new(&[("crun", "exit 0")]);
    let report = peers.path("report.json");
    let mut command = peers.bench(&["start", "--only", "bare,crun", "--rounds", "1000000", "--json"]);
    let mut child = command.arg(&report).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Beyond the warm-up and the first round of twenty.
    while peers.count("crun") < 60 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
    assert!(out.contains("interrupted: this is what was measured until then"), "{out}");
    assert!(out.lines().any(|line| line.starts_with("crun ")), "{out}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    assert_eq!(report["interrupted"], true);
    assert_eq!(peers.left(), [] as [&Path; 0]);
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_is_measured() {
    let peers = Peers::new(&[("crun", "exit 0")]);
    for option in ["--json", "--html"] {
        let output = peers.start(&["--only", "crun", option, "/nowhere/report"]);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains("cannot write /nowhere/report: No such file or directory"), "{said}");
    }
    assert_eq!(peers.count("crun"), 0);
    assert_eq!(peers.left(), [] as [&Path; 0]);
}

#[test]
fn a_report_that_is_there_stays_until_there_is_a_new_one() {
    let peers = Peers::new(&[]);
    let report = peers.path("old.json");
    fs::write(&report, "old").unwrap();
    let output = peers.start(&["--only", "bare", "--json", report.to_str().unwrap(), "--html", "/nowhere/x"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(report).unwrap(), "old");
}

#[test]
fn a_base_is_pinned_for_the_time_of_a_measurement() {
    if !root() {
        return;
    }
    let peers = Peers::new(&[]);
    let json = peers.path("base.json");
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap();
    let before = mounts().matches("browndog-base").count();
    for (arguments, expected) in [(&["--base"][..], true), (&[], before > 0)] {
        let all = [&["--only", "browndog", "--json", json.to_str().unwrap()], arguments].concat();
        let output = peers.start(&all);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        assert_eq!(report["machine"]["base"], expected);
        let steps = report["steps"].as_array().unwrap();
        assert_eq!(steps.iter().any(|step| step["name"] == "enter-base"), expected, "{steps:?}");
    }
    assert_eq!(mounts().matches("browndog-base").count(), before);
}

#[test]
fn compare_is_1_for_a_regression_and_0_for_the_same() {
    if !root() {
        return;
    }
    let peers = Peers::new(&[("crun", "exit 0")]);
    let (old, new) = (peers.path("old.json"), peers.path("new.json"));
    let output = peers.start(&["--only", "crun", "--json", old.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // Times of our own: those that were measured may be anything on a busy machine.
    let mut report: serde_json::Value = serde_json::from_slice(&fs::read(&old).unwrap()).unwrap();
    for (path, times) in [(&old, 1), (&new, 100)] {
        for round in report["subjects"][0]["rounds"].as_array_mut().unwrap() {
            for (at, time) in round.as_array_mut().unwrap().iter_mut().enumerate() {
                *time = ((2_000_000 + 1_000 * at) * times).into();
            }
        }
        fs::write(path, report.to_string()).unwrap();
    }
    let verdict = |before: &Path, after: &Path| {
        let output = peers.bench(&["compare"]).args([before, after]).output().unwrap();
        (output.status.code(), text(&output.stdout))
    };
    let (status, said) = verdict(&old, &new);
    assert!(status == Some(1) && said.contains("REGRESSION"), "{status:?} {said}");
    let (status, said) = verdict(&old, &old);
    assert!(status == Some(0) && said.contains("same"), "{status:?} {said}");
}
