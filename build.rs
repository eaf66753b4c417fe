//! Has the linker put side by side what a start runs of the program: `benches/start.ld`, from `ci/order`.
//!
//! What is spread over all of the program is mapped in windows of 64 KiB, most of a start's page faults
//! and of its memory. Not every linker can be told (lld and GNU's can), so this one is asked first.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for list in LISTS.iter().flat_map(|(_, lists)| *lists) {
        println!("cargo:rerun-if-changed=benches/{list}");
    }
    for variable in ["RUSTC_LINKER", "CARGO_ENCODED_RUSTFLAGS"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    // Only what is released has an order; a debug build has other functions.
    if variable("PROFILE") != "release" {
        return;
    }
    let env = variable("CARGO_CFG_TARGET_ENV");
    let (_, lists) = LISTS.iter().find(|(name, _)| *name == env).unwrap_or(&LISTS[0]);
    let benches = Path::new(&variable("CARGO_MANIFEST_DIR")).join("benches");
    let mut arguments: Vec<String> =
        lists.iter().map(|list| format!("-T{}", benches.join(list).display())).collect();
    if env == "musl" {
        // Its start code of a static program protects nothing after relocation, and what would be protected is
        // a page of its own that the kernel copies at every start.
        arguments.push("-znorelro".to_owned());
    }
    if takes(&arguments, &variable) {
        arguments.iter().for_each(|argument| println!("cargo:rustc-link-arg-bin=browndog={argument}"));
    } else {
        println!("cargo:warning=the linker takes no {lists:?} of benches: a start has 50 page faults more");
    }
}

/// The scripts for each C library: what a crate's or a constant's name ends with is another for each target.
const LISTS: [(&str, &[&str]); 2] = [("gnu", &["start.ld"]), ("musl", &["start-musl.ld", "writes-musl.ld"])];

/// Whether an empty program can be linked with `arguments`.
fn takes(arguments: &[String], variable: &impl Fn(&str) -> String) -> bool {
    let linker = std::env::var("RUSTC_LINKER").map(|linker| format!("-Clinker={linker}"));
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    let probing = Command::new(variable("RUSTC"))
        .args(["--crate-name", "probe", "--crate-type", "bin", "--target", &variable("TARGET")])
        .args(flags.split('\x1f').filter(|flag| !flag.is_empty()))
        .args(linker)
        .args(arguments.iter().map(|argument| format!("-Clink-arg={argument}")))
        .args(["--out-dir", &variable("OUT_DIR"), "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = probing else { return false };
    let written = child.stdin.take().is_some_and(|mut pipe| pipe.write_all(b"fn main() {}").is_ok());
    child.wait().is_ok_and(|status| written && status.success())
}
