//! From a packed bundle to a release: the builder's statement about it.

use std::sync::Arc;

use bulla_bundle::{Bundle, Progress};
use bulla_registry_client::{Client, ClientError, FollowError, LogFollower};
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::recipe::RECIPE_FILE;
use bulla_schemas::release::Source;
use bulla_schemas::statement::{
    BUILD_TYPE, BuildDefinition, BuildMetadata, Builder, Dependency, DependencyAnnotations,
    DependencyDigest, DigestSet, ExternalParameters, InternalParameters, RELEASE_TYPE,
    ReleasePredicate, ReleaseStatement, ReleaseSubject, RunDetails, STATEMENT_TYPE, SizeAnnotation,
    SvnEolStyle, SvnKeywords,
};
use bulla_schemas::{Digest, Name, Timestamp};
use bulla_trust::LogState;
use bulla_trust::envelope::SignedEnvelope;
use bulla_trust::key::PublicKey;
use bulla_trust::policy::Owner;

use crate::pack::Packed;
use crate::push::{Known, PushReport, push};
use crate::sign::{self, SignError};
use crate::signer::Signer;
use crate::source::Provenance;

/// Who packs, and when. For the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The `builderId` that the policy knows.
    pub builder_id: String,
    /// The URL or number of the CI run; may be empty.
    pub invocation: String,
    /// When packing began.
    pub started_on: Timestamp,
    /// When packing ended.
    pub finished_on: Timestamp,
}

/// Why a release cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The policy has no builder with this key.
    #[error("the registry's policy names no builder with the key {fingerprint}")]
    UnknownBuilder {
        /// The key.
        fingerprint: String,
        /// The builders that it names.
        builders: Vec<Name>,
    },
    /// The key is a person's.
    #[error("the key {fingerprint} belongs to the person `{name}`, not to a builder")]
    NotBuilder {
        /// The key.
        fingerprint: String,
        /// The person.
        name: Name,
    },
    /// The statement cannot be signed, or would change nothing.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The log does not show the release.
    #[error("the registry took the release, but its log does not show it yet")]
    NotIncluded,
    /// The registry names an entry that it showed before, which is another one.
    #[error(
        "the registry says that the release is entry {entry} of its log, which had {size} entries before it \
         was sent"
    )]
    OldEntry {
        /// What it says.
        entry: u64,
        /// How many entries it had shown.
        size: u64,
    },
    /// The registry does not take the bundle or the statement.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The log cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
}

impl Outcome for PublishError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::UnknownBuilder { .. } | Self::NotBuilder { .. } | Self::OldEntry { .. } => {
                FailureKind::Refused
            }
            Self::Sign(error) => error.kind(),
            Self::NotIncluded => FailureKind::Temporary,
            Self::Client(error) => error.kind(),
            Self::Follow(error) => error.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownBuilder { builders, .. } => {
                let builders: Vec<_> = builders.iter().map(Name::as_str).collect();
                Some(match builders.as_slice() {
                    [] => "the policy names no builder: `bulla builder add` names one".to_owned(),
                    [only] => format!("the policy names the builder {only}; give its key with --key"),
                    several => format!(
                        "the policy names the builders {}; give the key of one of them with --key",
                        several.join(", ")
                    ),
                })
            }
            Self::NotBuilder { .. } => Some("make a key with `bulla key generate`".to_owned()),
            Self::Sign(error) => error.hint(),
            Self::OldEntry { .. } => Some(
                "the release was not logged; give --anchor with the output of `bulla anchor` to have the \
                 log verified"
                    .to_owned(),
            ),
            Self::NotIncluded => Some("run the same command again".to_owned()),
            Self::Client(error) => error.hint(),
            Self::Follow(error) => error.hint(),
        }
    }
}

/// Finds what the policy calls the builder with this key.
pub fn builder_id(state: &LogState, key: &PublicKey) -> Result<String, PublishError> {
    let fingerprint = key.fingerprint();
    let policy = state.checked_policy();
    let rule = match policy.and_then(|policy| policy.key(&fingerprint)) {
        Some((Owner::Builder(name), _)) => policy.and_then(|policy| policy.builder(name)),
        Some((Owner::Person(name), _)) => {
            let name = name.clone();
            return Err(PublishError::NotBuilder { fingerprint, name });
        }
        None => None,
    };
    if let Some(rule) = rule {
        return Ok(rule.builder_id.clone());
    }
    let builders = state
        .policy()
        .into_iter()
        .flat_map(|policy| &policy.builders);
    Err(PublishError::UnknownBuilder {
        fingerprint,
        builders: builders.map(|rule| rule.name.clone()).collect(),
    })
}

/// What publishing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// What the push of the bundle did.
    pub pushed: PushReport,
    /// The entry of the log that has the release statement.
    pub entry: u64,
    /// Whether it was there before.
    pub was_there: bool,
    /// The sha256 of the statement's payload.
    payload: Digest,
}

/// Pushes a bundle and logs the builder's statement about it. What `log` says already is not said
/// again; without a log the registry judges alone.
pub async fn publish(
    client: &Client,
    log: Option<&LogState>,
    signer: &Signer,
    packed: &Packed,
    run: &Run,
    progress: Arc<dyn Progress + Send + Sync>,
) -> Result<Published, PublishError> {
    let release = statement(&packed.bundle, &packed.provenance, run);
    let existing = log.and_then(|log| existing_entry(log, &release));
    let envelope = sign::by_builder(&release, signer)?;
    // A statement without effect is refused before anything is sent.
    if let (Some(log), None) = (log, existing) {
        sign::require_effect(log, &envelope)?;
    }
    let bundles = similar(log, packed);
    let known = packed.earlier.as_ref().map(|earlier| Known {
        bundles: &bundles,
        frames: &earlier.frames,
    });
    let pushed = push(client, &packed.bundle, known, progress).await?;
    let entry = match existing {
        Some(entry) => entry,
        None => append(client, log, &envelope).await?,
    };
    Ok(Published {
        pushed,
        entry,
        was_there: existing.is_some(),
        payload: Digest::of(envelope.payload()),
    })
}

/// Appends a new statement and returns its entry, which no entry can be that was there before.
async fn append(
    client: &Client,
    log: Option<&LogState>,
    envelope: &SignedEnvelope,
) -> Result<u64, PublishError> {
    let entry = client.append(&envelope.to_bytes()).await?.index;
    let size = log.map_or(0, LogState::size);
    if entry < size {
        return Err(PublishError::OldEntry { entry, size });
    }
    Ok(entry)
}

/// Makes sure that the verified log has what was published: a registry may take a statement and append
/// nothing.
pub async fn confirm(
    client: &Client,
    log: &mut LogFollower,
    packed: &Packed,
    published: &Published,
) -> Result<(), PublishError> {
    if published.was_there {
        return Ok(());
    }
    let state = log.sync(client).await?;
    let release = state.release(&packed.bundle.release().project, &packed.bundle.hash());
    let mut statements = release
        .into_iter()
        .flat_map(|release| release.statements.iter());
    if statements.any(|record| record.payload == published.payload) {
        return Ok(());
    }
    Err(PublishError::NotIncluded)
}

/// Returns the bundles that this one is probably similar to: what was packed last, and what the log
/// has last.
fn similar(log: Option<&LogState>, packed: &Packed) -> Vec<Digest> {
    let project = &packed.bundle.release().project;
    let last = packed.earlier.as_ref().and_then(|earlier| earlier.last);
    let newest = log.and_then(|log| log.releases(project).next_back());
    let mut bundles = Vec::from_iter(last);
    bundles.extend(newest.map(|release| release.hash));
    bundles.retain(|hash| *hash != packed.bundle.hash());
    bundles.dedup();
    bundles
}

/// The program that packs, as release statements name it.
const TOOL: &str = concat!("bulla ", env!("CARGO_PKG_VERSION"));

/// Writes the statement that makes a bundle promotable.
pub fn statement(bundle: &Bundle, provenance: &Provenance, run: &Run) -> ReleaseStatement {
    let release = bundle.release();
    ReleaseStatement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: [ReleaseSubject {
            name: release.project.clone(),
            digest: DigestSet {
                sha256: bundle.hash(),
            },
            annotations: SizeAnnotation {
                size: bundle.total_size(),
            },
        }],
        predicate_type: RELEASE_TYPE.to_owned(),
        predicate: ReleasePredicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.to_owned(),
                external_parameters: ExternalParameters {
                    project: release.project.clone(),
                    source: provenance.source.clone(),
                    reference: provenance.reference.clone(),
                    recipe: RECIPE_FILE.to_owned(),
                    label: provenance.label.clone(),
                    dirty: provenance.dirty,
                    build: provenance.build,
                },
                internal_parameters: InternalParameters {
                    tool: TOOL.to_owned(),
                },
                resolved_dependencies: [dependency(bundle, provenance)],
            },
            run_details: RunDetails {
                builder: Builder {
                    id: run.builder_id.clone(),
                },
                metadata: BuildMetadata {
                    invocation_id: run.invocation.clone(),
                    started_on: run.started_on,
                    finished_on: run.finished_on,
                },
            },
        },
    }
}

/// The revision. A Subversion revision is a number and no digest: the index stands for its content.
fn dependency(bundle: &Bundle, provenance: &Provenance) -> Dependency {
    let release = bundle.release();
    match &release.source {
        Source::Git { revision, .. } => {
            let reference = match provenance.reference.as_str() {
                "" => revision,
                reference => reference,
            };
            Dependency {
                uri: format!("{}@{reference}", provenance.source),
                digest: DependencyDigest::GitCommit(revision.clone()),
                annotations: None,
            }
        }
        Source::Svn { revision, .. } => Dependency {
            uri: format!("{}@{revision}", provenance.source),
            digest: DependencyDigest::Sha256(release.index.digest.hex()),
            annotations: Some(DependencyAnnotations {
                svn_revision: revision.clone(),
                svn_keywords: Some(SvnKeywords::Unexpanded),
                svn_eol_style: Some(SvnEolStyle::Lf),
            }),
        },
    }
}

/// Finds the entry in which the log says the same already, but for times and run. From which branch a
/// git commit is published says nothing new, and neither does a clone without its tag.
fn existing_entry(state: &LogState, statement: &ReleaseStatement) -> Option<u64> {
    let definition = &statement.predicate.build_definition;
    let parameters = &definition.external_parameters;
    let subject = &statement.subject[0];
    let release = state.release(&parameters.project, &subject.digest.sha256)?;
    let builder_id = &statement.predicate.run_details.builder.id;
    let policy = state.checked_policy();
    let is_builder = |name: &Name| {
        let rule = policy.and_then(|policy| policy.builder(name));
        rule.is_some_and(|rule| rule.builder_id == *builder_id)
    };
    let is_git = parameters.source.starts_with("git+");
    // Another builder that says the same says something new: it made the release as well.
    let is_same = |record: &&bulla_trust::ReleaseRecord| {
        record.builders.iter().any(is_builder)
            && record.source == parameters.source
            && (is_git || record.reference == parameters.reference)
            && (record.label == parameters.label || (is_git && parameters.label.is_empty()))
            && record.dirty == parameters.dirty
            && record.build == parameters.build
    };
    release
        .statements
        .iter()
        .find(is_same)
        .map(|record| record.entry)
}

#[cfg(test)]
mod tests {
    use bulla_trust::testing::{self, Organisation, project};

    use super::*;

    #[test]
    fn a_builder_is_known_by_its_key() {
        let state = Organisation::new().state;
        let find = |name: &str| builder_id(&state, &testing::key(name).public_key());
        assert_eq!(find("ci").unwrap(), testing::BUILDER_ID);
        assert!(matches!(
            find("alice"),
            Err(PublishError::NotBuilder { .. })
        ));
        let error = find("mallory").unwrap_err();
        assert!(matches!(error, PublishError::UnknownBuilder { .. }));
        assert!(error.hint().unwrap().contains("ci"));
    }

    #[test]
    fn the_same_release_is_not_said_twice() {
        let mut organisation = Organisation::new();
        let hash = organisation.publish(&project(), "one");
        let mut statement = testing::release(&project(), hash);
        statement.predicate.run_details.metadata.finished_on = testing::time(99);
        let state = &organisation.state;
        assert_eq!(existing_entry(state, &statement), Some(1));

        let mut other = statement.clone();
        other.predicate.build_definition.external_parameters.label = "1.0".to_owned();
        assert_eq!(existing_entry(state, &other), None);
        let mut elsewhere = statement.clone();
        let parameters = &mut elsewhere.predicate.build_definition.external_parameters;
        parameters.reference = "refs/heads/other".to_owned();
        assert_eq!(existing_entry(state, &elsewhere), Some(1));
        let unknown = testing::release(&project(), Digest::of(b"another"));
        assert_eq!(existing_entry(state, &unknown), None);
    }
}
