//! Texts described by a regular expression (the dialect that XML Schema and Rust share).

use std::sync::OnceLock;

use regex_lite::Regex;

use super::{ValueError, quoted};
use crate::codes::Code;

/// Texts that the forms of the tables are made of; a test looks that each form has one.
const EXAMPLES: &[&str] = &[
    "sda",
    "1",
    "0x1",
    "10",
    "0x1f",
    "12345678",
    "-1",
    "eth0",
    "a-b",
    "name_1",
    "VARIABLE",
    "0755",
    "unlimited",
    "kernel.msgmax",
    "0123456789abcdef",
    "0x0123456789abcdef",
    "naa.0123456789abcdef",
    "1.2",
    "[storage] path/file",
    "2026-01-01T00:00:00Z",
    "naa.600a0b80001111550000000000000000",
    "000123456789",
    "/dev/x",
    "text",
    "12 %",
    "01:02",
    "vendorvendor",
    "GenuineIntel",
];

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

    /// A text of this form, found by trying common ones; empty where none of them fits.
    pub fn example(&self, choice: u8) -> String {
        let fitting: Vec<&str> = EXAMPLES.iter().copied().filter(|text| matches(self, text)).collect();
        fitting
            .get(usize::from(choice) % fitting.len().max(1))
            .map_or_else(String::new, |text| (*text).to_owned())
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
