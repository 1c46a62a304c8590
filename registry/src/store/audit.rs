//! Content read again to see whether it is what its digest says: nothing is moved or changed here.

use std::fmt;
use std::io::{self, Read, Seek as _, SeekFrom};

use bulla_files::{Attempt as _, FileError};

use super::blobs::{BlobStore, is_damage, unless_damaged};
use super::keys;
use super::recipe::Recipe;
use crate::frames::{PackId, Place, Placed};
use crate::oci::digest::{Algorithm, Hasher, OciDigest};

/// Bytes read at once.
const READ_SIZE: usize = 256 * 1024;

/// How content lies on the disk.
#[derive(Debug)]
pub(crate) enum StoredAs {
    /// As one object of so many bytes.
    Whole(u64),
    /// As frames.
    Frames(Recipe),
    /// A recipe is there and cannot be read.
    DamagedRecipe,
    /// Not at all.
    Missing,
}

/// What is wrong with content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is not stored.
    Missing,
    /// It is stored whole, and is other bytes.
    Bytes,
    /// What says of which frames it is cannot be read.
    Recipe,
    /// Some of its frames are other bytes, or not there.
    Frames {
        /// How many.
        damaged: usize,
        /// How many it has.
        of: usize,
    },
    /// Its frames are right and are not those of this content.
    Order,
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("is not stored"),
            Self::Bytes => formatter.write_str("is other bytes than its digest says"),
            Self::Recipe => formatter.write_str("has a recipe that cannot be read"),
            Self::Frames { damaged, of } => {
                write!(formatter, "has lost {damaged} of its {of} frames")
            }
            Self::Order => formatter.write_str("has a recipe that leads to other content"),
        }
    }
}

impl BlobStore {
    /// Returns how content lies on the disk.
    pub(crate) fn stored_as(&self, digest: &OciDigest) -> Result<StoredAs, FileError> {
        let whole = self.objects().size(&keys::content(digest));
        if let Some(size) = unless_damaged(digest, whole)? {
            return Ok(StoredAs::Whole(size));
        }
        let recipe = self.objects().size(&keys::recipe(digest));
        Ok(match self.recipe(digest)? {
            Some(recipe) => StoredAs::Frames(recipe),
            None if unless_damaged(digest, recipe)?.is_some() => StoredAs::DamagedRecipe,
            None => StoredAs::Missing,
        })
    }

    /// Hashes content that is stored whole, and tells whether it is right.
    pub(crate) fn is_whole_right(
        &self,
        digest: &OciDigest,
        advance: &dyn Fn(u64),
    ) -> Result<bool, FileError> {
        let key = keys::content(digest);
        let Some(mut object) = unless_damaged(digest, self.objects().get(&key))? else {
            return Ok(false);
        };
        let size = object.size();
        let found = hash(&mut object, digest.algorithm(), size, advance);
        Ok(right(found).attempt("read", key)? == Some(digest.clone()))
    }

    /// Hashes frames of a pack, which are in the order in which they lie there, and calls `damaged`
    /// with the places of those that are not right.
    pub(crate) fn check_pack(
        &self,
        pack: PackId,
        frames: &[Placed],
        advance: &dyn Fn(u64),
        damaged: &mut dyn FnMut(Place),
    ) -> Result<(), FileError> {
        let key = keys::pack(pack);
        let found = match self.objects().get(&key) {
            Err(error) if error.is_damage() => None,
            found => found?,
        };
        let Some(mut object) = found else {
            for placed in frames {
                damaged(placed.place);
            }
            return Ok(());
        };
        for Placed { frame, place } in frames {
            let sought = object.seek(SeekFrom::Start(place.offset));
            let found =
                sought.and_then(|_| hash(&mut object, Algorithm::Sha256, frame.size, advance));
            if right(found).attempt("read", &key)? != Some(frame.digest.into()) {
                damaged(*place);
            }
        }
        Ok(())
    }

    /// Reads all of some content, and tells what is wrong with it.
    pub(crate) fn examine(
        &self,
        digest: &OciDigest,
        advance: &dyn Fn(u64),
    ) -> Result<Option<Wrong>, FileError> {
        match self.stored_as(digest)? {
            StoredAs::Whole(_) => {
                let is_right = self.is_whole_right(digest, advance)?;
                Ok((!is_right).then_some(Wrong::Bytes))
            }
            StoredAs::Frames(recipe) => self.examine_frames(digest, &recipe, advance),
            StoredAs::DamagedRecipe => Ok(Some(Wrong::Recipe)),
            StoredAs::Missing => Ok(Some(Wrong::Missing)),
        }
    }

    fn examine_frames(
        &self,
        digest: &OciDigest,
        recipe: &Recipe,
        advance: &dyn Fn(u64),
    ) -> Result<Option<Wrong>, FileError> {
        let damaged = self.damaged_frames(recipe, advance)?.len();
        let of = recipe.frames().len();
        if damaged > 0 {
            return Ok(Some(Wrong::Frames { damaged, of }));
        }
        let Some(mut blob) = self.open(digest)? else {
            return Ok(Some(Wrong::Missing));
        };
        let found = OciDigest::read(digest.algorithm(), &mut blob);
        let found = right(found).attempt("read", digest.to_string())?;
        Ok((found.as_ref() != Some(digest)).then_some(Wrong::Order))
    }

    /// Returns the positions of the frames of a recipe that are not where it says.
    pub(crate) fn damaged_frames(
        &self,
        recipe: &Recipe,
        advance: &dyn Fn(u64),
    ) -> Result<Vec<usize>, FileError> {
        let mut positions = Vec::new();
        for (position, placed) in recipe.frames().iter().enumerate() {
            let add = &mut |_| positions.push(position);
            self.check_pack(placed.place.pack, &[*placed], advance, add)?;
        }
        Ok(positions)
    }
}

/// Hashes so many bytes; fewer are damage.
fn hash(
    reader: &mut impl Read,
    algorithm: Algorithm,
    size: u64,
    advance: &dyn Fn(u64),
) -> io::Result<OciDigest> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; READ_SIZE];
    let mut left = size;
    while left > 0 {
        let most = usize::try_from(left).map_or(READ_SIZE, |left| left.min(READ_SIZE));
        let read = reader.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..read]);
        left -= read as u64;
        advance(read as u64);
    }
    Ok(hasher.finish())
}

/// Passes over what the disk cannot read: that is damage, and no failure.
fn right(found: io::Result<OciDigest>) -> io::Result<Option<OciDigest>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_damage(&error) || error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
