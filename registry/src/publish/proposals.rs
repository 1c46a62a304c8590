//! Proposals: statements that lack nothing but signatures, kept until they have them. They are judged by
//! the code that judges the log, and mean nothing to anybody before they are in it.
//!
//! ```text
//! envelope -> approval -> join the signatures that are here -> approval -> store
//!                                                    enough of them -> append -> remove
//! ```
//!
//! What is complete is stored before it is appended, and whoever sends any of its signatures again has
//! it appended: neither a crash nor a lost answer leaves it half done.

mod places;

use std::sync::Arc;

use bulla_schemas::{Digest, Timestamp};
use bulla_trust::{Approval, Reason, SignedEnvelope, Submission};

use self::places::{Proposer, beyond_share};
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::database::ProposalRow;
use crate::failpoint::failpoint;
use crate::log::{LogError, Published};
use crate::settings::ProposalLimits;

/// How long what waits no more is remembered, so that who only kept a copy does not bring it back.
const REMEMBERED: i64 = 30 * 24 * 60 * 60;

/// How something is proposed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proposing<'a> {
    /// The token that it comes with.
    pub(crate) token: &'a str,
    /// Whether that has all rights to what it is about.
    pub(crate) is_admin: bool,
    /// When it is forgotten, where it is new.
    pub(crate) expires_at: Timestamp,
    /// How many may wait.
    pub(crate) limits: ProposalLimits,
}

/// What became of a proposal.
#[derive(Debug)]
pub(crate) struct Proposed {
    /// As it stands now.
    pub(crate) row: ProposalRow,
    /// Its entry, once it is in the log.
    pub(crate) entry: Option<u64>,
    /// What the same person proposed before, and gave its place to this one.
    pub(crate) displaced: Vec<Digest>,
}

/// How far a proposal has come, and with which signatures.
type Judged = Result<(Submission, Approval), Reason>;

impl Catalog {
    /// Keeps a statement that lacks signatures, or joins its signatures to those that are here. Once they
    /// are enough, it is appended on behalf of the token that sent the last of them.
    pub(crate) async fn propose(
        &self,
        submission: Submission,
        proposing: Proposing<'_>,
        now: Timestamp,
    ) -> Result<Proposed, PublishError> {
        self.check_content(submission.statement()).await?;
        // Of two who approve at once, the second finds the signature of the first.
        let _turn = self.proposals.lock().await;
        let published = self.published();
        let id = Digest::of(submission.envelope().payload());
        let (known, past) = match self.database.any_proposal(&id).await? {
            Some(row) if row.expires_at > now => (Some(row), None),
            past => (None, past),
        };
        let row = known.clone().unwrap_or_else(|| ProposalRow {
            id,
            project: submission.statement().projects().next().cloned(),
            token: proposing.token.to_owned(),
            proposed_by: submission.envelope().signatures()[0].key_id.clone(),
            proposed_at: now,
            expires_at: proposing.expires_at,
            envelope: String::new(),
        });
        let is_new = known.is_none();
        let judging = Arc::clone(&published);
        let judged = blocking(move || judge(&judging, submission, known)).await;
        let (submission, approval) = judged.map_err(ineffective)?;
        let mut row = ProposalRow {
            envelope: String::from_utf8_lossy(submission.bytes()).into_owned(),
            ..row
        };
        match approval {
            Approval::Known { entry } => {
                self.database.remove_proposal(&id).await?;
                Ok(Proposed {
                    row,
                    entry: Some(entry),
                    displaced: Vec::new(),
                })
            }
            Approval::Lacking(tallies) => {
                let mut displaced = Vec::new();
                if is_new {
                    let brings = brought(&submission, past.as_ref(), proposing)?;
                    let proposer = Proposer::of(&published.state, &brings, &tallies);
                    let proposer = proposer.map_err(ineffective)?;
                    proposer.key_id.clone_into(&mut row.proposed_by);
                    displaced = self
                        .make_room(&published, &row, &proposer, now, proposing.limits)
                        .await?;
                }
                self.database.set_proposal(&row).await?;
                failpoint!("proposals::stored");
                Ok(Proposed {
                    row,
                    entry: None,
                    displaced,
                })
            }
            Approval::Complete(_) => {
                if !is_new {
                    self.database.set_proposal(&row).await?;
                    failpoint!("proposals::completed");
                }
                let appended = self
                    .append(Arc::new(submission), proposing.token, now)
                    .await?;
                Ok(Proposed {
                    row,
                    entry: Some(appended.index),
                    displaced: Vec::new(),
                })
            }
        }
    }

    /// Forgets a proposal, but for what keeps copies of it out, and tells whether there was one.
    pub(crate) async fn withdraw(&self, id: &Digest, now: Timestamp) -> Result<bool, PublishError> {
        let _turn = self.proposals.lock().await;
        Ok(self.database.expire_proposal(id, now).await?)
    }

    /// Forgets what is in the log now. That it waits no more is only a matter of order.
    pub(super) async fn forget_proposal(&self, payload: &[u8]) {
        let (id, database) = (Digest::of(payload), &self.database);
        let forgotten = match database.has_proposal(&id).await {
            Ok(true) => {
                failpoint!("proposals::appended");
                database.remove_proposal(&id).await.map(drop)
            }
            known => known.map(drop),
        };
        if let Err(error) = forgotten {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "a proposal that is in the log was not forgotten");
        }
    }

    /// Forgets what is over: of all projects what waits no more for long, of the same project what cannot
    /// take effect any more, and what its proposer has beyond their share, the oldest first. Returns what
    /// waited of that.
    async fn make_room(
        &self,
        published: &Arc<Published>,
        row: &ProposalRow,
        proposer: &Proposer<'_>,
        now: Timestamp,
        limits: ProposalLimits,
    ) -> Result<Vec<Digest>, PublishError> {
        let database = &self.database;
        let before = Timestamp::from_seconds(now.as_seconds() - REMEMBERED);
        let before = before.unwrap_or(Timestamp::EPOCH);
        database.remove_expired_proposals(before).await?;
        let others = database.proposals_of(row.project.as_ref()).await?;
        let judging = Arc::clone(published);
        let over = blocking(move || {
            let is_over = |row: &ProposalRow| {
                let judged = read(&row.envelope).and_then(|one| judge(&judging, one, None));
                !matches!(
                    judged,
                    Ok((_, Approval::Lacking(_) | Approval::Complete(_)))
                )
            };
            let over = others.into_iter().filter(is_over);
            over.map(|row| row.id).collect::<Vec<_>>()
        });
        for id in over.await {
            database.remove_proposal(&id).await?;
        }
        let places = database.proposal_places().await?;
        let own = proposer.own(&published.state, places, &row.id);
        let beyond = beyond_share(own, row.project.as_ref(), proposer, now, limits);
        for id in &beyond.waiting {
            database.expire_proposal(id, now).await?;
        }
        for id in beyond.remembered {
            database.remove_proposal(&id).await?;
        }
        Ok(beyond.waiting)
    }
}

/// Returns the keys of those who propose a statement that is new, or that waited here before. That comes
/// back with the token that it came with, which may take it back as well; from others a signature has to
/// come with it that it did not have: a copy of what somebody signed once says nothing of now.
fn brought<'a>(
    submission: &'a Submission,
    past: Option<&ProposalRow>,
    proposing: Proposing<'_>,
) -> Result<Vec<&'a str>, PublishError> {
    let signatures = submission.envelope().signatures().iter();
    let keys = signatures.map(|signature| signature.key_id.as_str());
    let Some(past) = past.filter(|past| past.token != proposing.token && !proposing.is_admin)
    else {
        return Ok(keys.collect());
    };
    let known = read(&past.envelope).map_err(ineffective)?;
    let known = known.envelope().signatures();
    let is_known = |key: &&str| known.iter().any(|signature| signature.key_id == *key);
    let new: Vec<_> = keys.filter(|key| !is_known(key)).collect();
    if new.is_empty() {
        return Err(PublishError::Forgotten { id: past.id });
    }
    Ok(new)
}

/// Tells how far a statement has come, with the signatures that are here besides. What came is judged by
/// itself first: none of its signatures may be without a meaning.
fn judge(published: &Published, submission: Submission, known: Option<ProposalRow>) -> Judged {
    let state = &published.state;
    let approval = state.approval(&submission)?;
    let Some(known) = known else {
        return Ok((submission, approval));
    };
    if matches!(approval, Approval::Known { .. }) {
        return Ok((submission, approval));
    }
    // A policy may have taken people out since they signed.
    let Ok(known) = read(&known.envelope).and_then(|known| state.counted(&known)) else {
        return Ok((submission, approval));
    };
    let merged = submission.envelope().merge(known.envelope())?;
    let merged = Submission::of(merged)?;
    let approval = state.approval(&merged)?;
    Ok((merged, approval))
}

fn read(envelope: &str) -> Result<Submission, Reason> {
    Submission::of(SignedEnvelope::from_bytes(envelope.as_bytes())?)
}

fn ineffective(reason: Reason) -> PublishError {
    PublishError::Log(Arc::new(LogError::Ineffective(Box::new(reason))))
}
