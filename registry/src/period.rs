//! Lengths of time as people write them: `90d`, `12h`.

/// Reads `90d`, `12h`, `30m` or `45s` as seconds.
pub(crate) fn seconds(text: &str) -> Result<i64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("expected a number and `d`, `h`, `m` or `s`".to_owned()),
    };
    number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|seconds| (1..=100 * 366 * 86_400).contains(seconds))
        .ok_or_else(|| "expected a period between a second and a hundred years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn reads_periods() {
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert_eq!(seconds("12h"), Ok(43_200));
        for wrong in ["", "d", "0d", "-1d", "1w", "99999999999999d", "1.5h"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
