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

fn main() {
    if browndog_conformance::vm::init::wanted() {
        browndog_conformance::vm::init::main();
    }
    let mut words = std::env::args();
    let _program = words.next();
    if browndog_conformance::probe::wanted() {
        std::process::exit(browndog_conformance::probe::main(words));
    }
    if std::env::args().nth(1).as_deref() == Some("probe") {
        std::process::exit(browndog_conformance::probe::main(words.skip(1)));
    }
    let Area::Conformance(verb) = Line::parse().area;
    std::process::exit(browndog_conformance::command::main(verb));
}
