//! The hunks of one file: its changed lines, with three lines around them.

use std::io::{self, Write};
use std::ops::Range;

use bulla_schemas::escape::escape_lines;
use gix_imara_diff::{Algorithm, Diff, Hunk, InternedInput};

use super::Reader;

/// Lines of context.
const CONTEXT: u32 = 3;

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
    let changes: Vec<Hunk> = diff.hunks().collect();
    let mut lines = Lines { output, reader };
    for group in changes.chunk_by(|one, next| next.before.start - one.before.end <= 2 * CONTEXT) {
        write_group(&mut lines, group, &input)?;
    }
    Ok(())
}

/// Writes changes that share their context under one `@@`.
fn write_group(
    lines: &mut Lines<'_>,
    group: &[Hunk],
    input: &InternedInput<&[u8]>,
) -> io::Result<()> {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return Ok(());
    };
    let lead = first.before.start.min(CONTEXT);
    let rest = u32::try_from(input.before.len()).unwrap_or(u32::MAX) - last.before.end;
    let trail = rest.min(CONTEXT);
    let old = first.before.start - lead..last.before.end + trail;
    let new = first.after.start - lead..last.after.end + trail;
    writeln!(lines.output, "@@ -{} +{} @@", place(&old), place(&new))?;
    let old_line = |at: u32| input.interner[input.before[at as usize]];
    let new_line = |at: u32| input.interner[input.after[at as usize]];
    let mut at = old.start;
    for change in group {
        for line in at..change.before.start {
            lines.write(b' ', old_line(line))?;
        }
        for line in change.before.clone() {
            lines.write(b'-', old_line(line))?;
        }
        for line in change.after.clone() {
            lines.write(b'+', new_line(line))?;
        }
        at = change.before.end;
    }
    for line in at..old.end {
        lines.write(b' ', old_line(line))?;
    }
    Ok(())
}

/// Writes a range of lines: first line and count, where no lines lie behind the one named.
fn place(lines: &Range<u32>) -> String {
    match lines.end - lines.start {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
}

struct Lines<'a> {
    output: &'a mut dyn Write,
    reader: Reader,
}

impl Lines<'_> {
    /// Writes a line with its sign, and says so when no line feed ends it.
    fn write(&mut self, sign: u8, line: &[u8]) -> io::Result<()> {
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
