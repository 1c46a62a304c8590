//! Blobs that were received whole become content of a repository.

use bulla_schemas::ProjectName;
use tokio::sync::OwnedMutexGuard;

use super::{Catalog, PublishError};
use crate::blocking::blocking;
use crate::frames::{Frame, Places};
use crate::oci::digest::OciDigest;
use crate::store::Upload;

impl Catalog {
    /// Stores an upload whose digest was checked, and gives the repository the blob.
    ///
    /// What was cut into frames is stored as such, and of the frames those that no pack has. A crash
    /// at any moment leaves at the most a pack that nothing needs: it comes first, then the recipe
    /// that names it, then the index by which later pushes find it.
    pub(crate) async fn store(
        &self,
        project: &ProjectName,
        mut upload: OwnedMutexGuard<Upload>,
        digest: &OciDigest,
    ) -> Result<(), PublishError> {
        let (blobs, name, frames) = (self.blobs.clone(), digest.clone(), upload.frames());
        if frames.is_empty() {
            blocking(move || blobs.adopt(&upload, &name)).await?;
            return self.add_blob(project, digest).await;
        }
        // Most of the work, before others have to wait.
        let (mut indexed, mut stored) = self.find_frames(digest, frames.clone()).await?;
        let turn = self.packing.lock().await;
        let mut missing = frames;
        missing.retain(|frame| !stored.contains_key(&frame.digest));
        let (indexed_since, stored_since) = self.find_frames(digest, missing).await?;
        indexed.extend(indexed_since);
        stored.extend(stored_since);
        let recipe = blocking(move || blobs.pack(&mut upload, &name, stored)).await?;
        let mut unknown = recipe.frames().to_vec();
        unknown.retain(|placed| indexed.get(&placed.frame.digest) != Some(&placed.place));
        self.database.add_places(&unknown).await?;
        drop(turn);
        self.add_blob(project, digest).await
    }

    /// Returns where frames are said to lie, and where they do.
    async fn find_frames(
        &self,
        digest: &OciDigest,
        frames: Vec<Frame>,
    ) -> Result<(Places, Places), PublishError> {
        let indexed = self.database.places(&frames).await?;
        let (blobs, digest) = (self.blobs.clone(), digest.clone());
        let found = blocking(move || {
            let found = blobs.find_frames(&digest, &frames, &indexed)?;
            Ok::<_, PublishError>((indexed, found))
        });
        found.await
    }
}
