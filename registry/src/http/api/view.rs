//! What every part of the API begins with: a project that the caller may read.

use std::sync::Arc;

use bulla_schemas::{Digest, DigestPrefix, ProjectName};
use bulla_trust::{LogState, Release};

use crate::access::Scope;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::log::Published;

/// A project that the caller may read, and the log as it stands.
pub(super) struct View {
    pub(super) project: ProjectName,
    published: Arc<Published>,
}

impl View {
    pub(super) fn open(app: &App, caller: &Caller, project: &str) -> Result<Self, Problem> {
        let project: ProjectName = project.parse().map_err(Problem::Name)?;
        caller.may(Scope::Pull, &project)?;
        let published = app.catalog.published();
        if published.state.projects().any(|known| *known == project) {
            Ok(Self { project, published })
        } else {
            Err(Problem::not_found("project", &project))
        }
    }

    pub(super) fn state(&self) -> &LogState {
        &self.published.state
    }

    pub(super) fn release(&self, hash: &str) -> Result<&Release, Problem> {
        find_release(self.state(), &self.project, hash)
    }
}

/// Finds a project's release by its whole or shortened hash.
pub(crate) fn find_release<'a>(
    state: &'a LogState,
    project: &ProjectName,
    hash: &str,
) -> Result<&'a Release, Problem> {
    let prefix: DigestPrefix = hash.parse().map_err(Problem::malformed)?;
    if let Some(whole) = prefix.complete() {
        return release(state, project, &whole);
    }
    let mut found = state.find_release(&prefix);
    found.retain(|(of, _)| *of == project);
    match found.as_slice() {
        [(_, release)] => Ok(release),
        [] => Err(Problem::not_found("release", &prefix)),
        several => Err(Problem::Ambiguous {
            prefix: prefix.to_string(),
            count: several.len(),
        }),
    }
}

fn release<'a>(
    state: &'a LogState,
    project: &ProjectName,
    hash: &Digest,
) -> Result<&'a Release, Problem> {
    state
        .release(project, hash)
        .ok_or_else(|| Problem::not_found("release", &hash))
}
