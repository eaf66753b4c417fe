//! The report for people: what is not a pass in full, the rest as counts.

use crate::judge::Status;
use crate::run::{Cell, RunReport};

/// Renders it.
pub(super) fn render(report: &RunReport) -> String {
    report.cells.iter().map(cell).collect()
}

fn cell(cell: &Cell) -> String {
    let mut out = String::new();
    let mut line = |text: String| out.push_str(&(text + "\n"));
    line(format!("{} on {} ({}, cgroups {})", cell.runtime, cell.kernel, cell.place, cell.cgroups));
    for result in &cell.results {
        let verdict = &result.verdict;
        line(format!(
            "  {:<5} {:<12} {:<4} {}",
            verdict.status.word(),
            result.id,
            result.severity.short(),
            result.requirement
        ));
        for reason in &verdict.reasons {
            line(format!("                             {reason}"));
        }
    }
    let count = |status| cell.results.iter().filter(|r| r.verdict.status == status).count();
    line(format!(
        "  {} checks: {} pass, {} fail, {} not applicable, {} error; {:.1} s",
        cell.results.len(),
        count(Status::Pass),
        count(Status::Fail),
        count(Status::NotApplicable),
        count(Status::Error),
        std::time::Duration::from_millis(cell.milliseconds).as_secs_f64(),
    ));
    out
}
