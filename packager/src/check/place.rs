//! `DifferencePlace`: where two contents differ first, and what stands there.

use std::io::{self, BufRead as _, BufReader, Cursor, Read};

use bulla_bundle::Content;
use bulla_schemas::escape::escape;
use bulla_schemas::report::DifferencePlace;

use super::format;

/// How much is kept of what stands before the place, to find out what it belongs to.
const BEFORE: usize = 64 * 1024;
/// How much is shown before and after the place.
const SHOWN_BEFORE: usize = 40;
const SHOWN_AFTER: usize = 60;

/// Finds the first difference; there is none when the contents are the same.
pub(super) fn find(
    one: &dyn Fn() -> io::Result<Content>,
    two: &dyn Fn() -> io::Result<Content>,
) -> io::Result<Option<DifferencePlace>> {
    let (mut first, mut second) = (reader(one()?), reader(two()?));
    let mut offset = 0_u64;
    let mut line = 1_u64;
    let mut is_text = true;
    let mut before = Vec::new();
    loop {
        let (one, two) = (first.fill_buf()?, second.fill_buf()?);
        let length = one.len().min(two.len());
        let same = one
            .iter()
            .zip(two)
            .take_while(|(one, two)| one == two)
            .count();
        let common = &one[..same];
        line += common.split(|byte| *byte == b'\n').skip(1).count() as u64;
        is_text &= !common.contains(&0);
        offset += same as u64;
        before.extend_from_slice(common);
        before.drain(..before.len().saturating_sub(BEFORE));
        if same < length || length == 0 {
            break;
        }
        first.consume(same);
        second.consume(same);
    }
    let after = |mut reader: BufReader<Box<dyn Read + Send>>, same: usize| {
        reader.consume(same);
        let mut bytes = Vec::new();
        reader.take(SHOWN_AFTER as u64).read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    };
    let same = |before: &BufReader<Box<dyn Read + Send>>, other: &BufReader<_>| {
        let other: &[u8] = other.buffer();
        before
            .buffer()
            .iter()
            .zip(other)
            .take_while(|(one, two)| one == two)
            .count()
    };
    let common = same(&first, &second);
    let (one, two) = (after(first, common)?, after(second, common)?);
    if one.is_empty() && two.is_empty() {
        return Ok(None);
    }
    let is_text = is_text && !one.contains(&0) && !two.contains(&0);
    let start = before.len().saturating_sub(SHOWN_BEFORE);
    let start = if is_text {
        line_start(&before, start)
    } else {
        start
    };
    let show = |after: &[u8]| show(&[&before[start..], after].concat(), is_text);
    Ok(Some(DifferencePlace {
        offset,
        line: is_text.then_some(line),
        part: format::part(&before, offset, &one),
        first: show(&one),
        second: show(&two),
    }))
}

fn reader(content: Content) -> BufReader<Box<dyn Read + Send>> {
    BufReader::new(match content {
        Content::Memory(bytes) => Box::new(Cursor::new(bytes)),
        Content::Stream { reader, .. } => reader,
    })
}

/// Returns where the last line of `before` begins, or `start` if that is later.
fn line_start(before: &[u8], start: usize) -> usize {
    let line = before.iter().rposition(|byte| *byte == b'\n');
    line.map_or(start, |line| start.max(line + 1))
}

/// Writes one line of text, or what is readable of bytes.
fn show(bytes: &[u8], is_text: bool) -> String {
    if is_text {
        let text = String::from_utf8_lossy(bytes);
        // The first line has the difference, unless that is where it ends.
        let end = text[1.min(text.len())..].find('\n');
        return escape(end.map_or(&*text, |end| &text[..=end]));
    }
    bytes
        .iter()
        .map(|byte| match byte {
            b' '..=b'~' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(one: &[u8], two: &[u8]) -> Option<DifferencePlace> {
        let content = |bytes: &[u8]| Content::Stream {
            size: bytes.len() as u64,
            reader: Box::new(Cursor::new(bytes.to_vec())),
        };
        find(&|| Ok(content(one)), &|| Ok(content(two))).unwrap()
    }

    #[test]
    fn names_offset_line_and_the_text_around() {
        let place = place(
            b"a\nbuilt at 10:01:02 by x\nc\n",
            b"a\nbuilt at 10:01:09 by x\nc\n",
        );
        let place = place.unwrap();
        assert_eq!((place.offset, place.line), (18, Some(2)));
        assert_eq!(place.first, "built at 10:01:02 by x");
        assert_eq!(place.second, "built at 10:01:09 by x");
    }

    #[test]
    fn finds_what_lies_behind_many_buffers() {
        let mut one = vec![b'x'; 300_000];
        let mut two = one.clone();
        one.extend(b"\0one");
        two.extend(b"\0two");
        let place = place(&one, &two).unwrap();
        assert_eq!((place.offset, place.line), (300_001, None));
        assert!(place.first.ends_with("xx\\x00one"), "{place:?}");
        assert!(place.second.ends_with("xx\\x00two"), "{place:?}");
    }

    #[test]
    fn one_content_may_be_longer() {
        let place = place(b"same", b"same and more").unwrap();
        assert_eq!((place.offset, place.line), (4, Some(1)));
        assert_eq!((&*place.first, &*place.second), ("same", "same and more"));
    }

    #[test]
    fn the_same_has_no_place() {
        assert_eq!(place(b"", b""), None);
        let large = vec![7; 100_000];
        assert_eq!(place(&large, &large), None);
    }
}
