//! Decimal numbers: digits only, no sign on the unsigned, no white space, no `+`.

use super::{ValueError, quoted};
use crate::codes::Code;

/// `[0-9]+` in 64 bits.
pub(crate) fn parse_u64(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return long_zeroes(text);
    }
    text.parse().ok()
}

/// Numbers with so many leading zeroes that they only look long.
#[cold]
fn long_zeroes(text: &str) -> Option<u64> {
    let digits = text.trim_start_matches('0');
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match (plain, digits.is_empty()) {
        (true, true) => Some(0),
        (true, false) => digits.parse().ok(),
        _ => None,
    }
}

/// `-?[0-9]+` in 64 bits.
pub(crate) fn parse_i64(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

pub(super) fn check_unsigned(text: &str, low: u64, high: u64) -> Result<(), ValueError> {
    match parse_u64(text) {
        Some(number) if (low..=high).contains(&number) => Ok(()),
        _ => Err(number_error(text, &low.to_string(), &high.to_string())),
    }
}

pub(super) fn check_integer(text: &str, low: i64, high: i64) -> Result<(), ValueError> {
    match parse_i64(text) {
        Some(number) if (low..=high).contains(&number) => Ok(()),
        _ => Err(number_error(text, &low.to_string(), &high.to_string())),
    }
}

#[cold]
fn number_error(text: &str, low: &str, high: &str) -> ValueError {
    if text.is_empty() {
        return super::text::empty().help(format!("write a number from {low} to {high}"));
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return ValueError::new(Code::OutOfRange, format!("{} is out of range", quoted(text)))
            .help(format!("the range is {low} to {high}"));
    }
    let error = ValueError::new(Code::NotANumber, format!("{} is not a decimal number", quoted(text)));
    let trimmed = text.trim();
    if trimmed != text && !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        return error.help("remove the white space around the number");
    }
    error.help(format!("write digits only, from {low} to {high}"))
}
