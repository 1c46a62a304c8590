//! Stored content that turned out to be damaged: put back from what is stored besides, or moved away
//! so that the next push brings it back.
//!
//! ```text
//! bytes are not what a digest says ──▶ hashed as a whole ──right──▶ nothing to do
//!   └ all of its frames lie somewhere ▶ a new recipe
//!   └ else ▶ damaged/, HEAD says 404, and no push builds on the frames that are lost
//! ```

use std::sync::Arc;

use bulla_files::FileError;
use futures_util::StreamExt as _;
use tokio::sync::Mutex;

use super::PublishError;
use crate::blocking::{blocking, to_the_end};
use crate::clock::Clock;
use crate::data::ContentLock;
use crate::database::Database;
use crate::oci::digest::OciDigest;
use crate::store::Recipe;
use crate::store::blobs::BlobStore;

/// Looks at content that turned out to be damaged.
#[derive(Debug, Clone)]
pub(crate) struct Mender {
    blobs: BlobStore,
    database: Database,
    /// Held while recipes are written, so that none that a push writes is moved away.
    packing: Arc<Mutex<()>>,
    /// Shared meanwhile, so that no other process moves what this one looks at.
    content: ContentLock,
    clock: Clock,
}

impl Mender {
    pub(super) fn new(
        blobs: BlobStore,
        database: Database,
        packing: Arc<Mutex<()>>,
        content: ContentLock,
        clock: Clock,
    ) -> Self {
        Self {
            blobs,
            database,
            packing,
            content,
            clock,
        }
    }

    /// Hashes a blob and tells whether it is what its digest says, also after it was put back. What
    /// is not is moved away for the operator to look at, so that clients, which ask before they
    /// push, push it again.
    pub(crate) async fn check(&self, digest: &OciDigest) -> Result<bool, PublishError> {
        let (mender, digest) = (self.clone(), digest.clone());
        to_the_end(async move { mender.check_in_turn(&digest).await }).await
    }

    /// Hashes the frames that some bytes of a blob lie in, and all of it where one is wrong.
    pub(crate) async fn check_part(
        &self,
        digest: &OciDigest,
        first: u64,
        length: u64,
    ) -> Result<(), PublishError> {
        let (blobs, name) = (self.blobs.clone(), digest.clone());
        let Some(blob) = blocking(move || blobs.open(&name)).await? else {
            return Ok(());
        };
        let mut part = blob.part(digest.clone(), first, length);
        while let Some(read) = part.next().await {
            if read.is_err() {
                self.check(digest).await?;
                break;
            }
        }
        Ok(())
    }

    async fn check_in_turn(&self, digest: &OciDigest) -> Result<bool, PublishError> {
        let _turn = self.packing.lock().await;
        let content = self.content.clone();
        let _content = blocking(move || content.share()).await?;
        let (blobs, name) = (self.blobs.clone(), digest.clone());
        let (is_right, recipe) = blocking(move || {
            let recipe = blobs.recipe(&name)?;
            Ok::<_, FileError>((blobs.check(&name)?, recipe))
        })
        .await?;
        match recipe {
            Some(recipe) if !is_right => self.mend(digest, recipe).await,
            _ => Ok(is_right),
        }
    }

    /// Looks for the frames of a blob where its recipe says and where a later push has stored them
    /// again. The recipe was written when all of them were right, so their sizes are.
    async fn mend(&self, digest: &OciDigest, recipe: Recipe) -> Result<bool, PublishError> {
        let (frames, written) = (recipe.blob_frames(), recipe.places());
        let indexed = self.database.places(&frames).await?;
        let frames_seen = frames.clone();
        let (blobs, name) = (self.blobs.clone(), digest.clone());
        let (is_right, damaged) = blocking(move || {
            let mut stored = blobs.find_frames(&name, &frames, &written)?.stored;
            let mut lost = frames.clone();
            lost.retain(|frame| !stored.contains_key(&frame.digest));
            let elsewhere = blobs.find_frames(&name, &lost, &indexed)?;
            stored.extend(elsewhere.stored);
            let is_right = blobs.put_back(&name, &frames, &stored)?;
            Ok::<_, FileError>((is_right, elsewhere.damaged))
        })
        .await?;
        self.database.forget_places(&damaged).await?;
        let frames = frames_seen.into_iter().map(|frame| frame.digest);
        self.database.see_frames(frames, self.clock.now()).await?;
        if is_right {
            tracing::warn!(%digest, "damaged content was put back from frames stored elsewhere");
        }
        Ok(is_right)
    }
}
