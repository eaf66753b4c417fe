//! `exec`: another program in a domain that runs.

use std::ffi::{OsStr, OsString};

use browndog_life::domains;
use browndog_life::error::LifeError;
use browndog_life::exec::{Command, Connection, Executed, execute};
use browndog_life::layout::Layout;
use browndog_life::program::{forget_words, make_safe};
use browndog_runtime::exec::relay::{BACKGROUND, Caller, caller};
use browndog_runtime::sys::entry::arguments;
use clap::Args;
use serde_json::json;

use crate::exit::Status;
use crate::life::{Format, Outcome, answer};
use crate::out::note;

/// Run a program in a domain that runs, confined as its init is.
#[derive(Debug, Args)]
#[command(after_help = "\
The program gets a terminal of the container's own where standard input and output are one, else pipes.
It joins all namespaces and control groups, has the domain's capabilities and system call filter, only the
environment that the domain's documents and --env give it, and ends with this command. Ctrl-] three times
within a second kills it. In the background of a shell ('&') no terminal is taken, and there is no input.

Examples:
  browndog exec web                         a shell
  browndog exec web -- ps                   any program
  browndog exec --user www --cwd /srv web -- ./task.sh
  browndog exec --detach web -- sleep 100

A signal to this command is passed on; one that asks for the end also ends the wait for a program that has not begun,
and a program that somebody holds still, stopped or frozen. A domain whose control group is frozen is not entered.

Exit status: the program's own; 128 + N where signal N ended it, or the wait for it; 125 it could not be tried; 126 it
cannot be executed; 127 there is no such program.")]
pub(crate) struct Exec {
    /// Name or uuid.
    domain: String,
    /// Program and arguments; a shell without.
    #[arg(last = true)]
    command: Vec<OsString>,
    /// As whom: a name in the container, or a number; USER:GROUP names its group too.
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// As which group.
    #[arg(long, short, value_name = "NAME")]
    group: Option<String>,
    /// Where.
    #[arg(long, value_name = "DIR", alias = "workdir")]
    cwd: Option<String>,
    /// Add a variable to the environment.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = crate::run::variable)]
    env: Vec<(String, String)>,
    /// A terminal, also where the caller has none.
    #[arg(long, short, conflicts_with_all = ["no_tty", "detach"])]
    tty: bool,
    /// Pipes, also where the caller has a terminal.
    #[arg(long)]
    no_tty: bool,
    /// Do not wait: it goes on by itself, without input and output.
    #[arg(long, short)]
    detach: bool,
    /// Accepted for virsh's sake: there is no security label to be left out.
    #[arg(long, hide = true)]
    noseclabel: bool,
    /// How to print what --detach answers.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Exec {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        Ok(self.run(layout).unwrap_or_else(|error| {
            crate::disregard(crate::life::refuse(&error));
            Status::from(code_of(&error))
        }))
    }

    fn run(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        // From here on this program runs from where the container cannot write to it.
        let (argv0, words) = arguments()
            .split_first()
            .map_or((OsStr::new("browndog"), &[][..]), |(argv0, words)| (argv0.as_os_str(), words));
        make_safe(argv0, words)
            .map_err(|errno| LifeError::call("protect this program from the container", errno))?;
        // Its child is in there, for all to see, before it executes.
        forget_words().map_err(|errno| LifeError::call("hide the command line from the container", errno))?;
        let caller = caller();
        if caller == Caller::Background && !self.detach {
            note(BACKGROUND);
        }
        let connection = match (self.detach, self.tty || caller == Caller::Terminal && !self.no_tty) {
            (true, _) => Connection::Detached,
            (false, true) => Connection::Terminal,
            (false, false) => Connection::Streams,
        };
        let mut env = self.env;
        if connection == Connection::Terminal
            && let Ok(term) = std::env::var("TERM")
            && !env.iter().any(|(name, _)| name == "TERM")
        {
            env.push(("TERM".to_owned(), term));
        }
        let words = if self.command.is_empty() { vec!["/bin/sh".into()] } else { self.command };
        let command =
            Command { words, env, directory: self.cwd, user: self.user, group: self.group, connection };
        Ok(match execute(layout, &name, &command)? {
            Executed::Ended { ended, remarks } => {
                remarks.iter().for_each(|remark| note(&format!("note: {remark}")));
                Status::from(u8::try_from(ended.exit_code()).unwrap_or(255))
            }
            Executed::Detached(pid) => {
                answer(self.format, &pid.to_string(), &json!({"name": name, "pid": pid}))
            }
        })
    }
}

fn code_of(error: &LifeError) -> u8 {
    match error {
        LifeError::Start { code, .. } => u8::try_from(*code).unwrap_or(125),
        _ => 125,
    }
}
