//! The process that a background domain has: parent of its init, keeper of its consoles and its record.
//!
//! It has one thread, no timer that runs while nothing happens, and gives back the memory that the start
//! needed. It is this same program under another name ([`NAME`]), executed anew so that nothing of the
//! command that started it remains, and from a read-only mount so that no container can write to it.

mod bounds;
mod clients;
mod console;
mod daemon;
mod end;
mod freezing;
mod init;
mod log;
mod over;
mod own;
mod peer;
pub mod place;
mod rate;
mod serve;
mod stopping;
mod throttle;
mod wake;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use browndog_runtime::sys::entry::arguments;
use serde::{Deserialize, Serialize};

pub(crate) use init::made;
pub use log::aside as log_aside;
pub(crate) use own::check as own_check;

use crate::layout::Layout;
use crate::record::Record;

/// `argv[0]` of a monitor.
pub const NAME: &str = "browndog-monitor";

/// What a monitor is told on its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Where everything is.
    pub layout: Layout,
    /// Whose monitor it is.
    pub name: String,
}

impl Arguments {
    /// As words of a command line, without `argv[0]`.
    pub fn words(&self) -> [OsString; 4] {
        let Layout { run, definitions, log } = self.layout.clone();
        [run.into(), definitions.into(), log.into(), self.name.clone().into()]
    }

    fn parse(words: &[OsString]) -> Option<Self> {
        let [run, definitions, log, name] = words else { return None };
        let layout = Layout {
            run: PathBuf::from(run),
            definitions: PathBuf::from(definitions),
            log: PathBuf::from(log),
        };
        Some(Self { layout, name: name.to_str()?.to_owned() })
    }
}

/// What a monitor says of the start, once, to the command that started it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The domain runs.
    Started {
        /// Its record.
        record: Box<Record>,
        /// What the runtime notes.
        notes: String,
    },
    /// It does not; nothing of it is left.
    Failed {
        /// The runtime's message.
        rendered: String,
    },
}

/// Lives as a monitor, where this process was started as one; returns its exit status.
pub fn other_life() -> Option<u8> {
    let (name, words) = arguments().split_first()?;
    if name != NAME {
        return None;
    }
    Some(daemon::main(Arguments::parse(words)?, words))
}
