//! `/api/v1/`: what the log and the bundles say, for pages and scripts
//! ([`bulla_schemas::api`] is the contract). Served from the replayed log; nothing is kept twice.

pub(crate) mod caller;
pub(crate) mod channels;
pub(crate) mod diff;
pub(crate) mod history;
pub(crate) mod log;
mod page;
pub(crate) mod projects;
pub(crate) mod releases;

use std::sync::Arc;

use bulla_schemas::{Digest, DigestPrefix, ProjectName};
use bulla_trust::{LogState, Release};

use crate::access::Scope;
use crate::app::App;
use crate::caller::Caller;
use crate::log::Published;
use crate::problem::Problem;

/// A project that the caller may read, and the log as it stands.
struct View {
    project: ProjectName,
    published: Arc<Published>,
}

impl View {
    fn open(app: &App, caller: &Caller, project: &str) -> Result<Self, Problem> {
        let project: ProjectName = project.parse().map_err(Problem::Name)?;
        caller.may(Scope::Pull, &project)?;
        let published = app.log.published();
        if published.state.projects().any(|known| *known == project) {
            Ok(Self { project, published })
        } else {
            Err(Problem::not_found("project", &project))
        }
    }

    fn state(&self) -> &LogState {
        &self.published.state
    }

    fn release(&self, hash: &str) -> Result<&Release, Problem> {
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
