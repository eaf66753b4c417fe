//! Two results against each other: a verdict with statistics.

use serde::Serialize;

use crate::report::{Report, Row};
use crate::stats::{Ratio, ratio_of_medians};

/// What became of one subject.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Who.
    pub name: String,
    /// New over old; of times in floors where both results have a floor, else of times.
    pub ratio: Ratio,
    /// Whether the ratio is of times in floors.
    pub in_floors: bool,
    /// What that means.
    pub verdict: Verdict,
}

/// What a ratio means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Slower beyond chance and beyond the threshold.
    Regression,
    /// Faster beyond chance and beyond the threshold.
    Improvement,
    /// Neither.
    Same,
}

/// Compares what both results have; `threshold` is the share below which a change does not matter.
pub fn compare(old: &Report, new: &Report, threshold: f64) -> Vec<Change> {
    let in_floors = old.row("floor").is_some() && new.row("floor").is_some();
    let both = old.subjects.iter().filter_map(|row| Some((row, new.row(&row.name)?)));
    both.filter(|(row, _)| !(in_floors && row.name == "floor"))
        .filter_map(|(before, after)| {
            let ratio = if in_floors {
                ratio_of_medians(&in_floors_of(old, before), &in_floors_of(new, after))?
            } else {
                ratio_of_medians(&before.round_medians(), &after.round_medians())?
            };
            let verdict = match ratio {
                Ratio { low, .. } if low > 1.0 + threshold => Verdict::Regression,
                Ratio { high, .. } if high < 1.0 - threshold => Verdict::Improvement,
                _ => Verdict::Same,
            };
            Some(Change { name: before.name.clone(), ratio, in_floors, verdict })
        })
        .collect()
}

/// Each round's median in units of the floor's median of the same round: what disturbed the round
/// disturbed both.
fn in_floors_of(report: &Report, row: &Row) -> Vec<f64> {
    let floors = report.row("floor").map(Row::round_medians).unwrap_or_default();
    row.round_medians().iter().zip(floors).map(|(time, floor)| time / floor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    fn slower(times: f64) -> Report {
        let mut report = sample();
        let row = report.subjects.iter_mut().find(|row| row.name == "browndog").unwrap();
        row.rounds.iter_mut().flatten().for_each(|ns| *ns = (*ns as f64 * times) as u64);
        report
    }

    fn verdict(new: &Report) -> Verdict {
        compare(&sample(), new, 0.05).into_iter().find(|change| change.name == "browndog").unwrap().verdict
    }

    #[test]
    fn a_tenth_slower_is_a_regression() {
        assert_eq!(verdict(&slower(1.1)), Verdict::Regression);
    }

    #[test]
    fn a_hundredth_slower_is_the_same() {
        assert_eq!(verdict(&slower(1.01)), Verdict::Same);
    }

    #[test]
    fn a_machine_half_as_fast_is_no_regression_where_there_is_a_floor() {
        let mut slow = sample();
        slow.subjects.iter_mut().for_each(|row| row.rounds.iter_mut().flatten().for_each(|ns| *ns *= 2));
        assert_eq!(verdict(&slow), Verdict::Same);
    }
}
