//! How wide lines may be: as the terminal, else as `COLUMNS` says, and sentences at most 80 characters where
//! neither does.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use terminal_size::terminal_size_of;

/// How wide a terminal is that does not say so, as those of serial lines and of some programs; and how
/// wide a line of words is in a file or a pipe.
pub(crate) const USUAL: u16 = 80;
/// By how much more the second line of something begins.
const HANGING: usize = 2;
/// How far in quoted lines begin.
const QUOTED: usize = 4;

/// Returns how wide a stream is, where it is a terminal or the environment says it (`COLUMNS`).
#[expect(
    clippy::disallowed_methods,
    reason = "no option says how wide a terminal is"
)]
pub(crate) fn columns(stream: &(impl AsFd + IsTerminal)) -> Option<u16> {
    let size = terminal_size_of(stream.as_fd());
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    let usual = || stream.is_terminal().then_some(USUAL);
    let size = size.map(|(columns, _)| columns.0).or_else(said);
    size.filter(|columns| *columns > 0).or_else(usual)
}

/// Cuts a text between its words into lines of so many characters; a longer word has a line of its
/// own, so that a path can still be copied. So is a command in backticks where it fits into a line.
pub(crate) fn lines(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words(text, most) {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= most => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// Returns the words of a text, and what stands in backticks as one word where that is short enough.
fn words(text: &str, most: usize) -> Vec<String> {
    let is_open = |part: &&str| part.matches('`').count() % 2 == 1;
    let parts: Vec<&str> = text.split_whitespace().collect();
    let (mut words, mut left) = (Vec::new(), &parts[..]);
    while let [first, rest @ ..] = left {
        let close = is_open(first)
            .then(|| rest.iter().position(is_open))
            .flatten();
        let quoted = close.map(|close| left[..close + 2].join(" "));
        let quoted = quoted.filter(|quoted| quoted.chars().count() <= most);
        left = &left[quoted.as_ref().and(close).map_or(1, |close| close + 2)..];
        words.push(quoted.unwrap_or_else(|| (*first).to_owned()));
    }
    words
}

/// Writes words behind what begins their first line; the lines after it stand a little further in.
pub(crate) fn folded(begin: &str, words: &str, columns: u16) -> String {
    let indent = begin.chars().count();
    let room = usize::from(columns).saturating_sub(indent);
    let mut folded = lines(words, room);
    if folded.len() > 1 {
        folded = lines(words, room.saturating_sub(HANGING));
    }
    let mut folded = folded.into_iter();
    let first = format!("{begin}{}", folded.next().unwrap_or_default());
    let mut text = format!("{}\n", first.trim_end());
    for line in folded {
        let _ = writeln!(text, "{:width$}{line}", "", width = indent + HANGING);
    }
    text
}

/// Folds the lines of a text that are wider than they may be, each by itself. What stands four characters
/// in or more is quoted, such as the output of a command, and stays as it is.
pub(crate) fn fitted(text: &str, columns: u16) -> String {
    let mut fitted = String::new();
    for line in text.lines() {
        let words = line.trim_start_matches(' ');
        let begin = &line[..line.len() - words.len()];
        if begin.len() < QUOTED && line.chars().count() > usize::from(columns) {
            fitted.push_str(&folded(begin, words, columns));
        } else {
            let _ = writeln!(fitted, "{line}");
        }
    }
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_on_below_their_beginning() {
        let words = "moving `prod` of every project needs 2 of alice, bob, carol";
        assert_eq!(
            folded("  + ", words, 40),
            "  + moving `prod` of every project\n      needs 2 of alice, bob, carol\n"
        );
        assert_eq!(folded("  + ", words, 80), format!("  + {words}\n"));
        assert_eq!(folded("", "", 80), "\n");
    }

    #[test]
    fn a_command_stays_in_one_line_where_it_can() {
        let words = "then `bulla key rotate alice NEW.pub` (or `bulla doctor`), and go on";
        assert_eq!(
            folded("", words, 40),
            "then `bulla key rotate alice NEW.pub`\n  (or `bulla doctor`), and go on\n"
        );
        assert_eq!(
            folded("", "a `key that` and `a longer one, open", 12),
            "a\n  `key that`\n  and `a\n  longer\n  one, open\n"
        );
    }

    #[test]
    fn each_line_of_a_failure_is_folded_and_what_it_quotes_is_not() {
        let text = "error: the channel `prod` points to no release\n  a cause  that is short\n    out|  \
                    what a command wrote, in a long line\nhint: promote one of them\n";
        assert_eq!(
            fitted(text, 30),
            "error: the channel `prod`\n  points to no release\n  a cause  that is short\n    out|  \
             what a command wrote, in a long line\nhint: promote one of them\n"
        );
        assert_eq!(fitted(text, 80), text);
        assert_eq!(
            fitted("  \u{e9}\u{e9} \u{e9}", 5),
            "  \u{e9}\u{e9}\n    \u{e9}\n"
        );
    }

    #[test]
    fn no_line_is_wider_than_it_may_be_unless_a_word_is() {
        let words = "a key SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU and words behind it";
        for columns in 0..100 {
            let text = folded("      ", words, columns);
            let said: Vec<_> = text.split_whitespace().collect();
            assert_eq!(said.join(" "), words, "nothing is lost");
            for line in text.lines() {
                let fits = line.chars().count() <= columns.into();
                assert!(
                    fits || line.split_whitespace().count() == 1,
                    "{columns}: {text}"
                );
            }
        }
    }
}
