//! Puts content right from what lies elsewhere in the same data directory, or moves it away, so that
//! the next push brings it back.

use std::collections::{BTreeMap, HashMap, HashSet};

use bulla_files::FileError;
use bulla_schemas::Digest;

use crate::blocking::blocking;
use crate::error::RegistryError;
use crate::frames::{Place, Placed, Places};
use crate::keep::parts::Parts;
use crate::oci::digest::OciDigest;
use crate::store::{Recipe, Wrong};

/// What others who wait for a lock are told.
pub(super) const COMMAND: &str = "bulla-registry fsck";

/// How content lies that is still wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nobody was to put it right.
    Found,
    /// It is in `damaged/`, and asked for.
    MovedAway,
    /// It lies as it did: it was not stored, or lacks what may be away for now.
    AsItWas,
}

/// Where damaged frames are said to lie besides.
type Elsewhere = HashMap<Digest, HashSet<Place>>;

/// Puts right what can be, and returns how that lies which is still wrong.
pub(super) async fn content(
    parts: &Parts,
    wrong: BTreeMap<OciDigest, Wrong>,
) -> Result<BTreeMap<OciDigest, Left>, RegistryError> {
    let elsewhere = elsewhere(parts, &wrong).await?;
    let mut left = BTreeMap::new();
    for digest in wrong.into_keys() {
        if let Some(how) = one(parts, &digest, &elsewhere).await? {
            left.insert(digest, how);
        }
    }
    Ok(left)
}

/// Collects every place of frames that were found damaged, by recipes and by the index.
async fn elsewhere(
    parts: &Parts,
    wrong: &BTreeMap<OciDigest, Wrong>,
) -> Result<Elsewhere, RegistryError> {
    let blobs = parts.blobs.clone();
    let digests: Vec<OciDigest> = wrong.keys().cloned().collect();
    let (frames, mut places) = blocking(move || {
        let (mut frames, mut recipes) = (HashMap::new(), Vec::new());
        for digest in &digests {
            let Some(recipe) = blobs.recipe_or_damaged(digest)? else {
                continue;
            };
            for position in blobs.damaged_frames(&recipe, &|_| {})? {
                let frame = recipe.frames()[position].frame;
                frames.insert(frame.digest, frame);
            }
            recipes.push(recipe);
        }
        let mut places = Elsewhere::new();
        let mut note = |recipe: &Recipe| {
            for placed in recipe.frames() {
                if frames.contains_key(&placed.frame.digest) {
                    let known = places.entry(placed.frame.digest).or_default();
                    known.insert(placed.place);
                }
            }
        };
        blobs.each_recipe(&mut |_, recipe| {
            note(&recipe);
            Ok::<_, FileError>(())
        })?;
        // Those that were moved away are not among these.
        recipes.iter().for_each(note);
        let frames: Vec<_> = frames.into_values().collect();
        Ok::<_, FileError>((frames, places))
    })
    .await?;
    for (digest, place) in parts.database.places(&frames).await? {
        places.entry(digest).or_default().insert(place);
    }
    Ok(places)
}

/// Puts one content right, or returns how it lies where it is still wrong.
async fn one(
    parts: &Parts,
    digest: &OciDigest,
    elsewhere: &Elsewhere,
) -> Result<Option<Left>, RegistryError> {
    let mut was_restored = false;
    let mut left = Left::AsItWas;
    // Whole content in front of a recipe may be what is wrong, and then the recipe.
    loop {
        let (blobs, name) = (parts.blobs.clone(), digest.clone());
        let looked = blocking(move || {
            let stamp = blobs.stamp(&name)?;
            Ok::<_, FileError>((blobs.examine(&name, &|_| {})?, stamp))
        });
        let (Some(wrong), stamp) = looked.await? else {
            return Ok(None);
        };
        let places = match wrong {
            Wrong::Frames { .. } => find(parts, digest, elsewhere).await?,
            // Its recipe may have been moved away, and its frames pushed since.
            Wrong::Missing if !was_restored => {
                was_restored = true;
                find(parts, digest, elsewhere).await?
            }
            _ => None,
        };
        let (blobs, lock, name) = (parts.blobs.clone(), parts.content.clone(), digest.clone());
        let (mended, was_moved) = blocking(move || {
            let _alone = lock.alone(COMMAND)?;
            if let (Some(places), Some(recipe)) = (&places, blobs.recipe_or_damaged(&name)?) {
                let again = blobs.place_again(&name, &stamp, &recipe, places)?;
                // Where the content has changed meanwhile it is looked at once more.
                return Ok::<_, RegistryError>((Some(again), false));
            }
            // Without its pack it is asked for as it lies there, and is right when the pack is back.
            let is_asked_for = blobs.size(&name)?.is_none();
            Ok((None, !is_asked_for && blobs.move_away(&name, &stamp)?))
        })
        .await?;
        match mended {
            Some(Some(recipe)) => {
                let now = parts.clock.now();
                parts.database.add_places(recipe.frames(), now).await?;
            }
            Some(None) => {}
            None if was_moved => left = Left::MovedAway,
            None => return Ok(Some(left)),
        }
    }
}

/// Returns places for all damaged frames of some content, where each lies somewhere else; none where
/// its frames are not known. What lies nowhere is forgotten, so that no push builds on it.
async fn find(
    parts: &Parts,
    digest: &OciDigest,
    elsewhere: &Elsewhere,
) -> Result<Option<Places>, RegistryError> {
    let (blobs, name, elsewhere) = (parts.blobs.clone(), digest.clone(), elsewhere.clone());
    let looked = blocking(move || {
        let (mut found, mut lost) = (Places::new(), Places::new());
        let Some(recipe) = blobs.recipe_or_damaged(&name)? else {
            return Ok(None);
        };
        for position in blobs.damaged_frames(&recipe, &|_| {})? {
            let placed = recipe.frames()[position];
            let mut place = None;
            for other in elsewhere.get(&placed.frame.digest).into_iter().flatten() {
                let candidate = Placed {
                    place: *other,
                    ..placed
                };
                let mut is_right = true;
                let no = &mut |_| is_right = false;
                blobs.check_pack(other.pack, &[candidate], &|_| {}, no)?;
                if is_right {
                    place = Some(*other);
                    break;
                }
            }
            match place {
                Some(place) => found.insert(placed.frame.digest, place),
                None => lost.insert(placed.frame.digest, placed.place),
            };
        }
        Ok::<_, FileError>(Some((found, lost)))
    })
    .await?;
    let Some((found, lost)) = looked else {
        return Ok(None);
    };
    parts.database.forget_places(&lost).await?;
    Ok(lost.is_empty().then_some(found))
}
