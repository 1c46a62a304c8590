//! Text of others in one line of ours.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_runs_of_spaces_become_single_spaces() {
        assert_eq!(in_one(" one\n\ttwo  three\n"), "one two three");
        assert_eq!(in_one("\n"), "");
    }

    #[test]
    fn a_text_is_cut_between_characters_where_it_is_too_long() {
        assert_eq!(shortened("ä\nöü", 4), "ä öü");
        assert_eq!(shortened("ä\nöü", 3), "ä ö…");
        assert_eq!(shortened("", 0), "");
    }
}
