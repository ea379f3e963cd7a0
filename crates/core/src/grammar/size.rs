//! Amounts of memory as they are written: bytes, or an integer with `kb`, `mb` or `gb`.

use super::{MAX_INTEGER, RequestError, integer};

/// Units with their bytes; multiples of 1024, as `maxmemory` has them.
const UNITS: [(&str, u64); 3] = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];

/// An amount of memory, 1 byte to 2^53 bytes.
pub fn bytes(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    let split = text.len().saturating_sub(2);
    let (number, suffix) = text.split_at_checked(split).unwrap_or((text, b""));
    let unit = UNITS.iter().find(|(unit, _)| suffix.eq_ignore_ascii_case(unit.as_bytes()));
    let (number, scale) = unit.map_or((text, 1), |(_, scale)| (number, *scale));
    // Read with the widest range, so that the refusal shows the whole text.
    let count = integer(name, number, i64::MIN..=i64::MAX)
        .map_err(|_| RequestError::argument(name, "not an amount of memory such as 4096, 64kb or 1mb", text))?;
    let count = u64::try_from(count).unwrap_or(0).saturating_mul(scale);
    if (1..=MAX_INTEGER).contains(&count) {
        Ok(count)
    } else {
        Err(RequestError::argument(name, "must be 1 to 9007199254740992 bytes", text))
    }
}

/// The shortest exact way to write an amount: 65536 is `64kb`.
pub fn format_bytes(bytes: u64) -> String {
    let exact = UNITS.iter().rev().find(|(_, scale)| bytes >= *scale && bytes.is_multiple_of(*scale));
    exact.map_or_else(|| bytes.to_string(), |(unit, scale)| format!("{}{unit}", bytes / scale))
}
