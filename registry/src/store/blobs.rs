//! Content by its digest. It appears under its key complete and synced, and never changes.
//!
//! Content that was cut into frames is stored as a recipe, and its frames in packs; other content is
//! one object. Which repository may show a blob is not decided here: see `repositories`.

use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::sync::Arc;

use bulla_files::{Attempt as _, FileError};
use bulla_schemas::api::BlobFrame;
use rustix::io::Errno;

use super::blob::Blob;
use super::held::Held;
use super::keys;
use super::recipe::{self, Recipe};
use super::space::{Disk, Purpose};
use super::upload::Upload;
use crate::frames::{PackId, Placed, Places};
use crate::objects::Objects;
use crate::oci::digest::OciDigest;

/// The content of all repositories.
#[derive(Debug, Clone)]
pub(crate) struct BlobStore {
    objects: Objects,
    disk: Disk,
    held: Arc<Held>,
}

/// Tells whether content of this size can have the digest. A file that a crash left empty is sent without
/// a byte that could be found wrong, so it counts as not there.
fn can_be(digest: &OciDigest, size: u64) -> bool {
    size > 0 || *digest == OciDigest::of(digest.algorithm(), b"")
}

impl BlobStore {
    /// Keeps content among `objects`.
    pub(crate) fn new(objects: Objects, disk: Disk) -> Self {
        Self {
            objects,
            disk,
            held: Arc::default(),
        }
    }

    pub(super) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Refuses to write more than there is room for.
    pub(super) fn require(&self, bytes: u64, purpose: Purpose) -> Result<(), FileError> {
        self.disk.require(bytes, purpose)
    }

    /// Returns a blob's size in bytes.
    pub(crate) fn size(&self, digest: &OciDigest) -> Result<Option<u64>, FileError> {
        match unless_damaged(digest, self.objects.size(&keys::content(digest)))? {
            Some(size) if can_be(digest, size) => Ok(Some(size)),
            _ => Ok(self.whole_recipe(digest)?.map(|recipe| recipe.size())),
        }
    }

    /// Opens a blob.
    pub(crate) fn open(&self, digest: &OciDigest) -> Result<Option<Blob>, FileError> {
        let object = unless_damaged(digest, self.objects.get(&keys::content(digest)))?;
        if let Some(object) = object.filter(|object| can_be(digest, object.size())) {
            return Ok(Some(Blob::whole(object)));
        }
        let recipe = self.whole_recipe(digest)?;
        Ok(recipe.map(|recipe| Blob::frames(self.objects.clone(), digest.clone(), recipe)))
    }

    /// Returns a blob that is held in memory. It takes a look at the disk, and no more, so it is asked
    /// where nothing may block.
    pub(crate) fn held(&self, digest: &OciDigest) -> Option<Blob> {
        let stamp = || self.objects.stamp(&keys::content(digest));
        self.held.find(digest, stamp).map(Blob::held)
    }

    /// Opens a blob that is to be sent. One that is small is held in memory from then on, if it is what
    /// its digest says.
    pub(crate) fn open_to_send(&self, digest: &OciDigest) -> Result<Option<Blob>, FileError> {
        // Before it is read: what changes meanwhile is another object.
        let stamp = self.objects.stamp(&keys::content(digest));
        let blob = self.open(digest)?;
        let Some((mut blob, stamp)) = blob.zip(stamp) else {
            return self.open(digest);
        };
        if !blob.is_whole() {
            return Ok(Some(blob));
        }
        let Some(room) = self.held.room(blob.size()) else {
            return Ok(Some(blob));
        };
        let read = blob.read_part(&(0..blob.size()));
        let is_right = |bytes: &Vec<u8>| OciDigest::of(digest.algorithm(), bytes) == *digest;
        match read.ok().filter(is_right) {
            Some(bytes) => Ok(Some(Blob::held(self.held.keep(
                digest.clone(),
                bytes,
                stamp,
                room,
            )))),
            // Whoever sends it finds out what is wrong, and has it mended.
            None => self.open(digest),
        }
    }

    /// Reads a blob of at most `limit` bytes; a larger one counts as absent.
    pub(crate) fn read(
        &self,
        digest: &OciDigest,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, FileError> {
        let Some(mut blob) = self.open(digest)?.filter(|blob| blob.size() <= limit) else {
            return Ok(None);
        };
        let mut content = Vec::with_capacity(usize::try_from(blob.size()).unwrap_or(0));
        blob.read_to_end(&mut content)
            .attempt("read", digest.to_string())?;
        Ok(Some(content))
    }

    /// Returns the frames of a blob; `None` where it is stored whole, or not at all.
    pub(crate) fn recipe(&self, digest: &OciDigest) -> Result<Option<Recipe>, FileError> {
        let key = keys::recipe(digest);
        let Some(text) = unless_damaged(digest, self.objects.read(&key, recipe::MAX_LEN))? else {
            return Ok(None);
        };
        let recipe = Recipe::from_bytes(&text);
        if recipe.is_none() {
            tracing::error!(%digest, "a recipe is damaged");
        }
        Ok(recipe)
    }

    /// Returns the frames of a blob when all packs are there that they lie in. A pack that is not may
    /// be away for now, as on a disk that is not mounted, so the recipe stays.
    fn whole_recipe(&self, digest: &OciDigest) -> Result<Option<Recipe>, FileError> {
        let Some(recipe) = self.recipe(digest)? else {
            return Ok(None);
        };
        for (pack, end) in recipe.packs() {
            let size = unless_damaged(digest, self.objects.size(&keys::pack(pack)))?;
            if size.is_none_or(|size| size < end) {
                tracing::error!(%digest, %pack, "a pack is missing or too short");
                return Ok(None);
            }
        }
        Ok(Some(recipe))
    }

    /// Calls `visit` with every recipe and what it is the recipe of.
    pub(crate) fn each_recipe<E: From<FileError>>(
        &self,
        visit: &mut dyn FnMut(OciDigest, Recipe) -> Result<(), E>,
    ) -> Result<(), E> {
        self.objects.list(keys::RECIPES, &mut |key| {
            let Some(digest) = keys::parse_recipe(key) else {
                return Ok(());
            };
            let text = self.objects.read(key, recipe::MAX_LEN)?;
            match text.and_then(|text| Recipe::from_bytes(&text)) {
                Some(recipe) => visit(digest, recipe),
                None => Ok(()),
            }
        })
    }

    /// Stores a manifest, or the small content of one that the registry makes, whose digest the
    /// caller has checked. Damaged content under this digest is replaced.
    pub(crate) fn put(&self, digest: &OciDigest, content: &[u8]) -> Result<(), FileError> {
        let key = keys::content(digest);
        let stored = unless_damaged(digest, self.objects.read(&key, content.len() as u64))?;
        if stored.is_some_and(|stored| stored == content) {
            return Ok(());
        }
        self.disk.require(content.len() as u64, Purpose::Manifest)?;
        self.set_aside(&key, &keys::damaged(digest))?;
        self.objects.replace(&key, content)
    }

    /// Hashes a blob and tells whether it is what its digest says. What is not is moved away for
    /// the operator to look at, so that clients, which ask before they push, push it again. What
    /// cannot be read now, and may be later, stays.
    pub(crate) fn check(&self, digest: &OciDigest) -> Result<bool, FileError> {
        // A crash may have left it whole and as a recipe.
        while let Some(mut blob) = self.open(digest)? {
            match OciDigest::read(digest.algorithm(), &mut blob) {
                Ok(found) if found == *digest => return Ok(true),
                Ok(found) => tracing::error!(%digest, %found, "stored content is damaged"),
                Err(error) if is_damage(&error) => {
                    tracing::error!(%digest, %error, "stored content cannot be read");
                }
                Err(error) => return Err(error).attempt("read", digest.to_string()),
            }
            let (from, to) = if blob.is_whole() {
                (keys::content(digest), keys::damaged(digest))
            } else {
                (keys::recipe(digest), keys::damaged_recipe(digest))
            };
            self.objects.rename(&from, &to)?;
        }
        Ok(false)
    }

    /// Makes an upload whose digest was checked a blob that is stored whole, in place of what is
    /// stored under its digest.
    pub(crate) fn adopt(&self, upload: &mut Upload, digest: &OciDigest) -> Result<(), FileError> {
        self.clear(digest)?;
        let key = keys::content(digest);
        self.objects.adopt(&key, upload.synced()?)?;
        self.objects.remove(&keys::recipe(digest)).map(drop)
    }

    /// Makes a synced file a pack.
    pub(super) fn adopt_pack(&self, pack: PackId, file: &Path) -> Result<(), FileError> {
        self.objects.adopt(&keys::pack(pack), file)
    }

    /// Makes a blob of frames that are stored, in place of what is stored under its digest.
    pub(super) fn put_recipe(&self, digest: &OciDigest, recipe: &Recipe) -> Result<(), FileError> {
        let text = recipe.to_bytes();
        self.require(text.len() as u64, Purpose::Manifest)?;
        self.clear(digest)?;
        self.objects.replace(&keys::recipe(digest), &text)?;
        self.objects.remove(&keys::content(digest)).map(drop)
    }

    /// Puts a blob together, whose recipe was found damaged, from where its frames are stored; tells
    /// whether it is what its digest says then.
    pub(crate) fn put_back(
        &self,
        digest: &OciDigest,
        frames: &[BlobFrame],
        stored: &Places,
    ) -> Result<bool, FileError> {
        let placed = frames.iter().map(|frame| {
            let place = *stored.get(&frame.digest)?;
            Some(Placed {
                frame: *frame,
                place,
            })
        });
        let Some(placed) = placed.collect() else {
            return Ok(false);
        };
        self.put_recipe(digest, &Recipe::new(placed))?;
        self.check(digest)
    }

    /// Moves away what is no object and lies where content or its recipe belongs.
    fn clear(&self, digest: &OciDigest) -> Result<(), FileError> {
        self.set_aside(&keys::content(digest), &keys::damaged(digest))?;
        self.set_aside(&keys::recipe(digest), &keys::damaged_recipe(digest))
    }

    fn set_aside(&self, key: &str, damaged: &str) -> Result<(), FileError> {
        match self.objects.size(key) {
            Err(error) if error.is_damage() => self.objects.rename(key, damaged),
            found => found.map(drop),
        }
    }

    /// Returns the folder in which content should be and is none: where it is on a disk of its own,
    /// that one is not mounted. Manifests are stored whole, blobs of frames in packs. Whole content lies in
    /// folders by its digest, which stay when all of it was found damaged and moved away.
    pub(crate) fn away(&self, has_manifests: bool) -> Result<Option<&'static str>, FileError> {
        let is_empty = |folder| Ok::<_, FileError>(!self.objects.has_any(folder)?);
        if self.objects.has_any(keys::RECIPES)? && is_empty(keys::PACKS)? {
            return Ok(Some(keys::PACKS));
        }
        if has_manifests && is_empty(keys::BLOBS)? && !self.objects.has_folder(keys::BLOBS)? {
            return Ok(Some(keys::BLOBS));
        }
        Ok(None)
    }
}

/// Passes over what lies in the place of an object and is none, such as a directory or a pipe: it is
/// damage as other bytes are, and the next push brings the object back.
pub(super) fn unless_damaged<T>(
    digest: &OciDigest,
    found: Result<Option<T>, FileError>,
) -> Result<Option<T>, FileError> {
    match found {
        Err(error) if error.is_damage() => {
            tracing::error!(%digest, %error, "stored content is damaged");
            Ok(None)
        }
        found => found,
    }
}

/// Tells whether reading fails for what lies on the disk, and not for a want of handles or memory.
pub(super) fn is_damage(error: &io::Error) -> bool {
    const DAMAGE: [ErrorKind; 3] = [
        ErrorKind::InvalidData,
        ErrorKind::IsADirectory,
        ErrorKind::UnexpectedEof,
    ];
    DAMAGE.contains(&error.kind()) || Errno::from_io_error(error) == Some(Errno::IO)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::world::{World, bytes_of, in_every_world};
    use super::*;

    fn opened(world: &World, digest: &OciDigest) -> Blob {
        world.store.open_to_send(digest).unwrap().unwrap()
    }

    #[test]
    fn what_is_held_is_what_lies_on_the_disk() {
        in_every_world(|world| {
            let content = bytes_of(1, 3000);
            let (mut upload, digest) = world.upload(&content);
            world.store.adopt(&mut upload, &digest).unwrap();
            let mut blob = opened(world, &digest);
            if world.objects.is_in_memory() {
                assert!(blob.in_memory().is_none());
                return;
            }
            // A file that has just been written is not relied upon.
            while blob.in_memory().is_none() {
                std::thread::sleep(Duration::from_millis(10));
                blob = opened(world, &digest);
            }
            assert_eq!(blob.in_memory().unwrap()[..], content);
            let held = world.store.held(&digest).unwrap();
            assert_eq!(held.in_memory().unwrap()[..], content);

            world.overwrite(&keys::content(&digest), &bytes_of(2, 3000));
            assert!(world.store.held(&digest).is_none());
            let mut blob = opened(world, &digest);
            assert!(blob.in_memory().is_none());
            let mut read = Vec::new();
            blob.read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes_of(2, 3000), "whoever sends it hashes it");

            assert!(!world.store.check(&digest).unwrap());
            assert!(world.store.held(&digest).is_none());
            assert!(world.store.open_to_send(&digest).unwrap().is_none());
        });
    }

    #[test]
    fn what_a_crash_left_empty_is_not_there() {
        in_every_world(|world| {
            for content in [&b"content"[..], b""] {
                let (mut upload, digest) = world.upload(content);
                world.store.adopt(&mut upload, &digest).unwrap();
                world.overwrite(&keys::content(&digest), b"");
                let is_there = content.is_empty();
                assert_eq!(world.store.size(&digest).unwrap().is_some(), is_there);
                assert_eq!(
                    world.store.open_to_send(&digest).unwrap().is_some(),
                    is_there
                );
            }
        });
    }

    #[test]
    fn damaged_content_is_never_held() {
        in_every_world(|world| {
            let (mut upload, digest) = world.upload(&bytes_of(1, 3000));
            world.store.adopt(&mut upload, &digest).unwrap();
            world.overwrite(&keys::content(&digest), &bytes_of(2, 3000));
            while !world.objects.is_in_memory()
                && world.objects.stamp(&keys::content(&digest)).is_none()
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(opened(world, &digest).in_memory().is_none());
            assert!(world.store.held(&digest).is_none());
        });
    }
}
