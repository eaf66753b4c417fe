#![cfg_attr(not(test), no_main)]
#![deny(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]
//! browndog: validate, prove and run Linux containers described by domain XML.
//!
//! The command line and nothing else: one file per group of verbs, no logic. Each verb parses its
//! arguments, calls one library and turns the answer into text and an exit status.

mod attach;
mod bench;
mod blkiotune;
mod cli;
mod completions;
mod conformance;
mod console;
mod convert;
mod define;
mod docs;
mod document;
mod events;
mod exec;
mod exit;
mod explain;
mod fmt;
mod here;
mod host;
mod include;
mod life;
mod list;
mod out;
mod plan;
mod replace;
mod run;
mod schema;
mod stats;
mod stop;
mod tune;
mod validate;

use std::ffi::{c_char, c_int};

/// musl's own would cost a start what its short start code saves (benches/IDEAS.md).
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: browndog_runtime::sys::arena::Arena<dlmalloc::GlobalDlmalloc> =
    browndog_runtime::sys::arena::Arena::new(dlmalloc::GlobalDlmalloc);

/// For a result that changes nothing; the line above each use says why.
fn disregard<T>(_result: T) {}

/// Called by the C library: Rust's own start code costs a start more than the parsing of the document.
///
/// # Safety
/// `arguments` are `count` terminated strings, as the C library has them.
// SAFETY: `main` is the one symbol of this name, and has the type that C promises.
#[allow(unsafe_code)]
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    // SAFETY: nobody has changed them yet.
    let taken = unsafe { browndog_runtime::sys::entry::take_over(count, arguments) };
    match taken {
        Ok(was_ignored) => browndog_conformance::probe::started_with(was_ignored),
        Err(errno) => {
            out::complain(&format!("standard input, output and error cannot be used: {errno}"), None);
            return exit::Status::USAGE.code();
        }
    }
    // exit(3), not return: it flushes Rust's standard output.
    std::process::exit(cli::main().code())
}
