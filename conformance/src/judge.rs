//! From facts to a verdict: every expectation names its fact, every verdict keeps what was observed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::environment::{KernelVersion, believe};
use crate::facts::{Facts, OK};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every expectation held.
    Pass,
    /// One did not.
    Fail,
    /// The runtime or kernel cannot express what is asked; the reason says what.
    NotApplicable,
    /// The check could not be carried out.
    Error,
}

impl Status {
    /// As printed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotApplicable => "n/a",
            Self::Error => "error",
        }
    }
}

/// A verdict with its grounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The outcome.
    pub status: Status,
    /// What did not hold, what is missing, or why it does not apply; empty for a pass.
    pub reasons: Vec<String>,
    /// The facts that were looked at.
    pub observed: BTreeMap<String, Value>,
}

impl Verdict {
    /// Does not apply, because of `reason`.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self { status: Status::NotApplicable, reasons: vec![reason.into()], observed: BTreeMap::new() }
    }
    /// Could not be carried out, because of `reason`.
    pub fn error(reason: impl Into<String>) -> Self {
        Self { status: Status::Error, reasons: vec![reason.into()], observed: BTreeMap::new() }
    }
}

/// Collects expectations about one set of facts.
#[derive(Debug)]
pub struct Judge<'a> {
    facts: &'a Facts,
    kernel: KernelVersion,
    observed: BTreeMap<String, Value>,
    failures: Vec<String>,
    errors: Vec<String>,
    absences: Vec<String>,
    looked: usize,
}

impl<'a> Judge<'a> {
    /// A judge of these facts, taken on this kernel.
    pub fn new(facts: &'a Facts, kernel: KernelVersion) -> Self {
        Self {
            facts,
            kernel,
            observed: BTreeMap::new(),
            failures: Vec::new(),
            errors: Vec::new(),
            absences: Vec::new(),
            looked: 0,
        }
    }

    /// All facts, for expectations the methods here do not have; what is used is to be [`Self::note`]d.
    pub fn facts(&self) -> &'a Facts {
        self.facts
    }

    /// The value of a fact, noted as observed; a missing one makes the verdict an error.
    pub fn fact(&mut self, name: &str) -> Option<&'a Value> {
        self.looked += 1;
        let Some(value) = self.facts.get(name) else {
            self.errors.push(format!("the probe gave no fact {name}"));
            return None;
        };
        let _earlier = self.observed.insert(name.to_owned(), value.clone());
        if let Some(feature) = value.get("unsupported").and_then(Value::as_str) {
            match believe(feature, self.kernel) {
                Ok(reason) => self.absences.push(reason),
                Err(reason) => self.errors.push(reason),
            }
            return None;
        }
        if let Some(reason) = value.get("not_applicable").and_then(Value::as_str) {
            self.absences.push(reason.to_owned());
            return None;
        }
        Some(value)
    }

    /// The probe met the call as one that does not exist, on a kernel that has it, under a filter: the
    /// filter answers so. That is a refusal, and it is noted.
    pub fn filtered(&mut self, name: &str) -> bool {
        let Some(value) = self.facts.get(name) else { return false };
        let missing = value.get("unsupported").and_then(Value::as_str);
        let under_filter = self.facts.text("seccomp.mode") == Some("2");
        let found = missing.is_some_and(|feature| under_filter && believe(feature, self.kernel).is_err());
        if found {
            self.looked += 1;
            let _earlier = self.observed.insert(name.to_owned(), value.clone());
            self.note("seccomp.mode");
        }
        found
    }

    /// Keeps a fact in the verdict, for an expectation in words; a missing one makes the verdict an error.
    pub fn note(&mut self, name: &str) {
        match self.facts.get(name) {
            Some(value) => {
                let _earlier = self.observed.insert(name.to_owned(), value.clone());
            }
            None => self.errors.push(format!("the probe gave no fact {name}")),
        }
    }

    /// An expectation in words.
    pub fn expect(&mut self, holds: bool, sentence: impl Into<String>) {
        self.looked += 1;
        if !holds {
            self.failures.push(sentence.into());
        }
    }

    /// The positive control: what shows that the subject was there and the check could have failed. Where it
    /// does not hold the check could not be carried out.
    pub fn control(&mut self, holds: bool, sentence: impl Into<String>) {
        self.looked += 1;
        if !holds {
            self.errors.push(format!("the control does not hold: {}", sentence.into()));
        }
    }

    /// The check does not apply here.
    pub fn not_applicable(&mut self, reason: impl Into<String>) {
        self.absences.push(reason.into());
    }

    /// The fact has exactly this value.
    pub fn is<V: Into<Value>>(&mut self, name: &str, expected: V) {
        let expected = expected.into();
        if let Some(value) = self.fact(name)
            && *value != expected
        {
            self.failures.push(format!("{name} is {value}, expected {expected}"));
        }
    }

    /// The fact has another value than this.
    pub fn is_not<V: Into<Value>>(&mut self, name: &str, forbidden: V) {
        let forbidden = forbidden.into();
        if let Some(value) = self.fact(name)
            && *value == forbidden
        {
            self.failures.push(format!("{name} must not be {value}"));
        }
    }

    /// Two facts are equal.
    pub fn same(&mut self, a: &str, b: &str) {
        if let (Some(x), Some(y)) = (self.fact(a), self.fact(b))
            && x != y
        {
            self.failures.push(format!("{a} is {x} but {b} is {y}, expected the same"));
        }
    }

    /// Two facts differ.
    pub fn differ(&mut self, a: &str, b: &str) {
        if let (Some(x), Some(y)) = (self.fact(a), self.fact(b))
            && x == y
        {
            self.failures.push(format!("{a} and {b} are both {x}, expected them to differ"));
        }
    }

    /// The attempt was answered with an errno, whichever.
    pub fn refused(&mut self, name: &str) {
        if let Some(value) = self.fact(name)
            && (value == OK || !value.as_str().is_some_and(|t| t.starts_with('E')))
        {
            self.failures.push(format!("{name} is {value}, expected it to be refused"));
        }
    }

    /// The attempt was answered as a wall answers, EPERM, EACCES or EROFS, or by a filter with ENOSYS. Any other errno is the
    /// kernel's behind the wall: the attempt was made, and failed for a reason of its own.
    pub fn denied(&mut self, name: &str) {
        if self.filtered(name) {
            return;
        }
        let Some(value) = self.fact(name) else { return };
        let filtered = self.facts.text("seccomp.mode") == Some("2");
        if value == "ENOSYS" && !filtered {
            self.absences.push(format!("this kernel has no such call: {name} is ENOSYS without a filter"));
            return;
        }
        // What systemd's filter answers for the sockets of the audit.
        let by_filter = filtered && (value == "ENOSYS" || value == "EAFNOSUPPORT");
        let by_a_wall = ["EPERM", "EACCES", "EROFS"].iter().any(|errno| value == errno);
        if !by_a_wall && !by_filter {
            self.failures
                .push(format!("{name} is {value}, expected EPERM, EACCES or EROFS: what a wall answers"));
        }
    }

    /// What the check is about is there outside, so that it could have failed; else it does not apply.
    pub fn there(&mut self, name: &str, holds: impl Fn(&Value) -> bool, what: &str) {
        match self.facts.get(name) {
            Some(value) if holds(value) => self.note(name),
            Some(value) => self.absences.push(format!("{what}: {name} is {value}")),
            None => self.errors.push(format!("the harness gave no fact {name}")),
        }
    }

    /// The attempt was answered with one of these errnos.
    pub fn refused_with(&mut self, name: &str, errnos: &[&str]) {
        if let Some(value) = self.fact(name)
            && !value.as_str().is_some_and(|t| errnos.contains(&t))
        {
            self.failures.push(format!("{name} is {value}, expected {}", errnos.join(" or ")));
        }
    }

    /// The attempt succeeded.
    pub fn works(&mut self, name: &str) {
        self.is(name, OK);
    }

    /// The list is empty.
    pub fn none(&mut self, name: &str) {
        if let Some(value) = self.fact(name)
            && !value.as_array().is_some_and(Vec::is_empty)
        {
            self.failures.push(format!("{name} is {value}, expected an empty list"));
        }
    }

    /// Every member of the list is one of these.
    pub fn only(&mut self, name: &str, allowed: &[&str]) {
        let Some(value) = self.fact(name) else { return };
        let Some(items) = value.as_array() else {
            self.errors.push(format!("{name} is {value}, which is no list"));
            return;
        };
        let foreign: Vec<String> = items
            .iter()
            .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
            .filter(|v| !allowed.contains(&v.as_str()))
            .collect();
        if !foreign.is_empty() {
            self.failures.push(format!("{name} holds {foreign:?}, allowed are {allowed:?}"));
        }
    }

    /// The list holds this.
    pub fn holds(&mut self, name: &str, member: &str) {
        if let Some(value) = self.fact(name)
            && !value.as_array().is_some_and(|list| list.iter().any(|v| v == member))
        {
            self.failures.push(format!("{name} is {value}, expected {member:?} in it"));
        }
    }

    /// The number lies within these bounds.
    pub fn within(&mut self, name: &str, low: f64, high: f64) {
        let Some(value) = self.fact(name) else { return };
        match value.as_f64() {
            Some(number) if (low..=high).contains(&number) => {}
            Some(number) => self.failures.push(format!("{name} is {number}, expected {low} to {high}")),
            None => self.errors.push(format!("{name} is {value}, which is no number")),
        }
    }

    /// The verdict: a failure outweighs an error, an error what does not apply.
    pub fn verdict(self) -> Verdict {
        let (status, reasons) = if !self.failures.is_empty() {
            (Status::Fail, self.failures)
        } else if !self.errors.is_empty() {
            (Status::Error, self.errors)
        } else if !self.absences.is_empty() {
            (Status::NotApplicable, self.absences)
        } else if self.looked == 0 {
            (Status::Error, vec!["the check looked at nothing".to_owned()])
        } else {
            (Status::Pass, Vec::new())
        };
        Verdict { status, reasons, observed: self.observed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge_of(facts: &Facts, judge: fn(&mut Judge<'_>)) -> Verdict {
        let mut j = Judge::new(facts, KernelVersion(6, 1));
        judge(&mut j);
        j.verdict()
    }

    #[test]
    fn a_missing_fact_is_an_error_and_never_a_pass() {
        let verdict = judge_of(&Facts::default(), |j| j.is("pid.self", 1));
        assert_eq!(verdict.status, Status::Error);
        assert_eq!(verdict.reasons, ["the probe gave no fact pid.self"]);
    }

    #[test]
    fn a_check_that_looks_at_nothing_is_an_error() {
        assert_eq!(judge_of(&Facts::default(), |_| {}).status, Status::Error);
    }

    #[test]
    fn a_failure_names_the_fact_and_both_values() {
        let mut facts = Facts::default();
        facts.set("pid.self", 7);
        let verdict = judge_of(&facts, |j| j.is("pid.self", 1));
        assert_eq!(
            (verdict.status, verdict.reasons),
            (Status::Fail, vec!["pid.self is 7, expected 1".to_owned()])
        );
        assert_eq!(verdict.observed.get("pid.self"), Some(&Value::from(7)));
    }

    #[test]
    fn refused_accepts_an_errno_and_nothing_else() {
        let mut facts = Facts::default();
        facts.set("a", "EPERM");
        facts.set("b", "ok");
        assert_eq!(judge_of(&facts, |j| j.refused("a")).status, Status::Pass);
        assert_eq!(judge_of(&facts, |j| j.refused("b")).status, Status::Fail);
        assert_eq!(judge_of(&facts, |j| j.refused_with("a", &["ENOENT"])).status, Status::Fail);
    }

    #[test]
    fn an_errno_from_behind_the_wall_is_no_denial() {
        let mut facts = Facts::default();
        for (name, errno) in [("wall", "EPERM"), ("behind", "EINVAL"), ("filter", "ENOSYS")] {
            facts.set(name, errno);
        }
        assert_eq!(judge_of(&facts, |j| j.denied("wall")).status, Status::Pass);
        assert_eq!(judge_of(&facts, |j| j.denied("behind")).status, Status::Fail);
        // Where there is no filter it is the kernel that has no such call.
        assert_eq!(judge_of(&facts, |j| j.denied("filter")).status, Status::NotApplicable);
        facts.set("seccomp.mode", "2");
        assert_eq!(judge_of(&facts, |j| j.denied("filter")).status, Status::Pass);
    }

    #[test]
    fn what_is_not_there_outside_makes_no_pass() {
        let mut facts = Facts::default();
        facts.set("inside", "EPERM");
        let judged = |facts: &Facts| {
            judge_of(facts, |j| {
                j.there("outside", |v| *v == true, "there is nothing outside");
                j.denied("inside");
            })
            .status
        };
        assert_eq!(judged(&facts), Status::Error);
        facts.set("outside", false);
        assert_eq!(judged(&facts), Status::NotApplicable);
        facts.set("outside", true);
        assert_eq!(judged(&facts), Status::Pass);
    }

    #[test]
    fn a_missing_feature_is_not_applicable_where_the_kernel_is_older() {
        let mut facts = Facts::default();
        facts.unsupported("mount.statmount", "statmount");
        let verdict = judge_of(&facts, |j| j.refused("mount.statmount"));
        assert_eq!(verdict.status, Status::NotApplicable);
        let newer = Judge::new(&facts, KernelVersion(6, 12));
        let mut newer = newer;
        newer.refused("mount.statmount");
        assert_eq!(newer.verdict().status, Status::Error);
    }
}
