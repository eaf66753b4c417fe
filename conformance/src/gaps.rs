//! Known gaps: failures that are a runtime's nature or a decision, each with its reason, in a table for people.
//!
//! A gap never turns a failure into a pass: it is reported beside the verdict, and so is a check that
//! passes although the table says it cannot.

use crate::environment::KernelVersion;
use crate::run::Cell;

const TABLE: &str = include_str!("../GAPS.md");

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Runtime.
    pub runtime: &'static str,
    /// Check.
    pub check: &'static str,
    /// `any`, or words that all have to hold: `host`, `vm`, a cgroup layout, `<6.1`, `>=6.1`.
    pub place: &'static str,
    /// Why.
    pub reason: &'static str,
    /// What was typed without the suite, and what came.
    pub by_hand: &'static str,
}

/// Every row; several runtimes and checks in one row share its reason.
pub fn all() -> Vec<Gap> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").map(str::trim).collect::<Vec<_>>());
    cells
        .filter(|c| c.len() == 5 && !["runtime", "---"].contains(&c[0]))
        .flat_map(|c| {
            let row = |runtime| c[1].split(' ').map(move |check| (runtime, check));
            let pairs = c[0].split(' ').flat_map(row);
            pairs
                .map(|(runtime, check)| Gap { runtime, check, place: c[2], reason: c[3], by_hand: c[4] })
                .collect::<Vec<_>>()
        })
        .collect()
}

impl Gap {
    fn holds_in(&self, cell: &Cell) -> bool {
        let kernel = KernelVersion::parse(&cell.kernel);
        self.place.split(' ').all(|word| {
            if let Some(version) = word.strip_prefix(">=") {
                return kernel >= KernelVersion::parse(version);
            }
            if let Some(version) = word.strip_prefix('<') {
                return kernel < KernelVersion::parse(version);
            }
            word == "any" || word == cell.cgroups || cell.place.split('/').next() == Some(word)
        })
    }
}

/// Writes the reason beside every verdict that the table speaks of.
pub fn mark(cell: &mut Cell) {
    let gaps = all();
    let rows: Vec<&Gap> = gaps.iter().filter(|g| g.runtime == cell.runtime && g.holds_in(cell)).collect();
    for result in &mut cell.results {
        result.gap = rows.iter().find(|g| g.check == result.id).map(|g| g.reason.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gap_names_a_runtime_a_check_and_a_reason() {
        let known = ["browndog", "runc", "crun", "youki", "bwrap", "lxc", "nspawn", "libvirt", "null"];
        for gap in all() {
            assert!(known.contains(&gap.runtime), "{gap:?}");
            assert!(crate::checks::find(gap.check).is_some(), "{gap:?}");
            assert!(gap.reason.len() > 7, "{gap:?}");
            assert!(gap.by_hand.len() > 7, "was it seen without the suite? {gap:?}");
            let whole = gap.place.split(' ').all(|w| {
                ["any", "host", "vm", "v1", "v2", "hybrid"].contains(&w) || w.starts_with(['<', '>'])
            });
            assert!(whole, "{gap:?}");
        }
        let rows = TABLE.lines().filter(|line| line.starts_with("| ")).count();
        let read: std::collections::BTreeSet<_> =
            all().iter().map(|g| (g.place, g.reason, g.by_hand)).collect();
        assert!(rows > 2 && read.len() > (rows - 2) / 2, "of {rows} rows {} could be read", read.len());
    }

    #[test]
    fn browndog_has_no_gap_of_severity_isolation() {
        for gap in all().iter().filter(|g| g.runtime == "browndog") {
            let check = crate::checks::find(gap.check).expect("another test holds the ids");
            assert_ne!(check.severity, crate::requirement::Severity::Isolation, "{gap:?}");
        }
    }

    #[test]
    fn a_gap_holds_only_where_its_words_do() {
        let gap = |place| Gap { runtime: "runc", check: "pid-01", place, reason: "", by_hand: "" };
        let mut cell = crate::report::tests::sample().cells.remove(0);
        cell.kernel = "6.12.1".into();
        for (place, holds) in [
            ("any", true),
            ("vm v2", true),
            ("host", false),
            ("v1", false),
            ("<6.12", false),
            ("vm >=6.12", true),
        ] {
            assert_eq!(gap(place).holds_in(&cell), holds, "{place}");
        }
    }

    #[test]
    fn a_known_failure_stays_a_failure_and_an_unexpected_pass_is_told() {
        let mut report = crate::report::tests::sample();
        for result in &mut report.cells[0].results {
            result.gap = Some("a reason that a reader can check".into());
        }
        report.cells[0].results.truncate(2);
        assert!(report.good(), "nothing failed that is not known");
        let text = crate::report::render(&report, crate::report::Format::Table);
        assert!(text.contains("known gap: a reason") && text.contains("passes although"), "{text}");
        report.cells[0].results[1].gap = None;
        assert!(!report.good());
    }

    #[rstest::rstest]
    #[case("the container hangs: it did not end within 60 s", true)]
    #[case("the container did not start: exit status: 255", true)]
    #[case("making a place for the scene: No space left on device", false)]
    fn an_error_is_known_only_where_it_is_the_runtimes_own(#[case] reason: &str, #[case] known: bool) {
        let mut result = crate::report::tests::sample().cells.remove(0).results.remove(0);
        result.verdict = crate::judge::Verdict::error(reason);
        assert!(!result.is_known(), "no gap speaks of it");
        result.gap = Some("a reason that a reader can check".into());
        assert_eq!(result.is_known(), known);
    }
}
