//! What in a working copy is in no revision, or not in one and the same.

use std::path::Path;

use super::program::Svn;
use super::xml::{self, Status};
use crate::source::SourceError;
use crate::source::error::Listing;

/// The state of a working copy.
pub(super) struct WorkingCopy {
    problems: Vec<(Problem, String)>,
    /// Names that Subversion does not know.
    pub(super) untracked: Vec<String>,
}

/// What keeps a path from being what one revision says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Changed(String),
    Conflicted,
    Missing,
    Incomplete,
    Obstructed,
    Switched,
    OtherRevision(String),
}

impl WorkingCopy {
    pub(super) fn look(svn: &Svn, top: &Path, operand: &str) -> Result<Self, SourceError> {
        let status = svn.run(
            &["status", "--xml", "--verbose", "--ignore-externals"],
            &[operand],
        )?;
        let entries =
            xml::parse_status(&status).map_err(|source| svn.unreadable("status", source))?;
        let top_revision = entries
            .iter()
            .find(|entry| Path::new(&entry.path) == top)
            .and_then(|entry| entry.status.revision.clone());

        let mut working_copy = Self {
            problems: Vec::new(),
            untracked: Vec::new(),
        };
        for entry in entries {
            let path = Path::new(&entry.path);
            let name = match path.strip_prefix(top).ok().and_then(Path::to_str) {
                None | Some("") => ".".to_owned(),
                Some(name) => name.to_owned(),
            };
            if entry.status.item == "unversioned" {
                working_copy.untracked.push(name);
            } else if let Some(problem) =
                problem(&entry.status, path == top, top_revision.as_deref())
            {
                working_copy.problems.push((problem, name));
            }
        }
        working_copy.problems.sort_by(|a, b| a.1.cmp(&b.1));
        working_copy.untracked.sort();
        Ok(working_copy)
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Tells whether even what lies there cannot be packed: a file is gone or half merged.
    pub(super) fn is_unreadable(&self) -> bool {
        self.problems.iter().any(|(problem, _)| {
            matches!(
                problem,
                Problem::Conflicted | Problem::Missing | Problem::Incomplete | Problem::Obstructed
            )
        })
    }

    /// Names every problem, and the commands that mend them.
    pub(super) fn refusal(&self, top: &Path) -> SourceError {
        let mut mend: Vec<&str> = Vec::new();
        for (problem, _) in &self.problems {
            if !mend.contains(&problem.mend()) {
                mend.push(problem.mend());
            }
        }
        if !self.is_unreadable() {
            mend.push(
                "`--allow-dirty` packs what lies there into a release that cannot be promoted",
            );
        }
        SourceError::NotOneRevision {
            checkout: top.to_owned(),
            problems: Listing(
                self.problems
                    .iter()
                    .map(|(problem, name)| (problem.word(), name.clone()))
                    .collect(),
            ),
            mend: mend.join("; "),
        }
    }
}

fn problem(status: &Status, is_top: bool, top_revision: Option<&str>) -> Option<Problem> {
    if status.tree_conflicted || status.properties == "conflicted" {
        return Some(Problem::Conflicted);
    }
    match status.item.as_str() {
        // Externals are refused from the repository's own list of them.
        "external" | "ignored" => return None,
        _ if status.file_external => return None,
        "conflicted" => return Some(Problem::Conflicted),
        "missing" => return Some(Problem::Missing),
        "incomplete" => return Some(Problem::Incomplete),
        "obstructed" => return Some(Problem::Obstructed),
        "normal" | "none" => {}
        changed => return Some(Problem::Changed(changed.to_owned())),
    }
    if status.properties == "modified" {
        return Some(Problem::Changed("properties modified".to_owned()));
    }
    // The directory that is packed may itself be switched: its own URL is what counts.
    if status.switched && !is_top {
        return Some(Problem::Switched);
    }
    match &status.revision {
        Some(revision) if Some(revision.as_str()) != top_revision => {
            Some(Problem::OtherRevision(revision.clone()))
        }
        _ => None,
    }
}

impl Problem {
    fn word(&self) -> String {
        match self {
            Self::Changed(word) => word.clone(),
            Self::Conflicted => "conflicted".to_owned(),
            Self::Missing => "missing".to_owned(),
            Self::Incomplete => "incomplete".to_owned(),
            Self::Obstructed => "obstructed".to_owned(),
            Self::Switched => "switched".to_owned(),
            Self::OtherRevision(revision) => format!("at r{revision}"),
        }
    }

    fn mend(&self) -> &'static str {
        match self {
            Self::Changed(_) => "`svn commit` or `svn revert` what is changed",
            Self::Conflicted => "`svn resolve` what is conflicted",
            Self::Missing => "`svn revert` what is missing, or `svn delete` it and commit",
            Self::Incomplete => "`svn cleanup` and `svn update` end what was interrupted",
            Self::Obstructed => {
                "move away what is in the place of a tracked path, then `svn revert`"
            }
            Self::Switched => "`svn switch` back what is switched",
            Self::OtherRevision(_) => "`svn update` brings everything to one revision",
        }
    }
}
