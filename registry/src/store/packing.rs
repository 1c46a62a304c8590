//! Turns an upload into a blob of frames: those that are new become a pack, the others stay where
//! they are.

use std::io;

use bulla_files::FileError;
use bulla_schemas::Digest;
use bulla_schemas::api::BlobFrame;

use super::blobs::BlobStore;
use super::recipe::{Recipe, Span};
use super::space::Purpose;
use super::upload::Upload;
use crate::frames::{Place, Placed, Places};
use crate::oci::digest::{Algorithm, Hasher, OciDigest};

/// What of an upload is new.
struct Plan {
    /// The whole blob.
    recipe: Recipe,
    /// The bytes of the upload that become its pack, from where to how many.
    pack: Vec<(u64, u64)>,
}

impl BlobStore {
    /// Looks which frames of a blob lie where they are thought to, by the index or by a recipe that
    /// there is already. All of them are read: a disk forgets, and a push is to heal that.
    pub(crate) fn find_frames(
        &self,
        digest: &OciDigest,
        frames: &[BlobFrame],
        indexed: &Places,
    ) -> Result<Places, FileError> {
        if frames.is_empty() {
            return Ok(Places::new());
        }
        let recipe = self.recipe(digest)?;
        let written = recipe.iter().flat_map(Recipe::frames);
        let written: Places = written
            .map(|placed| (placed.frame.digest, placed.place))
            .collect();
        let mut found = Places::new();
        for frame in frames {
            if found.contains_key(&frame.digest) {
                continue;
            }
            let places = [indexed, &written].map(|places| places.get(&frame.digest));
            let mut places = places.into_iter().flatten();
            if let Some(place) = places.find(|place| self.has_frame(frame, place)) {
                found.insert(frame.digest, *place);
            }
        }
        Ok(found)
    }

    /// Returns the digest of a blob that is put together from frames that are stored, at the places
    /// given, and those of an upload, or the first frame that is neither.
    pub(crate) fn digest_of(
        &self,
        upload: &mut Upload,
        frames: &[BlobFrame],
        stored: &Places,
        algorithm: Algorithm,
    ) -> io::Result<Result<OciDigest, Digest>> {
        let received = upload.received_frames();
        let mut hasher = Hasher::new(algorithm);
        for frame in frames {
            let length = frame.size;
            let read = if let Some(place) = stored.get(&frame.digest) {
                let place = *place;
                hasher.read(&mut Span { place, length }.open(self.objects())?)?
            } else if let Some((first, _)) = received.get(&frame.digest) {
                hasher.read(&mut upload.open(*first, length)?)?
            } else {
                return Ok(Err(frame.digest));
            };
            if read != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(Ok(hasher.finish()))
    }

    /// Stores a blob, whose digest was checked, as its frames. `stored` says where some of them lie
    /// for sure; the others must be in the upload, else nothing is stored, and the first that is not
    /// is returned.
    /// Writes happen in the order pack, recipe: after a crash in between there is a pack that
    /// nothing names, and nothing else has changed.
    pub(crate) fn pack(
        &self,
        upload: &mut Upload,
        digest: &OciDigest,
        frames: &[BlobFrame],
        stored: Places,
    ) -> Result<Result<Recipe, Digest>, FileError> {
        let Plan { recipe, pack } = match plan(upload, frames, stored) {
            Ok(plan) => plan,
            Err(missing) => return Ok(Err(missing)),
        };
        let length: u64 = pack.iter().map(|(_, length)| length).sum();
        if pack == [(0, upload.received())] {
            self.adopt_pack(upload.pack(), upload.synced()?)?;
        } else if length > 0 {
            self.require(length, Purpose::Blob)?;
            let extract = upload.extract(&pack)?;
            self.adopt_pack(upload.pack(), &extract)?;
        }
        self.put_recipe(digest, &recipe)?;
        Ok(Ok(recipe))
    }

    fn has_frame(&self, frame: &BlobFrame, place: &Place) -> bool {
        let (length, place) = (frame.size, *place);
        let open = Span { place, length }.open(self.objects());
        let found = open.and_then(|mut open| OciDigest::read(Algorithm::Sha256, &mut open));
        let pack = place.pack;
        match found {
            Ok(found) if found == frame.digest.into() => return true,
            Ok(found) => {
                let expected = frame.digest;
                tracing::error!(
                    %pack, %expected, %found,
                    "a pack is damaged, or a client gave a wrong size of a frame in it"
                );
            }
            Err(error) => {
                tracing::error!(%pack, %error, "a frame of a pack cannot be read");
            }
        }
        false
    }
}

fn plan(upload: &Upload, frames: &[BlobFrame], mut places: Places) -> Result<Plan, Digest> {
    let received = upload.received_frames();
    let mut pack: Vec<(u64, u64)> = Vec::new();
    let mut end = 0;
    let mut recipe = Vec::new();
    for frame in frames {
        let place = if let Some(place) = places.get(&frame.digest) {
            *place
        } else {
            let (first, size) = match received.get(&frame.digest) {
                Some((first, found)) if found == frame => (*first, frame.size),
                _ => return Err(frame.digest),
            };
            match pack.last_mut() {
                Some((start, length)) if *start + *length == first => *length += size,
                _ => pack.push((first, size)),
            }
            let place = Place {
                pack: upload.pack(),
                offset: end,
            };
            end += size;
            places.insert(frame.digest, place);
            place
        };
        let frame = *frame;
        recipe.push(Placed { frame, place });
    }
    Ok(Plan {
        recipe: Recipe::new(recipe),
        pack,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use bytes::Bytes;
    use futures_util::TryStreamExt as _;
    use tempfile::TempDir;
    use uuid::Uuid;

    use super::super::keys;
    use super::super::space::Disk;
    use super::*;
    use crate::objects::Objects;

    /// A store, and a folder for uploads.
    struct World {
        store: BlobStore,
        objects: Objects,
        folder: TempDir,
        uploads: u8,
    }

    /// Runs a test over every kind of objects.
    fn in_every_world(test: impl Fn(&mut World)) {
        for in_memory in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let objects = if in_memory {
                Objects::in_memory()
            } else {
                Objects::new(folder.path().to_owned())
            };
            let disk = Disk::new(folder.path().to_owned());
            test(&mut World {
                store: BlobStore::new(objects.clone(), disk),
                objects,
                folder,
                uploads: 0,
            });
        }
    }

    impl World {
        fn upload(&mut self, content: &[u8]) -> (Upload, OciDigest) {
            self.uploads += 1;
            let id = Uuid::from_bytes([self.uploads; 16]);
            let mut upload = Upload::create(self.folder.path(), id).unwrap();
            upload.append(&[Bytes::copy_from_slice(content)]).unwrap();
            let digest = OciDigest::from(Digest::of(content));
            upload.check(&digest).unwrap();
            (upload, digest)
        }

        fn push(&mut self, content: &[u8], indexed: &Places) -> (OciDigest, Places) {
            let (mut upload, digest) = self.upload(content);
            let frames = upload.frames();
            let stored = self.store.find_frames(&digest, &frames, indexed).unwrap();
            let recipe = self
                .store
                .pack(&mut upload, &digest, &frames, stored)
                .unwrap()
                .unwrap();
            let places = recipe.frames().iter();
            let places = places.map(|placed| (placed.frame.digest, placed.place));
            (digest, places.collect())
        }

        fn read(&self, digest: &OciDigest) -> Vec<u8> {
            let mut blob = self.store.open(digest).unwrap().unwrap();
            let mut content = Vec::new();
            blob.read_to_end(&mut content).unwrap();
            assert_eq!(blob.read(&mut [0]).unwrap(), 0, "the end stays the end");
            content
        }

        /// How many bytes all packs have.
        fn packed(&self) -> u64 {
            let mut sum = 0;
            let add = &mut |key: &str| {
                sum += self.objects.size(key)?.unwrap();
                Ok::<_, FileError>(())
            };
            self.objects.list("packs/", add).unwrap();
            sum
        }

        fn overwrite(&self, key: &str, content: &[u8]) {
            self.objects.replace(key, content).unwrap();
        }
    }

    /// A frame of this length with content of its own.
    fn bytes_of(name: u8, length: u32) -> Vec<u8> {
        let mut bytes = 0x184D_2A50_u32.to_le_bytes().to_vec();
        bytes.extend((length - 8).to_le_bytes());
        bytes.resize(length as usize, name);
        bytes
    }

    fn content(frames: &[(u8, u32)]) -> Vec<u8> {
        let frames = frames.iter().map(|(name, length)| bytes_of(*name, *length));
        frames.collect::<Vec<_>>().concat()
    }

    const FIRST: [(u8, u32); 4] = [(1, 30_000), (2, 40_000), (3, 20_000), (4, 35_000)];
    /// With a frame in place of the second one, one twice, and two in another order.
    const SECOND: [(u8, u32); 5] = [
        (1, 30_000),
        (5, 50_000),
        (4, 35_000),
        (3, 20_000),
        (5, 50_000),
    ];

    #[test]
    fn a_frame_is_stored_once_and_every_blob_is_what_it_was() {
        in_every_world(|world| {
            let (first, second) = (content(&FIRST), content(&SECOND));
            let (digest, places) = world.push(&first, &Places::new());
            assert_eq!(world.packed(), 125_000);
            let (other, _) = world.push(&second, &places);
            assert_eq!(world.packed(), 125_000 + 50_000);
            for (digest, content) in [(&digest, &first), (&other, &second)] {
                assert_eq!(world.read(digest), *content);
                let size = world.store.size(digest).unwrap();
                assert_eq!(size, Some(content.len() as u64));
                assert!(world.store.check(digest).unwrap());
            }
        });
    }

    #[test]
    fn a_stream_is_exactly_the_range() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        in_every_world(|world| {
            let (_, places) = world.push(&content(&FIRST), &Places::new());
            let second = content(&SECOND);
            let (digest, _) = world.push(&second, &places);
            let edges = [
                0, 1, 29_999, 30_000, 30_001, 80_000, 134_999, 184_999, 185_000,
            ];
            for first in edges {
                for end in edges.into_iter().filter(|end| first <= *end) {
                    let blob = world.store.open(&digest).unwrap().unwrap();
                    let read = runtime.block_on(async {
                        let stream = blob.stream(first as u64, (end - first) as u64)?;
                        stream.try_collect::<Vec<_>>().await
                    });
                    assert_eq!(read.unwrap().concat(), second[first..end], "{first}-{end}");
                }
            }
        });
    }

    #[test]
    fn a_push_of_what_is_there_stores_nothing() {
        in_every_world(|world| {
            let content = content(&FIRST);
            let (digest, places) = world.push(&content, &Places::new());
            world.push(&content, &places);
            // Also when a crash has kept it out of the index.
            world.push(&content, &Places::new());
            assert_eq!(world.packed(), 125_000);
            assert_eq!(world.read(&digest), content);
        });
    }

    #[test]
    fn a_frame_that_is_damaged_or_gone_is_stored_again() {
        in_every_world(|world| {
            let first = content(&FIRST);
            let (digest, places) = world.push(&first, &Places::new());
            let place = places[&Digest::of(&bytes_of(3, 20_000))];
            let key = keys::pack(place.pack);
            let cut_short = usize::try_from(place.offset).unwrap() + 10;
            let mut flipped = first.clone();
            flipped[cut_short] ^= 1;
            let mut packed = 125_000;
            for damaged in [&flipped[..], &first[..cut_short]] {
                world.overwrite(&key, damaged);
                assert!(!world.store.check(&digest).unwrap());
                assert!(world.store.open(&digest).unwrap().is_none());
                assert_eq!(world.store.size(&digest).unwrap(), None);
                let gone = 125_000 - damaged.len() as u64;
                world.push(&first, &places);
                // The first one has a copy by then, which the recipe names.
                packed += if gone > 0 { 35_000 } else { 20_000 };
                assert_eq!(world.packed(), packed - gone);
                assert_eq!(world.read(&digest), first);
            }
            world.objects.remove(&key).unwrap();
            assert!(!world.store.check(&digest).unwrap());
            world.push(&first, &places);
            assert_eq!(world.read(&digest), first);
        });
    }

    #[test]
    fn whole_content_of_an_earlier_program_is_served_until_it_is_pushed_again() {
        in_every_world(|world| {
            let content = content(&FIRST);
            let (upload, digest) = world.upload(&content);
            world.store.adopt(&upload, &digest).unwrap();
            assert_eq!(world.read(&digest), content);
            assert_eq!(world.packed(), 0);
            world.push(&content, &Places::new());
            assert_eq!(world.packed(), 125_000);
            assert_eq!(world.read(&digest), content);
            let whole = world.objects.size(&keys::content(&digest)).unwrap();
            assert_eq!(whole, None);
        });
    }

    #[test]
    fn of_content_that_a_crash_left_twice_only_what_is_damaged_goes() {
        in_every_world(|world| {
            let content = content(&FIRST);
            let (digest, places) = world.push(&content, &Places::new());
            world.overwrite(&keys::content(&digest), b"half");
            assert!(world.store.check(&digest).unwrap());
            let aside = world.objects.size(&keys::damaged(&digest)).unwrap();
            assert_eq!(aside, Some(4));
            assert_eq!(world.read(&digest), content);
            world.overwrite(&keys::content(&digest), &content);
            world
                .objects
                .remove(&keys::pack(places.values().next().unwrap().pack))
                .unwrap();
            assert!(world.store.check(&digest).unwrap());
            assert_eq!(world.read(&digest), content);
        });
    }

    #[test]
    fn a_pack_that_no_recipe_names_changes_nothing() {
        in_every_world(|world| {
            let content = content(&FIRST);
            let (upload, digest) = world.upload(&content);
            // The process ends between pack and recipe.
            let pack = upload.pack();
            world
                .store
                .adopt_pack(pack, upload.synced().unwrap())
                .unwrap();
            assert!(world.store.open(&digest).unwrap().is_none());
            world.push(&content, &Places::new());
            assert_eq!(world.read(&digest), content);
        });
    }

    #[test]
    fn a_recipe_that_is_damaged_counts_as_absent_and_is_replaced() {
        in_every_world(|world| {
            let content = content(&FIRST);
            let (digest, places) = world.push(&content, &Places::new());
            for damaged in [&b""[..], b"{}", b"{\"packs\": [], \"frames\""] {
                world.overwrite(&keys::recipe(&digest), damaged);
                assert!(world.store.open(&digest).unwrap().is_none());
                assert!(!world.store.check(&digest).unwrap());
                world.push(&content, &places);
                assert_eq!(world.read(&digest), content);
            }
            assert_eq!(world.packed(), 125_000);
        });
    }

    #[test]
    fn every_recipe_is_listed() {
        in_every_world(|world| {
            let (_, places) = world.push(&content(&FIRST), &Places::new());
            world.push(&content(&SECOND), &places);
            world.overwrite("recipes/sha256/ab/.bulla-new-a1b2c3", b"{");
            let mut sizes = Vec::new();
            let add = &mut |_, recipe: Recipe| {
                sizes.push(recipe.size());
                Ok::<_, FileError>(())
            };
            world.store.each_recipe(add).unwrap();
            sizes.sort_unstable();
            assert_eq!(sizes, [125_000, 185_000]);
        });
    }
}
