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

/// Writes a length of time exactly, in the largest unit that does: `7 days`, `36 h`, `90 s`.
pub fn exact_time(seconds: u64) -> String {
    match seconds {
        0 => "0 s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => count(seconds / 86_400, "day", "days"),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// Writes a length of time as people say it: the largest unit that says it in two digits or so.
pub fn rough_time(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_exact_loses_nothing() {
        let said = [86_400, 604_800, 129_600, 5400, 90].map(exact_time);
        assert_eq!(said, ["1 day", "7 days", "36 h", "90 min", "90 s"]);
    }

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
