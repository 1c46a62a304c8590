//! Single byte ranges (RFC 9110 §14).

/// What a `Range` header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it: no range, several ranges, or another unit than bytes.
    Whole,
    /// From the first to the last byte, both included.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// Nothing of it.
    Unsatisfiable,
}

/// Reads a `Range` header for content of `size` bytes. Several ranges get the whole content, which
/// every client must be able to take; a range that cannot be read gets none, as the conformance
/// suite wants it.
pub(crate) fn select(header: &str, size: u64) -> Selection {
    let Some(ranges) = header.trim().strip_prefix("bytes=") else {
        return Selection::Whole;
    };
    if ranges.contains(',') {
        return Selection::Whole;
    }
    part(ranges.trim(), size).map_or(Selection::Unsatisfiable, |(first, last)| Selection::Part {
        first,
        last,
    })
}

fn part(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.split_once('-')?;
    let end = size.checked_sub(1)?;
    if first.is_empty() {
        let length = number(last)?;
        return (length > 0).then(|| (size.saturating_sub(length), end));
    }
    let first = number(first)?;
    let last = if last.is_empty() { end } else { number(last)? };
    (first <= last && first <= end).then(|| (first, last.min(end)))
}

/// Digits only: `parse` would also take a `+`. A number beyond u64 is beyond any content.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(first: u64, last: u64) -> Selection {
        Selection::Part { first, last }
    }

    #[test]
    fn reads_the_forms_of_a_single_range() {
        for (header, expected) in [
            ("bytes=500-1499", part(500, 1499)),
            ("bytes=500-", part(500, 2047)),
            ("bytes=-500", part(1548, 2047)),
            ("bytes=-5000", part(0, 2047)),
            ("bytes=2000-5000", part(2000, 2047)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-99999999999999999999999", part(0, 2047)),
            ("bytes=500-0", Selection::Unsatisfiable),
            ("bytes=5000-10000", Selection::Unsatisfiable),
            ("bytes=2048-", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
            ("bytes=", Selection::Unsatisfiable),
            ("bytes=a-b", Selection::Unsatisfiable),
            ("bytes=+1-2", Selection::Unsatisfiable),
            ("bytes=0-1,4-5", Selection::Whole),
            ("items=0-1", Selection::Whole),
        ] {
            assert_eq!(select(header, 2048), expected, "{header}");
        }
        assert_eq!(select("bytes=0-", 0), Selection::Unsatisfiable);
        assert_eq!(select("bytes=-1", 0), Selection::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn a_part_lies_inside_the_content(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size: u64) {
            if let Selection::Part { first, last } = select(&header, size) {
                prop_assert!(first <= last && last < size);
            }
        }
    }
}
