//! One report of several: shards of one run, or several runtimes and kernels.

use std::collections::{BTreeMap, BTreeSet};

use crate::judge::Status;
use crate::run::{Cell, CheckResult, RunError, RunReport, SCHEMA};

/// Cells of the same runtime, kernel and layout become one. A part that is missing is an error: the
/// rest would pass for the whole. Where two reports disagree on a check, the worse verdict stands.
pub fn merge(reports: Vec<RunReport>) -> Result<RunReport, RunError> {
    let shards: Vec<String> = reports.iter().flat_map(|r| r.shards.clone()).collect();
    complete(&shards)?;
    let mut merged = RunReport { schema: SCHEMA, shards: Vec::new(), cells: Vec::new() };
    for cell in reports.into_iter().flat_map(|r| r.cells) {
        let same = |c: &&mut Cell| {
            c.runtime == cell.runtime
                && c.kernel == cell.kernel
                && c.cgroups == cell.cgroups
                && c.place == cell.place
        };
        match merged.cells.iter_mut().find(same) {
            Some(found) => absorb(found, cell),
            None => merged.cells.push(cell),
        }
    }
    let order: Vec<&str> = crate::checks::all().iter().map(|c| c.id).collect();
    for cell in &mut merged.cells {
        cell.results.sort_by_key(|r| order.iter().position(|id| *id == r.id));
    }
    Ok(merged)
}

fn complete(shards: &[String]) -> Result<(), RunError> {
    let mut of: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for shard in shards {
        if let Some((part, parts)) = crate::run::Selection::part(shard) {
            let _new = of.entry(parts).or_default().insert(part);
        }
    }
    let missing = of.iter().flat_map(|(parts, seen)| {
        (1..=*parts).filter(|part| !seen.contains(part)).map(move |part| format!("{part}/{parts}"))
    });
    let missing: Vec<String> = missing.collect();
    if missing.is_empty() { Ok(()) } else { Err(RunError::MissingShards(missing.join(", "))) }
}

fn absorb(found: &mut Cell, cell: Cell) {
    found.milliseconds += cell.milliseconds;
    for result in cell.results {
        match found.results.iter_mut().find(|f| f.id == result.id) {
            Some(earlier) if weight(&result) > weight(earlier) => *earlier = result,
            Some(_) => {}
            None => found.results.push(result),
        }
    }
}

/// How much a verdict speaks against the run.
fn weight(result: &CheckResult) -> u8 {
    match result.verdict.status {
        Status::Pass => 0,
        Status::NotApplicable => 1,
        Status::Error => 2,
        Status::Fail => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves() -> [RunReport; 2] {
        let whole = crate::report::tests::sample();
        let mut parts = [whole.clone(), whole];
        let _rest = parts[0].cells[0].results.split_off(2);
        let _rest = parts[1].cells[0].results.drain(..2).count();
        for (at, part) in parts.iter_mut().enumerate() {
            part.shards = vec![format!("{}/2", at + 1)];
            part.cells[0].milliseconds = 750;
        }
        parts
    }

    #[test]
    fn shards_merge_into_the_whole_in_whatever_order() {
        let mut parts = halves();
        assert_eq!(merge(parts.to_vec()).expect("both are there"), crate::report::tests::sample());
        parts.reverse();
        assert_eq!(merge(parts.to_vec()).expect("both are there"), crate::report::tests::sample());
    }

    #[test]
    fn a_missing_shard_is_named() {
        let [first, _] = halves();
        let error = merge(vec![first]).expect_err("the second is missing");
        assert!(error.to_string().contains("2/2"), "{error}");
    }

    #[test]
    fn where_two_disagree_the_worse_verdict_stands() {
        let good = crate::report::tests::sample();
        let mut bad = good.clone();
        bad.cells[0].results[0].verdict.status = Status::Fail;
        for pair in [vec![good.clone(), bad.clone()], vec![bad, good]] {
            let merged = merge(pair).expect("nothing is missing");
            assert_eq!(merged.cells[0].results[0].verdict.status, Status::Fail);
        }
    }
}
