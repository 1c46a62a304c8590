//! What is done with content that is not what its digest says. Whoever does it holds the content
//! lock alone, and says how the content lay there when it was looked at: what has changed since is
//! left as it is.

use std::collections::BTreeSet;
use std::time::SystemTime;

use bulla_files::FileError;

use super::blobs::{BlobStore, unless_damaged};
use super::keys;
use super::recipe::{self, Recipe};
use crate::frames::{Placed, Places};
use crate::oci::digest::OciDigest;

/// How content lies on the disk, to see whether it still does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    whole: Option<(u64, Option<SystemTime>)>,
    recipe: Option<Vec<u8>>,
}

impl BlobStore {
    /// Looks at how content lies on the disk.
    pub(crate) fn stamp(&self, digest: &OciDigest) -> Result<Stamp, FileError> {
        let key = keys::content(digest);
        let size = unless_damaged(digest, self.objects().size(&key))?;
        let changed = self.objects().changed(&key)?;
        let text = self.objects().read(&keys::recipe(digest), recipe::MAX_LEN);
        Ok(Stamp {
            whole: size.map(|size| (size, changed)),
            recipe: unless_damaged(digest, text)?,
        })
    }

    /// Returns the frames of content, also where its recipe was moved away because some of them were
    /// damaged.
    pub(crate) fn recipe_or_damaged(
        &self,
        digest: &OciDigest,
    ) -> Result<Option<Recipe>, FileError> {
        if let Some(recipe) = self.recipe(digest)? {
            return Ok(Some(recipe));
        }
        let key = keys::damaged_recipe(digest);
        let text = unless_damaged(digest, self.objects().read(&key, recipe::MAX_LEN))?;
        Ok(text.and_then(|text| Recipe::from_bytes(&text)))
    }

    /// Writes a recipe with other places for some of its frames, and returns it; nothing where the
    /// content has changed.
    pub(crate) fn place_again(
        &self,
        digest: &OciDigest,
        stamp: &Stamp,
        recipe: &Recipe,
        places: &Places,
    ) -> Result<Option<Recipe>, FileError> {
        if self.stamp(digest)? != *stamp {
            return Ok(None);
        }
        let frames = recipe.frames().iter().map(|known| Placed {
            frame: known.frame,
            place: *places.get(&known.frame.digest).unwrap_or(&known.place),
        });
        let again = Recipe::new(frames.collect());
        self.put_recipe(digest, &again)?;
        self.objects().remove(&keys::damaged_recipe(digest))?;
        Ok(Some(again))
    }

    /// Returns what lies in `damaged/`, whole or as a recipe.
    pub(crate) fn damaged(&self) -> Result<BTreeSet<OciDigest>, FileError> {
        let mut damaged = BTreeSet::new();
        self.objects().list(keys::DAMAGED, &mut |key| {
            damaged.extend(keys::parse_damaged(key));
            Ok::<_, FileError>(())
        })?;
        Ok(damaged)
    }

    /// Returns since when content is stored as it is, where it is all right.
    pub(crate) fn right_since(&self, digest: &OciDigest) -> Result<Option<SystemTime>, FileError> {
        if self.examine(digest, &|_| {})?.is_some() {
            return Ok(None);
        }
        match self.objects().changed(&keys::content(digest))? {
            None => self.objects().changed(&keys::recipe(digest)),
            since => Ok(since),
        }
    }

    /// Returns how many bytes lie in `damaged/` in the place of some content.
    pub(crate) fn damaged_size(&self, digest: &OciDigest) -> Result<u64, FileError> {
        let mut size = 0;
        for key in [keys::damaged(digest), keys::damaged_recipe(digest)] {
            size += unless_damaged(digest, self.objects().size(&key))?.unwrap_or(0);
        }
        Ok(size)
    }

    /// Removes what lies in `damaged/` in the place of some content.
    pub(crate) fn remove_damaged(&self, digest: &OciDigest) -> Result<(), FileError> {
        for key in [keys::damaged(digest), keys::damaged_recipe(digest)] {
            // Something that is no file stays for people to look at.
            if unless_damaged(digest, self.objects().size(&key))?.is_some() {
                self.objects().remove(&key)?;
            }
        }
        Ok(())
    }

    /// Moves content away that is wrong, whole content first, and tells whether it did.
    pub(crate) fn move_away(&self, digest: &OciDigest, stamp: &Stamp) -> Result<bool, FileError> {
        if self.stamp(digest)? != *stamp {
            return Ok(false);
        }
        let (whole, recipe) = (keys::content(digest), keys::recipe(digest));
        if stamp.whole.is_some() {
            self.objects().rename(&whole, &keys::damaged(digest))?;
        } else if stamp.recipe.is_some() {
            self.objects()
                .rename(&recipe, &keys::damaged_recipe(digest))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}
