//! What a guest is asked to do, and what it answers: the words on the wire between host and guest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where the job lies in the initramfs; that it is there is how the binary knows it is the guest's init.
pub const JOB_PATH: &str = "/browndog/job.json";
/// Where the binary lies in the guest.
pub const BINARY_PATH: &str = "/usr/bin/browndog";
/// Marks a throw-away machine of ours: it holds the boot id and is what permits mutants.
pub const LAB_MARK: &str = "/run/browndog-lab";

/// Which control group layout the guest mounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum CgroupLayout {
    /// The unified hierarchy alone.
    #[default]
    V2,
    /// Each version 1 controller in its own directory, without a unified hierarchy.
    V1,
    /// Version 1 controllers, and an empty unified hierarchy beside them.
    Hybrid,
}

/// Everything a guest has to do before it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Control groups.
    pub cgroups: CgroupLayout,
    /// Kernel modules in the order in which they have to be loaded.
    pub modules: Vec<String>,
    /// Commands, one after the other.
    pub commands: Vec<Command>,
    /// The command that exits with this status is the last one.
    #[serde(default)]
    pub until: Option<i32>,
    /// After each command whatever still runs is killed, so that the next one finds the machine to itself.
    #[serde(default)]
    pub alone: bool,
}

/// One command of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to the guest's small default environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Killed after this many seconds.
    pub timeout_s: u64,
}

impl Command {
    /// A command with the default time limit.
    pub fn new<I: IntoIterator<Item = S>, S: Into<String>>(argv: I) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), env: BTreeMap::new(), timeout_s: 300 }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It exited.
    Exit(i32),
    /// A signal killed it.
    Signal(i32),
    /// It was killed when its time was over.
    Timeout,
    /// It could not be started.
    NotStarted(String),
}

/// What came out of one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// How it ended.
    pub ended: Ended,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Wall time in the guest.
    pub milliseconds: u64,
}

/// One line from the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The guest's init is there.
    Hello {
        /// `uname -r`.
        release: String,
        /// What of the job's set-up could not be done, in words.
        notes: Vec<String>,
    },
    /// Still alive.
    Beat(u64),
    /// A command ended.
    Result(CommandResult),
    /// The job is done.
    Done,
    /// The guest's init gave up.
    Failed(String),
}
