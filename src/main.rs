#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]
//! browndog: validate, prove and run Linux containers described by domain XML.
//!
//! The command line and nothing else: one file per group of verbs, no logic. Each verb parses its
//! arguments, calls one library and turns the answer into text and an exit status.

mod bench;
mod cli;
mod conformance;
mod console;
mod define;
mod docs;
mod document;
mod events;
mod exit;
mod explain;
mod fmt;
mod host;
mod life;
mod list;
mod out;
mod plan;
mod replace;
mod run;
mod schema;
mod stop;
mod validate;

/// For a result that changes nothing; the line above each use says why.
fn disregard<T>(_result: T) {}

fn main() -> std::process::ExitCode {
    cli::main()
}
