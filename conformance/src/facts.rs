//! Facts: what was observed, by name.
//!
//! A fact's name is a dotted path (`pid.self`, `mount./sys.options`), its value is JSON. An attempt is
//! a fact whose value is `"ok"` or the name of the errno it was answered with.

use std::collections::BTreeMap;
use std::fmt::Display;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Observed facts, in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(pub BTreeMap<String, Value>);

/// The value of an attempt that succeeded.
pub const OK: &str = "ok";

impl Facts {
    /// Records a fact; a later value for the same name wins.
    pub fn set<V: Into<Value>>(&mut self, name: impl Into<String>, value: V) {
        let _earlier = self.0.insert(name.into(), value.into());
    }

    /// Records an attempt by its outcome.
    pub fn attempt<T>(&mut self, name: impl Into<String>, outcome: Result<T, Errno>) {
        self.set(name, spell(outcome));
    }

    /// Records an attempt made through the standard library.
    pub fn attempt_io<T>(&mut self, name: impl Into<String>, outcome: std::io::Result<T>) {
        self.attempt(name, outcome.map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(0))));
    }

    /// Records that the kernel lacks what the fact would be about; the environment table decides
    /// whether this kernel may lack it.
    pub fn unsupported(&mut self, name: impl Into<String>, feature: &str) {
        self.set(name, serde_json::json!({ "unsupported": feature }));
    }

    /// A fact's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
    /// A fact that is a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }
    /// A fact that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }
    /// A fact that is a list of texts.
    pub fn list(&self, name: &str) -> Vec<String> {
        let items = self.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        items.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
    }
    /// Names and values below a prefix.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let rest = self.0.range(prefix.to_owned()..);
        rest.take_while(move |(name, _)| name.starts_with(prefix)).map(|(name, value)| (name.as_str(), value))
    }
    /// Takes over all facts of `other`.
    pub fn absorb(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// `"ok"`, or the errno's name.
pub fn spell<T>(outcome: Result<T, Errno>) -> String {
    match outcome {
        Ok(_) => OK.to_owned(),
        Err(errno) => format!("{errno:?}"),
    }
}

/// A text for a fact that holds any displayable thing.
pub fn text(value: impl Display) -> Value {
    Value::String(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_spelled_ok_or_by_the_errno() {
        let mut facts = Facts::default();
        facts.attempt("a", Ok(()));
        facts.attempt::<()>("b", Err(Errno::EPERM));
        assert_eq!((facts.text("a"), facts.text("b")), (Some("ok"), Some("EPERM")));
    }

    #[test]
    fn below_stops_at_the_end_of_the_prefix() {
        let mut facts = Facts::default();
        for name in ["a.x", "a.y", "b.x"] {
            facts.set(name, 1);
        }
        assert_eq!(facts.below("a.").count(), 2);
    }
}
