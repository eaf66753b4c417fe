//! A check: the sentence, where it comes from, how much it matters, what shows it.

use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::judge::Judge;

/// What a failing check means.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The container is not isolated.
    Isolation,
    /// Something is left behind.
    Leak,
    /// It does not do what it should.
    Functional,
    /// It takes longer than it should; never asserted as absolute time.
    Latency,
}

impl Severity {
    /// The catalogue's short form.
    pub const fn short(self) -> &'static str {
        match self {
            Self::Isolation => "ISO",
            Self::Leak => "LEAK",
            Self::Functional => "FUN",
            Self::Latency => "LAT",
        }
    }
}

/// One check.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Stable: area, dash, two digits; a check split off another adds a letter.
    pub id: &'static str,
    /// What a failure means.
    pub severity: Severity,
    /// The requirement in one sentence.
    pub requirement: &'static str,
    /// Manual page, specification, advisory or existing test it comes from.
    pub source: &'static str,
    /// The scene that gathers its facts.
    pub scene: &'static str,
    /// Looks at the facts; each line of it names the exact fact.
    pub judge: fn(&mut Judge<'_>),
}

impl Check {
    /// A row of the catalogue.
    pub const fn new(
        id: &'static str,
        severity: Severity,
        scene: &'static str,
        requirement: &'static str,
        source: &'static str,
        judge: fn(&mut Judge<'_>),
    ) -> Self {
        Self { id, severity, requirement, source, scene, judge }
    }

    /// The part of the id before its number.
    pub fn area(&self) -> &'static str {
        self.id.split_once('-').map_or(self.id, |(area, _)| area)
    }

    /// The verdict on these facts.
    pub fn judged(&self, facts: &Facts, kernel: crate::environment::KernelVersion) -> crate::judge::Verdict {
        let mut judge = Judge::new(facts, kernel);
        (self.judge)(&mut judge);
        judge.verdict()
    }
}
