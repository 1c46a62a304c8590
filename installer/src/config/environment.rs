//! The environment file of a project, as systemd reads `EnvironmentFile=`: one assignment a line,
//! comments, quotes and continued lines, and nothing is expanded. Its values are secrets: they are
//! in no error and in no log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_schemas::install::EnvironmentName;
use bulla_schemas::outcome::{FailureKind, Outcome};

use crate::platform::files::{self, FileError};

/// Most bytes of an environment file.
const LIMIT: u64 = 256 * 1024;

/// Why an environment file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// It cannot be read, or others could change it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that is named is not there.
    #[error("the environment file `{}` does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A line that sets nothing. What it says may be a secret.
    #[error("expected {expected} in line {line} of the environment file `{}`", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What should be there.
        expected: &'static str,
    },
}

impl Outcome for EnvironmentError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Missing { .. } => FailureKind::Failed,
            Self::Line { .. } => FailureKind::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Missing { path } => Some(format!(
                "write it, or remove `environment-file` from the host file; `install -m 600 /dev/null \
                 {}` makes an empty one",
                path.display()
            )),
            Self::Line { .. } => {
                Some("the syntax is that of `EnvironmentFile=` in systemd.exec(5)".to_owned())
            }
        }
    }
}

/// Reads the file. It is refused where other users could have written it, as ssh does.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, String>, EnvironmentError> {
    let text = files::read_up_to(path, LIMIT)?;
    let text = text.ok_or_else(|| EnvironmentError::Missing {
        path: path.to_owned(),
    })?;
    bulla_files::require_unshared(path)?;
    let wrong = |(line, expected)| EnvironmentError::Line {
        path: path.to_owned(),
        line,
        expected,
    };
    let text = str::from_utf8(&text).map_err(|error| {
        let before = String::from_utf8_lossy(&text[..error.valid_up_to()]);
        wrong((before.matches('\n').count() + 1, "UTF-8"))
    })?;
    parse(text).map_err(wrong)
}

/// Where in an assignment a character stands.
enum Place {
    Begin,
    Comment,
    Name,
    /// Before a value, or after a quoted part of it.
    Value,
    Bare,
    Single,
    Double,
}

/// Returns the assignments; of several to one name the last. An error is a line and what was
/// expected there.
fn parse(text: &str) -> Result<BTreeMap<String, String>, (usize, &'static str)> {
    const NAME: &str = "the name of a variable, `=` and its value";
    let mut found = BTreeMap::new();
    let (mut name, mut value) = (String::new(), String::new());
    // Spaces at the end of a bare value do not count.
    let mut bare_end = 0;
    let (mut line, mut begun) = (1, 1);
    let mut place = Place::Begin;
    let mut characters = text.chars().chain(['\n']);
    while let Some(c) = characters.next() {
        if c == '\0' {
            return Err((line, "no NUL character"));
        }
        let is_end = matches!(c, '\n' | '\r');
        place = match place {
            Place::Begin if c == '#' || c == ';' => Place::Comment,
            Place::Begin if c.is_ascii_whitespace() => Place::Begin,
            Place::Begin => {
                begun = line;
                name.clear();
                name.push(c);
                Place::Name
            }
            Place::Comment if c == '\\' => {
                // systemd goes on with a comment whose line is continued.
                line += usize::from(characters.next() == Some('\n'));
                Place::Comment
            }
            Place::Comment if is_end => Place::Begin,
            Place::Comment => Place::Comment,
            Place::Name if c == '=' => {
                value.clear();
                bare_end = 0;
                Place::Value
            }
            Place::Name if is_end => return Err((begun, NAME)),
            Place::Name => {
                name.push(c);
                Place::Name
            }
            Place::Value | Place::Bare if is_end => {
                if matches!(place, Place::Bare) {
                    value.truncate(bare_end);
                }
                let name = name.trim_end();
                if name.parse::<EnvironmentName>().is_err() {
                    return Err((begun, NAME));
                }
                found.insert(name.to_owned(), std::mem::take(&mut value));
                Place::Begin
            }
            Place::Value if c == '\'' => Place::Single,
            Place::Value if c == '"' => Place::Double,
            Place::Value if c.is_ascii_whitespace() => Place::Value,
            Place::Value | Place::Bare => {
                let escaped = (c == '\\').then(|| characters.next()).flatten();
                match escaped {
                    Some('\n') => line += 1,
                    Some(c) => {
                        value.push(c);
                        bare_end = value.len();
                    }
                    None => {
                        value.push(c);
                        if !c.is_ascii_whitespace() {
                            bare_end = value.len();
                        }
                    }
                }
                Place::Bare
            }
            Place::Single if c == '\'' => Place::Value,
            Place::Double if c == '"' => Place::Value,
            Place::Double if c == '\\' => {
                match characters.next() {
                    Some('\n') => line += 1,
                    Some(c @ ('"' | '\\' | '`' | '$')) => value.push(c),
                    Some(c) => value.extend(['\\', c]),
                    None => {}
                }
                Place::Double
            }
            Place::Single | Place::Double => {
                value.push(c);
                place
            }
        };
        line += usize::from(c == '\n');
    }
    match place {
        Place::Single | Place::Double => Err((begun, "a closing quote")),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_systemd_reads() {
        let text = r#"
# a comment \
that goes on
; another
PLAIN=a value  
  SPACED =  b
EMPTY=
SINGLE='a "b" \n $HOME'
DOUBLE="a \"b\" \$c \d \\"
JOINED='a'"b"c
CONTINUED=one\
two
ESCAPED=a\ b\'c
MANY="one
two"
LATER=1
LATER=2
"#;
        let found = parse(text).unwrap();
        let expected = [
            ("PLAIN", "a value"),
            ("SPACED", "b"),
            ("EMPTY", ""),
            ("SINGLE", r#"a "b" \n $HOME"#),
            ("DOUBLE", r#"a "b" $c \d \"#),
            ("JOINED", "abc"),
            ("CONTINUED", "onetwo"),
            ("ESCAPED", "a b'c"),
            ("MANY", "one\ntwo"),
            ("LATER", "2"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }

    #[test]
    fn names_the_line_that_sets_nothing_and_never_what_it_says() {
        for (text, line) in [
            ("A=1\nnothing\n", 2),
            ("export A=1\n", 1),
            ("\n\n1A=x\n", 3),
            ("A=1\nB='open\nsecret\n", 2),
            ("A=1\0\n", 1),
        ] {
            assert_eq!(parse(text).unwrap_err().0, line, "{text:?}");
        }
    }
}
