//! Text of others, and what there may be too much of, in one line of ours.

use std::fmt::Display;

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
    fn what_is_not_named_is_counted() {
        let few = |things: &[&str]| few(things, 2, ", ", " and");
        assert_eq!(few(&[]), "");
        assert_eq!(few(&["a", "b"]), "a, b");
        assert_eq!(few(&["a", "b", "c", "d"]), "a, b and 2 more");
    }
}
