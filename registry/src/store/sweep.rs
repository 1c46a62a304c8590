//! Content that goes, and packs that are written again without some of it. Whoever does it has made
//! sure that nothing names what goes, and holds the content lock alone.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use bulla_files::{Attempt as _, FileError};
use bulla_schemas::Timestamp;

use super::blobs::{BlobStore, is_damage, unless_damaged};
use super::keys;
use super::recipe::{Recipe, Span};
use super::space::Purpose;
use crate::frames::{PackId, Place, Placed};
use crate::oci::digest::{Algorithm, Hasher, OciDigest};

/// Uploads that nobody has written to for so long are those of a server that is gone: one that runs
/// ends them after an hour.
const OLD_UPLOAD: Duration = Duration::from_hours(24);

/// How the file of a pack begins, besides the uploads, that is written again.
pub(super) const COPY: &str = "copy-";

impl BlobStore {
    /// Calls `visit` with everything that is stored, and how many bytes it takes besides frames. What
    /// a crash has left twice comes twice.
    pub(crate) fn each_stored<E: From<FileError>>(
        &self,
        visit: &mut dyn FnMut(OciDigest, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        for (folder, parse) in [
            (
                keys::BLOBS,
                keys::parse_content as fn(&str) -> Option<OciDigest>,
            ),
            (keys::RECIPES, keys::parse_recipe),
        ] {
            self.objects().list(folder, &mut |key| {
                let Some(digest) = parse(key) else {
                    return Ok(());
                };
                match unless_damaged(&digest, self.objects().size(key))? {
                    Some(size) => visit(digest, size),
                    None => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    /// Calls `visit` with every pack and its size.
    pub(crate) fn each_pack<E: From<FileError>>(
        &self,
        visit: &mut dyn FnMut(PackId, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        self.objects().list(keys::PACKS, &mut |key| {
            let Some(pack) = keys::parse_pack(key) else {
                return Ok(());
            };
            match self.objects().size(key) {
                Err(error) if error.is_damage() => Ok(()),
                found => match found? {
                    Some(size) => visit(pack, size),
                    None => Ok(()),
                },
            }
        })
    }

    /// Removes content, but not its frames.
    pub(crate) fn remove(&self, digest: &OciDigest) -> Result<(), FileError> {
        self.objects().remove(&keys::recipe(digest))?;
        self.objects().remove(&keys::content(digest)).map(drop)
    }

    /// Removes a pack.
    pub(crate) fn remove_pack(&self, pack: PackId) -> Result<(), FileError> {
        self.objects().remove(&keys::pack(pack)).map(drop)
    }

    /// Writes frames as a new pack, by way of a file in `folder`, and returns where they lie there, in
    /// the same order; nothing where one of them is damaged.
    pub(crate) fn copy_frames(
        &self,
        folder: &Path,
        frames: &[Placed],
    ) -> Result<Option<Vec<Placed>>, FileError> {
        self.require(
            frames.iter().map(|placed| placed.frame.size).sum(),
            Purpose::Blob,
        )?;
        let mut id = [0_u8; 16];
        getrandom::fill(&mut id)
            .map_err(|error| io::Error::other(error.to_string()))
            .attempt("name a pack in", folder)?;
        let pack = PackId::from(uuid::Builder::from_random_bytes(id).into_uuid());
        let named = tempfile::Builder::new().prefix(COPY).tempfile_in(folder);
        let mut file = named.attempt("create a file in", folder)?;
        let mut copied: Vec<Placed> = Vec::with_capacity(frames.len());
        let mut known: HashMap<Place, Place> = HashMap::new();
        let mut offset = 0;
        for placed in frames {
            let place = if let Some(place) = known.get(&placed.place) {
                *place
            } else {
                let copied = self.copy_frame(placed, file.as_file_mut());
                if !copied.attempt("write", file.path())? {
                    return Ok(None);
                }
                let place = Place { pack, offset };
                known.insert(placed.place, place);
                offset += placed.frame.size;
                place
            };
            let frame = placed.frame;
            copied.push(Placed { frame, place });
        }
        file.as_file().sync_all().attempt("sync", file.path())?;
        let path = file.into_temp_path();
        self.adopt_pack(pack, &path)?;
        Ok(Some(copied))
    }

    /// Copies a frame, and tells whether it was right.
    fn copy_frame(&self, placed: &Placed, to: &mut std::fs::File) -> io::Result<bool> {
        let (place, length) = (placed.place, placed.frame.size);
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut buffer = vec![0; 256 * 1024];
        let copied = Span { place, length }
            .open(self.objects())
            .and_then(|mut span| {
                let mut sum = 0;
                loop {
                    let read = io::Read::read(&mut span, &mut buffer)?;
                    if read == 0 {
                        return Ok(sum);
                    }
                    hasher.update(&buffer[..read]);
                    to.write_all(&buffer[..read])?;
                    sum += read as u64;
                }
            });
        match copied {
            Ok(sum) => Ok(sum == length && hasher.finish() == placed.frame.digest.into()),
            Err(error) if is_damage(&error) || error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has a recipe name new places in place of others.
    pub(crate) fn replace_places(
        &self,
        digest: &OciDigest,
        moved: &HashMap<Place, Place>,
    ) -> Result<(), FileError> {
        let Some(recipe) = self.recipe(digest)? else {
            return Ok(());
        };
        let frames = recipe.frames().iter().map(|known| Placed {
            frame: known.frame,
            place: *moved.get(&known.place).unwrap_or(&known.place),
        });
        let again = Recipe::new(frames.collect());
        if again == recipe {
            return Ok(());
        }
        self.objects()
            .replace(&keys::recipe(digest), &again.to_bytes())
    }
}

/// Removes uploads that nobody goes on with, and returns how many there were.
pub(crate) fn remove_old_uploads(folder: &Path, now: Timestamp) -> Result<u64, FileError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.attempt("read", folder)?,
    };
    let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_seconds()).unwrap_or(0));
    let mut count = 0;
    for entry in entries {
        let path = entry.attempt("read", folder)?.path();
        // The server may have ended it meanwhile.
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            continue;
        };
        let age = metadata
            .modified()
            .ok()
            .and_then(|at| now.duration_since(at).ok());
        if metadata.is_file() && age.is_some_and(|age| age > OLD_UPLOAD) {
            bulla_files::remove(&path)?;
            count += 1;
        }
    }
    Ok(count)
}
