//! Amounts as people read them: one style for terminals, pages and messages.

/// Writes a number of bytes: `18.7 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut tenths = u128::from(count) * 10 / 1000;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Writes a number of things: `1 server`, `2 servers`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    let things = if number == 1 { one } else { many };
    format!("{number} {things}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_many() {
        let projects = |number| count(number, "project", "projects");
        assert_eq!(
            [0, 1, 2].map(projects),
            ["0 projects", "1 project", "2 projects"]
        );
    }

    #[test]
    fn writes_bytes_with_one_decimal() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (18_734_592, "18.7 MB"),
            (999_999, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (u64::MAX, "18446744.0 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
