//! `.gitmodules`: where the submodules of one commit come from.

use std::path::{Component, Path};

use gix::bstr::{BStr, ByteSlice as _};

/// What `.gitmodules` says about one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    /// The submodule's name, by which git keeps its objects.
    pub(super) name: String,
    /// Where it comes from, perhaps relative; the user's own configuration goes first.
    pub(super) url: String,
}

/// Finds what `.gitmodules` says about `path`; `own` is the configuration of the repository.
pub(super) fn find(
    gitmodules: &[u8],
    path: &[u8],
    own: &gix::config::File,
) -> Result<Option<Declared>, gix::Error> {
    let file = gix::submodule::File::from_bytes(gitmodules, None, own)?;
    let Some(name) = name(&file, path) else {
        return Ok(None);
    };
    let url = file.config().string_by("submodule", Some(name), "url");
    Ok(Some(Declared {
        name: name.to_str_lossy().into_owned(),
        url: url
            .map(|url| url.to_str_lossy().into_owned())
            .unwrap_or_default(),
    }))
}

/// Finds the submodule at `path`: the one that the last section with that path names, as for git.
fn name<'a>(file: &'a gix::submodule::File, path: &[u8]) -> Option<&'a BStr> {
    let config = file.config();
    let sections = config.sections_by_name("submodule").into_iter().flatten();
    let mut found = None;
    // Others are from the configuration of the repository.
    for section in sections.filter(|section| std::ptr::eq(section.meta(), config.meta())) {
        let (Some(name), Some(value)) = (section.header().subsection_name(), section.value("path"))
        else {
            continue;
        };
        if value == path {
            found = Some(name);
        } else if found == Some(name) {
            found = None;
        }
    }
    found
}

/// Tells whether a name or path stays where it is put: no `..`, nothing absolute, nothing that
/// git could take for its own directory.
pub(super) fn stays_inside(text: &[u8]) -> bool {
    let Ok(path) = gix::path::from_byte_slice(text) else {
        return false;
    };
    let is_plain = |path: &Path| {
        path.components().all(|component| match component {
            Component::Normal(part) => !is_git_directory(part.as_encoded_bytes()),
            _ => false,
        })
    };
    !text.is_empty() && is_plain(path)
}

/// Tells whether some file system takes `part` for `.git`.
fn is_git_directory(part: &[u8]) -> bool {
    let part = part.trim_end_with(|character| matches!(character, '.' | ' '));
    part.eq_ignore_ascii_case(b".git") || part.eq_ignore_ascii_case(b"git~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_stay_inside() {
        for inside in ["lib", "lib/other", "a.git", "ümläut", "..a"] {
            assert!(stays_inside(inside.as_bytes()), "{inside}");
        }
        for outside in [
            "",
            "..",
            "a/../../b",
            "/etc",
            "./a/..",
            ".git",
            "a/.GIT/hooks",
            "a/git~1",
            ".git. /x",
        ] {
            assert!(!stays_inside(outside.as_bytes()), "{outside}");
        }
    }
}
