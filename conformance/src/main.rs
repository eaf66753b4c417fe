//! The suite without the rest of browndog, for its own tests and for use against other runtimes.

use clap::Parser;

/// Checks that a container is isolated, for any runtime and any kernel.
#[derive(Parser)]
#[command(name = "browndog-conformance", version)]
struct Line {
    #[command(subcommand)]
    area: Area,
}

#[derive(clap::Subcommand)]
enum Area {
    /// The suite.
    #[command(subcommand)]
    Conformance(browndog_conformance::command::Verb),
}

#[expect(clippy::disallowed_methods, reason = "it begins with Rust's own start code")]
fn main() {
    if browndog_conformance::vm::init::wanted() {
        browndog_conformance::vm::init::main();
    }
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(status) = browndog_conformance::probe::other_life(&arguments) {
        std::process::exit(status);
    }
    let Area::Conformance(verb) = Line::parse().area;
    std::process::exit(browndog_conformance::command::main(verb));
}
