//! What all repositories have, taken from one place to another, in the order in which a server writes
//! it: whatever ends that, the other place has what it had before and some content that nothing names
//! yet.
//!
//! ```text
//! packs ─▶ recipes ─▶ whole content ─▶ records of blobs ─▶ of manifests ─▶ tags
//! ```
//!
//! Content that is there already is not taken again, so the second time costs what is new. What the
//! other place has besides goes last, unless it is content that is recorded and was lost here.

use std::collections::HashSet;

use bulla_bundle::Progress;
use bulla_files::{FileError, Taken};

use super::blobs::{BlobStore, unless_damaged};
use super::inventory::{self, Inventory, RecordKeys};
use super::keys::{self, RecordKey};
use super::recipe::{self, Recipe};
use super::repositories;
use crate::failpoint::failpoint;
use crate::frames::PackId;
use crate::objects::Copying;
use crate::oci::digest::OciDigest;

/// How often content is looked for that is stored in another way meanwhile.
const TRIES: u32 = 3;

/// What was taken.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How many bytes were copied.
    pub(crate) copied: u64,
    /// How many bytes have got another name.
    pub(crate) linked: u64,
    /// How many objects went that are not needed any more.
    pub(crate) removed: u64,
    /// What is recorded and is in neither place, or is damaged.
    pub(crate) missing: Vec<OciDigest>,
}

/// Takes everything that repositories have from one place to another.
pub(crate) struct Copies<'a> {
    from: &'a BlobStore,
    to: &'a BlobStore,
    copying: Copying,
    progress: &'a dyn Progress,
    packs: HashSet<PackId>,
    copied: Tally,
}

impl<'a> Copies<'a> {
    /// Names the two places.
    pub(crate) fn new(
        from: &'a BlobStore,
        to: &'a BlobStore,
        copying: Copying,
        progress: &'a dyn Progress,
    ) -> Self {
        Self {
            from,
            to,
            copying,
            progress,
            packs: HashSet::new(),
            copied: Tally::default(),
        }
    }

    /// Takes everything, and makes it durable. Records of the other place that are `known` stay there,
    /// though they are not here.
    pub(crate) fn take(mut self, known: &RecordKeys) -> Result<Tally, FileError> {
        let inventory = Inventory::read(self.from.objects())?;
        self.progress.start(Some(self.estimate()?));
        for digest in &inventory.content {
            self.content(digest)?;
        }
        self.to.objects().sync()?;
        failpoint!("copies::content-taken");
        self.records(&inventory)?;
        self.to.objects().sync()?;
        failpoint!("copies::records-taken");
        self.remove_records(&inventory, known)?;
        self.remove_content(&inventory)?;
        self.to.objects().sync()?;
        Ok(self.copied)
    }

    /// Adds up what is not there yet.
    fn estimate(&self) -> Result<u64, FileError> {
        let mut bytes = 0;
        for folder in [keys::BLOBS, keys::PACKS] {
            self.from.objects().list(folder, &mut |key| {
                if !self.to.objects().is_as_in(key, self.from.objects())? {
                    bytes += self.from.objects().size(key)?.unwrap_or(0);
                }
                Ok::<_, FileError>(())
            })?;
        }
        Ok(bytes)
    }

    fn content(&mut self, digest: &OciDigest) -> Result<(), FileError> {
        for _ in 0..TRIES {
            let is_whole = self.whole(digest)?;
            if self.recipe(digest)? || is_whole {
                return Ok(());
            }
        }
        if self.to.size(digest)?.is_none() {
            self.copied.missing.push(digest.clone());
        }
        Ok(())
    }

    /// Takes content that is stored whole. What the other place has is replaced only by what is right.
    fn whole(&mut self, digest: &OciDigest) -> Result<bool, FileError> {
        let key = keys::content(digest);
        let (from, to) = (self.from.objects(), self.to.objects());
        if unless_damaged(digest, from.size(&key))?.is_none() {
            return Ok(false);
        }
        if unless_damaged(digest, to.size(&key))?.is_some()
            && (to.is_as_in(&key, from)? || !self.from.is_whole_right(digest, &|_| {})?)
        {
            return Ok(true);
        }
        self.object(&key)
    }

    /// Takes the recipe of content, after the packs that it names.
    fn recipe(&mut self, digest: &OciDigest) -> Result<bool, FileError> {
        let key = keys::recipe(digest);
        let text = self.from.objects().read(&key, recipe::MAX_LEN);
        let Some(text) = unless_damaged(digest, text)? else {
            return Ok(false);
        };
        let Some(recipe) = Recipe::from_bytes(&text) else {
            return Ok(false);
        };
        let there = self.to.objects().read(&key, recipe::MAX_LEN);
        let there = unless_damaged(digest, there)?;
        let known = there.as_deref().and_then(Recipe::from_bytes);
        // The same content has the same frames for ever; they only come to lie elsewhere.
        if known.is_some_and(|known| known.blob_frames() != recipe.blob_frames()) {
            self.copied.missing.push(digest.clone());
            return Ok(true);
        }
        let moved = self.to.objects().size(&keys::damaged_recipe(digest))?;
        let is_suspect = there.is_none() && moved.is_some();
        for (pack, end) in recipe.packs() {
            if !self.pack(pack, end, is_suspect)? {
                return Ok(false);
            }
        }
        if there.as_ref() != Some(&text) {
            self.to.objects().replace_later(&key, &text)?;
        }
        Ok(true)
    }

    /// Takes a pack of at least `end` bytes. One that is there is taken again where `fsck` found
    /// something in it damaged.
    fn pack(&mut self, pack: PackId, end: u64, is_suspect: bool) -> Result<bool, FileError> {
        let key = keys::pack(pack);
        if self.packs.contains(&pack) {
            return Ok(true);
        }
        let is_long = |size: Option<u64>| size.is_some_and(|size| size >= end);
        // Written once, under a name that nothing else gets.
        let is_there = is_long(self.to.objects().size(&key)?) && !is_suspect
            || is_long(self.from.objects().size(&key)?) && self.object(&key)?;
        if is_there {
            self.packs.insert(pack);
        }
        Ok(is_there)
    }

    fn object(&mut self, key: &str) -> Result<bool, FileError> {
        let (from, to) = (self.from.objects(), self.to.objects());
        let Some(taken) = to.take_later(key, from, self.copying)? else {
            return Ok(false);
        };
        let size = to.size(key)?.unwrap_or(0);
        match taken {
            Taken::Linked => self.copied.linked += size,
            Taken::Copied => self.copied.copied += size,
        }
        self.progress.advance(size);
        Ok(true)
    }

    fn records(&mut self, inventory: &Inventory) -> Result<(), FileError> {
        let to = self.to.objects();
        for key in &inventory.blobs {
            if to.size(key)? != Some(0) {
                to.replace_later(key, b"")?;
            }
        }
        for (key, text) in inventory.manifests.iter().chain(&inventory.tags) {
            if to.read(key, u64::MAX)?.as_ref() != Some(text) {
                to.replace_later(key, text)?;
            }
        }
        Ok(())
    }

    /// Removes the records of what was deleted or removed: what points first.
    fn remove_records(
        &mut self,
        inventory: &Inventory,
        known: &RecordKeys,
    ) -> Result<(), FileError> {
        let (from, to) = (self.from.objects(), self.to.objects());
        let mut gone = [Vec::new(), Vec::new(), Vec::new()];
        inventory::each(to, &mut |key, record| {
            if inventory.has(key) {
                return Ok(());
            }
            // One that is lost here, or could not be read, stays as it was.
            match from.read(key, repositories::MAX_LEN)? {
                None if known.contains(key) => return Ok(()),
                Some(text) if !repositories::is_going(&text) => return Ok(()),
                _ => {}
            }
            let order = match record {
                RecordKey::Tag(_) => 0,
                RecordKey::Manifest(_) | RecordKey::Removed(_) => 1,
                RecordKey::Blob(_) => 2,
            };
            gone[order].push(key.to_owned());
            Ok(())
        })?;
        for key in gone.iter().flatten() {
            to.remove_later(key)?;
            self.copied.removed += 1;
        }
        Ok(())
    }

    /// Removes content that no record needs, and packs that no recipe names.
    fn remove_content(&mut self, inventory: &Inventory) -> Result<(), FileError> {
        let (from, to) = (self.from.objects(), self.to.objects());
        let mut recorded = HashSet::new();
        inventory::each(to, &mut |_, record| {
            if let RecordKey::Blob(digest) | RecordKey::Manifest(digest) = record {
                recorded.insert(digest);
            }
            Ok(())
        })?;
        let mut gone = Vec::new();
        to.list(keys::BLOBS, &mut |key| {
            if let Some(digest) = keys::parse_content(key) {
                // What is stored as frames now is not needed whole.
                let is_cut = inventory.content.contains(&digest)
                    && from.size(key)?.is_none()
                    && from.size(&keys::recipe(&digest))?.is_some()
                    && to.size(&keys::recipe(&digest))?.is_some();
                if is_cut || !recorded.contains(&digest) {
                    gone.push(key.to_owned());
                }
            }
            Ok::<_, FileError>(())
        })?;
        let mut packs = HashSet::new();
        to.list(keys::RECIPES, &mut |key| {
            let Some(digest) = keys::parse_recipe(key) else {
                return Ok(());
            };
            if recorded.contains(&digest) {
                let recipe = self.to.recipe(&digest)?;
                packs.extend(recipe.iter().flat_map(Recipe::packs).map(|(pack, _)| pack));
            } else {
                gone.push(key.to_owned());
            }
            Ok::<_, FileError>(())
        })?;
        to.list(keys::PACKS, &mut |key| {
            if keys::parse_pack(key).is_some_and(|pack| !packs.contains(&pack)) {
                gone.push(key.to_owned());
            }
            Ok::<_, FileError>(())
        })?;
        for key in gone {
            to.remove_later(&key)?;
            self.copied.removed += 1;
        }
        Ok(())
    }
}
