//! Resolve: from a channel to the head that may be activated.

use bulla_schemas::outcome::{FailureKind, Outcome};
use bulla_schemas::statement::Severity;
use bulla_schemas::{ChannelName, Digest, Name, ProjectName};

use crate::state::{Head, LogState};

/// Why a channel has nothing to activate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nobody ever said anything about the project.
    #[error("the log knows no project `{project}`")]
    UnknownProject {
        /// The project.
        project: ProjectName,
    },
    /// Nothing was promoted there.
    #[error("nothing was promoted to `{channel}` of `{project}`")]
    NoHead {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
    },
    /// People stopped the channel.
    #[error("`{channel}` of `{project}` is paused by {}: {reason}", join(.people))]
    Paused {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// Who paused it.
        people: Vec<Name>,
        /// Why.
        reason: String,
    },
    /// People said that the head must not be activated.
    #[error("the head of `{channel}` of `{project}` is revoked: {hash}")]
    Revoked {
        /// The project.
        project: ProjectName,
        /// The channel.
        channel: ChannelName,
        /// The head.
        hash: Digest,
    },
}

impl Outcome for ResolveError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::UnknownProject { .. } | Self::NoHead { .. } => FailureKind::Failed,
            Self::Paused { .. } | Self::Revoked { .. } => FailureKind::Refused,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownProject { .. } => None,
            Self::NoHead { channel, .. } => Some(format!(
                "`bulla promote HASH {channel} -m TEXT` points it to a release"
            )),
            Self::Paused { channel, .. } => Some(format!(
                "`bulla resume {channel} -m TEXT` goes on with it, `bulla rollback {channel} -m TEXT` with \
                 an earlier release"
            )),
            Self::Revoked { channel, .. } => Some(format!(
                "promote another release to `{channel}`, or roll it back"
            )),
        }
    }
}

/// Returns the head of a channel, unless it is paused or revoked.
pub fn resolve(
    state: &LogState,
    project: &ProjectName,
    channel: &ChannelName,
) -> Result<Head, ResolveError> {
    if !state.projects().any(|known| known == project) {
        return Err(ResolveError::UnknownProject {
            project: project.clone(),
        });
    }
    let place = || (project.clone(), channel.clone());
    let Some(head) = state.head(project, channel) else {
        let (project, channel) = place();
        return Err(ResolveError::NoHead { project, channel });
    };
    if head.is_paused() {
        let (project, channel) = place();
        return Err(ResolveError::Paused {
            project,
            channel,
            people: head.people.clone(),
            reason: head.reason.clone(),
        });
    }
    if state.revocation(project, &head.hash) == Some(Severity::Block) {
        let (project, channel) = place();
        return Err(ResolveError::Revoked {
            project,
            channel,
            hash: head.hash,
        });
    }
    Ok(head.clone())
}

fn join(people: &[Name]) -> String {
    let people: Vec<&str> = people.iter().map(Name::as_str).collect();
    people.join(", ")
}

#[cfg(test)]
mod tests {
    use bulla_schemas::statement::Action;

    use super::*;
    use crate::testing::{Organisation, name, project};

    #[test]
    fn a_channel_leads_to_its_head_or_to_a_reason() {
        let mut acme = Organisation::new();
        let prod: ChannelName = name("prod");
        let resolved = |acme: &Organisation| resolve(&acme.state, &project(), &prod);
        assert!(matches!(
            resolved(&acme),
            Err(ResolveError::UnknownProject { .. })
        ));
        let (old, new) = (
            acme.publish(&project(), "old"),
            acme.publish(&project(), "new"),
        );
        assert!(matches!(resolved(&acme), Err(ResolveError::NoHead { .. })));
        acme.promote("prod", old, &["alice"]);
        acme.promote("prod", new, &["alice"]);
        let head = resolved(&acme).unwrap();
        assert_eq!((head.hash, head.seq, head.size), (new, 2, 18_734_592));

        let mut pause = acme.draft("prod", new);
        pause.predicate.action = Action::Pause;
        acme.append_promotion(&pause, &["bob"]);
        let paused = resolved(&acme).unwrap_err();
        assert_eq!(
            paused.to_string(),
            "`prod` of `acme/billing` is paused by bob: because"
        );
        acme.promote("prod", new, &["alice"]);
        assert_eq!(resolved(&acme).unwrap().action, Action::Rollback);

        acme.revoke(new, Severity::Warn, "carol");
        assert!(resolved(&acme).is_ok());
        acme.revoke(new, Severity::Block, "carol");
        assert!(matches!(resolved(&acme), Err(ResolveError::Revoked { .. })));
        acme.promote("prod", old, &["alice"]);
        assert_eq!(resolved(&acme).unwrap().hash, old);
    }
}
