//! Packs: those of which nothing is needed go, and those of which a good part is not are written again
//! without that.
//!
//! ```text
//! new pack ─▶ index: where the frames lie ─▶ recipes, one by one ─▶ the old pack goes
//! ```
//!
//! From the moment that the index names the new pack no push names the old one, and until the last
//! recipe names the new one both are there.

use std::collections::{BTreeMap, HashMap, HashSet};

use bulla_files::FileError;
use bulla_schemas::report::GcReport;

use super::project::COMMAND;
use crate::blocking::blocking;
use crate::error::RegistryError;
use crate::failpoint::failpoint;
use crate::frames::{PackId, Place, Placed};
use crate::keep::by_pack::by_pack;
use crate::keep::parts::Parts;
use crate::oci::digest::OciDigest;

/// A pack is written again when one byte of so many is not needed.
const LEAST_SHARE: u64 = 4;

/// A pack of which something is not needed.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) pack: PackId,
    pub(super) size: u64,
    /// What of it is needed.
    pub(super) live: Vec<Placed>,
}

/// What is done with a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Removed,
    Rewritten,
}

impl Plan {
    pub(super) fn live_bytes(&self) -> u64 {
        let sizes: HashMap<u64, u64> = self
            .live
            .iter()
            .map(|placed| (placed.place.offset, placed.frame.size))
            .collect();
        sizes.into_values().sum::<u64>().min(self.size)
    }

    pub(super) fn kind(&self) -> Kind {
        if self.live.is_empty() {
            Kind::Removed
        } else {
            Kind::Rewritten
        }
    }

    fn is_worth_it(&self) -> bool {
        self.live.is_empty()
            || (self.size - self.live_bytes()).saturating_mul(LEAST_SHARE) >= self.size
    }
}

/// Looks for packs of which too much is not needed, where the content of `without` is gone.
pub(super) async fn plan(
    parts: &Parts,
    without: &HashSet<OciDigest>,
) -> Result<Vec<Plan>, RegistryError> {
    let (blobs, without) = (parts.blobs.clone(), without.clone());
    let plans = blocking(move || {
        // The packs first: one that a push brings meanwhile is not looked at.
        let mut packs = BTreeMap::new();
        blobs.each_pack(&mut |pack, size| {
            packs.insert(pack, size);
            Ok::<_, FileError>(())
        })?;
        let mut content = Vec::new();
        blobs.each_recipe(&mut |digest, _| {
            if !without.contains(&digest) {
                content.push(digest);
            }
            Ok::<_, FileError>(())
        })?;
        let mut plans = Vec::new();
        by_pack(&blobs, &content, &mut |pack, live| {
            let plan = packs.remove(&pack).map(|size| Plan { pack, size, live });
            plans.extend(plan.filter(Plan::is_worth_it));
            Ok::<_, FileError>(())
        })?;
        plans.extend(packs.into_iter().map(|(pack, size)| Plan {
            pack,
            size,
            live: Vec::new(),
        }));
        Ok::<_, FileError>(plans)
    });
    Ok(plans.await?)
}

/// Tells whether somebody was told lately that a frame is there which no blob needs.
pub(super) async fn is_promised(
    parts: &Parts,
    plan: &Plan,
    before: i64,
) -> Result<bool, RegistryError> {
    let live: HashSet<u64> = plan.live.iter().map(|placed| placed.place.offset).collect();
    let frames = parts.database.frames_in(plan.pack).await?;
    let mut frames = frames.into_iter();
    Ok(frames.any(|(_, place, seen_at)| seen_at >= before && !live.contains(&place.offset)))
}

/// Removes packs, and writes others again.
pub(super) async fn sweep(
    parts: &Parts,
    before: i64,
    report: &mut GcReport,
) -> Result<(), RegistryError> {
    let (removed, mut rewritten): (Vec<Plan>, Vec<Plan>) = plan(parts, &HashSet::new())
        .await?
        .into_iter()
        .partition(|plan| plan.kind() == Kind::Removed);
    // Space first.
    for plan in removed {
        if remove(parts, &plan, before).await? {
            report.freed += plan.size;
        }
    }
    rewritten.sort_by_key(Plan::live_bytes);
    let mut moved = HashMap::new();
    let mut old = Vec::new();
    for plan in rewritten {
        if let Some(places) = copy(parts, &plan, before).await? {
            moved.extend(places);
            old.push(plan);
        }
    }
    if old.is_empty() {
        return Ok(());
    }
    failpoint!("gc::frames-moved");
    place_again(parts, moved).await?;
    failpoint!("gc::recipes-placed");
    for plan in old {
        let (blobs, lock, pack) = (parts.blobs.clone(), parts.content.clone(), plan.pack);
        blocking(move || {
            let _alone = lock.alone(COMMAND)?;
            Ok::<_, RegistryError>(blobs.remove_pack(pack)?)
        })
        .await?;
        report.rewritten += 1;
        report.freed += plan.size - plan.live_bytes();
    }
    failpoint!("gc::old-packs-removed");
    Ok(())
}

/// Removes a pack of which nothing is needed, and tells whether it did.
async fn remove(parts: &Parts, plan: &Plan, before: i64) -> Result<bool, RegistryError> {
    let (lock, pack) = (parts.content.clone(), plan.pack);
    let _alone = blocking(move || lock.alone(COMMAND)).await?;
    // A push since then has seen the frames that it found here.
    if is_promised(parts, plan, before).await? {
        return Ok(false);
    }
    parts.database.forget_pack(pack).await?;
    failpoint!("gc::pack-forgotten");
    let blobs = parts.blobs.clone();
    blocking(move || blobs.remove_pack(pack)).await?;
    Ok(true)
}

/// Writes what is needed of a pack as a new one, and has the index name that. Returns where the frames
/// lay and lie now; nothing where the pack stays as it is.
async fn copy(
    parts: &Parts,
    plan: &Plan,
    before: i64,
) -> Result<Option<Vec<(Place, Place)>>, RegistryError> {
    if is_promised(parts, plan, before).await? {
        return Ok(None);
    }
    let (blobs, folder, live) = (parts.blobs.clone(), parts.data.uploads(), plan.live.clone());
    let copied = blocking(move || blobs.copy_frames(&folder, &live)).await;
    let copied = match copied {
        Err(error) if error.is_full() => {
            tracing::warn!(pack = %plan.pack, "there is no room to write a pack again");
            return Ok(None);
        }
        copied => copied?,
    };
    let Some(copied) = copied else {
        tracing::warn!(pack = %plan.pack, "a pack is damaged and stays; `bulla-registry fsck` says more");
        return Ok(None);
    };
    failpoint!("gc::pack-written");
    let lock = parts.content.clone();
    let _alone = blocking(move || lock.alone(COMMAND)).await?;
    if is_promised(parts, plan, before).await? {
        return Ok(None);
    }
    let frames: Vec<_> = copied.iter().map(|placed| placed.frame).collect();
    let known = parts.database.places(&frames).await?;
    let moved: Vec<_> = copied
        .iter()
        .map(|placed| (placed.frame, placed.place))
        .collect();
    parts.database.move_frames(plan.pack, &moved).await?;
    let mut unknown = copied.clone();
    unknown.retain(|placed| !known.contains_key(&placed.frame.digest));
    parts
        .database
        .add_places(&unknown, parts.clock.now())
        .await?;
    let places = plan.live.iter().zip(&copied);
    Ok(Some(
        places.map(|(old, new)| (old.place, new.place)).collect(),
    ))
}

/// Has every recipe name the new packs.
async fn place_again(parts: &Parts, moved: HashMap<Place, Place>) -> Result<(), RegistryError> {
    let (blobs, lock) = (parts.blobs.clone(), parts.content.clone());
    blocking(move || {
        let mut content = Vec::new();
        blobs.each_recipe(&mut |digest, recipe| {
            let mut frames = recipe.frames().iter();
            if frames.any(|placed| moved.contains_key(&placed.place)) {
                content.push(digest);
            }
            Ok::<_, FileError>(())
        })?;
        for digest in content {
            let _alone = lock.alone(COMMAND)?;
            blobs.replace_places(&digest, &moved)?;
        }
        Ok(())
    })
    .await
}
