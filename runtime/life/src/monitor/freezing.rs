//! Suspending and resuming. What stands still is read from the kernel, since others freeze groups too; what the record
//! says is changed before the domain is, so that nothing is done that cannot be recorded.

use super::serve::Monitor;
use crate::error::{LifeError, Result};
use crate::record::Phase;
use crate::{frozen, groups};

impl Monitor {
    /// Freezes the domain's own group, also where a group above it is frozen already.
    pub(super) fn suspend(&mut self) -> Result<String> {
        if !matches!(self.record.phase, Phase::Running | Phase::Paused) {
            return Err(self.neither("suspend"));
        }
        if self.record.phase == Phase::Paused && frozen::is_own(&self.record.groups) {
            return Ok("it is already".to_owned());
        }
        self.recorded(Phase::Paused, "user", groups::freeze)?;
        self.note("lifecycle", "suspended", "user");
        Ok("suspended".to_owned())
    }

    /// Thaws the domain's own groups, also those that others have frozen; a frozen group above them is named.
    pub(super) fn resume(&mut self) -> Result<String> {
        let is_own = frozen::is_own(&self.record.groups);
        let thawed = match self.record.phase {
            Phase::Running if !is_own => false,
            Phase::Running | Phase::Paused => {
                self.recorded(Phase::Running, "unpaused", groups::thaw_own)?;
                true
            }
            // Frozen by others on its way down.
            Phase::InShutdown if is_own => groups::thaw_own(&self.record).map(|()| true)?,
            _ => return Err(self.neither("resume")),
        };
        if thawed {
            self.note("lifecycle", "resumed", self.record.reason.clone());
        }
        if let Some(above) = frozen::above(&self.record.groups) {
            let group = above.display().to_string();
            let what = format!(
                "'{}' still stands still: the control group {} above its own is frozen, and not by browndog",
                self.record.name,
                group.escape_debug()
            );
            return Err(LifeError::refused(what, frozen::thaw_by_hand(&above)));
        }
        Ok((if thawed { "resumed" } else { "it is already" }).to_owned())
    }

    fn neither(&self, verb: &'static str) -> LifeError {
        LifeError::State {
            name: self.record.name.clone(),
            verb,
            state: self.record.phase.word().to_owned(),
            help: String::new(),
        }
    }

    /// Records that the domain is in `phase` and brings it there; where either fails, it is as it was.
    fn recorded(
        &mut self,
        phase: Phase,
        reason: &str,
        bring: impl Fn(&crate::record::Record) -> Result<()>,
    ) -> Result<()> {
        let before = (self.record.phase, self.record.reason.clone());
        self.record.phase = phase;
        reason.clone_into(&mut self.record.reason);
        if let Err(error) = self.record.save(&self.layout) {
            (self.record.phase, self.record.reason) = before;
            return Err(LifeError::unrecorded(error));
        }
        let brought = bring(&self.record);
        if brought.is_err() {
            (self.record.phase, self.record.reason) = before;
            self.save();
        }
        brought
    }
}
