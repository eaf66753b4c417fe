//! Runtimes behind one set of verbs, each with what it cannot express.

pub mod browndog;
pub mod bwrap;
pub mod edit;
mod engine;
pub mod libvirt;
pub mod lxc;
pub mod nspawn;
pub mod null;
pub mod oci;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::spec::Spec;

/// A command to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// Environment on top of the launcher's.
    pub env: Vec<(String, String)>,
}

impl Call {
    /// A command of these words.
    pub fn new<I: IntoIterator<Item = S>, S: Into<OsString>>(words: I) -> Self {
        Self { argv: words.into_iter().map(Into::into).collect(), env: Vec::new() }
    }
}

/// What a runtime may be asked beside running in the foreground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Makes the container without running its program.
    Create,
    /// Runs the program of a created container, or a defined one in the background.
    Start,
    /// Prints the state.
    State,
    /// Prints all containers.
    List,
    /// Sends a signal to the container's init.
    Kill(String),
    /// Freezes.
    Pause,
    /// Thaws.
    Resume,
    /// Runs another program inside.
    Exec(Vec<String>),
    /// Runs another program inside, in a directory.
    ExecAt(String, Vec<String>),
    /// Runs another program inside and does not wait for it.
    ExecDetached(Vec<String>),
    /// Makes the prepared container and runs its program in the background.
    Background,
    /// Attaches the device that a file describes.
    Attach(PathBuf),
    /// Detaches it.
    Detach(PathBuf),
    /// Removes it, by force.
    Destroy,
}

/// Why an adapter could not prepare a container.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No such runtime.
    #[error(
        "no runtime {0:?}: known are browndog, runc, crun, youki, lxc, libvirt, nspawn, bwrap, null, and with \
         --runtime-cmd any program that takes the OCI runtimes' commands"
    )]
    Unknown(String),
    /// Its program is not there.
    #[error("the runtime {name} is not installed: no {program} on PATH")]
    Missing {
        /// Runtime.
        name: String,
        /// Program.
        program: String,
    },
    /// The null runtime isolates nothing.
    #[error(
        "the null runtime isolates nothing, so the probe would change this machine: give it a guest with --vm"
    )]
    GuestOnly,
    /// A weakened container belongs into a machine that is thrown away.
    #[error(
        "the edit {0:?} of a bundle weakens the container, and the probe would change this machine: --vm"
    )]
    EditGuestOnly(String),
    /// No such edit.
    #[error("{0}")]
    BadEdit(String),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// File.
        path: PathBuf,
        /// The kernel's answer.
        source: std::io::Error,
    },
}

/// A runtime under test.
pub trait Runtime: Sync + Send {
    /// Name in reports.
    fn name(&self) -> &str;
    /// The program.
    fn program(&self) -> &Path;
    /// What of the recipe this runtime has no words for.
    fn cannot(&self, spec: &Spec) -> Option<String>;
    /// Writes the recipe down below `place` and gives the command that runs it in the foreground.
    fn prepare(&self, spec: &Spec, place: &Path) -> Result<Call, RuntimeError>;
    /// What a guest needs of it beside the program: tools for the other verbs.
    fn companions(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    /// Files of the system that have to be there.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    /// Directories that have to be there.
    fn directories(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    /// The command for another verb on a prepared container; `None` where the runtime has none.
    fn verb(&self, verb: &Verb, name: &str, place: &Path) -> Option<Call>;
}

/// How long a program may think about its version.
const VERSION_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// The first line of `PROGRAM --version`. One that hangs there as well has none, and is ended with all
/// that it started.
pub fn version(program: &Path) -> String {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    use std::process::Stdio;
    let spawned = std::process::Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let Ok(mut child) = spawned else { return "unknown".to_owned() };
    let group = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let (sender, receiver) = std::sync::mpsc::channel();
    let pipe = child.stdout.take();
    let _detached = std::thread::spawn(move || {
        let mut line = String::new();
        let read = pipe.map(|pipe| BufReader::new(pipe).read_line(&mut line));
        // Nobody waits for it any more where it came too late.
        drop(sender.send(read.and_then(Result::ok).map(|_| line)));
    });
    let line = receiver.recv_timeout(VERSION_MAX).ok().flatten();
    // The group is gone already where all went well.
    let _gone = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL).is_ok();
    drop(child.wait());
    line.map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// A runtime by its name.
pub fn by_name(name: &str, binary: &Path) -> Result<Box<dyn Runtime>, RuntimeError> {
    let find = |program: &str| -> Result<PathBuf, RuntimeError> {
        on_path(program).ok_or(RuntimeError::Missing { name: name.to_owned(), program: program.to_owned() })
    };
    if let Some((runtime, word)) = name.split_once(edit::MARK) {
        let edit = edit::Edit::read(word).map_err(RuntimeError::BadEdit)?;
        if !Path::new(crate::vm::job::LAB_MARK).exists() && !is_harmless(word) {
            return Err(RuntimeError::EditGuestOnly(word.to_owned()));
        }
        let program = on_path(runtime)
            .ok_or(RuntimeError::Missing { name: name.to_owned(), program: runtime.to_owned() })?;
        return Ok(Box::new(oci::Oci {
            name: name.to_owned(),
            program,
            options: Vec::new(),
            edit: Some(edit),
        }));
    }
    Ok(match name {
        "browndog" => Box::new(browndog::Browndog { program: binary.to_owned() }),
        "runc" | "crun" | "youki" => Box::new(oci::Oci {
            name: name.to_owned(),
            program: find(name)?,
            options: Vec::new(),
            edit: None,
        }),
        "bwrap" => Box::new(bwrap::Bwrap { program: find("bwrap")? }),
        "lxc" => Box::new(lxc::Lxc { program: find("lxc-start")? }),
        "nspawn" => Box::new(nspawn::Nspawn { program: find("systemd-nspawn")? }),
        "libvirt" => {
            let _daemon = find("libvirtd")?;
            Box::new(libvirt::Libvirt { program: find("virsh")?, binary: binary.to_owned() })
        }
        // Without isolation the probe's attempts succeed, and they are made on the machine itself.
        "null" if !Path::new(crate::vm::job::LAB_MARK).exists() => return Err(RuntimeError::GuestOnly),
        "null" => Box::new(null::Null { program: binary.to_owned() }),
        other => match command_of(other) {
            Some(command) => by_command(command)?,
            None => return Err(RuntimeError::Unknown(other.to_owned())),
        },
    })
}

/// Edits that leave every wall standing which the probe's attempts need.
fn is_harmless(word: &str) -> bool {
    ["unmask:", "drop-option:", "propagation:", "variable:", "group:", "inherit:"]
        .iter()
        .any(|k| word.starts_with(k))
        || ["drop-mount:/dev", "drop-mount:/dev/shm", "drop-mount:/dev/mqueue", "drop-mount:/proc"]
            .contains(&word)
}

/// Precedes a command among the names of runtimes; a path needs no such mark.
pub const COMMAND: &str = "cmd:";

/// The command, where a name is one.
pub fn command_of(name: &str) -> Option<&str> {
    name.strip_prefix(COMMAND).or_else(|| name.contains('/').then_some(name))
}

/// Any program with the OCI runtimes' command line, and options before its own commands.
fn by_command(command: &str) -> Result<Box<dyn Runtime>, RuntimeError> {
    let mut words = command.split_whitespace().map(str::to_owned);
    let program = words.next().unwrap_or_default();
    let name =
        Path::new(&program).file_name().map_or_else(|| "oci".into(), |n| n.to_string_lossy().into_owned());
    let found = if program.contains('/') { Some(PathBuf::from(&program)) } else { on_path(&program) };
    let Some(program) = found.filter(|p| p.is_file()) else {
        return Err(RuntimeError::Missing { name, program });
    };
    Ok(Box::new(oci::Oci { name, program, options: words.collect(), edit: None }))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    std::env::split_paths(&path).map(|d| d.join(program)).find(|p| p.is_file())
}

fn write(path: &Path, content: &str) -> Result<(), RuntimeError> {
    std::fs::write(path, content).map_err(|source| RuntimeError::Write { path: path.to_owned(), source })
}
