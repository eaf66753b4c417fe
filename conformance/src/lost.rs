//! What stands for a guest that gave no report: an error for each of its checks, beside the verdicts of the others.

use crate::environment::KernelVersion;
use crate::run::{Cell, Options, RunError, judge};
use crate::stage::SceneError;
use crate::vm::LabError;
use crate::vm::kernel::Kernel;

/// The guest's own verdicts. The others have theirs: among several a guest that hangs is an error of its
/// own checks, while the only one has nothing to stand beside.
pub(crate) fn or_cells(
    options: &Options,
    kernels: &[Kernel],
    at: usize,
    result: Result<Vec<Cell>, RunError>,
) -> Result<Vec<Cell>, RunError> {
    match result {
        // What no guest can do without is not the affair of one.
        Err(error @ RunError::Lab(LabError::MissingTool { .. })) => Err(error),
        // Those that were to come had no chance, and the report of an interrupted run says so.
        Err(error) if kernels.len() > 1 || crate::run::interrupted() => {
            cells(options, &kernels[at].release, &error)
        }
        result => result,
    }
}

/// A cell of errors for each runtime.
fn cells(options: &Options, kernel: &str, error: &RunError) -> Result<Vec<Cell>, RunError> {
    let checks = options.selection.checks()?;
    let gathered = Err(SceneError::Hang(error.to_string()));
    let cell = |runtime: &String| Cell {
        runtime: runtime.clone(),
        runtime_version: "unknown".into(),
        kernel: kernel.to_owned(),
        place: "vm".into(),
        cgroups: format!("{:?}", options.cgroups).to_lowercase(),
        milliseconds: 0,
        results: checks.iter().map(|c| judge(c, &gathered, KernelVersion::parse(kernel))).collect(),
    };
    Ok(options.runtimes.iter().map(cell).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_without_a_report_is_an_error_of_each_of_its_checks() {
        let error = RunError::NoReport { release: "6.12".into(), reason: "it hangs".into() };
        let cells = cells(&Options::default(), "6.12", &error).expect("a selection of all");
        assert_eq!(cells.len(), 1);
        assert_eq!(cells[0].results.len(), crate::checks::all().len());
        assert!(cells[0].results.iter().all(|r| r.verdict.status == crate::judge::Status::Error));
        assert!(cells[0].results[0].verdict.reasons[0].contains("it hangs"));
    }
}
