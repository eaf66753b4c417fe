//! Any text: well-formed for us where it is for another parser, and so is its canonical form.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../../xml/tests/support/verdict.rs"]
mod verdict;

fuzz_target!(|text: &str| verdict::agree(text));
