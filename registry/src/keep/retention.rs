//! `Retention`: how long a registry keeps what nothing needs. What is the head of a channel, has a tag
//! or is on a host is needed.

use bulla_schemas::ProjectName;

use super::rules::Rules;
use super::terms::Terms;

/// How long a registry keeps what nothing needs.
#[derive(Debug)]
pub(crate) struct Retention {
    /// What was pushed or asked for within so many seconds is left alone.
    pub(crate) grace: i64,
    /// How long else.
    pub(crate) kept: Kept,
}

/// For whom it is said how long.
#[derive(Debug)]
pub(crate) enum Kept {
    /// For all projects.
    Alike(Terms),
    /// For some projects, and for all others.
    By(Rules),
}

impl Retention {
    /// Least grace while a registry may be running: it tells whoever pushes what is there, notes that
    /// every ten minutes, and a push may take a while.
    pub(crate) const LEAST_BESIDE_SERVER: i64 = 60 * 60;

    /// Returns what is kept of a project, and by which rule where there are rules.
    pub(crate) fn of(&self, project: &ProjectName) -> (&Terms, Option<String>) {
        match &self.kept {
            Kept::Alike(terms) => (terms, None),
            Kept::By(rules) => {
                let (terms, rule) = rules.of(project);
                (terms, Some(rule))
            }
        }
    }
}
