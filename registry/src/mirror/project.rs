//! One project of another registry: its releases, what is about them, and its tags.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bulla_registry_client::ClientError;
use bulla_schemas::report::{MirrorReport, NotMirrored};
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::LogState;

use super::content::{Look, is_right};
use super::error::{Failure, MirrorError};
use super::source::Source;
use crate::oci::digest::{Algorithm, OciDigest};
use crate::oci::reference::{Reference, ReferenceError, Tag};

/// What rounds of one process tell each other.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Releases that the origin did not have when it was asked.
    pub(super) absent: HashSet<(ProjectName, OciDigest)>,
}

/// How much is looked at of one project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) project: &'a ProjectName,
    /// What the log says when this round ends.
    pub(super) state: &'a LogState,
    /// How much of the log was taken over before.
    pub(super) known: u64,
    pub(super) look: Look,
}

impl Source<'_> {
    /// Takes over what is missing here of a project.
    pub(super) async fn take_project(
        &self,
        scope: &Scope<'_>,
        memory: &mut Memory,
        report: &mut MirrorReport,
    ) -> Result<(), MirrorError> {
        if scope.look == Look::Quick && !has_grown(scope) {
            return Ok(());
        }
        for (hash, is_head) in releases(scope) {
            let digest = OciDigest::from(hash);
            if !is_head && self.is_let_go(scope, &digest, memory).await? {
                continue;
            }
            let taken = self.take_manifest(scope.project, &digest, scope.look).await;
            let absent = taken
                .as_ref()
                .is_err_and(|error| matches!(error, Failure::Absent));
            if absent {
                memory
                    .absent
                    .insert((scope.project.clone(), digest.clone()));
            }
            if absent && !is_head {
                continue;
            }
            let is_new = note(scope, &digest.to_string(), taken, report)?;
            if is_new || scope.look == Look::Full {
                self.take_referrers(scope, &digest, report).await?;
            }
        }
        self.take_tags(scope, report).await
    }

    /// Tells whether a release need not be asked for: `gc` removed it here, or the origin does not
    /// have it, and nothing new was said about it.
    async fn is_let_go(
        &self,
        scope: &Scope<'_>,
        digest: &OciDigest,
        memory: &Memory,
    ) -> Result<bool, MirrorError> {
        let project = scope.project;
        if memory.absent.contains(&(project.clone(), digest.clone())) {
            return Ok(!is_named_anew(scope, digest));
        }
        let reference = Reference::Digest(digest.clone());
        let removal = self.catalog.removal(project, &reference).await;
        let removal = removal.map_err(MirrorError::Publish)?;
        Ok(removal.is_some() && !is_named_anew(scope, digest))
    }

    /// Takes over what is about a manifest that is here.
    async fn take_referrers(
        &self,
        scope: &Scope<'_>,
        digest: &OciDigest,
        report: &mut MirrorReport,
    ) -> Result<(), MirrorError> {
        if self
            .catalog
            .database
            .manifest(scope.project, digest)
            .await?
            .is_none()
        {
            return Ok(());
        }
        let subject = digest.to_string();
        let listed = self.client.referrers(scope.project, &subject).await;
        let listed = listed.or_else(none_if_absent);
        let Some(listed) = unless_absent(scope, &subject, listed, report)? else {
            return Ok(());
        };
        for referrer in listed {
            let taken = match referrer.digest.parse::<OciDigest>() {
                Ok(digest) => self.take_manifest(scope.project, &digest, scope.look).await,
                Err(error) => Err(Failure::Refused(error.to_string())),
            };
            note(scope, &referrer.digest, taken, report)?;
        }
        Ok(())
    }

    /// Takes over the tags that are no channels, with what they name. One that has moved moves here
    /// too; none is removed.
    async fn take_tags(
        &self,
        scope: &Scope<'_>,
        report: &mut MirrorReport,
    ) -> Result<(), MirrorError> {
        let tags = self.client.tags(scope.project).await;
        let tags = tags.or_else(none_if_absent);
        let Some(tags) = unless_absent(scope, "its tags", tags, report)? else {
            return Ok(());
        };
        let channels: BTreeSet<&str> = scope
            .state
            .channels(scope.project)
            .map(|head| head.channel.as_str())
            .collect();
        for tag in tags.iter().filter(|tag| !channels.contains(tag.as_str())) {
            let taken = self.take_tag(scope, tag).await;
            note(scope, tag, taken, report)?;
        }
        Ok(())
    }

    async fn take_tag(&self, scope: &Scope<'_>, name: &str) -> Result<bool, Failure> {
        let tag: Tag = match name.parse() {
            Ok(tag) => tag,
            Err(error) => return Err(Failure::Refused(ReferenceError::to_string(&error))),
        };
        let (project, database) = (scope.project, &self.catalog.database);
        let known = database.tag(project, &tag).await?;
        let found = self.fetch_manifest(project, name).await?;
        if let Some(known) = known.filter(|known| is_right(&found.bytes, known)) {
            return self.take_manifest(project, &known, scope.look).await;
        }
        let digest = OciDigest::of(Algorithm::Sha256, &found.bytes);
        let is_new = self.take_manifest(project, &digest, scope.look).await?;
        self.catalog.point(project, &tag, &digest).await?;
        Ok(is_new)
    }
}

/// Returns what the log names as releases of a project, and which of them channels point to.
fn releases(scope: &Scope<'_>) -> BTreeMap<Digest, bool> {
    let (state, project) = (scope.state, scope.project);
    let mut releases: BTreeMap<_, _> = state
        .releases(project)
        .map(|release| (release.hash, false))
        .collect();
    releases.extend(state.channels(project).map(|head| (head.hash, true)));
    releases
}

/// Tells whether the log says anything of the project that was not taken over yet.
fn has_grown(scope: &Scope<'_>) -> bool {
    let (state, project) = (scope.state, scope.project);
    let mut statements = state
        .releases(project)
        .flat_map(|release| &release.statements);
    statements.any(|statement| statement.entry >= scope.known)
        || state
            .promotions(project)
            .any(|promotion| promotion.entry >= scope.known)
}

/// Tells whether an entry of the log names a release that was not taken over yet.
fn is_named_anew(scope: &Scope<'_>, digest: &OciDigest) -> bool {
    let release = digest
        .sha256()
        .and_then(|hash| scope.state.release(scope.project, &hash));
    let statements = release.into_iter().flat_map(|release| &release.statements);
    statements
        .into_iter()
        .any(|statement| statement.entry >= scope.known)
}

/// A project that the origin has no content of has no lists either.
fn none_if_absent<T>(error: ClientError) -> Result<Vec<T>, Failure> {
    match Failure::from(error) {
        Failure::Absent => Ok(Vec::new()),
        failure => Err(failure),
    }
}

/// Counts what came of one content, and names it where it is not here now.
fn note(
    scope: &Scope<'_>,
    what: &str,
    taken: Result<bool, Failure>,
    report: &mut MirrorReport,
) -> Result<bool, MirrorError> {
    let is_new = unless_absent(scope, what, taken, report)?.unwrap_or(false);
    report.manifests += u64::from(is_new);
    Ok(is_new)
}

/// Passes on what was fetched, and names what is not to be had.
fn unless_absent<T>(
    scope: &Scope<'_>,
    what: &str,
    fetched: Result<T, Failure>,
    report: &mut MirrorReport,
) -> Result<Option<T>, MirrorError> {
    let why = match fetched {
        Ok(fetched) => return Ok(Some(fetched)),
        Err(Failure::Error(error)) => return Err(error),
        Err(Failure::Absent) => "the origin does not have it".to_owned(),
        Err(Failure::Refused(why)) => why,
    };
    report.missing.push(NotMirrored {
        project: scope.project.clone(),
        content: what.to_owned(),
        why,
    });
    Ok(None)
}
