//! Statements: checked against what is here, appended to the log, attached to their bundle.

use std::sync::Arc;

use bulla_schemas::api::Appended;
use bulla_schemas::media_type;
use bulla_schemas::statement::{Action, ReleaseStatement};
use bulla_schemas::{Digest, ProjectName, Timestamp};
use bulla_trust::tile::FULL;
use bulla_trust::{Admitted, SignedEnvelope, Statement, Submission};

use super::changes::Adding;
use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::failpoint::failpoint;
use crate::log::{Placed, Published};

impl Catalog {
    /// Appends a statement to the log on behalf of a token. A release statement becomes a referrer
    /// of its bundle.
    pub(crate) async fn append(
        &self,
        submission: Arc<Submission>,
        token: &str,
        now: Timestamp,
    ) -> Result<Appended, PublishError> {
        // What the log is about to name is not deleted meanwhile.
        let adding = self.changes.adding().await;
        self.check_content(submission.statement()).await?;
        self.place(&adding, submission, token, now).await
    }

    /// The same for an entry that the log had before it was lost: what it is about comes later, or was
    /// removed since.
    pub(crate) async fn append_lost(
        &self,
        submission: Arc<Submission>,
        token: &str,
        now: Timestamp,
    ) -> Result<Appended, PublishError> {
        let adding = self.changes.adding().await;
        self.place(&adding, submission, token, now).await
    }

    async fn place(
        &self,
        adding: &Adding<'_>,
        submission: Arc<Submission>,
        token: &str,
        now: Timestamp,
    ) -> Result<Appended, PublishError> {
        let Placed { admitted, size } =
            self.log.append(Arc::clone(&submission), token, now).await?;
        if let Statement::Release(release) = submission.statement() {
            let published = self.published();
            let policy = published.state.checked_policy();
            let attached = self.attach(adding, policy, submission.envelope(), release);
            if let Err(error) = attached.await {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(error, "a release statement was not attached");
            }
            failpoint!("statements::attached");
        }
        if let Statement::Promotion(_) | Statement::Policy(_) = submission.statement() {
            self.forget_proposal(submission.envelope().payload()).await;
        }
        let (Admitted::New { entry } | Admitted::Known { entry }) = admitted;
        Ok(Appended { index: entry, size })
    }

    /// Attaches the release statements of the log from entry `first` on.
    pub(crate) async fn attach_from(&self, first: u64) -> Result<(), PublishError> {
        let adding = self.changes.adding().await;
        let published = self.published();
        let size = published.state.size();
        for index in first / u64::from(FULL)..size.div_ceil(FULL.into()) {
            let files = self.log.files().clone();
            let entries = blocking(move || files.entries(index, size)).await?;
            for entry in entries.unwrap_or_default() {
                self.attach_entry(&adding, &published, &entry).await?;
            }
        }
        Ok(())
    }

    /// Attaches what the log says of a bundle that was removed and is here again.
    pub(super) async fn attach_again(
        &self,
        adding: &Adding<'_>,
        project: &ProjectName,
        hash: Digest,
    ) -> Result<(), PublishError> {
        let published = self.published();
        let size = published.state.size();
        let release = published.state.release(project, &hash);
        let statements = release.into_iter().flat_map(|release| &release.statements);
        for entry in statements.map(|statement| statement.entry) {
            let (index, position) = (entry / u64::from(FULL), entry % u64::from(FULL));
            let files = self.log.files().clone();
            let entries = blocking(move || files.entries(index, size)).await?;
            let position = usize::try_from(position).unwrap_or(usize::MAX);
            if let Some(entry) = entries.iter().flatten().nth(position) {
                self.attach_entry(adding, &published, entry).await?;
            }
        }
        Ok(())
    }

    async fn attach_entry(
        &self,
        adding: &Adding<'_>,
        published: &Published,
        entry: &[u8],
    ) -> Result<(), PublishError> {
        let Ok(envelope) = SignedEnvelope::from_bytes(entry) else {
            return Ok(());
        };
        let statement = Statement::parse(envelope.payload_type(), envelope.payload());
        if let Ok(Statement::Release(release)) = statement {
            let policy = published.state.checked_policy();
            self.attach(adding, policy, &envelope, &release).await?;
        }
        Ok(())
    }

    /// Attaches what a crash between the log and the referrers left unattached: it can only be
    /// among the newest.
    pub(crate) async fn attach_newest(&self) -> Result<(), PublishError> {
        let size = self.published().state.size();
        self.attach_from(size.saturating_sub(FULL.into())).await
    }

    /// Checks that what a statement is about is here, where it has to be.
    pub(super) async fn check_content(&self, statement: &Statement) -> Result<(), PublishError> {
        match statement {
            Statement::Release(release) => self.check_release(release).await,
            Statement::Promotion(promotion) => {
                let subject = &promotion.subject[0];
                let (project, hash) = (&subject.name, subject.digest.sha256);
                // A rollback may be to what only servers have.
                if promotion.predicate.action == Action::Promote {
                    self.bundle(project, hash).await?;
                } else {
                    self.see(project, &hash.into()).await;
                }
                Ok(())
            }
            Statement::Policy(_) | Statement::Revocation(_) => Ok(()),
        }
    }

    /// A release statement is about a bundle that is here, whole, with the size it says.
    async fn check_release(&self, release: &ReleaseStatement) -> Result<(), PublishError> {
        let subject = &release.subject[0];
        let expected = self.bundle(&subject.name, subject.digest.sha256).await?;
        let found = subject.annotations.size;
        if expected == found {
            Ok(())
        } else {
            Err(PublishError::BundleSize { expected, found })
        }
    }

    /// Returns the size of a bundle that is here, and that `gc` leaves here from now on.
    async fn bundle(&self, project: &ProjectName, hash: Digest) -> Result<u64, PublishError> {
        self.see(project, &hash.into()).await;
        let row = self.database.manifest(project, &hash.into()).await?;
        let is_bundle =
            row.is_some_and(|row| row.artifact_type.as_deref() == Some(media_type::BUNDLE));
        let size = if is_bundle {
            self.bundle_size(hash).await?
        } else {
            None
        };
        size.ok_or_else(|| PublishError::NoBundle {
            project: project.clone(),
            hash,
        })
    }
}
