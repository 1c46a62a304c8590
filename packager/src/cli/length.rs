//! Lengths of time that are longer than a day, as people write them: `90m`, `12h`, `7d`.

use std::ops::RangeInclusive;

/// A minute, in seconds.
pub(super) const MINUTE: u64 = 60;
/// A day, in seconds.
pub(super) const DAY: u64 = 24 * 60 * MINUTE;

/// Reads whole minutes, hours or days, in seconds; nothing where it is none of these or not in `range`.
pub(super) fn seconds(text: &str, range: RangeInclusive<u64>) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "m" => MINUTE,
        "h" => 60 * MINUTE,
        "d" => DAY,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(unit)?;
    range.contains(&seconds).then_some(seconds)
}
