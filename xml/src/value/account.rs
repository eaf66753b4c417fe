//! Users and groups of the container.

use super::ValueError;
use crate::codes::Code;
use crate::domain::Account;

/// `+N`, or a name that the container's passwd or group file resolves.
pub(crate) fn parse_account(text: &str) -> Result<Account, ValueError> {
    let Some(digits) = text.strip_prefix('+') else {
        return match text {
            "" => Err(super::text::empty()),
            _ if text.contains([':', '\n', '/', ',']) || text.trim() != text => Err(ValueError::new(
                Code::BadAccount,
                format!("{} is not an account's name", super::quoted(text)),
            )
            .help("write a name of the container's passwd or group file, or '+' and a number")),
            _ => Ok(Account::Name(text.to_owned())),
        };
    };
    // The last id, 2^32-1, means "unchanged" to the kernel.
    match super::parse_u64(digits) {
        Some(id) if id < u64::from(u32::MAX) => Ok(Account::Id(id as u32)),
        _ => Err(ValueError::new(Code::BadAccount, format!("{} is not an id", super::quoted(text)))
            .help("write '+' and a number below 4294967295")),
    }
}
