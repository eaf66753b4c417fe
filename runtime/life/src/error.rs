//! Why a verb did not do what was asked, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A verb that failed. What it had begun is undone, or said.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// There is no such domain.
    #[error("there is no domain '{argument}'")]
    Unknown {
        /// What was asked for.
        argument: String,
        /// The name it was probably meant to be.
        nearest: Option<String>,
    },
    /// A prefix of more than one uuid.
    #[error("'{argument}' is the beginning of {} uuids", .matches.len())]
    Ambiguous {
        /// What was asked for.
        argument: String,
        /// `uuid (name)` of each.
        matches: Vec<String>,
    },
    /// The domain is not in a state in which this can be done.
    #[error("cannot {verb} '{name}': it is {state}")]
    State {
        /// The domain.
        name: String,
        /// What was asked.
        verb: &'static str,
        /// What it is: `running`, `shut off`.
        state: String,
        /// What to do.
        help: String,
    },
    /// Another command has the domain.
    #[error("'{name}' is being worked on by {holder}")]
    Busy {
        /// The domain.
        name: String,
        /// Who has it: `'browndog start', process 12`.
        holder: String,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {}: {}", .path.display(), reason(.error))]
    File {
        /// What was tried: `read`, `write`, `make the directory`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A record that another version of browndog wrote.
    #[error("{} was written by another version (format {found}, this is {})", .path.display(), crate::record::VERSION)]
    Version {
        /// The record.
        path: PathBuf,
        /// Its format.
        found: u64,
    },
    /// A document with errors.
    #[error("{}", .rendered.trim_end())]
    Invalid {
        /// Its findings, as `validate` shows them.
        rendered: String,
    },
    /// The container did not start; the text is the runtime's.
    #[error("{}", .rendered.trim_end())]
    Start {
        /// The runtime's message with place and help.
        rendered: String,
        /// What `run` would exit with: 125, 126 or 127.
        code: i32,
    },
    /// Something cannot be done, for a reason that is no fault of the files.
    #[error("{what}")]
    Refused {
        /// What, and why not.
        what: String,
        /// What to do.
        help: String,
    },
    /// A call of the kernel failed.
    #[error("cannot {what}: {} ({errno:?})", .errno.desc())]
    Call {
        /// What was tried.
        what: String,
        /// Why not.
        errno: nix::errno::Errno,
    },
}

/// The result of a verb.
pub type Result<T> = std::result::Result<T, LifeError>;

fn reason(error: &io::Error) -> String {
    // The number that Rust appends says nothing to a reader.
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

impl LifeError {
    /// A file that could not be used.
    pub fn file(what: &'static str, path: &Path, error: io::Error) -> Self {
        Self::File { what, path: path.to_owned(), error }
    }

    /// Something that cannot be done.
    pub fn refused(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused { what: what.into(), help: help.into() }
    }

    /// A change that was not made, because of this error of recording it.
    pub(crate) fn unrecorded(error: Self) -> Self {
        let help = error.hint().unwrap_or_default();
        Self::refused(format!("nothing was changed, since that could not be recorded: {error}"), help)
    }

    /// A call that failed.
    pub fn call(what: impl Into<String>, errno: nix::errno::Errno) -> Self {
        Self::Call { what: what.into(), errno }
    }

    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(name), .. } => Some(format!("did you mean '{name}'?")),
            Self::Unknown { .. } => Some("see 'browndog list --all'".to_owned()),
            Self::Ambiguous { matches, .. } => Some(format!("one of {}", matches.join(", "))),
            Self::State { help, .. } | Self::Refused { help, .. } => (!help.is_empty()).then(|| help.clone()),
            Self::Busy { .. } => Some("wait until it has ended, then try again".to_owned()),
            Self::File { error, .. } => file_hint(error).map(str::to_owned),
            Self::Version { path, .. } => Some(format!(
                "use the version that wrote it, or, when the domain does not run, remove {}",
                path.display()
            )),
            Self::Call { errno, .. } => browndog_runtime::advice::advice(*errno).map(str::to_owned),
            Self::Invalid { .. } | Self::Start { .. } => None,
        }
    }
}

fn file_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Some("be its owner, or keep state elsewhere with --root DIR"),
        io::ErrorKind::ReadOnlyFilesystem => Some("keep state elsewhere with --root DIR"),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space there, or keep state elsewhere with --root DIR")
        }
        _ => None,
    }
}
