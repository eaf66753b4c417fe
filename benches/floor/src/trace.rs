//! Many starts in one process, each step timed from inside.

use std::sync::atomic::Ordering;

use crate::options::Options;
use crate::start::{Failed, STEPS, Start, Step, at};
use crate::sys;

/// Runs `count` starts; prints `step<TAB>minimum<TAB>median` in nanoseconds, `total` last.
pub fn rounds(options: &Options, count: usize) -> Result<i32, Failed> {
    let times = sys::shared_slots().map_err(at(Step::Begin))?;
    let mut start = Start::open(options, Some(times))?;
    let mut samples = vec![Vec::with_capacity(count); STEPS.len() + 1];
    for _ in 0..count {
        times.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
        let status = start.run()?;
        if status != 0 {
            return Ok(status);
        }
        collect(&mut samples, |step| times[step].load(Ordering::Relaxed));
    }
    for (step, samples) in samples.iter_mut().enumerate().filter(|(_, samples)| !samples.is_empty()) {
        samples.sort_unstable();
        let name = STEPS.get(step).copied().unwrap_or("total");
        let line = format!("{name}\t{}\t{}\n", samples[0], samples[samples.len() / 2]);
        sys::write(1, line.as_bytes()).map_err(at(Step::Exec))?;
    }
    Ok(0)
}

/// Each step's time is from the step before it that ran.
fn collect(samples: &mut [Vec<u64>], time: impl Fn(usize) -> u64) {
    let begin = time(0);
    let mut before = begin;
    for (step, samples) in samples.iter_mut().enumerate().take(STEPS.len()).skip(1) {
        let now = time(step);
        if now != 0 {
            samples.push(now.saturating_sub(before));
            before = now;
        }
    }
    samples[STEPS.len()].push(before - begin);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_left_out_costs_nothing_and_the_next_counts_from_the_one_before() {
        let mut samples = vec![Vec::new(); STEPS.len() + 1];
        let clock = |step| [100, 150, 0, 400].get(step).copied().unwrap_or(0);
        collect(&mut samples, clock);
        assert_eq!((&samples[1][..], &samples[2][..], &samples[3][..]), (&[50][..], &[][..], &[250][..]));
        assert_eq!(samples[STEPS.len()], [300]);
    }
}
