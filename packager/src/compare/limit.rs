//! `PathLimit`: a PATH of `bulla diff A B PATH...`, read as `git diff -- PATH` would.

use crate::filter::{PatternError, Patterns};

/// A path, with everything below it, or a pattern in gitignore syntax.
#[derive(Debug, Clone)]
pub struct PathLimit {
    path: String,
    /// Only where the text has a wildcard; a file may be called `[x]` all the same.
    pattern: Option<Patterns>,
}

impl PathLimit {
    /// Reads one PATH; `.` is everything.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let path = text.trim_start_matches("./").trim_end_matches('/');
        let has_wildcard = text.contains(['*', '?', '[']);
        Ok(Self {
            path: if path == "." { "" } else { path }.to_owned(),
            pattern: has_wildcard
                .then(|| Patterns::new(&[text.to_owned()]))
                .transpose()?,
        })
    }

    /// Tells whether it takes in a path.
    pub fn matches(&self, path: &str, is_directory: bool) -> bool {
        let literally = self.path.is_empty()
            || path
                .strip_prefix(self.path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let pattern = self.pattern.as_ref();
        literally || pattern.is_some_and(|pattern| pattern.judge().matches(path, is_directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_literal_and_a_wildcard_is_a_pattern() {
        for (limit, path, expected) in [
            ("src", "src", true),
            ("src", "src/a/b", true),
            ("src/", "src/a", true),
            ("./src", "src/a", true),
            ("src", "lib/src/a", false),
            ("src", "srcs", false),
            (".", "anything", true),
            ("*.php", "public/index.php", true),
            ("/*.php", "public/index.php", false),
            ("public/*", "public/a/b", true),
            ("[x]", "[x]/a", true),
            ("[x]", "x", true),
        ] {
            let found = PathLimit::new(limit).unwrap().matches(path, false);
            assert_eq!(found, expected, "{limit} {path}");
        }
        assert!(PathLimit::new("*{b").is_err());
    }
}
