//! Byte ranges: the one that a client asks for (RFC 9110 §14), and where a chunk of an upload goes (OCI
//! Distribution 1.1, "Pushing a blob in chunks").

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

/// Reads the `Content-Range` of a chunk: its first and its last byte. OCI writes `0-1023`; some clients
/// send the form of RFC 9110, `bytes 0-1023/*`.
pub(crate) fn chunk(header: &str) -> Option<(u64, u64)> {
    let span = header.strip_prefix("bytes ").unwrap_or(header);
    let (span, size) = span.split_once('/').unwrap_or((span, "*"));
    let (first, last) = span.split_once('-')?;
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    let fits = size == "*" || number(size).is_some_and(|size| last < size);
    (first <= last && fits).then_some((first, last))
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

    #[test]
    fn reads_where_a_chunk_goes_in_both_forms() {
        for (header, expected) in [
            ("0-1023", Some((0, 1023))),
            ("1024-1024", Some((1024, 1024))),
            ("bytes 0-9/*", Some((0, 9))),
            ("bytes 0-9/10", Some((0, 9))),
            ("0 - 9", Some((0, 9))),
            ("bytes 0-9/9", None),
            ("bytes 0-9/x", None),
            ("bytes=0-9", None),
            ("9-0", None),
            ("0-", None),
            ("-9", None),
            ("+0-9", None),
            ("0-9,10-19", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(chunk(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_chunk_ends_after_it_begins(header in "(bytes )?[0-9+ -]{0,30}(/[0-9*]{0,21})?") {
            if let Some((first, last)) = chunk(&header) {
                prop_assert!(first <= last);
            }
        }

        #[test]
        fn a_chunk_is_read_as_it_was_written(first: u64, last: u64) {
            let expected = (first <= last).then_some((first, last));
            prop_assert_eq!(chunk(&format!("{first}-{last}")), expected);
            prop_assert_eq!(chunk(&format!("bytes {first}-{last}/*")), expected);
        }

        #[test]
        fn a_part_lies_inside_the_content(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size: u64) {
            if let Selection::Part { first, last } = select(&header, size) {
                prop_assert!(first <= last && last < size);
            }
        }
    }
}
