//! Tells the harness what it was built with: a count of instructions means nothing without it.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    println!("cargo::rustc-env=BROWNDOG_RUSTC={}", first_line(&rustc, &["--version"]));
    // The C library is linked in: musl comes with the compiler, glibc is that of the machine that built this.
    let musl = std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "musl");
    let libc = if musl { "musl".to_owned() } else { first_line("getconf", &["GNU_LIBC_VERSION"]) };
    println!("cargo::rustc-env=BROWNDOG_LIBC={libc}");
    println!("cargo::rerun-if-changed=build.rs");
}

fn first_line(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
