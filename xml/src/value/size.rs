//! Amounts of memory: a number and a unit.

use super::{ValueError, quoted};
use crate::codes::Code;

/// How many bytes one `unit` has: `b`, `byte`, `bytes`; `K`…`E` and `KiB`…`EiB` in powers of 1024;
/// `KB`…`EB` in powers of 1000; in any case.
pub fn bytes_in_unit(unit: &str) -> Option<u64> {
    match unit {
        "KiB" => return Some(1 << 10),
        "MiB" => return Some(1 << 20),
        "GiB" => return Some(1 << 30),
        _ => {}
    }
    let lower = unit.to_ascii_lowercase();
    if matches!(lower.as_str(), "b" | "byte" | "bytes") {
        return Some(1);
    }
    let power = "kmgtpe".find(lower.chars().next()?)? as u32 + 1;
    match &lower[1..] {
        "" | "ib" => Some(1 << (10 * power)),
        "b" => Some(1000_u64.pow(power)),
        _ => None,
    }
}

pub(super) fn check_unit(text: &str) -> Result<(), ValueError> {
    if bytes_in_unit(text).is_some() {
        return Ok(());
    }
    if text.is_empty() {
        return Err(super::text::empty().help("leave 'unit' out for KiB"));
    }
    Err(ValueError::new(Code::BadUnit, format!("{} is not a unit of memory", quoted(text)))
        .help("the units are bytes, KB, KiB, MB, MiB, GB, GiB, TB, TiB, PB, PiB, EB, EiB"))
}

/// The bytes in `number` units; a missing unit means KiB, as libvirt has it.
pub fn parse_size(number: &str, unit: Option<&str>) -> Result<u64, ValueError> {
    let factor = match unit {
        Some(unit) => {
            bytes_in_unit(unit).ok_or_else(|| check_unit(unit).err().unwrap_or_else(super::text::empty))?
        }
        None => 1024,
    };
    let number_value = super::parse_u64(number).ok_or_else(|| {
        ValueError::new(Code::NotANumber, format!("{} is not a decimal number", quoted(number)))
    })?;
    // libvirt counts in `long long`: what does not fit there, nothing else can be told either.
    number_value.checked_mul(factor).filter(|&bytes| bytes <= i64::MAX as u64).ok_or_else(|| {
        ValueError::new(Code::OutOfRange, format!("{number} {} is more than 8 EiB", unit.unwrap_or("KiB")))
            .help("the size has to fit into 63 bits of bytes")
    })
}
