//! Sets of small numbers.

use std::fmt;
use std::ops::RangeInclusive;

use super::{ValueError, quoted};
use crate::codes::Code;

/// A set of small numbers: CPUs or NUMA nodes. Sorted, disjoint, not adjacent, not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdSet(Vec<RangeInclusive<u32>>);

impl IdSet {
    /// Largest number a set may hold; above the kernel's largest `CONFIG_NR_CPUS` (8192) and
    /// libvirt's own bound of 16384 for parsing.
    pub const MAX: u32 = 16_383;

    /// `N`, `N-M` and `^N` (taken out again), separated by commas.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(super::text::empty());
        }
        let mut bits = Bits::default();
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (out, part) = part.strip_prefix('^').map_or((false, part), |part| (true, part));
            let (first, last) = part.split_once('-').filter(|_| !out).unwrap_or((part, part));
            let (first, last) = (number(text, first)?, number(text, last)?);
            if first > last {
                return Err(fault(text, format!("the range {first}-{last} runs backwards")));
            }
            bits.set(first, last, !out);
        }
        bits.ranges(&mut ranges);
        if ranges.is_empty() {
            return Err(fault(text, format!("the set {} is empty", quoted(text))));
        }
        Ok(Self(ranges))
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().cloned().flatten()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[RangeInclusive<u32>] {
        &self.0
    }

    /// Whether `number` is in the set.
    pub fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|range| range.contains(&number))
    }

    /// The largest number.
    pub fn last(&self) -> u32 {
        self.0.last().map_or(0, |range| *range.end())
    }
}

impl fmt::Display for IdSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match (range.start(), range.end()) {
                (first, last) if first == last => write!(f, "{first}")?,
                (first, last) => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for IdSet {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::parse(text)
    }
}

/// The numbers 0 to [`IdSet::MAX`] as bits; the vector is as long as the largest one asks for.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, first: u32, last: u32, on: bool) {
        let words = last as usize / 64 + 1;
        if self.0.len() < words && on {
            self.0.resize(words, 0);
        }
        // A word at a time: a set of many wide ranges is read as fast as one of many numbers.
        let (low, high) = (first as usize / 64, last as usize / 64);
        for (index, word) in self.0.iter_mut().enumerate().skip(low).take(high + 1 - low) {
            let mut mask = u64::MAX;
            if index == low {
                mask &= u64::MAX << (first % 64);
            }
            if index == high {
                mask &= u64::MAX >> (63 - last % 64);
            }
            *word = if on { *word | mask } else { *word & !mask };
        }
    }

    fn ranges(&self, out: &mut Vec<RangeInclusive<u32>>) {
        let on = |number: u32| self.0[number as usize / 64] >> (number % 64) & 1 == 1;
        let mut open = None;
        let mut number = 0;
        while number < self.0.len() as u32 * 64 {
            let word = self.0[number as usize / 64];
            if number % 64 == 0 && word == if open.is_some() { u64::MAX } else { 0 } {
                number += 64;
                continue;
            }
            match (on(number), open) {
                (true, None) => open = Some(number),
                (false, Some(first)) => {
                    out.push(first..=number - 1);
                    open = None;
                }
                _ => {}
            }
            number += 1;
        }
        if let Some(first) = open {
            out.push(first..=self.0.len() as u32 * 64 - 1);
        }
    }
}

fn number(text: &str, digits: &str) -> Result<u32, ValueError> {
    match super::parse_u64(digits) {
        Some(number) if number <= u64::from(IdSet::MAX) => Ok(number as u32),
        Some(number) => Err(fault(text, format!("{number} is above {}", IdSet::MAX))),
        None => Err(fault(text, format!("{} is not a set of numbers", quoted(text)))),
    }
}

#[cold]
fn fault(_text: &str, message: String) -> ValueError {
    ValueError::new(Code::BadIdSet, message)
        .help("write numbers and ranges separated by commas, '^' takes one out again: 0-3,5,^2")
}
