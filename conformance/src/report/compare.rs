//! Two reports side by side: what got worse, what got better.

use crate::judge::Status;
use crate::run::{Cell, RunReport};

/// One verdict that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Runtime, kernel and check.
    pub what: String,
    /// Before; `None` where the check was not there.
    pub before: Option<Status>,
    /// After.
    pub after: Option<Status>,
    /// Start to exit in multiples of the floor, before and after, where that is what changed.
    pub ratio: Option<(f64, f64)>,
}

/// A start that has become so many times slower, measured in its floor, is a regression. Two runs differ
/// by less than that on a machine that does other things as well.
pub const SLOWER_MAX: f64 = 1.5;

impl Difference {
    /// A pass that is none any more, a failure that hides as not applicable, or a check that is gone.
    pub fn is_regression(&self) -> bool {
        if let Some((before, after)) = self.ratio {
            return after > before * SLOWER_MAX;
        }
        match (self.before, self.after) {
            (Some(Status::Pass), after) => after != Some(Status::Pass),
            (Some(Status::Fail), Some(Status::NotApplicable | Status::Error)) => true,
            (Some(_), None) => true,
            (None, Some(after)) => matches!(after, Status::Fail | Status::Error),
            (Some(before), Some(after)) => {
                before == Status::NotApplicable && matches!(after, Status::Fail | Status::Error)
            }
            (None, None) => false,
        }
    }
}

/// Every verdict that differs, in the order of `after`, then what is gone.
pub fn compare(before: &RunReport, after: &RunReport) -> Vec<Difference> {
    let of = |report: &RunReport| -> Vec<(String, Status)> {
        let key = |c: &Cell, id: &str| format!("{} on {} (cgroups {}): {id}", c.runtime, c.kernel, c.cgroups);
        report
            .cells
            .iter()
            .flat_map(|c| c.results.iter().map(move |r| (key(c, &r.id), r.verdict.status)))
            .collect()
    };
    let (old, new) = (of(before), of(after));
    let find = |list: &[(String, Status)], what: &str| list.iter().find(|(w, _)| w == what).map(|(_, s)| *s);
    let changed = new.iter().map(|(what, after)| Difference {
        what: what.clone(),
        before: find(&old, what),
        after: Some(*after),
        ratio: None,
    });
    let gone = old.iter().filter(|(what, _)| find(&new, what).is_none());
    let gone = gone.map(|(what, before)| Difference {
        what: what.clone(),
        before: Some(*before),
        after: None,
        ratio: None,
    });
    changed.chain(gone).filter(|d| d.before != d.after).chain(latencies(before, after)).collect()
}

/// Starts that take another multiple of the floor than before by more than the bound, either way. Wall
/// times are never compared: the floor was measured in turns with them, and what disturbs disturbs both.
fn latencies(before: &RunReport, after: &RunReport) -> Vec<Difference> {
    let ratio = |cell: &Cell| -> Option<f64> {
        cell.results.iter().find_map(|r| r.verdict.observed.get("lat.ratio_to_floor")?.as_f64())
    };
    let same =
        |a: &Cell, b: &Cell| (&a.runtime, &a.kernel, &a.cgroups) == (&b.runtime, &b.kernel, &b.cgroups);
    let pairs = after.cells.iter().filter_map(|new| {
        let old = before.cells.iter().find(|old| same(old, new))?;
        Some((new, ratio(old)?, ratio(new)?))
    });
    pairs
        .filter(|(_, old, new)| *new > old * SLOWER_MAX || *old > new * SLOWER_MAX)
        .map(|(cell, old, new)| Difference {
            what: format!(
                "{} on {} (cgroups {}): start to exit in floors",
                cell.runtime, cell.kernel, cell.cgroups
            ),
            before: None,
            after: None,
            ratio: Some((old, new)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(Some(Status::Pass), Some(Status::Fail), true)]
    #[case(Some(Status::Pass), Some(Status::NotApplicable), true)]
    #[case(Some(Status::Fail), Some(Status::NotApplicable), true)]
    #[case(Some(Status::Fail), Some(Status::Pass), false)]
    #[case(Some(Status::Pass), None, true)]
    #[case(None, Some(Status::Fail), true)]
    #[case(None, Some(Status::Pass), false)]
    fn what_counts_as_a_regression(
        #[case] before: Option<Status>,
        #[case] after: Option<Status>,
        #[case] expected: bool,
    ) {
        assert_eq!(Difference { what: String::new(), before, after, ratio: None }.is_regression(), expected);
    }

    #[test]
    fn equal_reports_have_no_difference_and_a_lost_pass_is_named() {
        let before = crate::report::tests::sample();
        assert!(compare(&before, &before).is_empty());
        let mut after = before.clone();
        after.cells[0].results[0].verdict.status = Status::Fail;
        let found = compare(&before, &after);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "runc on 6.12 (cgroups v2): pid-01");
    }

    #[rstest::rstest]
    #[case(4.0, 5.0, None)]
    #[case(4.0, 6.1, Some(true))]
    #[case(6.1, 4.0, Some(false))]
    fn a_start_is_compared_in_floors(#[case] old: f64, #[case] new: f64, #[case] regression: Option<bool>) {
        let with = |ratio: f64| {
            let mut report = crate::report::tests::sample();
            let observed = &mut report.cells[0].results[0].verdict.observed;
            let _none = observed.insert("lat.ratio_to_floor".into(), ratio.into());
            report
        };
        let found = compare(&with(old), &with(new));
        assert_eq!(found.first().map(Difference::is_regression), regression);
    }
}
