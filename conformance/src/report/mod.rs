//! Reports: one renderer per file, all from the same [`RunReport`].

mod compare;
mod html;
mod junit;
mod table;
mod tap;

pub use compare::{Difference, compare};

use crate::run::{RunError, RunReport};

/// A form of report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Lines for people: what is not a pass in full, the rest as counts.
    #[default]
    Table,
    /// Every verdict on a line.
    Long,
    /// The report itself.
    Json,
    /// `JUnit` XML.
    Junit,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// One page with everything in it.
    Html,
}

/// Renders a report.
pub fn render(report: &RunReport, format: Format) -> String {
    match format {
        Format::Table => table::render(report, table::Detail::Exceptions),
        Format::Long => table::render(report, table::Detail::Everything),
        Format::Json => serde_json::to_string_pretty(report).map_or_else(|e| e.to_string(), |t| t + "\n"),
        Format::Junit => junit::render(report),
        Format::Tap => tap::render(report),
        Format::Html => html::render(report),
    }
}

/// Reads a report that was written as JSON.
pub fn read(path: &std::path::Path) -> Result<RunReport, RunError> {
    let bad = |reason: String| RunError::BadReport { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|e| bad(e.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))
}

/// One report of several: cells of the same runtime, kernel and layout become one.
pub fn merge(reports: Vec<RunReport>) -> RunReport {
    let mut merged = RunReport { schema: 1, cells: Vec::new() };
    for cell in reports.into_iter().flat_map(|r| r.cells) {
        let same = |c: &&mut crate::run::Cell| {
            c.runtime == cell.runtime
                && c.kernel == cell.kernel
                && c.cgroups == cell.cgroups
                && c.place == cell.place
        };
        match merged.cells.iter_mut().find(same) {
            Some(found) => {
                found.milliseconds += cell.milliseconds;
                let new = cell.results.into_iter().filter(|r| !found.results.iter().any(|f| f.id == r.id));
                let new: Vec<_> = new.collect();
                found.results.extend(new);
            }
            None => merged.cells.push(cell),
        }
    }
    let order: Vec<&str> = crate::checks::all().iter().map(|c| c.id).collect();
    for cell in &mut merged.cells {
        cell.results.sort_by_key(|r| order.iter().position(|id| *id == r.id));
    }
    merged
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::judge::{Status, Verdict};
    use crate::run::{Cell, CheckResult};

    pub(crate) fn sample() -> RunReport {
        let result = |id: &str, status: Status, reason: &str| CheckResult {
            id: id.into(),
            severity: crate::requirement::Severity::Isolation,
            requirement: "A <sentence> & more.".into(),
            scene: "plain".into(),
            verdict: Verdict {
                status,
                reasons: if reason.is_empty() { Vec::new() } else { vec![reason.into()] },
                observed: std::collections::BTreeMap::from([("pid.self".into(), serde_json::json!(7))]),
            },
            gap: None,
        };
        let cell = Cell {
            runtime: "runc".into(),
            runtime_version: "runc 1".into(),
            kernel: "6.12".into(),
            place: "vm/tcg".into(),
            cgroups: "v2".into(),
            milliseconds: 1500,
            results: vec![
                result("pid-01", Status::Pass, ""),
                result("pid-02", Status::Fail, "pid.self is 7, expected 1"),
                result("mount-18", Status::NotApplicable, "kernel 6.1 has no statmount"),
                result("net-01", Status::Error, "the container hangs"),
            ],
        };
        RunReport { schema: 1, cells: vec![cell] }
    }

    #[rstest::rstest]
    #[case("table", Format::Table)]
    #[case("long", Format::Long)]
    #[case("junit", Format::Junit)]
    #[case("tap", Format::Tap)]
    fn every_status_is_told_in_every_form(#[case] name: &str, #[case] format: Format) {
        insta::assert_snapshot!(format!("report_as_{name}"), render(&sample(), format));
    }

    #[test]
    fn shards_merge_into_the_whole() {
        let whole = sample();
        let mut parts = vec![whole.clone(), whole.clone()];
        parts[0].cells[0].results.truncate(2);
        parts[1].cells[0].results.remove(0).id.clear();
        parts[1].cells[0].results.remove(0).id.clear();
        let merged = merge(parts);
        assert_eq!(merged.cells.len(), 1);
        assert_eq!(merged.cells[0].results.len(), 4);
    }

    #[test]
    fn the_page_is_one_file_and_escapes_what_it_shows() {
        let page = render(&sample(), Format::Html);
        assert!(page.contains("A &lt;sentence&gt; &amp; more."));
        assert!(
            !page.contains("http://") && !page.contains("https://") && !page.contains("src="),
            "it loads nothing"
        );
    }
}
