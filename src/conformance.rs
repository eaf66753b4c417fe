//! `conformance`, and the other lives of this binary: probe in a container, init of a guest.

use browndog_conformance::command::Verb;
use browndog_conformance::{probe, vm};
use browndog_runtime::sys::entry::arguments;
use clap::Args;

use crate::exit::Status;

/// Check that containers are isolated: any runtime, any kernel, each verdict with the fact observed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog conformance run                                   browndog on this machine
  browndog conformance run --runtime runc --vm 6.1,6.12      another runtime, other kernels
  browndog conformance mutants                               is the suite able to fail?

Exit status: 0 good, 1 something failed, 2 it could not be run.")]
pub(crate) struct Conformance {
    #[command(subcommand)]
    verb: Verb,
}

impl Conformance {
    pub(crate) fn perform(self) -> Status {
        Status::from(u8::try_from(browndog_conformance::command::main(self.verb)).unwrap_or(2))
    }
}

/// Lives another life where this process was started for one; before any argument is parsed.
pub(crate) fn other_life() -> Option<Status> {
    if vm::init::wanted() {
        vm::init::main();
    }
    let status = probe::other_life(arguments())?;
    Some(Status::from(u8::try_from(status).unwrap_or(2)))
}
