//! Users and groups of the container.

use super::ValueError;
use crate::codes::Code;
use crate::domain::Account;

impl Account {
    /// A number with or without `+`, or a name that the container's passwd or group file resolves.
    ///
    /// A decimal number is a number: looked up as a name, it would be whoever the container's own files say.
    ///
    /// # Errors
    /// Neither a name nor an id; the last id, 2^32-1, is none: it means "unchanged" to the kernel.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let digits = text.strip_prefix('+');
        let decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(digits) = digits.or(decimal.then_some(text)) {
            return match super::parse_u64(digits) {
                Some(id) if id < u64::from(u32::MAX) => Ok(Self::Id(id as u32)),
                _ => Err(ValueError::new(Code::BadAccount, format!("{} is not an id", super::quoted(text)))
                    .help("write a number below 4294967295, or a name")),
            };
        }
        match text {
            "" => Err(super::text::empty()),
            _ if text.contains([':', '\n', '/', ',']) || text.trim() != text => Err(ValueError::new(
                Code::BadAccount,
                format!("{} is not an account's name", super::quoted(text)),
            )
            .help("write a name of the container's passwd or group file, or '+' and a number")),
            _ => Ok(Self::Name(text.to_owned())),
        }
    }
}

/// As [`Account::parse`].
pub(crate) fn parse_account(text: &str) -> Result<Account, ValueError> {
    Account::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("www", Some(Account::Name("www".into())))]
    #[case("+33", Some(Account::Id(33)))]
    #[case("33", Some(Account::Id(33)))]
    #[case("007", Some(Account::Id(7)))]
    #[case("4294967294", Some(Account::Id(u32::MAX - 1)))]
    #[case("33rd", Some(Account::Name("33rd".into())))]
    #[case("4294967295", None)]
    #[case("+4294967295", None)]
    #[case("4294967296", None)]
    #[case("99999999999999999999", None)]
    #[case("+", None)]
    #[case("+-1", None)]
    #[case("", None)]
    #[case("33:33", None)]
    fn a_number_is_a_number_and_the_last_id_is_none(#[case] text: &str, #[case] account: Option<Account>) {
        assert_eq!(Account::parse(text).ok(), account);
    }
}
