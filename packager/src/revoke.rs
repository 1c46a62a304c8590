//! Revoking: one person says that releases must not be made live again. Their bytes stay, and so does
//! what is live.

mod error;

use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::api::Deployment;
use bulla_schemas::outcome::with_causes;
use bulla_schemas::report::{RevocationReport, RevokedRelease};
use bulla_schemas::statement::Severity;
use bulla_schemas::{Digest, ProjectName, Timestamp, media_type};
use bulla_trust::envelope::SignedEnvelope;
use bulla_trust::policy::Owner;
use bulla_trust::{LogState, statement};

use crate::ssh::PersonalKey;
use crate::{append, person, sign};

pub use error::RevokeError;

/// The most releases that one statement names.
pub const MOST: usize = 64;

/// What a person wants to be said of releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoking {
    /// The project of all of them.
    pub project: ProjectName,
    /// The releases, each once.
    pub hashes: Vec<Digest>,
    /// Whether servers refuse them or warn.
    pub severity: Severity,
    /// Why; permanent.
    pub reason: String,
    /// The time, for people.
    pub issued_at: Timestamp,
}

impl Revoking {
    /// Returns the entry of the log that says the last of it already; `None` while it does not say
    /// all of it.
    pub fn standing(&self, state: &LogState) -> Option<u64> {
        let said_of = |hash: &Digest| {
            let says = |one: &&bulla_trust::Revocation| {
                let is_enough = one.severity == Severity::Block || one.severity == self.severity;
                is_enough && one.hashes.contains(hash)
            };
            state.revocations(&self.project).find(says)
        };
        let entries: Option<Vec<u64>> = self
            .hashes
            .iter()
            .map(|hash| said_of(hash).map(|one| one.entry))
            .collect();
        entries?.into_iter().max()
    }

    /// Reports where the releases are: by the log what points to them, and by the servers' own word on
    /// which of them they are live.
    pub async fn report(&self, client: &Client, state: &LogState) -> RevocationReport {
        let (deployments, not_asked) = match client.deployments(&self.project).await {
            Ok(deployments) => (deployments, None),
            Err(error) => (Vec::new(), Some(with_causes(&error))),
        };
        RevocationReport {
            not_asked,
            ..self.describe(state, &deployments)
        }
    }

    fn describe(&self, state: &LogState, deployments: &[Deployment]) -> RevocationReport {
        let describe = |hash: &Digest| RevokedRelease {
            hash: *hash,
            heads: state
                .channels(&self.project)
                .filter(|head| head.hash == *hash)
                .map(|head| head.channel.clone())
                .collect(),
            live_on: deployments
                .iter()
                .filter(|one| one.report.live == Some(*hash))
                .map(|one| one.host.clone())
                .collect(),
        };
        RevocationReport {
            project: self.project.clone(),
            severity: self.severity,
            releases: self.hashes.iter().map(describe).collect(),
            not_asked: None,
            entry: None,
        }
    }

    /// Checks that one statement can name so many releases.
    pub const fn check_count(&self) -> Result<(), RevokeError> {
        let (most, found) = (MOST, self.hashes.len());
        if found > most {
            return Err(RevokeError::TooMany { most, found });
        }
        Ok(())
    }

    /// Checks that the person may revoke in the project, before they are asked to sign.
    pub fn check(&self, state: &LogState, key: &PersonalKey) -> Result<(), RevokeError> {
        self.check_count()?;
        let name = person::of_key(state, key)?;
        let policy = state.checked_policy();
        if policy.is_some_and(|p| p.may_revoke(&self.project, &Owner::Person(name.clone()))) {
            return Ok(());
        }
        Err(RevokeError::NotAllowed {
            name,
            project: self.project.clone(),
        })
    }
}

/// Signs the revocation, and checks that it would take effect.
pub fn sign(
    state: &LogState,
    key: &PersonalKey,
    revoking: &Revoking,
) -> Result<SignedEnvelope, RevokeError> {
    revoking.check(state, key)?;
    let revocation = statement::revoke(
        state,
        &revoking.project,
        &revoking.hashes,
        revoking.severity,
        revoking.reason.clone(),
        revoking.issued_at,
    );
    let signed = sign::by_person(state, media_type::IN_TOTO, &revocation, key, None);
    Ok(signed?.envelope)
}

/// Appends it and returns its entry in the verified log.
pub async fn append(
    client: &Client,
    log: &mut LogFollower,
    revoking: &Revoking,
    envelope: &SignedEnvelope,
) -> Result<u64, RevokeError> {
    let payload = Digest::of(envelope.payload());
    let (state, lost) = append::append(client, log, envelope, RevokeError::NotIncluded).await?;
    let mut revocations = state.revocations(&revoking.project);
    let included = revocations.rfind(|one| one.payload == payload);
    included.map(|included| included.entry).ok_or(lost)
}

#[cfg(test)]
mod tests {
    use bulla_schemas::outcome::{FailureKind, Outcome as _};
    use bulla_trust::testing::{self, Organisation, name, project};

    use super::*;

    fn revoking(hashes: &[Digest], severity: Severity) -> Revoking {
        Revoking {
            project: project(),
            hashes: hashes.to_vec(),
            severity,
            reason: "because".to_owned(),
            issued_at: testing::time(0),
        }
    }

    fn personal(person: &str) -> PersonalKey {
        PersonalKey {
            path: format!("{person}.pub").into(),
            public: testing::key(person).public_key(),
        }
    }

    #[test]
    fn is_done_once_the_log_says_at_least_that_of_each_release() {
        let mut acme = Organisation::new();
        let (one, two) = (
            acme.publish(&project(), "one"),
            acme.publish(&project(), "two"),
        );
        let both = |severity| revoking(&[one, two], severity);
        acme.revoke(one, Severity::Warn, "alice");
        assert_eq!(both(Severity::Warn).standing(&acme.state), None);
        acme.revoke(two, Severity::Block, "alice");
        let entry = acme.state.size() - 1;
        assert_eq!(both(Severity::Warn).standing(&acme.state), Some(entry));
        assert_eq!(both(Severity::Block).standing(&acme.state), None);
    }

    #[test]
    fn names_what_points_to_a_release() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "one");
        acme.promote("dev", hash, &["alice"]);
        let report = revoking(&[hash], Severity::Block).describe(&acme.state, &[]);
        assert_eq!(report.releases[0].heads, [name("dev")]);
    }

    #[test]
    fn who_may_not_revoke_is_told_before_signing() {
        let mut acme = Organisation::new();
        let hash = acme.publish(&project(), "one");
        let check = |person: &str, hashes: &[Digest]| {
            revoking(hashes, Severity::Block).check(&acme.state, &personal(person))
        };
        check("alice", &[hash]).unwrap();
        for stranger in ["mallory", "ci"] {
            let error = check(stranger, &[hash]).unwrap_err();
            assert_eq!(error.kind(), FailureKind::Refused, "{error}");
        }
        let error = check("alice", &[hash; MOST + 1]).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Usage, "{error}");
    }
}
