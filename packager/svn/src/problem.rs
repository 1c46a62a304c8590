//! What keeps a path of a working copy from being what one revision says.

use std::collections::BTreeSet;

/// What is wrong with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A local change, in the word of `svn status`.
    Changed(String),
    /// The same of a file that an external put there.
    ChangedExternal(String),
    /// Changes that Subversion could not merge.
    Conflicted,
    /// A tracked path that is gone.
    Missing,
    /// A directory whose update was interrupted.
    Incomplete,
    /// Something else in the place of a tracked path.
    Obstructed,
    /// From elsewhere in the repository.
    Switched,
    /// At another revision than the packed directory.
    OtherRevision(i64),
    /// Deleted in another revision than the rest has.
    NotPresent(i64),
    /// A file external was taken away; what the revision has there, the next update tells.
    GoneExternal,
    /// Left out on purpose, or a directory without all of its content.
    Sparse,
    /// Kept back by the server.
    Forbidden,
}

impl Problem {
    fn word(&self) -> String {
        match self {
            Self::Changed(word) | Self::ChangedExternal(word) => word.clone(),
            Self::Conflicted => "conflicted".to_owned(),
            Self::Missing => "missing".to_owned(),
            Self::Incomplete => "incomplete".to_owned(),
            Self::Obstructed => "obstructed".to_owned(),
            Self::Switched => "switched".to_owned(),
            Self::OtherRevision(revision) => format!("at r{revision}"),
            Self::NotPresent(revision) => format!("deleted at r{revision}"),
            Self::GoneExternal => "left by a file external".to_owned(),
            Self::Sparse => "sparse".to_owned(),
            Self::Forbidden => "kept back by the server".to_owned(),
        }
    }

    fn mend(&self) -> &'static str {
        match self {
            Self::Changed(_) | Self::ChangedExternal(_) => {
                "`svn commit` or `svn revert` what is changed"
            }
            Self::Conflicted => "`svn resolve` what is conflicted",
            Self::Missing => "`svn revert` what is missing, or `svn delete` it and commit",
            Self::Incomplete => "`svn cleanup` and `svn update` end what was interrupted",
            Self::Obstructed => {
                "move away what is in the place of a tracked path, then `svn revert`"
            }
            Self::Switched => "`svn switch` back what is switched",
            Self::OtherRevision(_) | Self::NotPresent(_) | Self::GoneExternal => {
                "`svn update` takes everything to one revision"
            }
            Self::Sparse => "`svn update --set-depth infinity` fetches what is left out",
            Self::Forbidden => {
                "ask for the right to read it, then `svn update --set-depth infinity`"
            }
        }
    }

    /// Tells whether even what lies there cannot be packed: a file is gone, half merged or not of
    /// this directory.
    fn is_unreadable(&self) -> bool {
        match self {
            Self::Conflicted
            | Self::Missing
            | Self::Incomplete
            | Self::Obstructed
            | Self::Sparse
            | Self::Forbidden
            // An external is packed as its revision has it.
            | Self::ChangedExternal(_) => true,
            Self::Changed(_)
            | Self::Switched
            | Self::OtherRevision(_)
            | Self::NotPresent(_)
            | Self::GoneExternal => false,
        }
    }
}

/// Every problem of a working copy, with the path that has it.
#[derive(Debug, Default)]
pub struct Problems(Vec<(Problem, String)>);

impl Problems {
    /// Adds a problem of the path `name`; twice is as good as once.
    pub fn add(&mut self, problem: Problem, name: &str) {
        let name = if name.is_empty() { "." } else { name };
        self.0.push((problem, name.to_owned()));
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether something was changed here, which `svn update` alone does not mend.
    pub fn are_changes(&self) -> bool {
        self.0.iter().any(|(problem, _)| {
            matches!(
                problem,
                Problem::Changed(_)
                    | Problem::ChangedExternal(_)
                    | Problem::Conflicted
                    | Problem::Missing
                    | Problem::Obstructed
            )
        })
    }

    /// Tells whether even what lies there cannot be packed.
    pub fn are_unreadable(&self) -> bool {
        self.0.iter().any(|(problem, _)| problem.is_unreadable())
    }

    /// Returns the commands that mend what is wrong, each once.
    pub fn remedies(&self) -> Vec<&'static str> {
        let mut remedies = Vec::new();
        for (problem, _) in &self.0 {
            if !remedies.contains(&problem.mend()) {
                remedies.push(problem.mend());
            }
        }
        remedies
    }

    /// Returns a word for each problem and the path that has it, by path.
    pub fn listing(self) -> Vec<(String, String)> {
        let problems = self.0.into_iter();
        let by_path: BTreeSet<(String, String)> = problems
            .map(|(problem, name)| (name, problem.word()))
            .collect();
        by_path
            .into_iter()
            .map(|(name, word)| (word, name))
            .collect()
    }
}
