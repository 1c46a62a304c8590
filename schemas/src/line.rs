//! Text of others, and what there may be too much of, in one line of ours.

use std::fmt::Display;

use crate::escape::escape;

/// What names, addresses, keys and patterns are made of besides letters and digits.
const OF_WORDS: &str = "._-/:@+=*~%?&#$";

/// Writes what somebody else has chosen as one word of ours: as it is where it is made of what names,
/// addresses and patterns are made of, and in quotes where it could be taken for the words around it.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || OF_WORDS.contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escape(&text))
}

/// Returns a text in one line, with single spaces between its words.
pub fn in_one(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a text in one line, and only the beginning of one that has more than `longest`
/// characters.
pub fn shortened(text: &str, longest: usize) -> String {
    let line = in_one(text);
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Names all of some things.
pub fn list<T: Display>(things: impl IntoIterator<Item = T>) -> String {
    let named = things.into_iter().map(|thing| thing.to_string());
    named.collect::<Vec<_>>().join(", ")
}

/// Names the first of some things, and how many there are besides: `a; b; and 3 more`. `rest` stands
/// before that number.
pub fn few<T: Display>(
    things: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
    most: usize,
    separator: &str,
    rest: &str,
) -> String {
    let things = things.into_iter();
    let more = things.len().saturating_sub(most);
    let named = things.take(most).map(|thing| thing.to_string());
    let named = named.collect::<Vec<_>>().join(separator);
    match more {
        0 => named,
        more => format!("{named}{rest} {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_runs_of_spaces_become_single_spaces() {
        assert_eq!(in_one(" one\n\ttwo  three\n"), "one two three");
        assert_eq!(in_one("\n"), "");
    }

    #[test]
    fn all_things_are_named_in_their_order() {
        assert_eq!(list(["prod", "dev"]), "prod, dev");
        assert_eq!(list::<&str>([]), "");
    }

    #[test]
    fn a_text_is_cut_between_characters_where_it_is_too_long() {
        assert_eq!(shortened("ä\nöü", 4), "ä öü");
        assert_eq!(shortened("ä\nöü", 3), "ä ö…");
        assert_eq!(shortened("", 0), "");
    }

    #[test]
    fn what_others_chose_is_a_word_or_stands_in_quotes() {
        for plain in [
            "acme/*",
            "*",
            "git+https://git.acme.example/a?b=c#d",
            "SHA256:a+/=",
        ] {
            assert_eq!(word(plain), plain);
        }
        for (odd, quoted) in [
            ("", "\"\""),
            ("acme/a or every project", "\"acme/a or every project\""),
            ("a, b", "\"a, b\""),
            ("a\") may \\", "\"a\\\") may \\\\\""),
            ("`prod`", "\"`prod`\""),
            ("a\u{1b}[2J\nb", "\"a\\u{1b}[2J\\u{a}b\""),
            ("\u{43f}rod", "\"\u{43f}rod\""),
        ] {
            assert_eq!(word(odd), quoted);
        }
    }

    #[test]
    fn what_is_not_named_is_counted() {
        let few = |things: &[&str]| few(things, 2, ", ", " and");
        assert_eq!(few(&[]), "");
        assert_eq!(few(&["a", "b"]), "a, b");
        assert_eq!(few(&["a", "b", "c", "d"]), "a, b and 2 more");
    }
}
