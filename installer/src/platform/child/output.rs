//! What a program wrote: both of its streams in the order of arrival, of which the beginning and
//! the end are kept.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// Where a program wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Error,
}

/// Most bytes that are kept of each end.
const HALF: usize = 32 * 1024;

/// A longer line is cut.
const LONGEST: usize = 4096;

/// The output of one program. It holds little more than 64 KiB, however much was written.
#[derive(Debug, Default)]
pub(crate) struct Output {
    head: Vec<(Stream, Vec<u8>)>,
    head_bytes: usize,
    tail: VecDeque<(Stream, Vec<u8>)>,
    tail_bytes: usize,
    dropped: u64,
}

impl Output {
    /// Takes what was read at once.
    pub(super) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(HALF - self.head_bytes));
        if !first.is_empty() {
            self.head.push((stream, first.to_owned()));
            self.head_bytes += first.len();
        }
        if rest.is_empty() {
            return;
        }
        self.tail.push_back((stream, rest.to_owned()));
        self.tail_bytes += rest.len();
        while let Some((_, oldest)) = self.tail.front()
            && self.tail_bytes - oldest.len() >= HALF
        {
            self.dropped += oldest.len() as u64;
            self.tail_bytes -= oldest.len();
            self.tail.pop_front();
        }
    }

    /// Returns the lines, each with its stream, `out|` or `err|`; at most 64 KiB, with a line that
    /// says how much is missing in the middle.
    pub(crate) fn text(&self) -> String {
        let (mut text, mut tail) = (lines(&self.head), lines(&self.tail));
        let mut dropped = self.dropped;
        // With their marks, and where it was no text, lines are longer than what was written.
        if text.len() > HALF {
            let end = text.floor_char_boundary(HALF);
            dropped += (text.len() - end) as u64;
            text.truncate(end);
            text.push('\n');
        }
        if tail.len() > HALF {
            let cut = tail.ceil_char_boundary(tail.len() - HALF);
            let begin = tail[cut..].find('\n').map_or(cut, |feed| cut + feed + 1);
            dropped += begin as u64;
            tail.drain(..begin);
        }
        if dropped > 0 {
            let _ = writeln!(text, "... {dropped} bytes are not kept ...");
        }
        text + &tail
    }
}

fn lines<'a>(chunks: impl IntoIterator<Item = &'a (Stream, Vec<u8>)>) -> String {
    let mut text = String::new();
    let mut open: [Vec<u8>; 2] = Default::default();
    for (stream, bytes) in chunks {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = &mut open[*stream as usize];
            line.extend_from_slice(part);
            let is_whole = line.pop_if(|last| *last == b'\n').is_some();
            // What never ends a line must not hide what the other stream says meanwhile.
            if is_whole || line.len() > LONGEST {
                write_line(&mut text, *stream, &std::mem::take(line));
            }
        }
    }
    for (stream, line) in [Stream::Out, Stream::Error].into_iter().zip(open) {
        if !line.is_empty() {
            write_line(&mut text, stream, &line);
        }
    }
    text
}

fn write_line(text: &mut String, stream: Stream, line: &[u8]) {
    let mark = match stream {
        Stream::Out => "out",
        Stream::Error => "err",
    };
    let _ = writeln!(text, "{mark}| {}", String::from_utf8_lossy(line));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_stream_and_their_order() {
        let mut output = Output::default();
        output.push(Stream::Out, b"one\ntw");
        output.push(Stream::Error, b"bad\xff\n");
        output.push(Stream::Out, b"o\nend");
        assert_eq!(
            output.text(),
            "out| one\nerr| bad\u{fffd}\nout| two\nout| end\n"
        );
    }

    #[test]
    fn of_a_flood_the_beginning_and_the_end_are_kept() {
        for line in ["y\n", "\0", "\n", "ü"] {
            let mut output = Output::default();
            output.push(Stream::Out, b"begin\n");
            for _ in 0..100 {
                output.push(Stream::Out, line.repeat(4096).as_bytes());
            }
            output.push(Stream::Error, b"\nend\n");
            let text = output.text();
            assert!(text.starts_with("out| begin\n"), "{line:?}");
            assert!(text.contains("err| end\n"), "{line:?}");
            assert!(text.contains("bytes are not kept"), "{line:?}");
            assert!(text.len() < 2 * HALF + 100, "{}", text.len());
        }
    }
}
