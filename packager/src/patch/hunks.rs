//! The hunks of one file: its changed lines, with three lines around them.

use std::io::{self, Write};

use bulla_schemas::escape::escape_lines;
use gix::diff::blob::unified_diff::{ConsumeHunk, ContextSize, DiffLineKind, HunkHeader};
use gix::diff::blob::{Algorithm, Diff, InternedInput, UnifiedDiff};

/// Who reads the patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// A program: every byte is exact.
    Program,
    /// A person at a terminal: control characters are escaped.
    Person,
}

/// Writes the hunks between two contents that differ.
pub(super) fn write(
    output: &mut dyn Write,
    before: &[u8],
    after: &[u8],
    reader: Reader,
) -> io::Result<()> {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = Printer { output, reader };
    UnifiedDiff::new(&diff, &input, printer, ContextSize::symmetrical(3)).consume()
}

/// Prints hunks as `git apply` and `patch` read them.
struct Printer<'a> {
    output: &'a mut dyn Write,
    reader: Reader,
}

impl ConsumeHunk for Printer<'_> {
    type Out = ();

    fn consume_hunk(
        &mut self,
        header: HunkHeader,
        lines: &[(DiffLineKind, &[u8])],
    ) -> io::Result<()> {
        writeln!(
            self.output,
            "@@ -{} +{} @@",
            place(header.before_hunk_start, header.before_hunk_len),
            place(header.after_hunk_start, header.after_hunk_len)
        )?;
        for (kind, line) in lines {
            let sign = match kind {
                DiffLineKind::Context => b' ',
                DiffLineKind::Remove => b'-',
                DiffLineKind::Add => b'+',
            };
            self.write_line(sign, line)?;
        }
        Ok(())
    }

    fn finish(self) {}
}

/// Writes first line and count; where there are no lines, the one before is named.
fn place(start: u32, count: u32) -> String {
    match count {
        0 => format!("{},0", start - 1),
        1 => format!("{start}"),
        count => format!("{start},{count}"),
    }
}

impl Printer<'_> {
    /// Writes a line with its sign, and says so when no line feed ends it.
    fn write_line(&mut self, sign: u8, line: &[u8]) -> io::Result<()> {
        self.output.write_all(&[sign])?;
        match self.reader {
            Reader::Program => self.output.write_all(line)?,
            Reader::Person => {
                let text = String::from_utf8_lossy(line);
                let text = text.split('\t').map(escape_lines).collect::<Vec<_>>();
                self.output.write_all(text.join("\t").as_bytes())?;
            }
        }
        if line.ends_with(b"\n") {
            Ok(())
        } else {
            self.output.write_all(b"\n\\ No newline at end of file\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunks(before: &str, after: &str, reader: Reader) -> String {
        let mut output = Vec::new();
        write(&mut output, before.as_bytes(), after.as_bytes(), reader).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn changes_share_a_hunk_where_their_context_touches() {
        let line = |n: u32| format!("line {n}\n");
        let before: String = (1..=30).map(line).collect();
        let near = before
            .replace("line 5\n", "five\n")
            .replace("line 12\n", "twelve\n");
        let far = before
            .replace("line 5\n", "five\n")
            .replace("line 13\n", "");
        let count = |after: &str| {
            hunks(&before, after, Reader::Program)
                .matches("@@ -")
                .count()
        };
        assert_eq!((count(&near), count(&far)), (1, 2));
        assert!(hunks(&before, &far, Reader::Program).contains("@@ -10,7 +10,6 @@\n"));
    }

    #[test]
    fn a_missing_line_feed_is_said_on_the_side_that_lacks_it() {
        assert_eq!(
            hunks("a", "a\n", Reader::Program),
            "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"
        );
        assert_eq!(hunks("", "a\n", Reader::Program), "@@ -0,0 +1 @@\n+a\n");
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        let text = hunks("", "\tred \u{1b}[31m\r\n", Reader::Person);
        assert_eq!(text, "@@ -0,0 +1 @@\n+\tred \\u{1b}[31m\\u{d}\n");
        assert!(hunks("", "\u{1b}", Reader::Program).contains('\u{1b}'));
    }
}
