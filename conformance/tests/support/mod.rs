//! What several tests of the command need.
#![allow(
    dead_code,
    unused_results,
    reason = "each test file uses what it needs; commands are built in steps"
)]

use std::path::Path;
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

/// A program that is a script. Not written in this process: what another test spawns meanwhile would hold the file
/// open for writing until it executes, and nobody could execute the script (ETXTBSY of execve(2)).
pub fn install_script(path: &Path, script: &str) {
    let source = path.with_extension("source");
    std::fs::write(&source, script).expect("a file");
    let done =
        Command::new("install").args(["-m", "755"]).args([&source, path]).status().expect("install runs");
    assert!(done.success(), "{}", path.display());
    std::fs::remove_file(source).expect("it was made");
}

/// Whether this is root; `why` says what needs it.
pub fn root(why: &str) -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: {why} needs root");
    }
    root
}
