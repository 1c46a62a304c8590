//! `Rules`: what is kept of which projects, as a file says it. The first rule counts that names a project.
//!
//! ```toml
//! [[rule]]
//! projects = ["acme/billing", "shop/*"]
//! keep-heads = 10            # of each channel
//! keep-promoted = "365d"     # and what was a head within a year
//! keep-unpromoted = "30d"
//!
//! [defaults]                 # of all other projects
//! keep-unpromoted = "90d"
//! ```
//!
//! A rule says all that is kept of its projects: what it does not say is as without a file.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use bulla_files::FileError;
use bulla_schemas::ProjectName;
use bulla_schemas::outcome::{FailureKind, Outcome};
use serde::Deserialize;
use toml::Spanned;

use super::terms::Terms;
use crate::pattern::ProjectPattern;
use crate::period::seconds;

/// Most bytes in a file of rules.
const MAX_LEN: u64 = 1 << 20;

/// What is kept of which projects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    rules: Vec<(ProjectPattern, Terms)>,
    others: Terms,
}

/// Why there are no rules.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum RulesError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no file.
    #[error("there are no rules in `{}`: it is not there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Something in it is wrong.
    #[error("`{}` line {line}, column {column}: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What was expected, and what was found.
        message: String,
    },
}

impl Outcome for RulesError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Missing { .. } | Self::Wrong { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Missing { .. } => Some("name the file of rules with --rules".to_owned()),
            Self::Wrong { .. } => Some(
                "correct the file, then run the same command again; nothing was removed".to_owned(),
            ),
        }
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    rule: Vec<Rule>,
    #[serde(default)]
    defaults: Defaults,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Rule {
    projects: Spanned<Vec<Spanned<String>>>,
    keep_heads: Option<Heads>,
    keep_promoted: Option<Seconds>,
    keep_unpromoted: Option<Seconds>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names of the options")]
struct Defaults {
    keep_heads: Option<Heads>,
    keep_promoted: Option<Seconds>,
    keep_unpromoted: Option<Seconds>,
}

/// How many heads: at least the present one.
#[derive(Deserialize)]
#[serde(try_from = "toml::Value")]
struct Heads(NonZeroU32);

impl TryFrom<toml::Value> for Heads {
    type Error = String;

    fn try_from(found: toml::Value) -> Result<Self, String> {
        let number = found.as_integer();
        let number = number.and_then(|number| u32::try_from(number).ok());
        match number.and_then(NonZeroU32::new) {
            Some(number) => Ok(Self(number)),
            None => Err(format!(
                "expected how many of the last heads are kept, 1 or more, found {}",
                found.to_string().chars().take(40).collect::<String>()
            )),
        }
    }
}

/// A period such as `90d`.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Seconds(i64);

impl TryFrom<String> for Seconds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = || format!(", found {:?}", text.chars().take(40).collect::<String>());
        seconds(&text)
            .map(Self)
            .map_err(|expected| expected + &found())
    }
}

impl Rules {
    /// Reads a file of rules.
    pub(crate) fn load(path: &Path) -> Result<Self, RulesError> {
        let bytes = bulla_files::read_up_to(path, MAX_LEN)?;
        let path = path.to_owned();
        let Some(bytes) = bytes else {
            return Err(RulesError::Missing { path });
        };
        Self::parse(&bytes).map_err(|(line, column, message)| RulesError::Wrong {
            path,
            line,
            column,
            message,
        })
    }

    /// Returns what is kept of a project, and the rule that says so.
    pub(super) fn of(&self, project: &ProjectName) -> (&Terms, String) {
        let mut rules = self.rules.iter();
        match rules.find(|(pattern, _)| pattern.matches(project)) {
            Some((pattern, terms)) => (terms, pattern.to_string()),
            None => (&self.others, "defaults".to_owned()),
        }
    }

    /// Reads rules, or says where something is wrong: line, column and sentence.
    fn parse(bytes: &[u8]) -> Result<Self, (usize, usize, String)> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            let found = rest.first().copied().unwrap_or_default();
            let valid = String::from_utf8_lossy(valid);
            let message = format!("expected UTF-8, found the byte {found:#04x}");
            at(&valid, valid.len(), message)
        })?;
        let read: Text = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            at(text, start, error.message().to_owned())
        })?;
        let mut rules: Vec<(ProjectPattern, Terms)> = Vec::new();
        for rule in read.rule {
            let terms = Terms::new(rule.keep_heads, rule.keep_promoted, rule.keep_unpromoted);
            if rule.projects.get_ref().is_empty() {
                let message = "expected a project or a pattern such as `acme/*`, found none";
                return Err(at(text, rule.projects.span().start, message.to_owned()));
            }
            for project in rule.projects.into_inner() {
                let start = project.span().start;
                let pattern = project.get_ref().parse::<ProjectPattern>();
                let pattern = pattern.map_err(|error| at(text, start, error.to_string()))?;
                let mut before = rules.iter();
                if let Some((before, _)) = before.find(|(before, _)| before.covers(&pattern)) {
                    let message = format!(
                        "no project comes as far as `{pattern}`: `{before}` stands before it"
                    );
                    return Err(at(text, start, message));
                }
                rules.push((pattern, terms.clone()));
            }
        }
        let others = read.defaults;
        Ok(Self {
            rules,
            others: Terms::new(
                others.keep_heads,
                others.keep_promoted,
                others.keep_unpromoted,
            ),
        })
    }
}

impl Terms {
    fn new(heads: Option<Heads>, promoted: Option<Seconds>, unpromoted: Option<Seconds>) -> Self {
        Self {
            heads: heads.map(|heads| heads.0.get()),
            promoted: promoted.map(|period| period.0),
            unpromoted: unpromoted.map_or(Self::UNPROMOTED, |period| period.0),
        }
    }
}

/// Returns line and column of a byte of a text, and what is wrong there.
fn at(text: &str, offset: usize, message: String) -> (usize, usize, String) {
    let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
    let start = before.rfind('\n').map_or(0, |position| position + 1);
    let line = 1 + before.matches('\n').count();
    (line, 1 + before[start..].chars().count(), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn wrong(text: &str) -> String {
        let (line, column, message) = Rules::parse(text.as_bytes()).unwrap_err();
        format!("{line}:{column}: {message}")
    }

    #[test]
    fn the_first_rule_that_names_a_project_says_all_that_is_kept_of_it() {
        let rules = Rules::parse(include_bytes!("../../contrib/rules.toml")).unwrap();
        let of = |project: &str| {
            let (terms, rule) = rules.of(&project.parse().unwrap());
            (terms.heads, terms.promoted, terms.unpromoted / DAY, rule)
        };
        let year = Some(365 * DAY);
        assert_eq!(
            of("acme/billing"),
            (None, None, 90, "acme/billing".to_owned())
        );
        assert_eq!(of("acme/tool"), (Some(10), year, 30, "acme/*".to_owned()));
        assert_eq!(
            of("mirror/image"),
            (Some(1), None, 7, "mirror/*".to_owned())
        );
        assert_eq!(of("shop/web"), (Some(20), year, 90, "defaults".to_owned()));
        let nothing = Rules::parse(b"").unwrap();
        let project = "acme/tool".parse().unwrap();
        assert_eq!(
            nothing.of(&project),
            (&Terms::default(), "defaults".to_owned())
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, expected) in [
            (
                "[[rule]]\nprojects = [\"acme/*\"]\nkeep-head = 3\n",
                "3:1: unknown field `keep-head`",
            ),
            (
                "[[rule]]\nkeep-heads = 3\n",
                "1:1: missing field `projects`",
            ),
            (
                "[[rule]]\nprojects = []\n",
                "2:12: expected a project or a pattern",
            ),
            (
                "[[rule]]\nprojects = [\"acme/*\", \"ä\"]\n",
                "2:23: a project pattern is",
            ),
            (
                "[defaults]\nkeep-promoted = \"1w\"\n",
                "2:17: expected a number and `d`",
            ),
            (
                "[defaults]\nkeep-heads = 0\n",
                "2:14: expected how many of the last heads are kept, 1 or more, found 0",
            ),
            (
                "[[rule]]\nprojects = [\"*\"]\nkeep-heads = -1\n",
                "3:14: expected how many of the last heads are kept, 1 or more, found -1",
            ),
            (
                "[defaults]\nkeep-heads = \"all\"\n",
                "2:14: expected how many of the last heads are kept, 1 or more, found \"all\"",
            ),
            ("[rules]\n", "1:2: unknown field `rules`"),
            ("[[rule]\n", "1:"),
            ("# \u{e4}\nx = \n", "2:"),
        ] {
            let found = wrong(text);
            assert!(found.starts_with(expected), "{text}: {found}");
        }
        let (line, column, message) = Rules::parse(b"[defaults]\n# \xff\n").unwrap_err();
        assert_eq!((line, column), (2, 3));
        assert!(message.contains("0xff"), "{message}");
    }

    #[test]
    fn a_rule_that_no_project_comes_to_is_refused() {
        let rule = |project: &str| format!("[[rule]]\nprojects = [\"{project}\"]\n");
        for (first, second) in [
            ("*", "acme/*"),
            ("acme/*", "acme/tool"),
            ("acme/*", "acme/*"),
        ] {
            let found = wrong(&(rule(first) + &rule(second)));
            let expected = format!("4:13: no project comes as far as `{second}`: `{first}` stands");
            assert!(found.starts_with(&expected), "{found}");
        }
        for (first, second) in [
            ("acme/tool", "acme/*"),
            ("acme/*", "*"),
            ("acme/a*", "acme/b*"),
        ] {
            Rules::parse((rule(first) + &rule(second)).as_bytes()).unwrap();
        }
    }
}
