//! What gix would open in a work tree, looked at before: `.gitignore` and `.gitattributes` of every
//! directory that it enters, and what tells it whether a directory is a repository of its own.

use std::path::{Path, PathBuf};

use gix::bstr::BStr;
use gix::index::entry::Mode;
use gix::worktree::stack::state::ignore::Source;

use super::error::GitError;
use crate::source::SourceError;
use crate::source::special::{self, SpecialFile};

/// The files that configuration names and that are read as rules.
const RULES: [&str; 2] = ["core.excludesFile", "core.attributesFile"];

/// The files of rules in a directory of a work tree.
const IN_DIRECTORY: [&str; 3] = [".gitattributes", ".gitignore", ".gitmodules"];

/// Refuses a pipe, a device or a socket where a comparison of `repository` with its work tree would
/// open a file. Directories that are ignored are entered by neither.
pub(super) fn require_files(repository: &gix::Repository) -> Result<(), SourceError> {
    let Some(top) = repository.workdir() else {
        return Ok(());
    };
    for key in RULES {
        if let Ok(Some(path)) = repository.config_snapshot().trusted_path(key) {
            special::require_file(&top.join(path))?;
        }
    }
    let failed = |source| GitError::Repository {
        action: "compare the work tree with the commit of",
        repository: top.to_owned(),
        source,
    };
    let index = repository.index_or_empty().map_err(failed)?;
    let source = Source::WorktreeThenIdMappingIfNotSkipped;
    let mut ignored = repository.excludes(&index, None, source).map_err(failed)?;
    let mut next = directories(top, Path::new(""))?;
    while let Some(relative) = next.pop() {
        // The rules above it were looked at when it was listed.
        let is_ignored = ignored
            .at_path(&relative, Some(Mode::DIR))
            .map_err(failed)?
            .is_excluded();
        if !is_ignored || has_tracked(&index, &relative) {
            next.extend(directories(top, &relative)?);
        }
    }
    Ok(())
}

fn has_tracked(index: &gix::index::State, directory: &Path) -> bool {
    let Ok(path) = gix::path::into_bstr(directory) else {
        return true;
    };
    let mut prefix = gix::path::to_unix_separators_on_windows(path).into_owned();
    prefix.push(b'/');
    index.prefixed_entries(BStr::new(&prefix)).is_some()
}

/// Looks at the names in one directory of a work tree, and returns the directories in it.
fn directories(top: &Path, relative: &Path) -> Result<Vec<PathBuf>, SpecialFile> {
    let mut below = Vec::new();
    let mut is_repository = false;
    for entry in special::listed(&top.join(relative)) {
        let name = entry.file_name();
        let Ok(listed) = entry.file_type() else {
            continue;
        };
        if name == ".git" {
            is_repository = true;
            for mark in special::MARKS {
                special::require_file(&entry.path().join(mark))?;
            }
        }
        if listed.is_dir() {
            below.push(relative.join(name));
        } else if !listed.is_file()
            && (name == ".git"
                || IN_DIRECTORY.iter().any(|rules| name == *rules)
                || special::MARKS.iter().any(|mark| name == *mark))
        {
            special::require_file(&entry.path())?;
        }
    }
    // A repository in a work tree is one entry of it.
    let is_top = relative.as_os_str().is_empty();
    if is_repository && !is_top {
        return Ok(Vec::new());
    }
    below.retain(|directory| !(is_top && directory == Path::new(".git")));
    Ok(below)
}
