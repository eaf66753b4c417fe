//! Which file is where.
//!
//! ```text
//! DEFINITIONS/NAME.xml        the domain as defined
//! DEFINITIONS/autostart/NAME  is there: started with the host
//! RUN/domains/NAME/           one that runs, or ran: record.json, domain.xml, socket, alive
//! RUN/locks/NAME              who works on it now
//! RUN/events                  what happened
//! LOG/NAME.log                what its first console said
//! LOG/consoleN/NAME.log       what the others said
//! …/old/NAME.log              the log before that one, where it was full
//! ```

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use browndog_xml::domain::{Domain, FilesystemSource};

use crate::error::{LifeError, Result};
use crate::trust;

/// The three directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What is so only until the next boot.
    pub run: PathBuf,
    /// What was defined.
    pub definitions: PathBuf,
    /// What the consoles said.
    pub log: PathBuf,
}

impl Layout {
    /// Everything below `root`; without it, the machine's directories for root, the user's own for others.
    ///
    /// # Errors
    /// A plain user without XDG_RUNTIME_DIR has no place for state.
    pub fn new(root: Option<&Path>) -> Result<Self> {
        if let Some(root) = root {
            let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
            let root = trust::resolved(&root);
            trust::demand(&root)?;
            let layout =
                Self { run: root.join("run"), definitions: root.join("definitions"), log: root.join("log") };
            return layout.own();
        }
        let layout = if nix::unistd::geteuid().is_root() {
            Self {
                run: "/run/browndog".into(),
                definitions: "/etc/browndog".into(),
                log: "/var/log/browndog".into(),
            }
        } else {
            let set = |name: &str| std::env::var_os(name).map(PathBuf::from);
            Self::of_user(|name| set(name).filter(|path| path.is_absolute()))?
        };
        // Where the distribution has put them; what is above them is its decision.
        let [run, definitions, log] =
            [&layout.run, &layout.definitions, &layout.log].map(|path| trust::resolved(path));
        Self { run, definitions, log }.own()
    }

    /// Nobody else's, each of them, nor what is made in them.
    fn own(self) -> Result<Self> {
        let Self { run, definitions, log } = &self;
        for path in [run, definitions, log] {
            trust::demand_closed(path)?;
        }
        for path in [self.domains(), run.join("locks"), definitions.join("autostart")] {
            trust::demand_closed(&path)?;
        }
        Ok(self)
    }

    /// The XDG base directories.
    fn of_user(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self> {
        let uid = nix::unistd::geteuid().as_raw();
        let usual = PathBuf::from(format!("/run/user/{uid}"));
        let mine = |path: &PathBuf| path.metadata().is_ok_and(|meta| meta.uid() == uid && meta.is_dir());
        let runtime = variable("XDG_RUNTIME_DIR").or_else(|| Some(usual).filter(mine));
        let Some(runtime) = runtime else {
            return Err(LifeError::refused(
                "there is no place for the state of this user's domains: XDG_RUNTIME_DIR is not set",
                "log in properly, set XDG_RUNTIME_DIR to a directory of yours, or use --root DIR",
            ));
        };
        let home = variable("HOME").unwrap_or_else(|| "/".into());
        let config = variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let state = variable("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state"));
        Ok(Self {
            run: runtime.join("browndog"),
            definitions: config.join("browndog"),
            log: state.join("browndog"),
        })
    }

    /// The three, which no container gets to see.
    pub fn state(&self) -> Vec<String> {
        [&self.run, &self.definitions, &self.log].map(|path| path.to_string_lossy().into_owned()).into()
    }

    /// Makes what is missing of the state where a tree that `domain` shows would get it later: only what is there can
    /// be hidden. Of the machine's directories that is the one in /run, which is empty after a boot.
    ///
    /// # Errors
    /// Names the directory.
    pub fn make_before(&self, domain: &Domain, all: bool) -> Result<()> {
        let has_root = domain.filesystems.iter().any(browndog_runtime::survey::is_root);
        let sources = domain.filesystems.iter().filter_map(|filesystem| match &filesystem.source {
            FilesystemSource::Host(path) => std::fs::canonicalize(path.value.as_str()).ok(),
            _ => None,
        });
        let sources: Vec<PathBuf> = sources.collect();
        let three = [&self.run, &self.definitions, &self.log];
        for path in &three[..if all { 3 } else { 1 }] {
            let there = path.ancestors().find_map(|above| std::fs::canonicalize(above).ok());
            let shown = |there: PathBuf| sources.iter().any(|source| there.starts_with(source));
            if !path.exists() && (!has_root || there.is_some_and(shown)) {
                make_dir(path)?;
            }
        }
        Ok(())
    }

    /// The definition of a domain.
    pub fn definition(&self, name: &str) -> PathBuf {
        self.definitions.join(format!("{name}.xml"))
    }

    /// The mark that a domain is started with the host.
    pub fn autostart(&self, name: &str) -> PathBuf {
        self.definitions.join("autostart").join(name)
    }

    /// Where the running domains are.
    pub fn domains(&self) -> PathBuf {
        self.run.join("domains")
    }

    /// The directory of a domain that runs, or ran.
    pub fn domain(&self, name: &str) -> PathBuf {
        self.domains().join(name)
    }

    /// Its record.
    pub fn record(&self, name: &str) -> PathBuf {
        self.domain(name).join("record.json")
    }

    /// The document it runs by.
    pub fn live(&self, name: &str) -> PathBuf {
        self.domain(name).join("domain.xml")
    }

    /// The monitor's socket.
    pub fn socket(&self, name: &str) -> PathBuf {
        self.domain(name).join("socket")
    }

    /// Locked by the monitor for as long as it lives.
    pub fn alive(&self, name: &str) -> PathBuf {
        self.domain(name).join("alive")
    }

    /// Locked by the command that works on the domain.
    pub fn lock(&self, name: &str) -> PathBuf {
        self.run.join("locks").join(name)
    }

    /// The journal.
    pub fn events(&self) -> PathBuf {
        self.run.join("events")
    }

    /// The log of a console: the number is in the name of a directory, since a domain may have any name.
    pub fn console_log(&self, name: &str, console: usize) -> PathBuf {
        let dir = match console {
            0 => self.log.clone(),
            _ => self.log.join(format!("console{console}")),
        };
        dir.join(format!("{name}.log"))
    }
}

/// Makes a directory that only its owner may enter, and those above it.
///
/// # Errors
/// Names the directory.
pub fn make_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_dir(above)?;
    }
    let made = match DirBuilder::new().mode(0o700).create(path) {
        // Whatever the umask is.
        Ok(()) => std::fs::set_permissions(path, Permissions::from_mode(0o700)),
        // Another command was faster.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    };
    made.map_err(|error| LifeError::file("make the directory", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_moves_everything() {
        let layout = Layout::new(Some(Path::new("/x"))).unwrap();
        assert_eq!(layout.record("web"), Path::new("/x/run/domains/web/record.json"));
        assert_eq!(layout.definition("web"), Path::new("/x/definitions/web.xml"));
        assert_eq!(layout.console_log("web", 1), Path::new("/x/log/console1/web.log"));
        assert_eq!(layout.console_log("web.console1", 0), Path::new("/x/log/web.console1.log"));
    }

    #[test]
    fn a_user_has_the_xdg_directories() {
        let layout = Layout::of_user(|name| match name {
            "XDG_RUNTIME_DIR" => Some("/run/user/7".into()),
            "HOME" => Some("/home/me".into()),
            _ => None,
        });
        let layout = layout.unwrap();
        assert_eq!(layout.run, Path::new("/run/user/7/browndog"));
        assert_eq!(layout.definitions, Path::new("/home/me/.config/browndog"));
        assert_eq!(layout.log, Path::new("/home/me/.local/state/browndog"));
    }
}
