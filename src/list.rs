//! `list`, `info`, `state`, and virsh's small questions: `domid`, `domname`, `domuuid`.

use std::fmt::Write;

use browndog_life::definitions;
use browndog_life::domains::{self, View};
use browndog_life::layout::Layout;
use browndog_life::time::{for_people, now_ms, rfc3339};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::life::{Format, Outcome, answer, answers, domain_json, state_words, unsettled};

/// List domains: those that run, or with --all every one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog list --all
  browndog list --all --name                names only, for scripts
  browndog list --format json | jq '.[].name'")]
pub(crate) struct List {
    /// Also those that do not run.
    #[arg(long)]
    all: bool,
    /// Only those that do not run.
    #[arg(long)]
    inactive: bool,
    /// Only those that are not defined.
    #[arg(long)]
    transient: bool,
    /// Only those that are defined.
    #[arg(long)]
    persistent: bool,
    /// Only those that run.
    #[arg(long)]
    state_running: bool,
    /// Only those that are paused.
    #[arg(long)]
    state_paused: bool,
    /// Only those that are shut off.
    #[arg(long)]
    state_shutoff: bool,
    /// Only those that are started with the machine.
    #[arg(long)]
    autostart: bool,
    /// Only those that are not.
    #[arg(long)]
    no_autostart: bool,
    /// Print names only.
    #[arg(long)]
    name: bool,
    /// Print uuids only, or names and uuids with --name.
    #[arg(long)]
    uuid: bool,
    /// Print ids only.
    #[arg(long)]
    id: bool,
    /// Print a column with titles.
    #[arg(long)]
    title: bool,
    /// Accepted for virsh's sake: a table is printed in any case.
    #[arg(long, hide = true)]
    table: bool,
    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl List {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let mut views = Vec::new();
        for (_, view) in domains::views(layout)? {
            match view {
                Ok(view) => views.push(view),
                // One that cannot be read does not hide the others.
                Err(error) => crate::disregard(crate::life::refuse(&error)),
            }
        }
        views.iter().for_each(unsettled);
        views.retain(|view| self.wants(layout, view));
        if self.format != Format::Text {
            let values: Vec<Value> = views.iter().map(|view| domain_json(layout, view)).collect();
            return Ok(answers(self.format, String::new, &values));
        }
        Ok(answers(Format::Text, || self.text(layout, &views), &[]))
    }

    fn wants(&self, layout: &Layout, view: &View) -> bool {
        use browndog_life::record::Phase;
        let active = view.phase.is_active();
        let states = [
            (self.state_running, active && view.phase != Phase::Paused),
            (self.state_paused, view.phase == Phase::Paused),
            (self.state_shutoff, !active),
        ];
        let by_state = states.iter().any(|(asked, _)| *asked);
        let shown = if by_state {
            states.iter().any(|(asked, is)| *asked && *is)
        } else {
            self.all || self.inactive != active
        };
        let autostart = || definitions::is_autostart(layout, &view.name);
        shown
            && (!self.transient || !view.persistent)
            && (!self.persistent || view.persistent)
            && (!self.autostart || autostart())
            && (!self.no_autostart || !autostart())
    }

    fn text(&self, layout: &Layout, views: &[View]) -> String {
        let uuid = |view: &View| {
            let of_record = view.record.as_ref().map(|record| record.uuid.clone());
            of_record.or_else(|| definitions::uuid_of(layout, &view.name)).unwrap_or_default()
        };
        let id = |view: &View| view.id().map_or_else(|| "-".to_owned(), |id| id.to_string());
        let mut text = String::new();
        if self.name || self.uuid || self.id {
            for view in views {
                let mut words = Vec::new();
                words.extend(self.id.then(|| id(view)));
                words.extend(self.uuid.then(|| uuid(view)));
                words.extend(self.name.then(|| view.name.clone()));
                put(&mut text, format_args!("{}", words.join(" ")));
            }
            return text;
        }
        let width = views.iter().map(|view| view.name.chars().count()).max().unwrap_or(0).max(4);
        let title = if self.title { "   Title" } else { "" };
        put(&mut text, format_args!(" {:<8} {:<width$}   State{:<11}{title}", "Id", "Name", ""));
        put(&mut text, format_args!("{}", "-".repeat(width + 24 + title.len())));
        for view in views {
            let title = if self.title { title_of(layout, view) } else { String::new() };
            let state = state_words(view);
            let line = format!(" {:<8} {:<width$}   {state:<16}   {title}", id(view), view.name);
            put(&mut text, format_args!("{}", line.trim_end()));
        }
        text
    }
}

fn title_of(layout: &Layout, view: &View) -> String {
    let document = definitions::read(layout, &view.name).ok();
    document.and_then(|document| document.domain.title).map_or_else(String::new, |title| title.value)
}

/// Writing to a String cannot fail.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok());
}

/// Say what is known of a domain.
#[derive(Debug, Args)]
pub(crate) struct Info {
    /// Name or uuid.
    domain: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Info {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let view = domains::view(layout, &name)?;
        unsettled(&view);
        let mut value = domain_json(layout, &view);
        let live = view.phase.is_active();
        let path = if live { layout.live(&name) } else { layout.definition(&name) };
        let memory = browndog_life::files::read(&path).ok().and_then(|bytes| {
            let source = browndog_xml::source::Source::from_bytes(path.to_string_lossy(), bytes);
            browndog_xml::read(&source).domain
        });
        let limit = memory.as_ref().and_then(|domain| domain.memory.limit.as_ref()).map(|limit| limit.value);
        let cpus = memory.as_ref().map(|domain| domain.cpu.count.value);
        let stats = view.record.as_ref().filter(|_| live).map(browndog_life::stats::read);
        let cpu_ms = stats.as_ref().and_then(|stats| stats.cpu.usage_us).map(|us| us / 1000);
        let used = stats.as_ref().and_then(|stats| stats.memory.current);
        if let Some(object) = value.as_object_mut() {
            crate::disregard(object.insert("memory_limit".to_owned(), json!(limit)));
            crate::disregard(object.insert("memory_used".to_owned(), json!(used)));
            crate::disregard(object.insert("cpu_time_ms".to_owned(), json!(cpu_ms)));
            crate::disregard(object.insert("vcpus".to_owned(), json!(cpus)));
        }
        let text = info_text(&view, &value, used, limit, cpu_ms);
        Ok(answer(self.format, &text, &value))
    }
}

fn info_text(
    view: &View,
    value: &Value,
    used: Option<u64>,
    limit: Option<u64>,
    cpu_ms: Option<u64>,
) -> String {
    let mut text = String::new();
    let mut row =
        |name: &str, what: String| put(&mut text, format_args!("{:<15} {what}", format!("{name}:")));
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let kib = |bytes: u64| format!("{} KiB", bytes / 1024);
    row("Id", view.id().map_or_else(|| "-".to_owned(), |id| id.to_string()));
    row("Name", view.name.clone());
    row("UUID", value["uuid"].as_str().unwrap_or("-").to_owned());
    row("State", view.phase.word().to_owned());
    if let Some(record) = &view.record {
        row("Reason", record.reason_words());
        if let Some(started) = record.started {
            let until = record.ended.unwrap_or_else(now_ms);
            row(
                "Started",
                format!("{} (ran {})", rfc3339(started), for_people(until.saturating_sub(started))),
            );
        }
        if let Some(exit) = record.exit {
            row("Exit", exit.words());
        }
        if record.restarts > 0 {
            row("Restarts", record.restarts.to_string());
        }
    }
    if let Some(ms) = cpu_ms {
        row("CPU time", format!("{}.{:03}s", ms / 1000, ms % 1000));
    }
    if let Some(limit) = limit {
        row("Max memory", kib(limit));
    }
    if let Some(used) = used {
        row("Used memory", kib(used));
    }
    row("Persistent", yes(view.persistent));
    row("Autostart", if value["autostart"] == true { "enable" } else { "disable" }.to_owned());
    if let Some(stale) = &view.stale {
        row("Stale", stale.clone());
    }
    if let Some(doubt) = &view.doubt {
        row("Unknown", doubt.clone());
    }
    text
}

/// Say what a domain is doing.
#[derive(Debug, Args)]
pub(crate) struct State {
    /// Name or uuid.
    domain: String,
    /// And why.
    #[arg(long)]
    reason: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl State {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let view = domains::view(layout, &name)?;
        unsettled(&view);
        let reason = view
            .record
            .as_ref()
            .map_or_else(|| "unknown".to_owned(), browndog_life::record::Record::reason_words);
        let reason = view.stale.clone().unwrap_or(reason);
        let text = if self.reason {
            format!("{} ({reason})", view.phase.word())
        } else {
            view.phase.word().to_owned()
        };
        let value = json!({"name": name, "state": view.phase.word(), "reason": reason});
        Ok(answer(self.format, &text, &value))
    }
}

/// Which of a domain's names is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// Its number while it runs: its init's process.
    Id,
    /// Its name.
    Name,
    /// Its uuid.
    Uuid,
}

/// Say one of a domain's names.
#[derive(Debug, Args)]
pub(crate) struct Identity {
    /// Name or uuid.
    domain: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Identity {
    pub(crate) fn perform(self, which: Which, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let value = domain_json(layout, &domains::view(layout, &name)?);
        let (key, value) = match which {
            Which::Id => ("id", value["id"].clone()),
            Which::Name => ("name", value["name"].clone()),
            Which::Uuid => ("uuid", value["uuid"].clone()),
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = if value.is_null() { "-".to_owned() } else { text };
        Ok(answer(self.format, &text, &json!({ key: value })))
    }
}
