//! `run`: a container in the foreground.

use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::time::Duration;

use browndog_runtime::error::{Kind, StartError, render_problems};
use browndog_runtime::exec::relay::{BACKGROUND, Caller, attend, caller, catch_signals};
use browndog_runtime::exec::streams::Streams;
use browndog_runtime::exec::{Asked, Ended, Options, Timing, standard};
use browndog_runtime::launch::{Prepared, apply_mutation, gain_privilege, prepare_with, request};
use browndog_runtime::own::{Who, lift_limits};
use browndog_runtime::plan::Request;
use browndog_runtime::sys;
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
  make-input | browndog run --tty shell.xml         with a terminal, also in a pipeline
  browndog run task.xml < in.txt > out.txt          the files stay outside: their bytes go through pipes

Exit status: the init's own; 128 + N where signal N ended it; 0 where the container powered itself
off and 129 where it asked for a reboot; 125 browndog failed before the init, or could not put back
what it took of the host; 126 the init cannot be executed; 127 there is no such program.

Signals: the first TERM or INT asks every process of the container to end; a second one, a moment later,
kills them all. An init that has a handler for the signal gets it too, and goes on as soon as the others
have ended, or after 5 s. One without would never hear it (process 1 of a container has no default
actions): it is killed when the others have ended, or after 10 s. HUP and QUIT go to an init that has a
handler for them, and do as TERM does to any other; USR1 and USR2 go to the init, and a new window size
to its console. A signal that is ignored when browndog begins, as SIGHUP is under nohup, stays ignored.

Terminal: the init has one of its own where standard input and output are one. Ctrl-] three times
within a second kills the container; fewer go to the program. In the background of a shell ('&')
no terminal is taken, and there is no input.

Standard input, output and error: a file, directory, device or terminal is not given to the
container, which could open it anew with other rights; a pipe is between them. Pipes, sockets and
/dev/null are given as they are. Root in a container without <idmap> can write into the pipe that
it reads: in a script that a shell reads from a pipe ('ssh HOST sh < script'), say '< /dev/null'.")]
pub(crate) struct Run {
    /// The document; `-` is standard input.
    file: PathBuf,
    /// Run this instead of the document's init.
    #[arg(last = true)]
    command: Vec<std::ffi::OsString>,
    /// Add a variable to the environment.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Put a small process 1 around the init: it waits for orphans and passes signals on.
    #[arg(long)]
    init: bool,
    /// Give the init a terminal although standard input or output is none.
    #[arg(long)]
    tty: bool,
    /// Give the init standard input, output and error as they are, whatever they are: it can read and write a
    /// file that is open for one of both, read what is typed at a terminal, and change either's mode and owner.
    #[arg(long, conflicts_with = "tty")]
    pass_stdio: bool,
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
    pub(crate) fn new(file: PathBuf, command: Vec<std::ffi::OsString>, trace: bool) -> Self {
        Self { file, command, env: Vec::new(), init: false, tty: false, pass_stdio: false, trace }
    }

    pub(crate) fn perform(self, root: Option<&Path>) -> Status {
        let Some((source, domain)) = load(&self.file) else { return Status::BEFORE_INIT };
        let name = domain.name.value.to_string();
        self.start(root, &source, &domain).unwrap_or_else(|error| {
            note(error.render(&name, &source).trim_end());
            Status::from(u8::try_from(error.exit_code()).unwrap_or(125))
        })
    }

    fn start(
        self,
        root: Option<&Path>,
        source: &browndog_xml::source::Source,
        domain: &browndog_xml::domain::Domain,
    ) -> Result<Status, StartError> {
        // A plain user's, before that is root of a user namespace.
        let state = crate::life::state(root);
        crate::life::make_state(root, domain);
        gain_privilege()?;
        let begun = sys::boottime_ns();
        crate::disregard(lift_limits(Who::Launcher));
        let launcher = |what| move |errno| StartError::Launcher { what, errno };
        let caller = caller();
        let terminal = self.tty || (caller == Caller::Terminal && !self.pass_stdio);
        let streams = if terminal || self.pass_stdio {
            None
        } else {
            Streams::in_place_of(standard::relayed()).map_err(launcher("pipe2"))?
        };
        let (streams, ends) = streams.map_or((None, [None, None, None]), |(ours, ends)| (Some(ours), ends));
        if caller == Caller::Background {
            note(BACKGROUND);
        } else if !terminal && domain.idmap.is_none() && standard::shared_with_parent() {
            note(standard::SHARED);
        }
        let request = Request {
            command: (!self.command.is_empty()).then_some(self.command),
            env: identity(domain).into_iter().chain(self.env).collect(),
            init: self.init,
            terminal,
            more_consoles: domain.consoles.len().saturating_sub(1),
            peers: crate::life::peers(root, domain),
            state,
            ..request()
        };
        let mut prepared = prepare_with(domain, &request, ends);
        apply_mutation(&mut prepared.plan)?;
        if !prepared.plan.notes.is_empty() {
            note(render_problems(Kind::Note, &prepared.plan.notes, source).trim_end());
        }
        let signals = catch_signals().map_err(launcher("signalfd"))?;
        // Never freed: the process ends with the container, and until then the init would wait for it.
        let Prepared { plan, host, survey } = prepared;
        let (plan, host) = (ManuallyDrop::new(plan), ManuallyDrop::new(host));
        let options = Options { trace: self.trace, foreground: true, ..Options::default() };
        let mut running = browndog_runtime::exec::start(&plan, &host, survey, &options)?;
        let ended = match streams.filter(|_| running.console.is_none()) {
            Some(streams) => streams.attend(&mut running, &signals),
            None => attend(&mut running, &signals),
        };
        let ended = ended.map_err(launcher("poll"))?;
        running.remarks.iter().for_each(|remark| note(&format!("note: {remark}")));
        match ended.asked() {
            Some(Asked::PowerOff) => note("note: the container powered itself off"),
            Some(Asked::Reboot) => note(
                "note: the container asked for its reboot (status 129)\n   = help: <on_reboot> is honoured for domains in the background",
            ),
            None => {}
        }
        let killed = if matches!(ended, Ended::Exited(0)) { 0 } else { running.oom_kills() };
        let timings = std::mem::take(&mut running.timings);
        let left = running.clean_up();
        for left in &left {
            complain(left, Some("nothing else was left behind"));
        }
        if self.trace {
            trace(&timings);
        }
        if killed > 0 {
            let words = browndog_life::record::processes(killed);
            note(&format!(
                "note: out of memory: the kernel killed {words} at the container's memory limit\n   = help: raise <memory>"
            ));
        }
        // Who has stayed a while can look after those that were killed; a short start pays nothing for them.
        if Duration::from_nanos(sys::boottime_ns().saturating_sub(begun)) > Duration::from_secs(1) {
            browndog_life::reconcile::sweep_empty().iter().for_each(|what| note(what));
        }
        let status = Status::from(u8::try_from(ended.exit_code()).unwrap_or(255));
        // What could not be put back is a failure, also where the container was content.
        Ok(if left.is_empty() || status != Status::DONE { status } else { Status::BEFORE_INIT })
    }
}

/// A document without a uuid gets one for this start, as from libvirt.
fn identity(domain: &browndog_xml::domain::Domain) -> Vec<(String, String)> {
    if domain.uuid.is_some() {
        return Vec::new();
    }
    let Ok(fresh) = browndog_runtime::fresh::uuid() else { return Vec::new() };
    ["container_uuid", "LIBVIRT_LXC_UUID"].map(|name| (name.to_owned(), fresh.to_string())).into()
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
