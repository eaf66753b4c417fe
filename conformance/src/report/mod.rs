//! Reports: one renderer per file, all from the same [`RunReport`].

mod table;

use crate::run::RunReport;

/// A form of report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Table,
    /// The report itself.
    Json,
}

/// Renders a report.
pub fn render(report: &RunReport, format: Format) -> String {
    match format {
        Format::Table => table::render(report),
        Format::Json => serde_json::to_string_pretty(report).map_or_else(|e| e.to_string(), |t| t + "\n"),
    }
}
