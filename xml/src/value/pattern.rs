//! Texts described by a regular expression (the dialect that XML Schema and Rust share).

use std::sync::OnceLock;

use regex_lite::Regex;

use super::{ValueError, quoted};
use crate::codes::Code;

/// A form that a text has to have as a whole.
#[derive(Debug)]
pub struct Pattern {
    /// The regular expression, not anchored.
    pub expression: &'static str,
    /// What such a text is, with its article.
    pub what: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The form `expression`, called `what`.
    pub const fn new(expression: &'static str, what: &'static str) -> Self {
        Self { expression, what, compiled: OnceLock::new() }
    }

    pub(super) fn check(&self, text: &str) -> Result<(), ValueError> {
        if matches(self, text) {
            return Ok(());
        }
        if text.is_empty() {
            return Err(super::text::empty().help(format!("write {}", self.what)));
        }
        Err(ValueError::new(Code::BadForm, format!("{} is not {}", quoted(text), self.what)))
    }
}

/// Whether the whole of `text` has the form. A pattern of the tables that does not compile matches
/// nothing; a test compiles them all.
fn matches(pattern: &Pattern, text: &str) -> bool {
    pattern
        .compiled
        .get_or_init(|| Regex::new(&format!("^(?:{})$", pattern.expression)).ok())
        .as_ref()
        .is_some_and(|regex| regex.is_match(text))
}
