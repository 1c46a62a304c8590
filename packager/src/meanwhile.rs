//! Meanwhile: what others did, because of which something that was signed has no effect any more.

use bulla_schemas::line::list;
use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::statement::{Action, Severity};
use bulla_schemas::{Digest, ProjectName};
use bulla_trust::{LogState, Promotion, Revocation, Statement};

/// What others did since a statement was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Meanwhile {
    /// They moved the channel.
    #[error("{} {} meanwhile: {}", list(&.by.people), deed(.by, .project), .by.reason)]
    Moved {
        /// The project.
        project: ProjectName,
        /// What they did.
        by: Box<Promotion>,
    },
    /// They revoked the release.
    #[error("{} revoked {hash} meanwhile: {}", list(&.by.people), .by.reason)]
    Revoked {
        /// The release.
        hash: Digest,
        /// What they said.
        by: Box<Revocation>,
    },
    /// They changed the policy.
    #[error("the policy was changed meanwhile: version {version} is entry {entry} of the log")]
    Policy {
        /// The version in effect.
        version: u64,
        /// Its entry.
        entry: u64,
    },
}

impl Meanwhile {
    /// Returns what others did to the subject of a statement since the log had `since` entries: what
    /// keeps it from taking effect, if anything did.
    pub fn since(state: &LogState, since: u64, statement: &Statement) -> Option<Self> {
        match statement {
            Statement::Promotion(promotion) => {
                let predicate = &promotion.predicate;
                let hash = promotion.subject[0].digest.sha256;
                let project = &predicate.project;
                let moved = state
                    .promotions(project)
                    .rfind(|one| one.channel == predicate.channel && one.entry >= since);
                let moved = moved.map(|by| Self::Moved {
                    project: project.clone(),
                    by: Box::new(by.clone()),
                });
                moved
                    .or_else(|| Self::revoked(state, since, project, hash, predicate.action))
                    .or_else(|| Self::policy(state, since))
            }
            _ => Self::policy(state, since),
        }
    }

    fn revoked(
        state: &LogState,
        since: u64,
        project: &ProjectName,
        hash: Digest,
        action: Action,
    ) -> Option<Self> {
        // Stopping is allowed whatever is known of the release.
        if action == Action::Pause {
            return None;
        }
        let by = state.revocations(project).find(|one| {
            one.entry >= since && one.severity == Severity::Block && one.hashes.contains(&hash)
        })?;
        Some(Self::Revoked {
            hash,
            by: Box::new(by.clone()),
        })
    }

    fn policy(state: &LogState, since: u64) -> Option<Self> {
        let last = state.policies().next_back()?;
        (last.entry >= since).then(|| Self::Policy {
            version: last.checked.policy().version,
            entry: last.entry,
        })
    }
}

impl Outcome for Meanwhile {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Revoked { .. } => FailureKind::Refused,
            _ => FailureKind::Temporary,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Moved { by, .. } => {
                let look = match by.action {
                    Action::Widen => format!("bulla wave {}", by.channel),
                    _ => "bulla diff".to_owned(),
                };
                format!("look with `{look}`, then run the same command again if it is still meant")
            }
            Self::Revoked { .. } => {
                "a revocation is permanent: promote another release, `bulla releases` lists them"
                    .to_owned()
            }
            Self::Policy { .. } => {
                "look with `bulla policy show`, then run the same command again if it is still meant"
                    .to_owned()
            }
        })
    }
}

fn deed(promotion: &Promotion, project: &ProjectName) -> String {
    let place = format!("`{}` of {project}", promotion.channel);
    match (promotion.action, promotion.up_to) {
        (Action::Widen, Some(up_to)) => format!("let the waves of {place} up to {up_to} go"),
        (Action::Pause, _) => format!("paused {place}"),
        _ => format!("moved {place} to {}", promotion.hash),
    }
}
