//! Order statistics, and the resampling that says how far they can be trusted.

use serde::{Deserialize, Serialize};

/// What a set of durations looks like, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many.
    pub count: usize,
    /// The smallest: what the machine does undisturbed.
    pub min: u64,
    /// A quarter is below.
    pub p25: u64,
    /// Half is below.
    pub median: u64,
    /// Three quarters are below.
    pub p75: u64,
    /// 99 of 100 are below.
    pub p99: u64,
    /// The largest.
    pub max: u64,
}

impl Summary {
    /// Summarises `samples`; `None` where there are none.
    pub fn of(samples: &[u64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        let at = |share: f64| quantile(&sorted, share);
        Some(Self {
            count: sorted.len(),
            min: *sorted.first()?,
            p25: at(0.25),
            median: at(0.5),
            p75: at(0.75),
            p99: at(0.99),
            max: *sorted.last()?,
        })
    }
}

/// The value below which `share` of the sorted samples lie, by linear interpolation.
fn quantile(sorted: &[u64], share: f64) -> u64 {
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + ((high - low) as f64 * place.fract()).round() as u64
}

/// The median of values that are not empty.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// A share of 1 with the bounds between which 95 of 100 resamplings fell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The estimate.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// Resamplings per interval.
const RESAMPLINGS: usize = 2000;

/// How much larger the medians of `new` are than those of `old`.
///
/// Whole rounds are drawn, not single samples: what disturbs one sample disturbs its neighbours, so
/// samples of one round are no independent evidence.
pub fn ratio_of_medians(old: &[f64], new: &[f64]) -> Option<Ratio> {
    if old.is_empty() || new.is_empty() {
        return None;
    }
    let mut dice = Dice(0x5eed);
    let mut ratios: Vec<f64> =
        (0..RESAMPLINGS).map(|_| median(&dice.draw(new)) / median(&dice.draw(old))).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    Some(Ratio {
        estimate: median(new) / median(old),
        low: ratios[RESAMPLINGS / 40],
        high: ratios[RESAMPLINGS - 1 - RESAMPLINGS / 40],
    })
}

/// SplitMix64 from a fixed seed: the same files give the same verdict.
struct Dice(u64);

impl Dice {
    fn draw(&mut self, values: &[f64]) -> Vec<f64> {
        (0..values.len()).map(|_| values[(self.next() % values.len() as u64) as usize]).collect()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_quantiles_of_one_to_five_are_known() {
        let summary = Summary::of(&[5, 1, 4, 2, 3]).unwrap();
        assert_eq!((summary.min, summary.p25, summary.median, summary.max), (1, 2, 3, 5));
    }

    #[test]
    fn nothing_has_no_summary() {
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn equal_rounds_have_a_ratio_of_one() {
        let rounds = [1.0, 1.1, 0.9, 1.05];
        let ratio = ratio_of_medians(&rounds, &rounds).unwrap();
        assert!(ratio.estimate == 1.0 && ratio.low <= 1.0 && ratio.high >= 1.0);
    }

    #[test]
    fn a_tenth_slower_in_every_round_excludes_one() {
        let old: Vec<f64> = (0..20).map(|i| 1.0 + f64::from(i) * 0.001).collect();
        let new: Vec<f64> = old.iter().map(|time| time * 1.1).collect();
        assert!(ratio_of_medians(&old, &new).unwrap().low > 1.05);
    }

    proptest! {
        #[test]
        fn quantiles_are_ordered(samples in prop::collection::vec(0_u64..1 << 40, 1..200)) {
            let s = Summary::of(&samples).unwrap();
            prop_assert!(s.min <= s.p25 && s.p25 <= s.median && s.median <= s.p75);
            prop_assert!(s.p75 <= s.p99 && s.p99 <= s.max);
        }
    }
}
