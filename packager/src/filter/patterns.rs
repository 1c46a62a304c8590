//! Patterns in gitignore syntax, judged over paths that need not exist on disk.

use foldhash::HashMap;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// A list of patterns, as in one `.gitignore` file at the top.
#[derive(Debug, Clone)]
pub struct Patterns {
    matcher: Gitignore,
    texts: Vec<String>,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Not gitignore syntax.
    #[error("`{pattern}` is not a pattern in gitignore syntax: {reason}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A line that gitignore skips, which in a list is surely a mistake.
    #[error("`{pattern}` matches nothing: it is empty or a comment")]
    Empty {
        /// The pattern.
        pattern: String,
    },
}

impl PatternError {
    /// Returns the text that is not a pattern.
    pub fn pattern(&self) -> &str {
        match self {
            Self::Syntax { pattern, .. } | Self::Empty { pattern } => pattern,
        }
    }
}

impl Patterns {
    /// Reads each text as one line of a `.gitignore` file.
    pub fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            let syntax = |error: ignore::Error| PatternError::Syntax {
                pattern: pattern.clone(),
                reason: error.to_string(),
            };
            if pattern.trim().is_empty() || pattern.starts_with('#') || pattern.contains('\n') {
                return Err(PatternError::Empty {
                    pattern: pattern.clone(),
                });
            }
            builder.add_line(None, pattern).map_err(syntax)?;
        }
        let matcher = builder.build().map_err(|error| PatternError::Syntax {
            pattern: patterns.join(", "),
            reason: error.to_string(),
        })?;
        Ok(Self {
            matcher,
            texts: patterns.to_vec(),
        })
    }

    /// Matches nothing.
    pub(super) fn none() -> Self {
        Self {
            matcher: Gitignore::empty(),
            texts: Vec::new(),
        }
    }

    /// Writes the pattern that matches `path` at the top and nothing else beside it.
    pub(crate) fn literal(path: &str) -> String {
        let mut pattern = String::from("/");
        for character in path.chars() {
            if "\\*?[]{}! ".contains(character) {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern
    }

    /// Returns a judge that remembers what it decided about directories.
    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge {
            patterns: &self.matcher,
            texts: &self.texts,
            directories: HashMap::default(),
        }
    }
}

/// Judges many paths of one tree.
pub(crate) struct Judge<'a> {
    patterns: &'a Gitignore,
    texts: &'a [String],
    directories: HashMap<String, bool>,
}

impl Judge<'_> {
    /// Tells whether the patterns match `path` or a directory that it lies in. As in git, what
    /// lies in a matched directory cannot be taken out of it by a later `!` pattern.
    pub(crate) fn matches(&mut self, path: &str, is_directory: bool) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let parent = path.rsplit_once('/').map(|(parent, _)| parent);
        parent.is_some_and(|parent| self.directory_matches(parent))
            || self.patterns.matched(path, is_directory).is_ignore()
    }

    /// Tells whether the patterns may match something below `directory`.
    pub(super) fn may_match_below(&mut self, directory: &str) -> bool {
        self.matches(directory, true)
            || self
                .texts
                .iter()
                .any(|pattern| reaches_below(pattern, directory))
    }

    /// Tells whether the patterns match whatever is below `directory`, as far as that is sure.
    pub(super) fn matches_all_below(&mut self, directory: &str) -> bool {
        // A name that only a wildcard matches.
        const ANY: &str = "\u{1}";
        self.matches(directory, true)
            || (self.texts.iter().all(|pattern| !pattern.starts_with('!'))
                && self.matches(&format!("{directory}/{ANY}"), false))
    }

    fn directory_matches(&mut self, directory: &str) -> bool {
        if let Some(decided) = self.directories.get(directory) {
            return *decided;
        }
        let matched = self.matches(directory, true);
        self.directories.insert(directory.to_owned(), matched);
        matched
    }
}

/// Tells whether `pattern` may match a path below `directory`: one with a `/` in it begins at the
/// top, and matches nothing there when its first parts are other names.
fn reaches_below(pattern: &str, directory: &str) -> bool {
    let parts = pattern.strip_prefix('/').unwrap_or(pattern);
    let is_anchored = pattern.trim_end_matches('/').contains('/');
    if pattern.starts_with('!') || !is_anchored {
        return !pattern.starts_with('!');
    }
    for (part, name) in parts.split('/').zip(directory.split('/')) {
        if part.contains(['*', '?', '[', '{', '\\']) {
            return true;
        }
        if part != name {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(patterns: &[&str], path: &str) -> bool {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Patterns::new(&patterns)
            .unwrap()
            .judge()
            .matches(path, false)
    }

    #[test]
    fn reads_patterns_as_gitignore_does() {
        for (patterns, path, expected) in [
            (vec!["**"], "a/b/c", true),
            (vec!["**"], ".hidden", true),
            (vec!["tests/**"], "tests/a/b", true),
            (vec!["tests/**"], "src/tests/a", false),
            (vec!["tests/"], "src/tests/a", true),
            (vec!["tests/"], "tests", false),
            (vec!["/tests"], "src/tests/a", false),
            (vec!["*.psd"], "art/Big Logo.psd", true),
            (vec!["*.psd", "!keep.psd"], "art/keep.psd", false),
            (vec!["art/", "!art/keep.psd"], "art/keep.psd", true),
            (vec!["art/*", "!art/keep.psd"], "art/keep.psd", false),
            (vec!["ümläut [x].txt"], "ümläut x.txt", true),
            (vec!["A"], "a", false),
            (vec!["a@b*"], "x/a@b c", true),
            (vec![], "a", false),
        ] {
            assert_eq!(matches(&patterns, path), expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn knows_which_directories_nothing_is_taken_from() {
        let judge = |patterns: &[&str], directory: &str| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            let patterns = Patterns::new(&patterns).unwrap();
            let mut judge = patterns.judge();
            (
                judge.may_match_below(directory),
                judge.matches_all_below(directory),
            )
        };
        for (patterns, directory, expected) in [
            (vec!["**"], "lib/x", (true, true)),
            (vec!["src/**"], "lib/x", (false, false)),
            (vec!["lib/x/a.js"], "lib/x", (true, false)),
            (vec!["/lib"], "lib/x", (true, true)),
            (vec!["lib/x/**"], "lib/x", (true, true)),
            (vec!["lib/x/*", "!lib/x/keep"], "lib/x", (true, false)),
            (vec!["lib/*/a"], "lib/x", (true, false)),
            (vec!["*.js"], "lib/x", (true, false)),
            (vec!["x/"], "lib/x", (true, true)),
        ] {
            assert_eq!(judge(&patterns, directory), expected, "{patterns:?}");
        }
    }

    #[test]
    fn writes_patterns_for_odd_names() {
        for name in [
            "a",
            "a b ",
            "[x]*",
            "{a,b}",
            "back\\slash",
            "!x",
            "#y",
            "dir/ü?",
        ] {
            let pattern = Patterns::literal(name);
            assert!(matches(&[&pattern], name), "{pattern}");
            assert!(!matches(&[&pattern], &format!("other/{name}")), "{pattern}");
        }
    }

    #[test]
    fn refuses_patterns_that_mean_nothing() {
        for wrong in ["", " ", "# comment", "a{b", "a\nb"] {
            assert!(Patterns::new(&[wrong.to_owned()]).is_err(), "{wrong:?}");
        }
    }
}
