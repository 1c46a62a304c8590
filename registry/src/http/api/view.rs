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
        if published.state.has_project(&project) {
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

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{self, Organisation};

    use super::*;

    #[test]
    fn digits_with_which_two_hashes_begin_name_neither() {
        let mut organisation = Organisation::new();
        let digits = "9f2c81aa";
        let hashes = ["0", "1"].map(|rest| {
            let hash = format!("sha256:{digits}{}", rest.repeat(56));
            hash.parse::<Digest>().unwrap()
        });
        for hash in hashes {
            let release = testing::release(&testing::project(), hash);
            assert!(organisation.append_release(&release).is_effective());
        }
        let (state, project) = (&organisation.state, testing::project());
        let refused = find_release(state, &project, digits).unwrap_err();
        assert_eq!(refused.status(), axum::http::StatusCode::CONFLICT);
        assert_eq!(
            refused.to_string(),
            "`9f2c81aa` is the beginning of 2 hashes"
        );
        let found = find_release(state, &project, "9f2c81aa1").unwrap();
        assert_eq!(found.hash, hashes[1]);
    }
}
