//! Turns an upload into a blob of frames: those that are new become a pack, the others stay where
//! they are.

use std::collections::HashMap;
use std::io;

use bulla_files::FileError;
use bulla_schemas::Digest;
use bulla_schemas::api::BlobFrame;

use super::blobs::{BlobStore, is_damage};
use super::keys;
use super::recipe::{Recipe, Span};
use super::space::Purpose;
use super::upload::Upload;
use crate::failpoint::failpoint;
use crate::frames::{Place, Placed, Places};
use crate::oci::digest::{Algorithm, Hasher, OciDigest};

/// What became of frames that were looked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Where they lie for sure.
    pub(crate) stored: Places,
    /// Where other bytes lie than theirs, if their sizes are right.
    pub(crate) damaged: Places,
}

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
    ) -> Result<Found, FileError> {
        let mut found = Found::default();
        if frames.is_empty() {
            return Ok(found);
        }
        let recipe = self.recipe(digest)?;
        let written = recipe.map(|recipe| recipe.places()).unwrap_or_default();
        for frame in frames {
            if found.stored.contains_key(&frame.digest) {
                continue;
            }
            let places = [indexed, &written].map(|places| places.get(&frame.digest));
            for place in places.into_iter().flatten() {
                let Err(error) = self.read_frame(frame, place) else {
                    found.stored.insert(frame.digest, *place);
                    break;
                };
                let pack = place.pack;
                tracing::error!(%pack, %error, "a frame is not where it is thought to lie");
                if is_damage(&error) {
                    found.damaged.insert(frame.digest, *place);
                }
            }
        }
        Ok(found)
    }

    /// Leaves out places of frames whose packs are missing or too short. Nothing is read.
    pub(crate) fn in_packs(
        &self,
        frames: &[BlobFrame],
        mut places: Places,
    ) -> Result<Places, FileError> {
        let mut sizes = HashMap::new();
        for frame in frames {
            let Some(Place { pack, offset }) = places.get(&frame.digest) else {
                continue;
            };
            let size = match sizes.get(pack) {
                Some(size) => *size,
                None => match self.objects().size(&keys::pack(*pack)) {
                    Err(error) if error.is_damage() => 0,
                    found => found?.unwrap_or(0),
                },
            };
            sizes.insert(*pack, size);
            if size < offset.saturating_add(frame.size) {
                places.remove(&frame.digest);
            }
        }
        Ok(places)
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
        failpoint!("packing::before-pack");
        let length: u64 = pack.iter().map(|(_, length)| length).sum();
        if pack == [(0, upload.received())] {
            self.adopt_pack(upload.pack(), upload.synced()?)?;
        } else if length > 0 {
            self.require(length, Purpose::Blob)?;
            let extract = upload.extract(&pack)?;
            self.adopt_pack(upload.pack(), &extract)?;
        }
        failpoint!("packing::pack-stored");
        self.put_recipe(digest, &recipe)?;
        failpoint!("packing::recipe-stored");
        Ok(Ok(recipe))
    }

    /// Fails unless the frame lies at the place.
    fn read_frame(&self, frame: &BlobFrame, place: &Place) -> io::Result<()> {
        let (length, place) = (frame.size, *place);
        let mut open = Span { place, length }.open(self.objects())?;
        let found = OciDigest::read(Algorithm::Sha256, &mut open)?;
        let expected = frame.digest;
        if found == expected.into() {
            return Ok(());
        }
        // A client may also have given a wrong size of it.
        let message = format!("expected a frame with digest {expected}, found {found}");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
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
    use super::super::world::{FIRST, SECOND, World, bytes_of, content, in_every_world};
    use super::*;

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
    fn a_frame_whose_pack_is_gone_or_too_short_is_not_in_it() {
        in_every_world(|world| {
            let first = content(&FIRST);
            let (_, places) = world.push(&first, &Places::new());
            let frames = FIRST.map(|(name, size)| BlobFrame {
                digest: Digest::of(&bytes_of(name, size)),
                size: u64::from(size),
            });
            let found = |world: &World| {
                let found = world.store.in_packs(&frames, places.clone()).unwrap();
                frames.map(|frame| found.contains_key(&frame.digest))
            };
            assert_eq!(found(world), [true; 4]);
            let key = keys::pack(places[&frames[0].digest].pack);
            world.overwrite(&key, &first[..70_000]);
            assert_eq!(found(world), [true, true, false, false]);
            world.objects.remove(&key).unwrap();
            assert_eq!(found(world), [false; 4]);
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
            let (mut upload, digest) = world.upload(&content);
            world.store.adopt(&mut upload, &digest).unwrap();
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
            let (mut upload, digest) = world.upload(&content);
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
