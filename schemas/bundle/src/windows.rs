//! Names that Windows cannot hold, and paths that differ only in case: found as values, so that
//! packing can warn about them and a release for Windows can be refused.

use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::BuildHasher as _;

use bulla_schemas::EntryPath;
use foldhash::HashMap;
use foldhash::fast::RandomState;

/// A path that Windows cannot hold beside the others, or at all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameProblem {
    /// Two paths that a file system without case cannot tell apart.
    CaseClash {
        /// The path that sorts first.
        first: EntryPath,
        /// The other.
        second: EntryPath,
    },
    /// A part such as `con` or `lpt1.txt`, which names a device.
    ReservedName {
        /// The path.
        path: EntryPath,
        /// The part.
        part: String,
    },
    /// A part that ends with a dot or a space, which Windows drops.
    TrailingDotOrSpace {
        /// The path.
        path: EntryPath,
        /// The part.
        part: String,
    },
    /// One of `< > : " \ | ? *`.
    Character {
        /// The path.
        path: EntryPath,
        /// The first such character.
        character: char,
    },
}

impl fmt::Display for NameProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaseClash { first, second } => {
                write!(formatter, "`{first}` and `{second}` differ only in case")
            }
            Self::ReservedName { path, part } => {
                write!(formatter, "`{path}`: `{part}` names a device on Windows")
            }
            Self::TrailingDotOrSpace { path, part } => {
                write!(
                    formatter,
                    "`{path}`: Windows drops the end of the name `{part}`"
                )
            }
            Self::Character { path, character } => {
                write!(
                    formatter,
                    "`{path}`: Windows allows no `{character}` in a name"
                )
            }
        }
    }
}

/// Finds all names in a tree, sorted by path, that Windows cannot hold. Each directory is named
/// once, not again for everything in it.
pub fn windows_problems<'a>(paths: impl IntoIterator<Item = &'a EntryPath>) -> Vec<NameProblem> {
    let hasher = RandomState::default();
    // By the hash of the folded path, which is compared only where the hash was seen before.
    let mut seen: HashMap<u64, &EntryPath> = HashMap::default();
    let mut problems = Vec::new();
    let mut folded = String::new();
    for path in paths {
        problems.extend(name_problem(path));
        fold(path, &mut folded);
        match seen.entry(hasher.hash_one(&folded)) {
            Entry::Vacant(place) => {
                place.insert(path);
            }
            Entry::Occupied(first) => {
                let first = *first.get();
                if first.as_str().to_uppercase() == folded {
                    problems.push(NameProblem::CaseClash {
                        first: first.clone(),
                        second: path.clone(),
                    });
                }
            }
        }
    }
    problems
}

/// Writes `path` as a file system without case has it. Windows compares by its own upper-case
/// table; `to_uppercase` finds at least the same pairs but for a handful of rare letters.
fn fold(path: &EntryPath, folded: &mut String) {
    let path = path.as_str();
    if path.is_ascii() {
        folded.clear();
        folded.push_str(path);
        folded.make_ascii_uppercase();
    } else {
        *folded = path.to_uppercase();
    }
}

fn name_problem(path: &EntryPath) -> Option<NameProblem> {
    let part = path.file_name();
    let forbidden = |c: &char| matches!(c, '<' | '>' | ':' | '"' | '\\' | '|' | '?' | '*');
    if let Some(character) = part.chars().find(forbidden) {
        return Some(NameProblem::Character {
            path: path.clone(),
            character,
        });
    }
    if part.ends_with(['.', ' ']) {
        return Some(NameProblem::TrailingDotOrSpace {
            path: path.clone(),
            part: part.to_owned(),
        });
    }
    is_device(part).then(|| NameProblem::ReservedName {
        path: path.clone(),
        part: part.to_owned(),
    })
}

/// Bytes in `conout$`.
const LONGEST_DEVICE: usize = 7;

/// Tells whether a name opens a device, whatever its extension (Microsoft, "Naming Files").
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ');
    if stem.len() > LONGEST_DEVICE {
        return false;
    }
    let stem = stem.to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" => true,
        _ => ["com", "lpt"].iter().any(|port| {
            stem.strip_prefix(port).is_some_and(|number| {
                matches!(
                    number,
                    "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
                )
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(paths: &[&str]) -> Vec<String> {
        let paths: Vec<EntryPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
        windows_problems(&paths)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn finds_names_that_windows_cannot_hold() {
        assert_eq!(
            problems(&["aux", "b/LPT1.txt", "c.", "d ", "e:f", "nul .x", "y\\z"]),
            [
                "`aux`: `aux` names a device on Windows",
                "`b/LPT1.txt`: `LPT1.txt` names a device on Windows",
                "`c.`: Windows drops the end of the name `c.`",
                "`d `: Windows drops the end of the name `d `",
                "`e:f`: Windows allows no `:` in a name",
                "`nul .x`: `nul .x` names a device on Windows",
                "`y\\z`: Windows allows no `\\` in a name",
            ]
        );
        assert!(problems(&["auxiliary", "com0", "console.log", ".htaccess"]).is_empty());
    }

    #[test]
    fn finds_paths_that_differ_only_in_case() {
        assert_eq!(
            problems(&["README", "Readme", "Ärger", "ärger"]),
            [
                "`README` and `Readme` differ only in case",
                "`Ärger` and `ärger` differ only in case",
            ]
        );
    }
}
