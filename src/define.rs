//! `define`, `undefine`, `create`, `start`, `edit`, `rename`, `autostart`, `dumpxml`.

use std::path::{Path, PathBuf};

use browndog_life::definitions::{self, Defined};
use browndog_life::edit::Document;
use browndog_life::error::LifeError;
use browndog_life::layout::Layout;
use browndog_life::lock::Lock;
use browndog_life::start::{self, Started};
use browndog_life::{domains, events, reconcile};
use clap::Args;
use serde_json::json;

use crate::document::open;
use crate::exit::Status;
use crate::life::{Format, Outcome, answer, cleaned, domain_json};
use crate::out::{note, note_drawn, printing_document};

/// Define a domain from a document, or change its definition; nothing is started.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog define web.xml
  browndog define - < web.xml               the document comes from standard input

Exit status: 0 defined, 1 not (its findings are on standard error), 2 usage.")]
pub(crate) struct Define {
    /// The document; `-` is standard input.
    file: PathBuf,
    /// Accepted for virsh's sake: a document is always validated.
    #[arg(long, hide = true)]
    validate: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Reads, checks and canonicalises a document; what has no effect is said.
fn read(path: &Path) -> Result<Document, LifeError> {
    let source = open(path).map_err(|message| LifeError::refused(message, ""))?;
    let reading = browndog_xml::read(&source);
    let rendered = reading.report.render_human(&source, crate::out::coloured_errors());
    if reading.domain.is_none() {
        return Err(LifeError::Invalid { rendered });
    }
    if !rendered.is_empty() {
        note_drawn(rendered.trim_end());
    }
    Document::check(&source)
}

impl Define {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let document = read(&self.file)?;
        let lock = Lock::take(layout, document.name(), "define")?;
        let (document, defined) = definitions::define(layout, document)?;
        drop(lock);
        let name = document.name();
        let detail = if defined == Defined::Added { "added" } else { "updated" };
        events::note(layout, name, "lifecycle", "defined", detail);
        let text = format!("Domain '{name}' defined from {}", self.file.display());
        Ok(answer(self.format, &text, &json!({"name": name, "uuid": document.uuid(), "defined": detail})))
    }
}

/// Forget a definition; a domain that runs goes on until it ends.
#[derive(Debug, Args)]
pub(crate) struct Undefine {
    /// Name or uuid.
    domain: String,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Undefine {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let lock = Lock::take(layout, &name, "undefine")?;
        cleaned(&reconcile::reconcile(layout, &lock, &name)?);
        definitions::undefine(layout, &name)?;
        if !domains::view(layout, &name)?.phase.is_active() {
            reconcile::remove_domain_dir(layout, &name)?;
        }
        drop(lock);
        events::note(layout, &name, "lifecycle", "undefined", "");
        let text = format!("Domain '{name}' has been undefined");
        Ok(answer(self.format, &text, &json!({"name": name, "undefined": true})))
    }
}

/// Start a domain from a document without defining it; it is forgotten when it ends.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog create domains/hello.xml
  browndog create --console web.xml         and attach to its console")]
pub(crate) struct Create {
    /// The document; `-` is standard input.
    file: PathBuf,
    /// Put a small process 1 around the init for this start: it waits for orphans and passes signals on.
    /// A definition has it for good by <browndog:init/>.
    #[arg(long)]
    init: bool,
    /// Attach to the console.
    #[arg(long)]
    console: bool,
    /// Accepted for virsh's sake: a document is always validated.
    #[arg(long, hide = true)]
    validate: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Create {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let started = start::create(layout, read(&self.file)?, self.init)?;
        let text = format!("Domain '{}' created from {}", started.record.name, self.file.display());
        tell(layout, self.format, &text, &started, self.console)
    }
}

/// Start a domain in the background.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog start web
  browndog start --console web              and attach to its console
  browndog start --init job                 whose init waits for no orphans

Exit status: 0 it runs, 1 it does not (or ran already), 2 usage.")]
pub(crate) struct Start {
    /// Name or uuid.
    domain: String,
    /// Put a small process 1 around the init for this start: it waits for orphans and passes signals on.
    /// A definition has it for good by <browndog:init/>.
    #[arg(long)]
    init: bool,
    /// Attach to the console.
    #[arg(long)]
    console: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Start {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let started = start::start(layout, &name, self.init)?;
        tell(layout, self.format, &format!("Domain '{name}' started"), &started, self.console)
    }
}

fn tell(layout: &Layout, format: Format, text: &str, started: &Started, console: bool) -> Outcome {
    cleaned(&started.cleaned);
    if !started.notes.is_empty() {
        note(started.notes.trim_end());
    }
    let view = domains::view(layout, &started.record.name)?;
    let status = answer(format, text, &domain_json(layout, &view));
    if console && status == Status::DONE {
        return crate::console::attach(layout, &started.record.name, 0, false);
    }
    Ok(status)
}

/// Start every domain that is marked for it, or mark a domain to be started with this machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  browndog autostart web                    mark
  browndog autostart --disable web          unmark
  browndog autostart --all                  start all that are marked: what the service does at boot

The service is runtime/life/units/browndog.service (systemd) or browndog.openrc.")]
pub(crate) struct Autostart {
    /// Name or uuid.
    #[arg(required_unless_present = "all")]
    domain: Option<String>,
    /// Unmark it.
    #[arg(long, conflicts_with = "all")]
    disable: bool,
    /// Start all that are marked.
    #[arg(long, conflicts_with = "domain")]
    all: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Autostart {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let Some(argument) = self.domain else { return start_marked(layout, self.format) };
        let name = domains::find(layout, &argument)?;
        let lock = Lock::take(layout, &name, "autostart")?;
        if !definitions::exists(layout, &name) {
            return Err(LifeError::refused(
                format!("'{name}' is not defined, so it cannot be started with the machine"),
                "define it first",
            ));
        }
        definitions::set_autostart(layout, &name, !self.disable)?;
        drop(lock);
        let how = if self.disable { "unmarked" } else { "marked" };
        let text = format!("Domain '{name}' {how} as autostarted");
        Ok(answer(self.format, &text, &json!({"name": name, "autostart": !self.disable})))
    }
}

fn start_marked(layout: &Layout, format: Format) -> Outcome {
    let mut status = Status::DONE;
    for name in definitions::names(layout)? {
        if !definitions::is_autostart(layout, &name) || domains::view(layout, &name)?.phase.is_active() {
            continue;
        }
        let started = start::start(layout, &name, false)
            .and_then(|started| tell(layout, format, &format!("Domain '{name}' started"), &started, false));
        // One that does not start does not keep the others from it.
        status = status.worse(started.unwrap_or_else(|error| crate::life::refuse(&error)));
    }
    Ok(status)
}

/// Give a domain that does not run another name.
#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// Name or uuid.
    domain: String,
    /// The new name.
    new: String,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Rename {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        if self.new.contains('/') || self.new.is_empty() {
            return Err(LifeError::refused(format!("'{}' is no domain name", self.new), ""));
        }
        if self.new == name {
            return Err(LifeError::refused(format!("'{name}' has that name already"), "choose another name"));
        }
        let lock = Lock::take(layout, &name, "rename")?;
        let _target = Lock::take(layout, &self.new, "rename")?;
        cleaned(&reconcile::reconcile(layout, &lock, &name)?);
        let view = domains::view(layout, &name)?;
        if domains::view(layout, &self.new)?.phase.is_active() {
            let what = format!("there is a domain '{}' already, and it runs", self.new);
            return Err(LifeError::refused(what, "choose another name"));
        }
        if view.phase.is_active() {
            return Err(LifeError::State {
                name,
                verb: "rename",
                state: view.phase.word().to_owned(),
                help: "shut it down first".to_owned(),
            });
        }
        definitions::rename(layout, &name, &self.new)?;
        reconcile::remove_domain_dir(layout, &name)?;
        events::note(layout, &self.new, "lifecycle", "renamed", format!("from {name}"));
        let text = format!("Domain '{name}' is now '{}'", self.new);
        Ok(answer(self.format, &text, &json!({"name": self.new, "was": name})))
    }
}

/// Print a domain's document: the one it runs by, else its definition.
#[derive(Debug, Args)]
pub(crate) struct Dumpxml {
    /// Name or uuid.
    domain: String,
    /// The definition, also while it runs.
    #[arg(long)]
    inactive: bool,
    /// How to print the answer: the document, or JSON that holds it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Dumpxml {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let view = domains::view(layout, &name)?;
        let live = view.phase.is_active() && !(self.inactive && view.persistent);
        let path = if live { layout.live(&name) } else { layout.definition(&name) };
        let text = browndog_life::files::read_to_string(&path)
            .map_err(|error| LifeError::file("read", &path, error))?;
        // As libvirt prints it: a domain that runs has an id.
        let text = match view.id().filter(|_| live && !self.inactive) {
            Some(id) => text.replacen("<domain type='lxc'", &format!("<domain type='lxc' id='{id}'"), 1),
            None => text,
        };
        if self.format == Format::Text {
            return Ok(printing_document(text.as_bytes(), Status::DONE));
        }
        Ok(answer(self.format, "", &json!({"name": name, "live": live, "xml": text})))
    }
}

/// Change a definition in $VISUAL or $EDITOR; a document with errors is not kept.
#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// Name or uuid.
    domain: String,
}

impl Edit {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let name = domains::find(layout, &self.domain)?;
        let before = definitions::read(layout, &name)?;
        let edited = edit_text(before.source.text())?;
        if edited == before.source.text() {
            return Ok(answer(Format::Text, &format!("Domain '{name}' is unchanged"), &json!(null)));
        }
        let source = browndog_xml::source::Source::new("the edited document", edited);
        let document = Document::check(&source)?;
        let lock = Lock::take(layout, &name, "edit")?;
        if document.name() != name {
            return Err(LifeError::refused(
                format!("the edited document is called '{}'", document.name()),
                "'browndog rename' changes a name",
            ));
        }
        if definitions::read(layout, &name)?.source.text() != before.source.text() {
            return Err(LifeError::refused(
                format!("'{name}' was changed by somebody else meanwhile; nothing was changed"),
                "edit it again",
            ));
        }
        crate::disregard(definitions::define(layout, document)?);
        drop(lock);
        events::note(layout, &name, "lifecycle", "defined", "updated");
        Ok(answer(Format::Text, &format!("Domain '{name}' XML configuration edited"), &json!(null)))
    }
}

fn edit_text(text: &str) -> Result<String, LifeError> {
    use std::io::Write;
    let failed = |error: std::io::Error| LifeError::refused(format!("cannot edit: {error}"), "");
    let mut file = tempfile::Builder::new().suffix(".xml").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    // An editor may have arguments, and a shell takes them apart as the user expects.
    let status = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .status()
        .map_err(failed)?;
    if !status.success() {
        return Err(LifeError::refused(format!("the editor ended with {status}; nothing was changed"), ""));
    }
    std::fs::read_to_string(file.path()).map_err(failed)
}
