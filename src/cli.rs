//! The command line as a whole: global options, the verbs, and what each exits with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::exit::Status;
use crate::{bench, conformance, docs, host, plan, run, validate};

/// Validate, prove and run Linux containers described by domain XML.
#[derive(Debug, Parser)]
#[command(name = "browndog", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  browndog run domains/hello.xml          start a container, here and now
  browndog validate *.xml                 is this XML right? all errors at once
  browndog plan domains/browndog.xml      what would be done, step by step

Exit status: 0 done, 1 failed, 2 usage; `run` returns the init's own (see its help).")]
pub(crate) struct Cli {
    /// Keep state below this directory. A container in the foreground has none.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Validate(validate::Validate),
    Explain(validate::Explain),
    Plan(plan::PlanArgs),
    Run(run::Run),
    Host(host::HostArgs),
    Conformance(Box<conformance::Conformance>),
    Bench(bench::Bench),
    Docs(docs::Docs),
}

/// The command line as far as `run` goes: a start should not pay for the definition of every verb.
/// Whatever it cannot take, help and mistakes included, is for [`Cli`].
#[derive(Debug, Parser)]
#[command(name = "browndog", disable_help_flag = true, disable_help_subcommand = true)]
struct Start {
    #[arg(long, global = true)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    verb: StartVerb,
}

#[derive(Debug, Subcommand)]
enum StartVerb {
    #[command(disable_help_flag = true)]
    Run(run::Run),
}

/// Parses the command line, does what it says, returns the exit status.
pub(crate) fn main() -> ExitCode {
    if let Some(status) = conformance::other_life() {
        return status.into();
    }
    if browndog_runtime::pid1::wanted() {
        return Status::from(u8::try_from(browndog_runtime::pid1::main()).unwrap_or(125)).into();
    }
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if verb_is(&arguments, "run")
        && let Ok(Start { verb: StartVerb::Run(run), .. }) = Start::try_parse_from(&arguments)
    {
        return run.perform().into();
    }
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => dispatch(cli).into(),
        Err(error) => refuse(&error, &arguments).into(),
    }
}

fn dispatch(cli: Cli) -> Status {
    match cli.verb {
        Verb::Validate(validate) => validate.perform(),
        Verb::Explain(explain) => explain.perform(),
        Verb::Plan(plan) => plan.perform(),
        Verb::Run(run) => run.perform(),
        Verb::Host(host) => host.perform(),
        Verb::Conformance(conformance) => conformance.perform(),
        Verb::Bench(bench) => bench.perform(),
        Verb::Docs(docs) => docs.perform(),
    }
}

/// Prints clap's answer: help and version are no failure; a mistake is one before any init for `run`.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> Status {
    if error.print().is_err() {
        return Status::BROKEN_PIPE;
    }
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Status::DONE,
        _ if verb_is(arguments, "run") => Status::BEFORE_INIT,
        _ => Status::USAGE,
    }
}

/// Whether the first argument that is no option (nor `--root`'s value) is `name`.
fn verb_is(arguments: &[OsString], name: &str) -> bool {
    let mut value_follows = false;
    for argument in arguments.iter().skip(1) {
        if value_follows {
            value_follows = false;
        } else if argument == "--root" {
            value_follows = true;
        } else if !argument.as_encoded_bytes().starts_with(b"-") {
            return argument == name;
        }
    }
    false
}

/// The definition of the command line, for completions and manual pages.
pub(crate) fn definition() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn the_verb_is_found_behind_global_options() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(verb_is(&words("browndog --root /x run f.xml"), "run"));
        assert!(!verb_is(&words("browndog validate run"), "run"));
    }
}
