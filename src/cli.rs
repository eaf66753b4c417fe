//! The command line as a whole: global options, the verbs, and what each exits with.

use std::ffi::OsString;
use std::path::PathBuf;

use browndog_runtime::sys::entry::{arguments, keep_children};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::exit::Status;
use crate::life::living;
use crate::list::Which;
use crate::{
    attach, bench, blkiotune, conformance, console, convert, define, docs, events, exec, explain, fmt, host,
    list, plan, run, schema, stats, stop, tune, validate,
};

/// Validate, prove and run Linux containers described by domain XML.
#[derive(Debug, Parser)]
#[command(name = "browndog", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "\
Examples:
  browndog run domains/hello.xml          start a container, here and now
  browndog validate *.xml                 is this XML right? all errors at once
  browndog plan domains/browndog.xml      what would be done, step by step
  browndog define web.xml                 keep a domain; start, console, exec, shutdown it by name

Exit status: 0 done, 1 failed, 2 usage; `run` returns the init's own (see its help).")]
pub(crate) struct Cli {
    /// Keep state, definitions and logs below this directory.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Validate(validate::Validate),
    Explain(explain::Explain),
    Fmt(fmt::Fmt),
    Convert(convert::Convert),
    Schema(schema::Schema),
    Plan(plan::PlanArgs),
    Run(run::Run),
    Define(define::Define),
    Undefine(define::Undefine),
    Create(define::Create),
    Start(define::Start),
    List(list::List),
    #[command(visible_alias = "dominfo")]
    Info(list::Info),
    #[command(visible_alias = "domstate")]
    State(list::State),
    /// Say a domain's number: its init's process, while it runs.
    Domid(list::Identity),
    /// Say a domain's name.
    Domname(list::Identity),
    /// Say a domain's uuid.
    Domuuid(list::Identity),
    #[command(visible_alias = "domstats")]
    Stats(stats::StatsArgs),
    Top(stats::Top),
    Dumpxml(define::Dumpxml),
    Edit(define::Edit),
    #[command(visible_alias = "domrename")]
    Rename(define::Rename),
    Console(console::Console),
    #[command(visible_alias = "lxc-enter-namespace")]
    Exec(exec::Exec),
    Logs(console::Logs),
    Suspend(stop::Suspend),
    Resume(stop::Resume),
    Shutdown(stop::Shutdown),
    Reboot(stop::Reboot),
    Destroy(stop::Destroy),
    Wait(stop::Wait),
    Setmem(tune::Setmem),
    Setmaxmem(tune::Setmaxmem),
    Memtune(tune::Memtune),
    Schedinfo(tune::Schedinfo),
    Blkiotune(Box<blkiotune::Blkiotune>),
    Pids(tune::Pids),
    Cpuset(tune::Cpuset),
    AttachDevice(attach::AttachDevice),
    DetachDevice(attach::DetachDevice),
    Autostart(define::Autostart),
    #[command(visible_alias = "event")]
    Events(events::Events),
    Host(host::HostArgs),
    Conformance(Box<conformance::Conformance>),
    Bench(bench::Bench),
    Docs(docs::Docs),
}

/// Parses the command line, does what it says, returns the exit status.
pub(crate) fn main() -> Status {
    if let Some(status) = browndog_life::monitor::other_life() {
        return Status::from(status);
    }
    if let Some(status) = conformance::other_life() {
        return status;
    }
    if browndog_runtime::pid1::wanted() {
        return Status::from(u8::try_from(browndog_runtime::pid1::main()).unwrap_or(125));
    }
    if let Err(errno) = keep_children() {
        crate::out::complain(&format!("SIGCHLD cannot be set to its default: {errno}"), None);
        return Status::USAGE;
    }
    let arguments = arguments();
    if let Some((root, run)) = run_alone(arguments) {
        return run.perform(root.as_deref());
    }
    match Cli::try_parse_from(arguments) {
        Ok(cli) => dispatch(cli),
        Err(error) => refuse(&error, arguments),
    }
}

/// `[--root DIR] run [--trace] FILE [-- COMMAND…]`, read without clap: a start should not pay for the
/// definition of every verb, nor for a parser of everything. What it does not know is for [`Cli`].
fn run_alone(arguments: &[OsString]) -> Option<(Option<PathBuf>, run::Run)> {
    let mut words = arguments.iter().skip(1).map(|word| word.to_str());
    let mut word = words.next()??;
    let mut root = None;
    if word == "--root" {
        root = Some(PathBuf::from(words.next()??));
        word = words.next()??;
    }
    if word != "run" {
        return None;
    }
    let (mut file, mut trace) = (None, false);
    while let Some(word) = words.next() {
        match word? {
            "--" => {
                let command: Option<Vec<OsString>> = words.map(|word| word.map(OsString::from)).collect();
                return Some((root, run::Run::new(file?, command?, trace)));
            }
            "--trace" if !trace => trace = true,
            word if word.starts_with('-') || word.is_empty() || file.is_some() => return None,
            word => file = Some(PathBuf::from(word)),
        }
    }
    Some((root, run::Run::new(file?, Vec::new(), trace)))
}

fn dispatch(cli: Cli) -> Status {
    let root = cli.root.as_deref();
    match cli.verb {
        Verb::Define(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Undefine(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Create(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Start(verb) => living(root, |layout| verb.perform(layout)),
        Verb::List(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Info(verb) => living(root, |layout| verb.perform(layout)),
        Verb::State(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Domid(verb) => living(root, |layout| verb.perform(Which::Id, layout)),
        Verb::Domname(verb) => living(root, |layout| verb.perform(Which::Name, layout)),
        Verb::Domuuid(verb) => living(root, |layout| verb.perform(Which::Uuid, layout)),
        Verb::Stats(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Top(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Dumpxml(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Edit(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Rename(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Console(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Exec(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Logs(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Suspend(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Resume(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Shutdown(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Reboot(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Destroy(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Wait(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Setmem(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Setmaxmem(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Memtune(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Schedinfo(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Blkiotune(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Pids(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Cpuset(verb) => living(root, |layout| verb.perform(layout)),
        Verb::AttachDevice(verb) => living(root, |layout| verb.perform(layout)),
        Verb::DetachDevice(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Autostart(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Events(verb) => living(root, |layout| verb.perform(layout)),
        Verb::Validate(validate) => validate.perform(root),
        Verb::Explain(explain) => explain.perform(),
        Verb::Fmt(fmt) => fmt.perform(),
        Verb::Convert(convert) => convert.perform(),
        Verb::Schema(schema) => schema.perform(),
        Verb::Plan(plan) => plan.perform(root),
        Verb::Run(run) => run.perform(root),
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

    /// What clap makes of the same line.
    fn with_clap(words: &[OsString]) -> Option<(Option<PathBuf>, run::Run)> {
        let cli = Cli::try_parse_from(words).ok()?;
        match cli.verb {
            Verb::Run(run) => Some((cli.root, run)),
            _ => None,
        }
    }

    #[rstest::rstest]
    #[case("run f.xml", true)]
    #[case("run --trace f.xml", true)]
    #[case("run f.xml --trace", true)]
    #[case("--root /x run f.xml", true)]
    #[case("run f.xml -- /bin/sh -c true", true)]
    #[case("run --trace f.xml -- --trace --", true)]
    #[case("run f.xml --", true)]
    #[case("run -", false)]
    #[case("run", false)]
    #[case("run f.xml g.xml", false)]
    #[case("run --help", false)]
    #[case("run --env A=b f.xml", false)]
    #[case("run --trace --trace f.xml", false)]
    #[case("--root=/x run f.xml", false)]
    #[case("run -- f.xml", false)]
    #[case("validate f.xml", false)]
    fn the_short_way_reads_what_clap_reads_and_leaves_it_the_rest(#[case] line: &str, #[case] taken: bool) {
        let words: Vec<OsString> = format!("browndog {line}").split(' ').map(OsString::from).collect();
        let short = run_alone(&words);
        assert_eq!(short.is_some(), taken);
        if taken {
            assert_eq!(short, with_clap(&words));
        }
    }

    #[test]
    fn the_verb_is_found_behind_global_options() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(verb_is(&words("browndog --root /x run f.xml"), "run"));
        assert!(!verb_is(&words("browndog validate run"), "run"));
    }
}
