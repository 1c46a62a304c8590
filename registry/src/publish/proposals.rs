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

use std::sync::Arc;

use bulla_schemas::{Digest, Timestamp};
use bulla_trust::{Approval, Reason, SignedEnvelope, Submission};

use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::database::ProposalRow;
use crate::log::{LogError, Published};
use crate::settings::ProposalLimits;

/// What became of a proposal.
#[derive(Debug)]
pub(crate) struct Proposed {
    /// As it stands now.
    pub(crate) row: ProposalRow,
    /// Its entry, once it is in the log.
    pub(crate) entry: Option<u64>,
}

/// How far a proposal has come, and with which signatures.
type Judged = Result<(Submission, Approval), Reason>;

impl Catalog {
    /// Keeps a statement that lacks signatures, or joins its signatures to those that are here. Once they
    /// are enough, it is appended on behalf of the token that sent the last of them.
    pub(crate) async fn propose(
        &self,
        submission: Submission,
        token: &str,
        now: Timestamp,
        expires_at: Timestamp,
        limits: ProposalLimits,
    ) -> Result<Proposed, PublishError> {
        self.check_content(submission.statement()).await?;
        // Of two who approve at once, the second finds the signature of the first.
        let _turn = self.proposals.lock().await;
        let published = self.published();
        let id = Digest::of(submission.envelope().payload());
        let known = self.database.proposal(&id, now).await?;
        let row = known.clone().unwrap_or_else(|| ProposalRow {
            id,
            project: submission.statement().projects().next().cloned(),
            token: token.to_owned(),
            proposed_by: submission.envelope().signatures()[0].key_id.clone(),
            proposed_at: now,
            expires_at,
            envelope: String::new(),
        });
        let is_new = known.is_none();
        let judging = Arc::clone(&published);
        let judged = blocking(move || judge(&judging, submission, known)).await;
        let (submission, approval) = judged.map_err(ineffective)?;
        let row = ProposalRow {
            envelope: String::from_utf8_lossy(submission.bytes()).into_owned(),
            ..row
        };
        match approval {
            Approval::Known { entry } => {
                self.database.remove_proposal(&id).await?;
                Ok(Proposed {
                    row,
                    entry: Some(entry),
                })
            }
            Approval::Lacking(_) => {
                if is_new {
                    self.make_room(&published, &row, now, limits).await?;
                }
                self.database.set_proposal(&row).await?;
                Ok(Proposed { row, entry: None })
            }
            Approval::Complete(_) => {
                if !is_new {
                    self.database.set_proposal(&row).await?;
                }
                let appended = self.append(Arc::new(submission), token, now).await?;
                Ok(Proposed {
                    row,
                    entry: Some(appended.index),
                })
            }
        }
    }

    /// Forgets a proposal, and tells whether there was one.
    pub(crate) async fn withdraw(&self, id: &Digest) -> Result<bool, PublishError> {
        let _turn = self.proposals.lock().await;
        Ok(self.database.remove_proposal(id).await?)
    }

    /// Forgets what is in the log now. That it waits no more is only a matter of order.
    pub(super) async fn forget_proposal(&self, payload: &[u8]) {
        let (id, database) = (Digest::of(payload), &self.database);
        let forgotten = match database.has_proposal(&id).await {
            Ok(true) => database.remove_proposal(&id).await.map(drop),
            known => known.map(drop),
        };
        if let Err(error) = forgotten {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "a proposal that is in the log was not forgotten");
        }
    }

    /// Forgets what has expired and, of the same project, what cannot take effect any more, and refuses
    /// one more where there are as many as may be.
    async fn make_room(
        &self,
        published: &Arc<Published>,
        row: &ProposalRow,
        now: Timestamp,
        limits: ProposalLimits,
    ) -> Result<(), PublishError> {
        let database = &self.database;
        database.remove_expired_proposals(now).await?;
        let others = database.proposals_of(row.project.as_ref()).await?;
        let mut left = others.len();
        let published = Arc::clone(published);
        let over = blocking(move || {
            let is_over = |row: &ProposalRow| {
                let judged = read(&row.envelope).and_then(|one| judge(&published, one, None));
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
            left -= 1;
        }
        let ProposalLimits {
            most,
            most_of_project,
        } = limits;
        if left >= most_of_project as usize || database.count_proposals().await? >= most.into() {
            return Err(PublishError::TooManyProposals {
                most,
                most_of_project,
            });
        }
        Ok(())
    }
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
