//! Where reports go beside standard output.

use std::path::{Path, PathBuf};

use crate::report::{Format, render};
use crate::run::{RunError, RunReport};

/// Files to write the report to.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct OutputArgs {
    /// Also write the report as JSON to this file.
    #[arg(long, value_name = "PATH")]
    pub json: Option<PathBuf>,
    /// Also write the report as `JUnit` XML to this file.
    #[arg(long, value_name = "PATH")]
    pub junit: Option<PathBuf>,
    /// Also write the report in the Test Anything Protocol to this file.
    #[arg(long, value_name = "PATH")]
    pub tap: Option<PathBuf>,
    /// Also write the report as one page of HTML to this file.
    #[arg(long, value_name = "PATH")]
    pub html: Option<PathBuf>,
}

impl OutputArgs {
    fn files(&self) -> impl Iterator<Item = (&Path, Format)> {
        let all = [
            (&self.json, Format::Json),
            (&self.junit, Format::Junit),
            (&self.tap, Format::Tap),
            (&self.html, Format::Html),
        ];
        all.into_iter().filter_map(|(path, format)| Some((path.as_deref()?, format)))
    }

    /// A path that cannot be written is said before minutes are spent, not after. What is there stays.
    pub fn check(&self) -> Result<(), RunError> {
        for (path, _) in self.files() {
            let _opened = std::fs::OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .map_err(|source| RunError::Io { what: format!("writing {}", path.display()), source })?;
        }
        Ok(())
    }

    /// Writes each.
    pub fn write(&self, report: &RunReport) -> Result<(), RunError> {
        for (path, format) in self.files() {
            std::fs::write(path, render(report, format))
                .map_err(|source| RunError::Io { what: format!("writing {}", path.display()), source })?;
        }
        Ok(())
    }
}
