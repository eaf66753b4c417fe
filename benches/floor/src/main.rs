#![no_main]
//! The floor as a command: no Rust runtime start-up, `main` is the C library's.

use std::ffi::{c_char, c_int};

/// Called by the C library's start code.
// SAFETY: `main` is the one symbol of this name; the C library calls it with a valid argument vector.
#[unsafe(no_mangle)]
pub extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    browndog_floor::main(browndog_floor::sys::Arguments::of_main(count, arguments))
}
