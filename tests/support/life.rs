//! Domains with a life of their own, in a directory of their own, gone when the test is.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{BROWNDOG, Case, text};

/// How long a busy machine may take for anything.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// One test's domains.
pub struct Life {
    pub case: Case,
}

impl Life {
    pub fn new() -> Self {
        Self { case: Case::new() }
    }

    pub fn root(&self) -> PathBuf {
        self.case.dir.path().join("state")
    }

    pub fn name(&self) -> &str {
        &self.case.name
    }

    /// A browndog command on this test's state, nothing on standard input.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BROWNDOG);
        command.arg("--root").arg(self.root()).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs and demands success; returns standard output.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs and demands a failure with this status; returns standard error.
    pub fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}{said}", text(&output.stdout));
        said
    }

    /// Defines this case's domain with a shell script as its init.
    pub fn define(&self, script: &str) {
        self.define_with(script, "");
    }

    /// The same with more elements in `<domain>`.
    pub fn define_with(&self, script: &str, more: &str) {
        let file = self.case.script(script);
        let document = fs::read_to_string(&file).unwrap().replace("<os>", &format!("{more}<os>"));
        fs::write(&file, document).unwrap();
        self.ok(&["define", file.to_str().unwrap()]);
    }

    pub fn state(&self) -> String {
        self.ok(&["state", self.name()]).trim().to_owned()
    }

    pub fn info(&self) -> serde_json::Value {
        serde_json::from_str(&self.ok(&["info", "--format", "json", self.name()])).unwrap()
    }

    pub fn monitor(&self) -> i32 {
        self.info()["monitor"].as_i64().expect("a monitor") as i32
    }

    pub fn wait_for(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "never: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Until this is in the log of the first console.
    pub fn wait_for_words(&self, words: &str) {
        self.wait_for(words, || self.ok(&["logs", self.name()]).contains(words));
    }

    /// Until the log of the first console no longer grows, as that of a domain that stands still.
    pub fn wait_for_silence(&self) {
        let said = || self.ok(&["logs", self.name()]).len();
        self.wait_for("silence", || {
            let before = said();
            std::thread::sleep(Duration::from_millis(300));
            said() == before
        });
    }

    /// Until the init has executed this program.
    pub fn wait_for_program(&self, name: &str) {
        self.wait_for("the program", || {
            fs::read_to_string(format!("/proc/{}/comm", self.info()["id"]))
                .is_ok_and(|comm| comm.trim() == name)
        });
    }

    /// Nothing of the case's domain is left: no group, no process of its init.
    pub fn assert_gone(&self) {
        assert_eq!(self.case.cgroups(), Vec::<PathBuf>::new());
        assert!(!self.root().join("run/domains").join(self.name()).join("socket").exists());
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let list = self.command(&["list", "--all", "--name"]).output().map(|output| text(&output.stdout));
        for name in list.unwrap_or_default().lines() {
            self.command(&["destroy", "--", name]).output().ok();
        }
    }
}

/// Until the process has ended, whether somebody has waited for it or not.
pub fn wait_for_end(pid: i32) {
    let deadline = Instant::now() + PATIENCE;
    let lives = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    };
    while lives() {
        assert!(Instant::now() < deadline, "process {pid} does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn kill(pid: i32, signal: &str) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}
