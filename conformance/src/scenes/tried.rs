//! One start that may well be refused: what became of it.

use std::path::Path;
use std::time::Duration;

use crate::facts::Facts;
use crate::spec::Spec;
use crate::stage::{Doing, Running, SceneError, Stage};

/// Longest for a start of which nothing is known but that it must not hang.
pub(super) const HARSH: Duration = Duration::from_secs(20);

/// The end of a start.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// The probe's facts, where it ran.
    pub(super) seen: Option<Facts>,
    /// Exit status of the runtime; none where it did not end within the time.
    pub(super) exit: Option<i32>,
    /// The beginning of what it said.
    pub(super) says: String,
}

impl Tried {
    /// What became of it, in a word.
    pub(super) fn word(&self) -> &'static str {
        match (&self.seen, self.exit) {
            (_, None) => "hangs",
            (Some(_), _) => "ran",
            (None, Some(0)) => "exit status 0 without having run",
            (None, _) => "refused",
        }
    }

    /// A fact of the probe that is a list; empty where it did not run.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.seen.as_ref().map(|f| f.list(name)).unwrap_or_default()
    }

    /// Writes down what became of it below a name.
    pub(super) fn note(&self, facts: &mut Facts, name: &str) {
        facts.set(format!("{name}.became"), self.word());
        facts.set(format!("{name}.says"), self.says.clone());
    }
}

/// Starts the recipe, and waits for its end.
pub(super) fn start(stage: &Stage<'_>, spec: &Spec, place: &Path) -> Result<Tried, SceneError> {
    let running = match spec.rootless {
        Some(user) => by_a_plain_user(stage, spec, place, user)?,
        None => stage.start(spec, place)?,
    };
    let tried = match running.finish(HARSH) {
        Ok(finished) => Tried {
            seen: crate::probe::told(&finished.stdout, &stage.canary.token),
            exit: finished.status.code().or(Some(-1)),
            says: finished.stderr.trim().chars().take(200).collect(),
        },
        Err(SceneError::Hang(why)) => Tried { says: why, ..Tried::default() },
        Err(error) => return Err(error),
    };
    if tried.seen.is_none() {
        super::life::destroy(stage, spec, place);
    }
    Ok(tried)
}

/// Everything below the place becomes the user's own, and the runtime's program one that it can execute.
fn by_a_plain_user(stage: &Stage<'_>, spec: &Spec, place: &Path, user: u32) -> Result<Running, SceneError> {
    let mut call = stage.prepared(spec, place)?;
    super::plain::stage_root_to(&place.join("root"), user)?;
    let mut open = vec![place.to_owned()];
    while let Some(path) = open.pop() {
        std::os::unix::fs::lchown(&path, Some(user), Some(user)).doing("giving the place to the user")?;
        if path.is_dir() && !path.is_symlink() {
            open.extend(std::fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()));
        }
    }
    if stage.runtime.name() == "browndog" {
        let own = place.join("browndog");
        let _length = std::fs::copy(stage.runtime.program(), &own).doing("giving the runtime to the user")?;
        call.argv[0] = own.into_os_string();
    }
    stage.spawn(&call, "--user")
}
