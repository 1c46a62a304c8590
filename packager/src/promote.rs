//! Moving a channel: from a verified log to a promotion that the log contains.

mod error;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bulla_bundle::VerifiedBundle;
use bulla_registry_client::{Client, LogFollower};
use bulla_schemas::outcome::{FailureKind, Outcome as _, with_causes};
use bulla_schemas::policy::ChannelRule;
use bulla_schemas::report::{ContainsLive, Preview, ProposalReport};
use bulla_schemas::statement::{Action, PromotionStatement, Severity};
use bulla_schemas::{Digest, media_type};
use bulla_trust::envelope::SignedEnvelope;
use bulla_trust::policy::{self, Owner};
use bulla_trust::{
    CheckedPolicy, Head, LogState, Release, Rollout, Submission, Verdict, statement,
};

use crate::append;
use crate::contents::{self, ContentsError};
use crate::drop::{self, Loss};
use crate::meanwhile::Meanwhile;
use crate::person;
use crate::preview;
use crate::proposal::Proposal;
use crate::propose::{self, Sent};
use crate::sign::{self, SignError, Signed};
use crate::ssh::PersonalKey;

pub use error::PromoteError;

/// Returns the head when the channel points to the release already: after a promotion whose answer
/// was lost, nothing is left to do. Refuses a proposal in which the release reaches the servers in
/// another way, since that was signed with it.
pub fn standing<'a>(
    state: &'a LogState,
    proposal: &Proposal,
) -> Result<Option<&'a Head>, PromoteError> {
    let head = state.head(&proposal.project, &proposal.channel);
    let Some(head) = head.filter(|head| head.hash == proposal.hash && !head.is_paused()) else {
        return Ok(None);
    };
    let Rollout { waves, urgent, .. } = head.rollout;
    if proposal.waves.is_some_and(|asked| waves != Some(asked))
        || proposal.urgent.is_some_and(|asked| urgent != asked)
    {
        return Err(PromoteError::OtherRollout {
            hash: proposal.hash,
            channel: proposal.channel.clone(),
        });
    }
    Ok(Some(head))
}

/// What is known before it is signed.
#[derive(Debug)]
pub struct Prepared {
    /// What changes on the servers, or why that cannot be told, which is no reason to refuse.
    pub preview: Result<Preview, ContentsError>,
    /// What the channel would lose.
    pub loss: Loss,
}

impl Prepared {
    /// Reports what was found out.
    pub fn report(&self, proposal: &Proposal) -> ProposalReport {
        let mut report = proposal.report();
        match &self.preview {
            Ok(preview) => report.preview = Some(preview.clone()),
            Err(error) => report.not_compared = Some(with_causes(error)),
        }
        match &self.loss {
            Loss::Nothing => {}
            Loss::Revisions { dropped, commits } => {
                report.contains_live = ContainsLive::No;
                report.dropped.clone_from(dropped);
                report.dropped_commits = commits.map(|commits| commits as u64);
            }
            Loss::Unknown { live, reason } => {
                report.contains_live = ContainsLive::Unknown;
                report.dropped = vec![(**live).clone()];
                report.unknown_because = Some(reason.to_string());
            }
        }
        report
    }
}

/// Finds out what a promotion would do, and refuses one that could not take effect. What is lost is
/// told and not refused: only the person knows whether it is meant. A git history is read in the
/// checkout at or above `checkout`.
pub async fn prepare(
    client: &Client,
    state: &LogState,
    proposal: &Proposal,
    signer: Option<&PersonalKey>,
    checkout: &Path,
) -> Result<Prepared, PromoteError> {
    check(state, proposal, signer)?;
    require_bundle(client, state, proposal).await?;
    let bundles = Box::pin(fetch(client, state, proposal)).await?;
    let source = |bundle: &VerifiedBundle| bundle.release().source.clone();
    let sources = match &bundles {
        Ok((Some(live), target)) => Some((source(live), source(target))),
        _ => None,
    };
    let sources = sources.as_ref().map(|(live, target)| (live, target));
    let loss = drop::loss(state, proposal, sources, checkout);
    Ok(Prepared {
        preview: compare(state, proposal, bundles)?,
        loss,
    })
}

/// Checks all that the log alone can tell; only looking needs no key.
pub(crate) fn check(
    state: &LogState,
    proposal: &Proposal,
    signer: Option<&PersonalKey>,
) -> Result<(), PromoteError> {
    check_channel(state, proposal)?;
    check_release(state, proposal)?;
    let Proposal {
        project,
        channel,
        hash,
        ..
    } = proposal;
    let goes_on = state
        .head(project, channel)
        .is_some_and(|head| head.hash == *hash);
    if goes_on && (proposal.waves.is_some() || proposal.urgent.is_some()) {
        return Err(PromoteError::OtherRollout {
            hash: *hash,
            channel: channel.clone(),
        });
    }
    if proposal.waves.is_some() && state.was_head(project, channel, hash) {
        return Err(PromoteError::WavesBack {
            hash: *hash,
            channel: channel.clone(),
        });
    }
    let (_, rule) = check_channel(state, proposal)?;
    if let Some(via) = &rule.via
        && !state.was_head(project, via, hash)
    {
        return Err(PromoteError::Via {
            hash: *hash,
            project: project.clone(),
            channel: channel.clone(),
            via: via.clone(),
        });
    }
    signer.map_or(Ok(()), |key| check_person(state, key, proposal))
}

/// Refuses a release that the registry says that it does not have, or not all of. One that cannot be
/// asked is no reason to refuse.
pub(crate) async fn require_bundle(
    client: &Client,
    state: &LogState,
    proposal: &Proposal,
) -> Result<(), PromoteError> {
    let Proposal {
        project,
        channel,
        hash,
        ..
    } = proposal;
    match client.find_missing(project, hash).await {
        Ok(Some(source)) => Err(PromoteError::Missing {
            hash: *hash,
            channel: channel.clone(),
            is_earlier: state.was_head(project, channel, hash)
                && state
                    .head(project, channel)
                    .is_none_or(|head| head.hash != *hash || head.is_paused()),
            source,
        }),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// The live release, if there is one, and the proposed one.
pub(crate) type Bundles = (Option<VerifiedBundle>, VerifiedBundle);

/// Fetches what is live and what is proposed. A registry that falsifies one of them is refused; one
/// that does not give them is told.
pub(crate) async fn fetch(
    client: &Client,
    state: &LogState,
    proposal: &Proposal,
) -> Result<Result<Bundles, ContentsError>, PromoteError> {
    let project = &proposal.project;
    let live = async {
        match state.head(project, &proposal.channel) {
            Some(head) => contents::fetch(client, project, head.hash).await.map(Some),
            None => Ok(None),
        }
    };
    match tokio::try_join!(live, contents::fetch(client, project, proposal.hash)) {
        Err(error) if error.kind() == FailureKind::Refused => Err(error.into()),
        fetched => Ok(fetched),
    }
}

/// Compares what was fetched.
pub(crate) fn compare(
    state: &LogState,
    proposal: &Proposal,
    bundles: Result<Bundles, ContentsError>,
) -> Result<Result<Preview, ContentsError>, PromoteError> {
    let release =
        state
            .release(&proposal.project, &proposal.hash)
            .ok_or(PromoteError::NotReleased {
                hash: proposal.hash,
            })?;
    Ok(bundles.map(|(live, target)| preview::compare(live.as_ref(), &target, release)))
}

/// Checks that the policy has the channel.
fn check_channel<'a>(
    state: &'a LogState,
    proposal: &Proposal,
) -> Result<(&'a CheckedPolicy, &'a ChannelRule), PromoteError> {
    let Proposal {
        project, channel, ..
    } = proposal;
    let policy = state.checked_policy();
    let rule = policy.and_then(|policy| Some((policy, policy.channel_rule(project, channel)?)));
    rule.ok_or_else(|| {
        let rules = state
            .policy()
            .into_iter()
            .flat_map(|policy| &policy.channels);
        let rules = rules.filter(|rule| policy::matches(&rule.project, project.as_str()));
        let known: BTreeSet<_> = rules.map(|rule| rule.channel.clone()).collect();
        PromoteError::UnknownChannel {
            project: project.clone(),
            channel: channel.clone(),
            known: known.into_iter().collect(),
        }
    })
}

/// Checks that the person may move the channel, before they are asked to sign.
pub(crate) fn check_person(
    state: &LogState,
    key: &PersonalKey,
    proposal: &Proposal,
) -> Result<(), PromoteError> {
    let name = person::of_key(state, key)?;
    let (policy, rule) = check_channel(state, proposal)?;
    if !policy.may_promote(rule, &Owner::Person(name.clone())) {
        return Err(PromoteError::NotAllowed {
            name,
            project: proposal.project.clone(),
            channel: proposal.channel.clone(),
            people: rule.people.clone(),
        });
    }
    Ok(())
}

/// Checks that the release may be promoted at all.
pub(crate) fn check_release(state: &LogState, proposal: &Proposal) -> Result<(), PromoteError> {
    let (project, hash) = (&proposal.project, proposal.hash);
    if state.release(project, &hash).is_some_and(Release::is_dirty) {
        return Err(PromoteError::Dirty { hash });
    }
    if state.revocation(project, &hash) == Some(Severity::Block) {
        return Err(PromoteError::Revoked { hash });
    }
    Ok(())
}

/// Drafts the promotion that comes next in the channel.
pub fn draft(state: &LogState, proposal: &Proposal) -> PromotionStatement {
    let mut promotion = statement::promote(
        state,
        &proposal.project,
        &proposal.channel,
        proposal.hash,
        proposal.reason.clone(),
        proposal.issued_at,
    );
    let predicate = &mut promotion.predicate;
    predicate.waves = proposal.waves;
    // A rollback is urgent by itself, and says only what is new.
    let usual = predicate.action == Action::Rollback;
    predicate.urgent = proposal.urgent.filter(|urgent| *urgent != usual);
    promotion
}

/// Drafts the statement that pauses the channel at its head, which is the proposed one. Stopping is
/// allowed whatever is known of the release: also when it was revoked, or nobody has it any more.
pub fn draft_pause(
    state: &LogState,
    proposal: &Proposal,
) -> Result<PromotionStatement, PromoteError> {
    let Proposal {
        project,
        channel,
        hash,
        reason,
        issued_at,
        ..
    } = proposal;
    let pausing = statement::pause(state, project, channel, reason.clone(), *issued_at);
    pausing.ok_or(PromoteError::NotReleased { hash: *hash })
}

/// Promotes the head once more, so that servers on which it failed try it again. The log lets nobody
/// promote what a channel points to: the channel is paused, and goes on with the same head, in the
/// waves that it has.
pub async fn again(
    client: &Client,
    log: &mut LogFollower,
    key: &PersonalKey,
    proposal: &Proposal,
) -> Result<Head, PromoteError> {
    check(log.state(), proposal, Some(key))?;
    let (_, rule) = check_channel(log.state(), proposal)?;
    if rule.threshold > 1 {
        return Err(PromoteError::AgainTakesSeveral {
            channel: proposal.channel.clone(),
            threshold: rule.threshold,
        });
    }
    require_bundle(client, log.state(), proposal).await?;
    let pausing = draft_pause(log.state(), proposal)?;
    let pausing = sign(log.state(), key, &pausing)?;
    append(client, log, proposal, &pausing.envelope).await?;
    let goes_on = resume(client, log, key, proposal).await;
    goes_on.map_err(|error| match error {
        // Whoever it was, what the channel does is theirs to say.
        overtaken @ PromoteError::Meanwhile(_) => overtaken,
        source => PromoteError::LeftPaused {
            channel: proposal.channel.clone(),
            hash: proposal.hash,
            source: Box::new(source),
        },
    })
}

/// Lets a paused channel go on with its head, which is the proposed one.
async fn resume(
    client: &Client,
    log: &mut LogFollower,
    key: &PersonalKey,
    proposal: &Proposal,
) -> Result<Head, PromoteError> {
    check(log.state(), proposal, Some(key))?;
    require_bundle(client, log.state(), proposal).await?;
    let going_on = sign(log.state(), key, &draft(log.state(), proposal))?;
    append(client, log, proposal, &going_on.envelope).await
}

/// Signs a statement about a channel, and checks that it would take effect, at the latest once others
/// have signed it too.
pub fn sign(
    state: &LogState,
    key: &PersonalKey,
    promotion: &PromotionStatement,
) -> Result<Signed, PromoteError> {
    let signed = sign::by_person(state, media_type::IN_TOTO, promotion, key, None);
    Ok(signed?)
}

/// Appends what was signed, or sends it to the others who have to sign it.
pub async fn send(
    client: &Client,
    log: &mut LogFollower,
    proposal: &Proposal,
    signed: &Signed,
    expires: Option<Duration>,
) -> Result<Sent<Head>, PromoteError> {
    if signed.is_complete {
        let head = append(client, log, proposal, &signed.envelope).await?;
        return Ok(Sent::Done(head));
    }
    let before = log.state().size();
    match propose::send(client, log.state(), signed, expires).await {
        Ok(pending) => Ok(Sent::Waiting(Box::new(pending))),
        Err(error) => {
            log.sync(client).await?;
            let why = why_inert(log.state(), before, &signed.envelope)?;
            Err(why.unwrap_or_else(|| error.into()))
        }
    }
}

/// Appends a promotion and returns the head that the verified log then has.
pub async fn append(
    client: &Client,
    log: &mut LogFollower,
    proposal: &Proposal,
    envelope: &SignedEnvelope,
) -> Result<Head, PromoteError> {
    let payload = Digest::of(envelope.payload());
    let before = log.state().size();
    let (state, lost) = append::append(client, log, envelope, PromoteError::NotIncluded).await?;
    let head = state.head(&proposal.project, &proposal.channel);
    let mut promotions = state.promotions(&proposal.project);
    let is_included =
        promotions.any(|promotion| promotion.entry >= before && promotion.payload == payload);
    match head {
        Some(head) if head.payload == payload => Ok(head.clone()),
        // Others let further waves of it go after that.
        Some(head) if head.hash == proposal.hash && is_included => Ok(head.clone()),
        _ => Err(why_inert(state, before, envelope)?.unwrap_or(lost)),
    }
}

/// Tells why something that was signed when the log had `since` entries has no effect any more; nothing
/// while it has.
fn why_inert(
    state: &LogState,
    since: u64,
    envelope: &SignedEnvelope,
) -> Result<Option<PromoteError>, PromoteError> {
    let verdict = state.judge(&envelope.to_bytes()).map_err(SignError::from)?;
    let Verdict::Inert(reason) = verdict else {
        return Ok(None);
    };
    let submission = Submission::of(envelope.clone()).map_err(SignError::Ineffective)?;
    let is_only_lacking = state.approval(&submission).is_ok();
    let meanwhile = Meanwhile::since(state, since, submission.statement());
    Ok(match meanwhile {
        Some(meanwhile) => Some(PromoteError::Meanwhile(meanwhile)),
        None if is_only_lacking => None,
        None => Some(SignError::Ineffective(reason).into()),
    })
}

#[cfg(test)]
mod tests {
    use bulla_schemas::statement::Waves;
    use bulla_trust::testing::{self, Organisation, name, project};

    use super::*;
    use crate::person::PersonError;

    fn personal(person: &str) -> PersonalKey {
        PersonalKey {
            path: format!("{person}.pub").into(),
            public: testing::key(person).public_key(),
        }
    }

    fn proposal(channel: &str, hash: Digest) -> Proposal {
        Proposal {
            project: project(),
            channel: name(channel),
            hash,
            reason: "because".to_owned(),
            issued_at: testing::time(0),
            waves: None,
            urgent: None,
        }
    }

    #[test]
    fn a_person_who_may_not_move_a_channel_is_told_before_signing() {
        let mut organisation = Organisation::new();
        let hash = organisation.publish(&project(), "one");
        let check = |person: &str, channel: &str| {
            check_person(
                &organisation.state,
                &personal(person),
                &proposal(channel, hash),
            )
        };
        assert!(check("alice", "prod").is_ok());
        assert!(matches!(
            check("mallory", "prod"),
            Err(PromoteError::Person(PersonError::Unknown { .. }))
        ));
        assert!(matches!(
            check("ci", "prod"),
            Err(PromoteError::Person(PersonError::Builder { .. }))
        ));
        let error = check("alice", "nowhere").unwrap_err();
        assert!(matches!(error, PromoteError::UnknownChannel { .. }));
        assert_eq!(error.kind(), FailureKind::Failed);
    }

    #[test]
    fn what_cannot_be_promoted_is_told_before_signing() {
        let mut organisation = Organisation::new();
        let (good, bad) = (
            organisation.publish(&project(), "good"),
            organisation.publish(&project(), "bad"),
        );
        let dirty = Digest::of(b"dirty");
        let mut release = testing::release(&project(), dirty);
        release.predicate.build_definition.external_parameters.dirty = true;
        organisation.append_release(&release);
        organisation.promote("prod", good, &["alice"]);
        organisation.revoke(bad, Severity::Block, "alice");
        let check = |hash| check_release(&organisation.state, &proposal("prod", hash));
        let standing = |hash| standing(&organisation.state, &proposal("prod", hash)).unwrap();
        assert_eq!(standing(good).unwrap().people, [name("alice")]);
        assert_eq!(standing(bad), None);
        assert!(matches!(check(bad), Err(PromoteError::Revoked { .. })));
        assert!(matches!(check(dirty), Err(PromoteError::Dirty { .. })));
        assert_eq!(check(dirty).unwrap_err().kind(), FailureKind::Refused);
    }

    #[test]
    fn a_release_that_has_to_be_elsewhere_first_is_refused_before_signing() {
        let mut organisation = Organisation::new();
        let hash = organisation.publish(&project(), "one");
        let vault = proposal("vault", hash);
        let error = check(&organisation.state, &vault, None).unwrap_err();
        assert!(matches!(&error, PromoteError::Via { via, .. } if *via == name("staging")));
        let hint = error.hint().unwrap();
        let first = format!("bulla promote {} staging", hash.short());
        assert!(hint.contains(&first), "{hint}");
        organisation.promote("staging", hash, &["alice"]);
        check(&organisation.state, &vault, None).unwrap();
    }

    #[test]
    fn how_a_head_reaches_the_servers_is_not_said_to_have_changed() {
        let mut organisation = Organisation::new();
        let hash = organisation.publish(&project(), "one");
        organisation.promote("prod", hash, &["alice"]);
        let as_promoted = proposal("prod", hash);
        assert!(
            standing(&organisation.state, &as_promoted)
                .unwrap()
                .is_some()
        );
        let urgent = Proposal {
            urgent: Some(true),
            ..proposal("prod", hash)
        };
        let in_waves = Proposal {
            waves: Some(Waves::Manual),
            ..proposal("prod", hash)
        };
        for otherwise in [urgent, in_waves] {
            let error = standing(&organisation.state, &otherwise).unwrap_err();
            assert!(
                matches!(error, PromoteError::OtherRollout { .. }),
                "{error}"
            );
            assert_eq!(error.kind(), FailureKind::Refused);
        }
    }
}
