//! `run`: a container in the foreground.

use std::io::Write;
use std::path::PathBuf;

use browndog_runtime::error::{StartError, render_problem};
use browndog_runtime::exec::relay::{attend, catch_signals, on_terminal};
use browndog_runtime::exec::{Options, Timing};
use browndog_runtime::launch::{apply_mutation, gain_privilege, instance, prepare};
use browndog_runtime::plan::Request;
use clap::Args;

use crate::document::load;
use crate::exit::Status;
use crate::out::{complain, note};

/// Start the container and stay with it until its init ends.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = "\
Examples:
  browndog run domains/hello.xml
  browndog run domains/hello.xml -- /bin/sh         another program in the same container
  browndog run --trace domains/hello.xml            and what each step took, on standard error

Exit status: the init's own; 128 + N where signal N ended it; 125 browndog failed before the init;
126 the init cannot be executed; 127 there is no such program.")]
pub(crate) struct Run {
    /// The document; `-` is standard input.
    file: PathBuf,
    /// Run this instead of the document's init.
    #[arg(last = true)]
    command: Vec<String>,
    /// Add a variable to the environment.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Print what each step took.
    #[arg(long)]
    trace: bool,
}

pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

impl Run {
    /// A start as its options would have it.
    pub(crate) fn new(file: PathBuf, command: Vec<String>, trace: bool) -> Self {
        Self { file, command, env: Vec::new(), trace }
    }

    pub(crate) fn perform(self) -> Status {
        let Some((source, domain)) = load(&self.file) else { return Status::BEFORE_INIT };
        let name = domain.name.value.to_string();
        self.start(&source, &domain).unwrap_or_else(|error| {
            note(error.render(&name, &source).trim_end());
            Status::from(u8::try_from(error.exit_code()).unwrap_or(125))
        })
    }

    fn start(
        self,
        source: &browndog_xml::source::Source,
        domain: &browndog_xml::domain::Domain,
    ) -> Result<Status, StartError> {
        gain_privilege()?;
        let request = Request {
            command: (!self.command.is_empty()).then_some(self.command),
            env: identity(domain).into_iter().chain(self.env).collect(),
            terminal: on_terminal(),
            instance: instance(),
            ..Request::default()
        };
        let mut prepared = prepare(domain, &request);
        apply_mutation(&mut prepared.plan)?;
        for remark in &prepared.plan.notes {
            note(render_problem("note", remark, source).trim_end());
        }
        let signals = catch_signals().map_err(|errno| StartError::Launcher { what: "signalfd", errno })?;
        let mut running = prepared.start(&Options { trace: self.trace, ..Options::default() })?;
        let ended =
            attend(&mut running, &signals).map_err(|errno| StartError::Launcher { what: "poll", errno })?;
        let timings = std::mem::take(&mut running.timings);
        for left in running.clean_up() {
            complain(&left, Some("nothing else was left behind"));
        }
        if self.trace {
            trace(&timings);
        }
        Ok(Status::from(u8::try_from(ended.exit_code()).unwrap_or(255)))
    }
}

/// A document without a uuid gets one for this start, as from libvirt; the kernel makes it (random(4)).
fn identity(domain: &browndog_xml::domain::Domain) -> Vec<(String, String)> {
    let fresh = || std::fs::read_to_string("/proc/sys/kernel/random/uuid").ok();
    let uuid = if domain.uuid.is_some() { None } else { fresh() };
    let named =
        |text: String| ["container_uuid", "LIBVIRT_LXC_UUID"].map(|n| (n.to_owned(), text.trim().to_owned()));
    uuid.map(named).into_iter().flatten().collect()
}

fn trace(timings: &[Timing]) {
    let mut text = Vec::new();
    for step in timings {
        // Writing to memory cannot fail.
        let written = writeln!(text, "{:<6} {:<36} {:>9.1} us", step.stage, step.id, step.ns as f64 / 1e3);
        debug_assert!(written.is_ok());
    }
    note(String::from_utf8_lossy(&text).trim_end());
}
