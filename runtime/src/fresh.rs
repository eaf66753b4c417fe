//! Numbers that nobody else has.

use uuid::{Builder, Uuid};

use crate::sys;

/// The kernel's own maker of them, for what has no getrandom(2), or no flag of it that never waits.
const FILE: &str = "/proc/sys/kernel/random/uuid";

/// A random uuid (RFC 9562, version 4) of the kernel's randomness, which is not waited for: not early in the life
/// of a machine either, where that may take for ever (random(4)).
///
/// # Errors
/// The kernel gives none: getrandom(2) is refused and there is no /proc.
pub fn uuid() -> std::io::Result<Uuid> {
    let mut bytes = [0; 16];
    match sys::random(&mut bytes) {
        Ok(16) => Ok(Builder::from_random_bytes(bytes).into_uuid()),
        // Linux before 5.6, or a filter around the launcher.
        Ok(_) | Err(_) => of_file(),
    }
}

fn of_file() -> std::io::Result<Uuid> {
    crate::small_file(FILE)?.trim().parse().map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[rstest::rstest]
    #[case::asked_for(uuid)]
    #[case::read(of_file)]
    fn a_uuid_is_random_and_says_so(#[case] source: fn() -> std::io::Result<Uuid>) {
        let many: HashSet<Uuid> = (0..100).map(|_| source().unwrap()).collect();
        assert_eq!(many.len(), 100);
        for one in &many {
            assert_eq!((one.get_version_num(), one.get_variant()), (4, uuid::Variant::RFC4122));
        }
        // Every bit but those six is anything.
        let bits = |one: &Uuid| one.as_u128();
        let ever = many.iter().fold(0, |sum, one| sum | bits(one));
        let always = many.iter().fold(u128::MAX, |sum, one| sum & bits(one));
        assert_eq!((ever.count_zeros(), always.count_ones()), (4, 2));
    }
}
