//! The report for people.

use crate::judge::Status;
use crate::run::{Cell, RunReport};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What is not a pass.
    Exceptions,
    /// Every check.
    Everything,
}

/// Renders it.
pub(super) fn render(report: &RunReport, detail: Detail) -> String {
    report.cells.iter().map(|c| cell(c, detail)).collect()
}

fn cell(cell: &Cell, detail: Detail) -> String {
    let mut out = String::new();
    let mut line = |text: String| out.push_str(&(text + "\n"));
    line(format!("{} on {} ({}, cgroups {})", cell.runtime, cell.kernel, cell.place, cell.cgroups));
    let mut told: Vec<&str> = Vec::new();
    for result in &cell.results {
        let verdict = &result.verdict;
        if verdict.status == Status::Pass && !result.is_unexpected() && detail == Detail::Exceptions {
            continue;
        }
        let (word, severity) = (verdict.status.word(), result.severity.short());
        line(format!("  {word:<5} {:<12} {severity:<4} {}", result.id, result.requirement));
        for reason in &verdict.reasons {
            // A scene that failed fails all its checks for the same reason.
            let short = if verdict.status == Status::Error && told.contains(&reason.as_str()) {
                "for the same reason".to_owned()
            } else {
                reason.lines().take(3).collect::<Vec<_>>().join(" / ")
            };
            line(format!("                             {short}"));
            told.push(reason);
        }
        if let Some(reason) = &result.gap {
            let how =
                if result.is_unexpected() { "passes although it is listed as a gap" } else { "known gap" };
            line(format!("                             {how}: {reason}"));
        }
    }
    let count = |status| cell.results.iter().filter(|r| r.verdict.status == status).count();
    let known = cell.results.iter().filter(|r| r.is_known()).count();
    let known = if known == 0 { String::new() } else { format!(" ({known} known)") };
    line(format!(
        "  {} checks: {} pass, {} fail{known}, {} not applicable, {} error; {:.1} s",
        cell.results.len(),
        count(Status::Pass),
        count(Status::Fail),
        count(Status::NotApplicable),
        count(Status::Error),
        std::time::Duration::from_millis(cell.milliseconds).as_secs_f64(),
    ));
    out
}
