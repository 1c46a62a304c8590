//! What is changed in a working copy. Where its record does not say it plainly, `svn status` is asked,
//! for that directory alone.

use std::collections::BTreeSet;
use std::path::Path;

use bulla_svn::{Problem, Problems, WorkingCopy, doubtful};

use super::program::{Svn, path_operand};
use super::xml::{self, Status};
use crate::source::SourceError;

/// Up to this many directories are asked for by name, else the whole tree at once.
const FEW: usize = 64;

/// Adds what is changed on disk to `problems`; returns the names that Subversion does not know.
pub(super) fn find(
    working_copy: &WorkingCopy,
    svn: &Svn,
    problems: &mut Problems,
) -> Result<Vec<String>, SourceError> {
    let doubtful = doubtful(working_copy)?;
    if doubtful.is_empty() {
        return Ok(Vec::new());
    }
    let mut status = vec!["status", "--xml", "--ignore-externals"];
    let mut operands = Vec::new();
    if doubtful.len() <= FEW {
        status.extend(["--depth", "immediates"]);
        for directory in &doubtful {
            operands.push(path_operand(&working_copy.root.join(directory))?);
        }
    } else {
        operands.push(path_operand(&working_copy.directory())?);
    }
    let status = svn.run(&status, &operands)?;
    let entries = xml::parse_status(&status).map_err(|source| svn.unreadable("status", source))?;
    let top = working_copy.directory();
    let externals = working_copy.file_externals.iter();
    let externals: BTreeSet<&str> = externals
        .map(|node| node.below(&working_copy.top))
        .collect();
    let mut untracked = BTreeSet::new();
    for entry in entries {
        let name = Path::new(&entry.path).strip_prefix(&top).ok();
        let name = name.and_then(Path::to_str).unwrap_or_default();
        if entry.status.item == "unversioned" {
            untracked.insert(name.to_owned());
            continue;
        }
        match of_status(&entry.status) {
            Some(Problem::Changed(word)) if externals.contains(name) => {
                problems.add(Problem::ChangedExternal(word), name);
            }
            Some(problem) => problems.add(problem, name),
            None => {}
        }
    }
    Ok(untracked.into_iter().collect())
}

/// Reads what `svn status` says about a path; `None` when it is as in the repository.
fn of_status(status: &Status) -> Option<Problem> {
    if status.tree_conflicted || status.properties == "conflicted" {
        return Some(Problem::Conflicted);
    }
    match status.item.as_str() {
        "normal" | "none" if status.properties == "modified" => {
            Some(Problem::Changed("properties modified".to_owned()))
        }
        "external" | "ignored" | "unversioned" | "normal" | "none" => None,
        "conflicted" => Some(Problem::Conflicted),
        "missing" => Some(Problem::Missing),
        "incomplete" => Some(Problem::Incomplete),
        "obstructed" => Some(Problem::Obstructed),
        changed => Some(Problem::Changed(changed.to_owned())),
    }
}
