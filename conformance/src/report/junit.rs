//! `JUnit` XML: one suite for each runtime and kernel.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::judge::Status;
use crate::run::RunReport;

/// Renders it.
pub(super) fn render(report: &RunReport) -> String {
    let mut out = Report::new("browndog conformance");
    for cell in &report.cells {
        let name = format!("{} on {} ({}, cgroups {})", cell.runtime, cell.kernel, cell.place, cell.cgroups);
        let mut suite = TestSuite::new(name);
        let _suite = suite.set_time(std::time::Duration::from_millis(cell.milliseconds));
        for result in &cell.results {
            let verdict = &result.verdict;
            let mut reasons = verdict.reasons.join("\n");
            if result.is_known() {
                reasons.push_str(&format!("\nknown gap: {}", result.gap.as_deref().unwrap_or_default()));
            }
            let mut status = match verdict.status {
                Status::Pass => TestCaseStatus::success(),
                // A known failure must not turn a pipeline red.
                Status::NotApplicable => TestCaseStatus::skipped(),
                Status::Fail | Status::Error if result.is_known() => TestCaseStatus::skipped(),
                Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
                Status::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
            };
            if verdict.status != Status::Pass {
                let observed = serde_json::to_string_pretty(&verdict.observed).unwrap_or_default();
                let _status = status.set_message(reasons.clone());
                if result.is_bad() {
                    let _status = status.set_type(result.severity.short());
                    let _status =
                        status.set_description(format!("{}\n{reasons}\n{observed}", result.requirement));
                }
            }
            let mut case = TestCase::new(result.id.clone(), status);
            let area = result.id.split_once('-').map_or(result.id.as_str(), |(area, _)| area);
            let _case = case.set_classname(format!("browndog.{}.{area}", cell.runtime));
            let _case = case.set_time(std::time::Duration::from_millis(result.milliseconds));
            let _suite = suite.add_test_case(case);
        }
        let _report = out.add_test_suite(suite);
    }
    out.to_string().map_or_else(|e| e.to_string(), |text| outermost(&text) + "\n")
}

/// The outermost element has no `@skipped` in the schemas that readers check against.
fn outermost(text: &str) -> String {
    let Some(at) = text.find("<testsuites ") else { return text.to_owned() };
    let end = text[at..].find('>').map_or(text.len(), |n| at + n);
    let words = text[at..end].split(' ').filter(|word| !word.starts_with("skipped="));
    format!("{}{}{}", &text[..at], words.collect::<Vec<_>>().join(" "), &text[end..])
}
