//! What content takes on the disk, piece by piece: blobs share pieces.

use std::time::SystemTime;

use bulla_files::FileError;

use super::blobs::BlobStore;
use super::keys;
use crate::frames::{PackId, Place};
use crate::oci::digest::OciDigest;

/// Bytes on the disk that are there or gone together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    /// Content that is stored whole.
    Whole(OciDigest),
    /// The recipe of other content.
    Recipe(OciDigest),
    /// A frame of a pack.
    Frame(Place),
}

/// What content takes, and what it seems to.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    /// The size that clients see.
    pub(crate) apparent: u64,
    /// The pieces and their sizes; a frame that is there several times comes as often.
    pub(crate) pieces: Vec<(Piece, u64)>,
}

impl BlobStore {
    /// Returns the pieces of content: none where it is not stored.
    pub(crate) fn pieces(&self, digest: &OciDigest) -> Result<Pieces, FileError> {
        let size = |key: &str| Ok(self.objects().size(key).or_else(nothing)?.unwrap_or(0));
        let whole = size(&keys::content(digest))?;
        if whole > 0 {
            return Ok(Pieces {
                apparent: whole,
                pieces: vec![(Piece::Whole(digest.clone()), whole)],
            });
        }
        let Some(recipe) = self.recipe(digest)? else {
            return Ok(Pieces::default());
        };
        let text = size(&keys::recipe(digest))?;
        let frames = recipe.frames().iter();
        let frames = frames.map(|placed| (Piece::Frame(placed.place), placed.frame.size));
        let mut pieces = vec![(Piece::Recipe(digest.clone()), text)];
        pieces.extend(frames);
        Ok(Pieces {
            apparent: recipe.size(),
            pieces,
        })
    }

    /// Returns how many bytes all content has on the disk.
    pub(crate) fn stored(&self) -> Result<u64, FileError> {
        let mut sum = 0;
        for folder in [keys::BLOBS, keys::RECIPES, keys::PACKS] {
            sum += self.stored_in(folder)?;
        }
        Ok(sum)
    }

    /// Returns how many bytes all packs have on the disk.
    pub(crate) fn packed(&self) -> Result<u64, FileError> {
        self.stored_in(keys::PACKS)
    }

    /// Returns how many bytes a pack has, where it is there.
    pub(crate) fn pack_size(&self, pack: PackId) -> Result<Option<u64>, FileError> {
        self.objects().size(&keys::pack(pack)).or_else(nothing)
    }

    /// Returns when a pack was stored, where that is known.
    pub(crate) fn packed_at(&self, pack: PackId) -> Result<Option<SystemTime>, FileError> {
        self.objects().changed(&keys::pack(pack))
    }

    fn stored_in(&self, folder: &str) -> Result<u64, FileError> {
        let mut sum: u64 = 0;
        self.objects().list(folder, &mut |key| {
            sum += self.objects().size(key).or_else(nothing)?.unwrap_or(0);
            Ok::<_, FileError>(())
        })?;
        Ok(sum)
    }
}

/// Counts as nothing what is no object.
fn nothing(error: FileError) -> Result<Option<u64>, FileError> {
    if error.is_damage() {
        Ok(None)
    } else {
        Err(error)
    }
}
