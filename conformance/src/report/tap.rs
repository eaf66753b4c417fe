//! The Test Anything Protocol, version 14: one subtest for each runtime and kernel.

use crate::judge::Status;
use crate::run::RunReport;

/// Renders it.
pub(super) fn render(report: &RunReport) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", report.cells.len());
    for (at, cell) in report.cells.iter().enumerate() {
        let name = format!("{} on {} ({}, cgroups {})", cell.runtime, cell.kernel, cell.place, cell.cgroups);
        out.push_str(&format!("# Subtest: {name}\n    1..{}\n", cell.results.len()));
        for (number, result) in cell.results.iter().enumerate() {
            let verdict = &result.verdict;
            let good = matches!(verdict.status, Status::Pass | Status::NotApplicable);
            let word = if good { "ok" } else { "not ok" };
            let text = escape(&format!("{} {}", result.id, result.requirement));
            // A failure after TODO is one that is known; the protocol has it not fail the run.
            let todo = match &result.gap {
                Some(why) if verdict.status != Status::Error || result.is_known() => {
                    format!(" # TODO {}", one_line(why))
                }
                _ => String::new(),
            };
            let skip = match verdict.status {
                Status::NotApplicable => format!(" # SKIP {}", one_line(&verdict.reasons.join("; "))),
                _ => todo,
            };
            out.push_str(&format!("    {word} {} - {text}{skip}\n", number + 1));
            if !good {
                out.push_str("      ---\n");
                out.push_str(&format!(
                    "      status: {}\n      severity: {}\n",
                    verdict.status.word(),
                    result.severity.short()
                ));
                for (label, value) in [
                    ("reasons", serde_json::json!(verdict.reasons)),
                    ("observed", serde_json::json!(verdict.observed)),
                ] {
                    // JSON is YAML.
                    out.push_str(&format!("      {label}: {value}\n"));
                }
                out.push_str("      ...\n");
            }
        }
        let good = !cell.results.iter().any(crate::run::CheckResult::is_bad);
        out.push_str(&format!("{} {} - {}\n", if good { "ok" } else { "not ok" }, at + 1, escape(&name)));
    }
    out
}

/// A number sign would begin a directive.
fn escape(text: &str) -> String {
    one_line(&text.replace('\\', "\\\\").replace('#', "\\#"))
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
