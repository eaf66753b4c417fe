//! Documents of a change that is about to be made: written beside their places first, so that a state that cannot be
//! written is met before anything has changed.

use std::path::Path;

use crate::atomic::{self, Keep, Staged};
use crate::edit::Document;
use crate::error::{LifeError, Result};
use crate::layout::Layout;

/// Documents that are written and have not got their places yet.
#[derive(Debug)]
pub(crate) struct Kept {
    live: Option<Staged>,
    config: Option<Staged>,
}

impl Kept {
    /// Writes what the domain shall run by, and its definition.
    ///
    /// # Errors
    /// The I/O error, with the path of the file that it is about; nothing has changed.
    pub(crate) fn prepare(
        layout: &Layout,
        name: &str,
        live: Option<&Document>,
        config: Option<&Document>,
    ) -> Result<Self> {
        let staged = |path: &Path, document: &Document, keep| {
            atomic::stage(path, document.source.text().as_bytes(), keep).map_err(LifeError::unrecorded)
        };
        let live = live.map(|live| staged(&layout.live(name), live, Keep::Boot)).transpose()?;
        let config = config.map(|config| staged(&layout.definition(name), config, Keep::Disk)).transpose()?;
        Ok(Self { live, config })
    }

    /// Puts them in their places.
    ///
    /// # Errors
    /// The I/O error, with the path of the file that it is about; the definition is as it was.
    pub(crate) fn commit(self) -> Result<()> {
        self.live.map_or(Ok(()), Staged::commit)?;
        self.config.map_or(Ok(()), Staged::commit)
    }
}
