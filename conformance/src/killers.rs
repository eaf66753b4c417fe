//! What made a check fail: the page of runtimes with a fault, beside the mutants of `MUTANTS.md` and the failures by
//! nature of `GAPS.md`. A check that nothing ever made fail shows nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::judge::Status;
use crate::run::{RunError, RunReport};
use crate::{checks, report};

/// More of them than this say no more.
const MOST: usize = 3;

/// Options of `conformance killers`.
#[derive(Clone, Debug, clap::Args)]
pub struct KillerArgs {
    /// Reports (JSON) of runtimes with a fault; none prints what the page lacks.
    pub reports: Vec<PathBuf>,
    /// What a report of browndog is of: an earlier commit.
    #[arg(long, value_name = "COMMIT")]
    pub commit: Option<String>,
    /// The page, whose rows stay.
    #[arg(long, value_name = "PATH", default_value = "conformance/KILLERS.md")]
    pub page: PathBuf,
}

/// Each check of the page, with what made it fail.
pub type Rows = BTreeMap<String, Vec<String>>;

const HEAD: &str = "# What made each check fail\n\nWritten by `browndog conformance killers`; do not edit. For each check a \
few runtimes with a fault on which it was\nseen to fail: `null` and `chroot` isolate nothing, `RUNTIME~EDIT` is an \
unchanged runtime whose bundle has one\nthing wrong, `browndog COMMIT` is this project before a repair, `fixture NAME` \
is a script of\n`conformance/tests/fixtures.rs`. Beside them stand the mutants of `MUTANTS.md` and what `GAPS.md` \
says of other\nruntimes; the command names the checks that are in none of the three.\n\n| check | seen failing on |\n| --- | --- |\n";

/// Reads a page.
pub fn read(page: &str) -> Rows {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    rows.filter(|(id, _)| checks::find(id).is_some())
        .map(|(id, names)| {
            (id.to_owned(), names.split(", ").map(|n| n.trim_matches('`').to_owned()).collect())
        })
        .collect()
}

/// Adds the failures of a report; those of a runtime that fails little come first, since they say more.
fn add(rows: &mut Rows, reports: &[RunReport], commit: Option<&str>) {
    let mut cells: Vec<_> = reports.iter().flat_map(|r| &r.cells).collect();
    cells.sort_by_key(|cell| cell.results.iter().filter(|r| r.verdict.status == Status::Fail).count());
    for cell in cells {
        let name = match (cell.runtime.as_str(), commit) {
            ("browndog", Some(commit)) => format!("browndog {commit}"),
            ("browndog", None) => continue,
            (other, _) => other.to_owned(),
        };
        for result in cell.results.iter().filter(|r| r.verdict.status == Status::Fail) {
            let row = rows.entry(result.id.clone()).or_default();
            if row.len() < MOST && !row.contains(&name) {
                row.push(name.clone());
            }
        }
    }
}

/// Writes a page, in the order of the catalogue.
pub fn page(rows: &Rows) -> String {
    let mut out = HEAD.to_owned();
    for check in checks::all() {
        if let Some(names) = rows.get(check.id) {
            let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            out.push_str(&format!("| {} | {} |\n", check.id, names.join(", ")));
        }
    }
    out
}

/// Checks that stand in none of the three pages.
pub fn missing(killers: &str, mutants: &str, gaps: &[crate::gaps::Gap]) -> Vec<&'static str> {
    let killers = read(killers);
    let caught: BTreeSet<String> = crate::mutants::table::read(mutants)
        .values()
        .filter(|text| !text.starts_with('*'))
        .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let seen =
        |id: &str| killers.contains_key(id) || caught.contains(id) || gaps.iter().any(|g| g.check == id);
    checks::all().iter().map(|check| check.id).filter(|id| !seen(id)).collect()
}

/// Obeys; the exit status is 1 where a check is in none of the pages.
pub(crate) fn main(args: &KillerArgs) -> Result<i32, RunError> {
    let text = std::fs::read_to_string(&args.page).unwrap_or_default();
    let mut rows = read(&text);
    let reports = args.reports.iter().map(|p| report::read(p)).collect::<Result<Vec<_>, _>>()?;
    add(&mut rows, &reports, args.commit.as_deref());
    let written = page(&rows);
    if !reports.is_empty() {
        std::fs::write(&args.page, &written)
            .map_err(|source| RunError::Io { what: format!("writing {}", args.page.display()), source })?;
    }
    let missing = missing(&written, include_str!("../MUTANTS.md"), &crate::gaps::all());
    println!(
        "{} checks, {} rows; nothing has made these fail yet: {}",
        checks::all().len(),
        rows.len(),
        missing.join(" ")
    );
    Ok(i32::from(!missing.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_back_and_keeps_its_rows() {
        let mut rows = Rows::from([("pid-01".to_owned(), vec!["null".to_owned(), "runc~ids:0".to_owned()])]);
        assert_eq!(read(&page(&rows)), rows);
        let mut report = crate::report::tests::sample();
        report.cells[0].runtime = "runc~keep:CAP_KILL".into();
        report.cells[0].results.retain(|r| r.verdict.status == Status::Fail);
        report.cells[0].results.truncate(1);
        let id = report.cells[0].results[0].id.clone();
        add(&mut rows, &[report], None);
        assert!(rows[&id].contains(&"runc~keep:CAP_KILL".to_owned()), "{rows:?}");
        assert_eq!(read(&page(&rows)), rows);
    }

    #[test]
    fn a_failure_of_browndog_counts_only_with_its_commit() {
        let mut report = crate::report::tests::sample();
        report.cells[0].runtime = "browndog".into();
        let mut rows = Rows::new();
        add(&mut rows, std::slice::from_ref(&report), None);
        assert!(rows.is_empty());
        add(&mut rows, &[report], Some("0acbba8"));
        assert!(rows.values().all(|names| names == &["browndog 0acbba8"]) && !rows.is_empty());
    }
}
