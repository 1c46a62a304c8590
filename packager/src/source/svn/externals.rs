//! Where `svn:externals` mounts other places. Their content is not packed, so the names must be
//! known.

/// Returns the paths, relative to the directory that has the property, that `value` mounts. A line
/// that cannot be read stands for the directory itself.
pub(super) fn mounts(value: &str) -> Vec<String> {
    value
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| mount(line).unwrap_or_default())
        .collect()
}

/// Reads `[-r REV] URL[@PEG] PATH`, or in the form from before Subversion 1.5
/// `PATH [-r REV] URL`.
fn mount(line: &str) -> Option<String> {
    let mut words = Vec::new();
    let mut rest = words_of(line)?.into_iter().peekable();
    while let Some(word) = rest.next() {
        if word == "-r" {
            rest.next()?;
        } else if !word.starts_with("-r") {
            words.push(word);
        }
    }
    let [first, second] = <[String; 2]>::try_from(words).ok()?;
    let path = if is_url(&first) { second } else { first };
    let path = path.trim_matches('/').to_owned();
    Some(path.strip_prefix("./").map(str::to_owned).unwrap_or(path))
}

fn is_url(word: &str) -> bool {
    word.contains("://")
        || ["^/", "//", "/", "../"]
            .iter()
            .any(|sign| word.starts_with(sign))
}

/// Splits at spaces that are neither quoted nor escaped.
fn words_of(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.push(characters.next()?),
            _ if Some(character) == quote => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(character),
            ' ' | '\t' if quote.is_none() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(character),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_externals_are_mounted() {
        for (value, expected) in [
            ("^/other ext\n", vec!["ext"]),
            ("-r 12 ^/other@3 lib/ext\n", vec!["lib/ext"]),
            ("-r12 https://example.com/x ./ext/\n", vec!["ext"]),
            ("ext -r 5 https://example.com/x\n", vec!["ext"]),
            ("ext https://example.com/x", vec!["ext"]),
            (
                "# comment\n\n../a 'my ext'\n//host/b \"b c\"\n/c d\\ e",
                vec!["my ext", "b c", "d e"],
            ),
            ("nonsense", vec![""]),
            ("^/a 'open", vec![""]),
        ] {
            assert_eq!(mounts(value), expected, "{value:?}");
        }
    }
}
