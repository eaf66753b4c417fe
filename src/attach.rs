//! `attach-device` and `detach-device`.

use std::path::PathBuf;

use browndog_life::devices::{self, Changed};
use browndog_life::domains;
use browndog_life::error::LifeError;
use browndog_life::fragment::Fragment;
use browndog_life::layout::Layout;
use browndog_life::tune::Scope;
use clap::Args;
use serde_json::json;

use crate::document::open;
use crate::life::{Format, Outcome, answer};
use crate::out::note;

/// What both verbs take.
#[derive(Debug, Args)]
struct Common {
    /// Name or uuid.
    domain: String,
    /// A document that holds one <interface>, <hostdev>, <disk> or <filesystem>; `-` is standard input.
    file: PathBuf,
    /// Change the domain as it runs.
    #[arg(long)]
    live: bool,
    /// Change its definition.
    #[arg(long)]
    config: bool,
    /// Change its definition, and the domain as it runs where it does.
    #[arg(long, conflicts_with_all = ["live", "config"])]
    persistent: bool,
    /// Change it as it runs, or its definition where it does not: what is done without any of these.
    #[arg(long, conflicts_with_all = ["live", "config", "persistent"])]
    current: bool,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Attach a device to a domain: as it runs, or in its definition.
#[derive(Debug, Args)]
#[command(after_help = "\
A domain that runs gets network interfaces (not <hostdev type='net'>, which moves at a start), device nodes
(hostdev storage, misc and usb, disks of type block) and file systems (not in a container with an id map).
The device is held to the same schema as a domain; all of it is attached, or nothing.

Examples:
  browndog attach-device web eth1.xml             as it runs
  browndog attach-device web data.xml --persistent        and from the next start on
  echo \"<filesystem type='mount'><source dir='/srv/data'/><target dir='/data'/></filesystem>\" |
    browndog attach-device web - --live

Exit status: 0 attached, 1 not (and nothing has changed), 2 usage.")]
pub(crate) struct AttachDevice {
    #[command(flatten)]
    common: Common,
}

/// Detach a device from a domain: from the one that runs, or from its definition.
#[derive(Debug, Args)]
#[command(after_help = "\
A file system is known by its target, a disk by its target, a hostdev by its source, an interface by what the
document says of it: type and source, MAC, names. A program that has a device open keeps it open; a file
system that is in use, or that the container has mounted elsewhere as well, stays. Where the container's root may
mount (an id map, CAP_SYS_ADMIN), a file system is unmounted, and a warning says that only a restart takes it back
for certain (--format json then has false for 'detached').

Examples:
  browndog detach-device web eth1.xml
  browndog detach-device web data.xml --persistent

Exit status: 0 detached, 1 not, 2 usage.")]
pub(crate) struct DetachDevice {
    #[command(flatten)]
    common: Common,
}

impl AttachDevice {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let changed = self.common.change(layout, devices::attach)?;
        self.common.answer(&changed, "attached", "attached to", true)
    }
}

impl DetachDevice {
    pub(crate) fn perform(self, layout: &Layout) -> Outcome {
        let changed = self.common.change(layout, devices::detach)?;
        let words =
            if changed.stays.is_none() { "detached from" } else { "unmounted, but perhaps not gone from" };
        self.common.answer(&changed, "detached", words, changed.stays.is_none())
    }
}

type Change = fn(&Layout, &str, Scope, &Fragment) -> Result<Changed, LifeError>;

impl Common {
    fn change(&self, layout: &Layout, change: Change) -> Result<Changed, LifeError> {
        let name = domains::find(layout, &self.domain)?;
        let source = open(&self.file).map_err(|message| LifeError::refused(message, ""))?;
        let fragment = Fragment::read(&source)?;
        let scope = if self.persistent {
            Scope { live: domains::view(layout, &name)?.phase.is_active(), config: true }
        } else {
            Scope { live: self.live, config: self.config }
        };
        let changed = change(layout, &name, scope, &fragment)?;
        if !changed.notes.is_empty() {
            note(changed.notes.trim_end());
        }
        changed.said.iter().for_each(|said| note(&format!("note: {said}")));
        if let Some(stays) = &changed.stays {
            note(&format!("warning: {stays}"));
        }
        Ok(changed)
    }

    /// `done`: whether that is certain.
    fn answer(&self, changed: &Changed, key: &str, words: &str, done: bool) -> Outcome {
        let Changed { device, scope, stays, .. } = changed;
        let text = format!("Device <{device}> {words} '{}'", self.domain);
        let value = json!({
            "domain": self.domain, "device": device, key: done, "live": scope.live, "config": scope.config,
            "stays": stays,
        });
        Ok(answer(self.format, &text, &value))
    }
}
