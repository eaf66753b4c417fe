//! What the verbs of a domain's life share: where its files are, how answers and refusals are printed.

use std::path::Path;

use browndog_life::definitions;
use browndog_life::domains::View;
use browndog_life::error::LifeError;
use browndog_life::layout::Layout;
use browndog_life::peers::named_in;
use browndog_life::time::rfc3339;
use browndog_runtime::survey::share::{Peer, shared};
use browndog_xml::domain::Domain;
use browndog_xml::visible::visible_lines;
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::exit::Status;
use crate::out::{complain, note, note_drawn, printing, printing_json};

/// How answers are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Jsonl,
}

/// A result of a verb of this group.
pub(crate) type Outcome = Result<Status, LifeError>;

/// Does what a verb does, below `root`, and says why it could not.
pub(crate) fn living(root: Option<&Path>, body: impl FnOnce(&Layout) -> Outcome) -> Status {
    // Files of the state are the user's alone, whatever the umask is; a container has its own.
    let _caller = browndog_runtime::sys::umask(0o077);
    Layout::new(root).and_then(|layout| body(&layout)).unwrap_or_else(|error| refuse(&error))
}

/// The running domains below `root` whose namespaces `domain` shares. Without a place for state none runs.
pub(crate) fn peers(root: Option<&Path>, domain: &Domain) -> Vec<Peer> {
    if shared(domain).next().is_none() {
        return Vec::new();
    }
    Layout::new(root).map(|layout| named_in(&layout, domain)).unwrap_or_default()
}

/// The directory with the sockets of monitors, which no container is to see. Without a place for state none runs.
pub(crate) fn state(root: Option<&Path>) -> Vec<String> {
    let layout = Layout::new(root);
    layout.map(|layout| layout.state()).unwrap_or_default()
}

/// Makes the directories of the state that a start of `domain` would show once another command makes them.
pub(crate) fn make_state(root: Option<&Path>, domain: &browndog_xml::domain::Domain) {
    let Ok(layout) = Layout::new(root) else { return };
    if (root.is_some() || nix::unistd::geteuid().is_root())
        && let Err(error) = layout.make_before(domain, root.is_some())
    {
        note(&format!(
            "note: {error}\n   = help: a directory for state that is made later is not hidden from this container"
        ));
    }
}

/// Says why something was not done.
pub(crate) fn refuse(error: &LifeError) -> Status {
    match error {
        // Rendered by others, with place and help.
        LifeError::Invalid { rendered } => note_drawn(rendered.trim_end()),
        LifeError::Start { rendered, .. } => note(rendered.trim_end()),
        other => complain(&other.to_string(), other.hint().as_deref()),
    }
    Status::FAILED
}

/// Prints an answer in the form asked for.
pub(crate) fn answer(format: Format, text: &str, value: &Value) -> Status {
    match format {
        Format::Text if text.is_empty() => Status::DONE,
        Format::Text => {
            printing(|out| writeln!(out, "{}", visible_lines(text.trim_end())).map(|()| Status::DONE))
        }
        Format::Json | Format::Jsonl => printing_json(&format!("{value}\n"), Status::DONE),
    }
}

/// Prints several answers: one array, or one a line.
pub(crate) fn answers(format: Format, text: impl FnOnce() -> String, values: &[Value]) -> Status {
    match format {
        Format::Text => {
            printing(|out| out.write_all(visible_lines(&text()).as_bytes()).map(|()| Status::DONE))
        }
        Format::Json => printing_json(&format!("{}\n", Value::from(values)), Status::DONE),
        Format::Jsonl => {
            let lines: String = values.iter().map(|value| format!("{value}\n")).collect();
            printing_json(&lines, Status::DONE)
        }
    }
}

/// Says what was cleaned up on the way.
pub(crate) fn cleaned(said: &[String]) {
    said.iter().for_each(|what| note(&format!("note: {what}")));
}

/// Says what of a domain a command that only looks leaves as it is.
pub(crate) fn unsettled(view: &View) {
    let name = &view.name;
    if let Some(stale) = &view.stale {
        note(&format!("note: '{name}': {stale}; its next start, or 'browndog destroy {name}', cleans up"));
    }
    if let Some(doubt) = &view.doubt {
        note(&format!(
            "note: '{name}': whether it runs cannot be said from here, so it is shown as recorded: {doubt}"
        ));
    }
}

/// What a domain is doing, and that it ended for want of memory.
pub(crate) fn state_words(view: &View) -> String {
    let oom = view.record.as_ref().is_some_and(|record| record.oom_kills > 0);
    let word = view.phase.word();
    if oom && !view.phase.is_active() { format!("{word} (memory)") } else { word.to_owned() }
}

/// A domain as JSON.
pub(crate) fn domain_json(layout: &Layout, view: &View) -> Value {
    let record = view.record.as_ref();
    let uuid = record.map(|record| record.uuid.clone()).or_else(|| definitions::uuid_of(layout, &view.name));
    let time = |at: Option<u64>| at.map(rfc3339);
    json!({
        "name": view.name,
        "uuid": uuid,
        "id": view.id(),
        "state": view.phase.word(),
        "reason": record.map(|record| record.reason.as_str()),
        "oom_kills": record.map_or(0, |record| record.oom_kills),
        "persistent": view.persistent,
        "autostart": definitions::is_autostart(layout, &view.name),
        "started": time(record.and_then(|record| record.started)),
        "ended": time(record.and_then(|record| record.ended)),
        "exit": record.and_then(|record| record.exit),
        "exit_code": record.and_then(|record| record.exit).map(browndog_life::record::Exit::code),
        "restarts": record.map_or(0, |record| record.restarts),
        "consoles": record.map_or(0, |record| record.consoles),
        "monitor": record.and_then(|record| record.monitor).map(|monitor| monitor.pid),
        "stale": view.stale,
        "doubt": view.doubt,
    })
}
