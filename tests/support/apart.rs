//! A life in a network namespace of its own, so that no link is made on the host.

use std::fs;
use std::process::{Child, Command, Stdio};

use super::life::Life;
use super::{BROWNDOG, merged_usr, root, text};

pub struct Apart {
    pub life: Life,
    /// Holds the namespace.
    pub holder: Child,
}

impl Apart {
    /// None where containers cannot be started on a root directory of the test's own.
    pub fn new() -> Option<Self> {
        if !root() || !merged_usr() {
            return None;
        }
        let life = Life::new();
        let holder =
            Command::new("unshare").args(["--net", "sleep", "600"]).stdin(Stdio::null()).spawn().unwrap();
        let apart = Self { life, holder };
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let theirs = format!("/proc/{}/ns/net", apart.holder.id());
        apart.life.wait_for("the namespace", || fs::read_link(&theirs).is_ok_and(|net| net != own));
        Some(apart)
    }

    pub fn name(&self) -> &str {
        self.life.name()
    }

    /// A program in the namespace.
    pub fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.holder.id().to_string(), program]).stdin(Stdio::null());
        command
    }

    /// ip(8) in the namespace.
    pub fn ip(&self, arguments: &str) -> String {
        let output = self.inside("ip").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "ip {arguments}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Status, and what was said on both streams.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.inside(BROWNDOG);
        let output = command.arg("--root").arg(self.life.root()).args(arguments).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    }

    pub fn ok(&self, arguments: &[&str]) -> String {
        let (status, said) = self.run(arguments);
        assert_eq!(status, 0, "{arguments:?}: {said}");
        said
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.run(&["destroy", self.name()]);
        self.holder.kill().unwrap();
        self.holder.wait().unwrap();
    }
}
