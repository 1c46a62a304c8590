//! Blobs that were received, whole or in those frames that were missing, become content of a
//! repository.

use std::collections::HashMap;

use bulla_files::Attempt as _;
use bulla_schemas::api::BlobFrame;
use bulla_schemas::{Digest, ProjectName};
use tokio::sync::OwnedMutexGuard;

use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::failpoint::failpoint;
use crate::frames::Places;
use crate::oci::digest::OciDigest;
use crate::store::{Recipe, Upload};

/// What is known of the frames of a blob.
struct Found {
    /// Where they are said to lie.
    indexed: Places,
    /// Where they do.
    stored: Places,
}

impl Catalog {
    /// Stores an upload whose digest was checked, and gives the repository the blob.
    pub(crate) async fn store(
        &self,
        project: &ProjectName,
        mut upload: OwnedMutexGuard<Upload>,
        digest: &OciDigest,
    ) -> Result<(), PublishError> {
        upload.close();
        let frames = upload.frames();
        if frames.is_empty() {
            let _content = self.keep_content().await?;
            let (blobs, name) = (self.blobs.clone(), digest.clone());
            blocking(move || blobs.adopt(&mut upload, &name)).await?;
            failpoint!("blobs::adopted");
            let adding = self.changes.adding().await;
            return self.add_blob(&adding, project, digest).await;
        }
        // Most of the work, before others have to wait.
        let found = self.find_frames(digest, frames.clone()).await?;
        self.store_frames(project, upload, digest, frames, found)
            .await
    }

    /// Returns the positions of the frames that a repository does not have. Of what other
    /// repositories have, nothing is said.
    pub(crate) async fn missing_frames(
        &self,
        project: &ProjectName,
        frames: &[BlobFrame],
    ) -> Result<Vec<usize>, PublishError> {
        // First, so that what is answered below stays for a while.
        let digests = frames.iter().map(|frame| frame.digest);
        self.database.see_frames(digests, self.now()).await?;
        let places = self.database.frames_of(project, frames).await?;
        let (blobs, list) = (self.blobs.clone(), frames.to_vec());
        let places = blocking(move || blobs.in_packs(&list, places)).await?;
        let missing = frames.iter().enumerate();
        let missing = missing.filter(|(_, frame)| !places.contains_key(&frame.digest));
        Ok(missing.map(|(position, _)| position).collect())
    }

    /// Puts a blob together from frames that the repository has and those of an upload, and gives
    /// it to the repository. A frame that only other repositories have must have been sent: its
    /// digest alone does not give its bytes away. Nor does a second, larger size of a frame that is
    /// stored give away what follows it in its pack.
    pub(crate) async fn assemble(
        &self,
        token: &str,
        project: &ProjectName,
        mut upload: OwnedMutexGuard<Upload>,
        frames: Vec<BlobFrame>,
        digest: &OciDigest,
    ) -> Result<(), PublishError> {
        upload.close();
        let has = self.database.frames_of(project, &frames).await?;
        let received = upload.received_frames();
        let mut sizes = HashMap::new();
        for frame in &frames {
            let size = *sizes.entry(frame.digest).or_insert(frame.size);
            let is_there = match received.get(&frame.digest) {
                Some((_, found)) => found == frame,
                None => has.contains_key(&frame.digest),
            };
            if size != frame.size || !is_there {
                return Err(frame_unknown(frame.digest));
            }
        }
        let _turn = self.assembling.take(token).await;
        let _content = self.keep_content().await?;
        let found = self.find_frames(digest, frames.clone()).await?;
        let (blobs, name) = (self.blobs.clone(), digest.clone());
        let (upload, frames, found, whole) = blocking(move || {
            let whole = blobs
                .digest_of(&mut upload, &frames, &found.stored, name.algorithm())
                .attempt("read", "the frames of a blob")?;
            Ok::<_, PublishError>((upload, frames, found, whole))
        })
        .await?;
        let whole = whole.map_err(frame_unknown)?;
        if whole != *digest {
            return Err(PublishError::Digest {
                expected: digest.to_string(),
                found: whole.to_string(),
            });
        }
        self.store_frames(project, upload, digest, frames, found)
            .await
    }

    /// Gives a repository a blob that another one has, and tells whether it has it.
    pub(crate) async fn mount(
        &self,
        project: &ProjectName,
        from: &ProjectName,
        digest: &OciDigest,
    ) -> Result<bool, PublishError> {
        let adding = self.changes.adding().await;
        let _content = self.keep_content().await?;
        if !self.has_blob(from, digest).await? {
            return Ok(false);
        }
        self.add_blob(&adding, project, digest).await?;
        let (blobs, digest) = (self.blobs.clone(), digest.clone());
        if let Some(recipe) = blocking(move || blobs.recipe(&digest)).await? {
            self.index_frames(project, &recipe).await?;
        }
        Ok(true)
    }

    /// Indexes that a repository has the frames of one of its blobs.
    pub(crate) async fn index_frames(
        &self,
        project: &ProjectName,
        recipe: &Recipe,
    ) -> Result<(), PublishError> {
        let frames = recipe.blob_frames();
        Ok(self.database.add_frames(project, &frames).await?)
    }

    /// Stores the frames of a blob that no pack has, and the blob as such.
    ///
    /// A crash at any moment leaves at the most a pack that nothing needs: it comes first, then the
    /// recipe that names it, then the index by which later pushes find it.
    async fn store_frames(
        &self,
        project: &ProjectName,
        mut upload: OwnedMutexGuard<Upload>,
        digest: &OciDigest,
        frames: Vec<BlobFrame>,
        found: Found,
    ) -> Result<(), PublishError> {
        let Found {
            mut indexed,
            mut stored,
        } = found;
        let turn = self.packing.lock().await;
        let _content = self.keep_content().await?;
        // `gc` may have moved or removed some since; from here on none goes.
        let now_indexed = self.database.places(&frames).await?;
        stored.retain(|frame, place| now_indexed.get(frame) == Some(place));
        // What other pushes have stored since.
        let mut missing = frames.clone();
        missing.retain(|frame| !stored.contains_key(&frame.digest));
        let since = self.find_frames(digest, missing).await?;
        indexed.extend(since.indexed);
        stored.extend(since.stored);
        let (blobs, name) = (self.blobs.clone(), digest.clone());
        let (recipe, frames) = blocking(move || {
            let recipe = blobs.pack(&mut upload, &name, &frames, stored)?;
            Ok::<_, PublishError>((recipe, frames))
        })
        .await?;
        let recipe = recipe.map_err(frame_unknown)?;
        let mut unknown = recipe.frames().to_vec();
        unknown.retain(|placed| indexed.get(&placed.frame.digest) != Some(&placed.place));
        let now = self.now();
        self.database.add_places(&unknown, now).await?;
        let digests = frames.iter().map(|frame| frame.digest);
        self.database.see_frames(digests, now).await?;
        failpoint!("blobs::places-indexed");
        drop(turn);
        let adding = self.changes.adding().await;
        self.add_blob(&adding, project, digest).await?;
        self.database.add_frames(project, &frames).await?;
        failpoint!("blobs::frames-indexed");
        Ok(())
    }

    async fn find_frames(
        &self,
        digest: &OciDigest,
        frames: Vec<BlobFrame>,
    ) -> Result<Found, PublishError> {
        let indexed = self.database.places(&frames).await?;
        let (blobs, digest) = (self.blobs.clone(), digest.clone());
        let found = blocking(move || {
            let stored = blobs.find_frames(&digest, &frames, &indexed)?.stored;
            Ok::<_, PublishError>(Found { indexed, stored })
        });
        found.await
    }
}

fn frame_unknown(digest: Digest) -> PublishError {
    PublishError::FrameUnknown {
        digest: digest.to_string(),
    }
}
