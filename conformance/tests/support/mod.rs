//! What several tests of the command need.
#![allow(
    dead_code,
    unused_results,
    reason = "each test file uses what it needs; commands are built in steps"
)]

use std::process::{Command, Output};

pub const BINARY: &str = env!("CARGO_BIN_EXE_browndog-conformance");

/// `browndog conformance` with these words.
pub fn command(words: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("conformance").args(words);
    command
}

pub fn conformance(words: &[&str]) -> Output {
    command(words).output().expect("the binary was built")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether this is root; `why` says what needs it.
pub fn root(why: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: {why} needs root");
    }
    root
}
