//! `EntryPath` and `LinkTarget`: paths that cannot leave the tree.

use std::sync::Arc;

/// The file that earlier installers wrote into every tree; no release may bring its own.
pub const RELEASE_FILE: &str = ".bulla-release";

/// Why a text is not the path of an entry or the target of a link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Nothing at all.
    #[error("the path is empty")]
    Empty,
    /// Longer than [`EntryPath::MAX_LEN`].
    #[error(
        "the path is {len} bytes long, at most {} are allowed: {path:?}",
        EntryPath::MAX_LEN
    )]
    TooLong {
        /// The beginning of the path.
        path: String,
        /// Its length in bytes.
        len: usize,
    },
    /// A part longer than file systems hold.
    #[error(
        "a part of the path is {len} bytes long, at most {} are allowed: {path:?}",
        EntryPath::MAX_PART_LEN
    )]
    PartTooLong {
        /// The beginning of the path.
        path: String,
        /// The part's length in bytes.
        len: usize,
    },
    /// Begins with `/`.
    #[error("the path is absolute: {path:?}")]
    Absolute {
        /// The path.
        path: String,
    },
    /// An empty, `.` or `..` part.
    #[error("the path has a part {part:?}: {path:?}")]
    Part {
        /// The path.
        path: String,
        /// The offending part.
        part: String,
    },
    /// A NUL or another control character.
    #[error("the path has a control character: {path:?}")]
    Control {
        /// The path.
        path: String,
    },
    /// The installer's own file.
    #[error(
        "`{RELEASE_FILE}` at the top of a tree is reserved for the installer and cannot be part of a release"
    )]
    Reserved,
    /// A link that leads out of the tree.
    #[error("the link {link:?} leads out of the tree: {target:?}")]
    LeavesTheTree {
        /// The path of the link.
        link: String,
        /// Where it points.
        target: String,
    },
    /// `..` after a name: where that leads depends on other links.
    #[error("the link {link:?} has `..` after a name, which other links could bend: {target:?}")]
    UpAfterName {
        /// The path of the link.
        link: String,
        /// Where it points.
        target: String,
    },
}

/// The path of an entry in a release: relative, `/`-separated UTF-8, without empty, `.` or `..`
/// parts and without control characters. Orders by its bytes, as the tar does. Cheap to clone: an
/// entry's path is in many lists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryPath(Arc<str>);

impl EntryPath {
    /// Most bytes in a path.
    pub const MAX_LEN: usize = 4096;
    /// Most bytes in one part of a path, the limit of Linux file systems.
    pub const MAX_PART_LEN: usize = 255;

    fn check(text: &str) -> Result<(), PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        check_length_and_characters(text)?;
        if text.starts_with('/') {
            return Err(PathError::Absolute {
                path: text.to_owned(),
            });
        }
        for part in text.as_bytes().split(|byte| *byte == b'/') {
            if matches!(part, b"" | b"." | b"..") {
                return Err(PathError::Part {
                    path: text.to_owned(),
                    part: String::from_utf8_lossy(part).into_owned(),
                });
            }
            if part.len() > Self::MAX_PART_LEN {
                return Err(PathError::PartTooLong {
                    path: excerpt(text),
                    len: part.len(),
                });
            }
        }
        if text == RELEASE_FILE || text.starts_with(".bulla-release/") {
            return Err(PathError::Reserved);
        }
        Ok(())
    }

    /// Returns the path of the directory that holds this entry, `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        self.parent_str().map(|parent| Self(parent.into()))
    }

    /// Returns the text of [`Self::parent`].
    pub fn parent_str(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// Returns the last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// Returns how many parts the path has.
    pub fn depth(&self) -> usize {
        1 + self.0.bytes().filter(|byte| *byte == b'/').count()
    }

    /// Tells whether `self` is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0
            .strip_prefix(other.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

crate::text::text_type!(
    EntryPath,
    PathError,
    "^[^/\\u0000-\\u001f\\u007f]+(/[^/\\u0000-\\u001f\\u007f]+)*$"
);

/// The target of a symbolic link that stays inside the tree.
///
/// `..` may only stand at the beginning, and at most as often as the link's folder is deep. A
/// target of that form cannot leave the tree whatever the other links in the tree are: the
/// leading `..` go up real directories, and every link passed on the way down obeys the same rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkTarget(String);

impl LinkTarget {
    /// Checks `target` as the target of a link at `link`.
    pub fn new(target: &str, link: &EntryPath) -> Result<Self, PathError> {
        if target.is_empty() {
            return Err(PathError::Empty);
        }
        check_length_and_characters(target)?;
        let leaves = || PathError::LeavesTheTree {
            link: link.to_string(),
            target: target.to_owned(),
        };
        if target.starts_with('/') {
            return Err(leaves());
        }
        let mut ups = 0;
        let mut named = false;
        for part in target.split('/') {
            match part {
                "" | "." => {}
                ".." if named => {
                    return Err(PathError::UpAfterName {
                        link: link.to_string(),
                        target: target.to_owned(),
                    });
                }
                ".." => ups += 1,
                _ => named = true,
            }
        }
        if ups >= link.depth() {
            return Err(leaves());
        }
        Ok(Self(target.to_owned()))
    }

    /// Returns the text of the link.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for LinkTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn check_length_and_characters(text: &str) -> Result<(), PathError> {
    if text.len() > EntryPath::MAX_LEN {
        return Err(PathError::TooLong {
            path: excerpt(text),
            len: text.len(),
        });
    }
    if has_control(text) {
        return Err(PathError::Control {
            path: text.to_owned(),
        });
    }
    Ok(())
}

/// Nearly all paths are ASCII, of which every byte is a character.
fn has_control(text: &str) -> bool {
    if text.is_ascii() {
        text.bytes().any(|byte| byte.is_ascii_control())
    } else {
        text.chars().any(char::is_control)
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> EntryPath {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_paths_that_leave_or_hide() {
        for text in [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/.",
            "a\0b",
            "a\nb",
            "a\u{85}b",
            ".bulla-release",
        ] {
            assert!(text.parse::<EntryPath>().is_err(), "{text:?}");
        }
        assert!("a/.bulla-release".parse::<EntryPath>().is_ok());
        assert!(matches!(
            "x".repeat(256).parse::<EntryPath>(),
            Err(PathError::PartTooLong { .. })
        ));
        assert!(matches!(
            "x/".repeat(2100).parse::<EntryPath>(),
            Err(PathError::TooLong { .. })
        ));
    }

    #[test]
    fn a_link_stays_inside() {
        for (link, target) in [
            ("a", "b"),
            ("a/b", "../c"),
            ("a/b/c", "../../d/e"),
            ("a", "./b//c/"),
            ("a/b", "."),
            ("a/b", ".."),
        ] {
            assert!(
                LinkTarget::new(target, &path(link)).is_ok(),
                "{link} -> {target}"
            );
        }
        for (link, target) in [
            ("a", ".."),
            ("a", "/etc/passwd"),
            ("a/b", "../../c"),
            ("a/b", "x/../../../c"),
            ("a", ""),
            ("a", "b\0"),
        ] {
            assert!(
                LinkTarget::new(target, &path(link)).is_err(),
                "{link} -> {target}"
            );
        }
    }

    #[test]
    fn refuses_a_link_that_another_link_could_bend() {
        let target = LinkTarget::new("p/q/l/../..", &path("z"));
        assert!(matches!(target, Err(PathError::UpAfterName { .. })));
    }

    #[test]
    fn knows_what_lies_within() {
        assert!(path("a/b").is_within(&path("a")));
        assert!(path("a").is_within(&path("a")));
        assert!(!path("ab").is_within(&path("a")));
        assert_eq!(path("a/b/c").parent(), Some(path("a/b")));
        assert_eq!(path("a").parent(), None);
        assert_eq!(path("a/b").file_name(), "b");
    }
}
