//! `plan`: what `run` would do, step by step, without doing it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use browndog_runtime::error::{Kind, render_problems};
use browndog_runtime::host::Host;
use browndog_runtime::launch::prepare;
use browndog_runtime::plan::{Plan, Request, mutate, plan};
use browndog_runtime::survey::Survey;
use browndog_xml::domain::{Domain, Origin};
use browndog_xml::source::Source;
use browndog_xml::visible::{visible_json, visible_lines};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::document::load;
use crate::exit::Status;
use crate::out::printing;

/// Print what `run` would do, step by step, each with the line that asked for it; needs no privilege.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog plan domains/browndog.xml
  browndog plan --why domains/hello.xml             and why each step stands where it stands
  browndog plan --on rootless domains/hello.xml     the same for a user without privilege, on any machine
  browndog plan --format json domains/hello.xml | jq '.steps[].call'

Exit status: 0 it can be run here, 1 the document is invalid or asks for what this machine cannot do, 2 usage.")]
pub(crate) struct PlanArgs {
    /// The document; `-` is standard input.
    file: PathBuf,
    /// Run this instead of the document's init.
    #[arg(last = true)]
    command: Vec<std::ffi::OsString>,
    /// Say with each step why it is there, and why there.
    #[arg(long)]
    why: bool,
    /// Plan for such a machine, on which everything named is there, and not for this one.
    #[arg(long, value_enum, value_name = "MACHINE")]
    on: Option<Machine>,
    /// How to print the steps.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print the faults that can be seeded into this plan, one a line, for `conformance mutants`.
    #[arg(long, hide = true)]
    mutations: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line a step, like a trace of calls that has not happened yet.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Machine {
    /// Control groups version 2, a current kernel, root.
    V2,
    /// Every controller on version 1 beside an empty unified hierarchy.
    Hybrid,
    /// A user without privilege.
    Rootless,
}

impl Machine {
    /// The plan there; nothing of this machine is looked at.
    fn plan(self, domain: &Domain, request: &Request) -> Plan {
        let host = match self {
            Self::V2 => Host::fixture_v2(),
            Self::Hybrid => Host::fixture_hybrid(),
            Self::Rootless => Host::fixture_rootless(),
        };
        let survey = Survey::assume(domain, host.rootless || domain.idmap.is_some());
        plan(domain, &host, &survey, request)
    }
}

/// A step as all views have it.
struct Row<'a> {
    stage: &'static str,
    id: &'a str,
    call: String,
    origin: Origin,
    why: &'a str,
}

impl PlanArgs {
    pub(crate) fn perform(self, root: Option<&Path>) -> Status {
        let Some((source, domain)) = load(&self.file) else { return Status::FAILED };
        let command = (!self.command.is_empty()).then_some(self.command);
        let peers = crate::life::peers(root, &domain);
        let instance = INSTANCE.to_owned();
        let state = crate::life::state(root);
        let request = Request { command, peers, instance, state, ..Request::default() };
        let plan = &match self.on {
            Some(machine) => machine.plan(&domain, &request),
            None => {
                let mut prepared = prepare(&domain, &request);
                prepared.look_ahead(&domain, &request);
                prepared.plan
            }
        };
        let status = if plan.problems.is_empty() { Status::DONE } else { Status::FAILED };
        let text = match self.format {
            _ if self.mutations => mutate::all(plan).iter().map(|one| format!("{one}\n")).collect(),
            Format::Text => text(plan, &source, self.why),
            Format::Json => format!("{}\n", visible_json(&as_json(plan, &source).to_string())),
        };
        printing(|out| out.write_all(text.as_bytes()).map(|()| status))
    }
}

fn rows(plan: &Plan) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    let mut add = |stage, id, call, origin, why| rows.push(Row { stage, id, call, origin, why });
    for entry in &plan.before {
        add("host", entry.id.as_ref(), plan.host_call(&entry.step), entry.origin, entry.why);
    }
    let clone = &plan.clone;
    add("clone", &clone.id, plan.clone_call(&clone.step), clone.origin, clone.why);
    for entry in &plan.attend {
        add("attend", &entry.id, plan.host_call(&entry.step), entry.origin, entry.why);
    }
    for entry in &plan.child {
        add("child", &entry.id, plan.child_call(&entry.step), entry.origin, entry.why);
    }
    rows
}

fn text(plan: &Plan, source: &Source, why: bool) -> String {
    let rows = rows(plan);
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or(0).min(36);
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let asked = match row.origin {
            Origin::Xml(span) => format!("line {}", source.position(span.start).line),
            Origin::Default(_) => "default".to_owned(),
        };
        put(
            &mut text,
            format_args!("{:>3} {:<6} {:<width$} {:<9} {}", number + 1, row.stage, row.id, asked, row.call),
        );
        if why {
            if let Origin::Default(reason) = row.origin {
                put(&mut text, format_args!("           default: {reason}"));
            }
            put(&mut text, format_args!("           {}", row.why));
        }
    }
    text = visible_lines(&text).into_owned();
    let said = [(Kind::Note, &plan.notes), (Kind::Note, &plan.remarks), (Kind::Error, &plan.problems)];
    for (kind, problems) in said {
        text.push_str(&render_problems(kind, problems, source));
    }
    text
}

/// Writing to a String cannot fail.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok());
}

fn as_json(plan: &Plan, source: &Source) -> Value {
    let asked = |origin| match origin {
        Origin::Xml(span) => {
            let place = source.position(span.start);
            json!({"file": source.name(), "line": place.line, "column": place.column})
        }
        Origin::Default(reason) => json!({"default": reason}),
    };
    let step = |row: &Row<'_>| json!({"stage": row.stage, "id": row.id, "call": row.call, "asked_by": asked(row.origin), "why": row.why});
    let problem = |problem: &browndog_runtime::plan::Problem| json!({"message": problem.message, "help": problem.help, "asked_by": asked(problem.origin)});
    json!({
        "domain": plan.domain,
        "steps": rows(plan).iter().map(step).collect::<Vec<_>>(),
        "notes": plan.notes.iter().chain(&plan.remarks).map(problem).collect::<Vec<_>>(),
        "problems": plan.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

/// Stands where a start has its launcher's process id and start time.
const INSTANCE: &str = "PID-START";
