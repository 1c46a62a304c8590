//! The entries of a log on their way to being judged: each bundle is checked against the anchor as
//! soon as it is here, so that another log than the anchor's costs one bundle, however long it is.

use std::pin::pin;

use bulla_schemas::Digest;
use bulla_trust::merkle::leaf_hash;
use bulla_trust::tile::TilePath;
use bulla_trust::{Acceptance, LogError, Pin, TiledTree};
use futures_util::TryStreamExt as _;

use super::error::FollowError;
use crate::client::Client;

/// Fetches the entries that an acceptance is missing and has them judged. `keep` is given each one
/// that was taken.
pub(super) async fn feed(
    client: &Client,
    acceptance: &mut Acceptance<'_>,
    pin: Pin<'_>,
    mut keep: impl FnMut(&[u8]) -> Result<(), FollowError>,
) -> Result<(), FollowError> {
    let refused = |error| FollowError::refused(client.url().as_str(), error);
    let missing = acceptance.missing();
    let anchored = match pin {
        Pin::Anchor(anchor) if anchor.position.size > missing.start => {
            let tree = client.tiled_tree(anchor.position.size, missing.end).await?;
            check_root(&tree, anchor.position.root).map_err(refused)?;
            Some(tree)
        }
        _ => None,
    };
    let mut bundles = pin!(client.entry_bundles(missing.start..missing.end, missing.end));
    while let Some(bundle) = bundles.try_next().await? {
        let entries = bundle.entries()?;
        if let Some(tree) = &anchored {
            check_entries(tree, bundle.tile(), &entries).map_err(refused)?;
        }
        // All at once: they are read on all cores.
        acceptance.take(bundle.wanted(&entries)).map_err(refused)?;
        bundle.wanted(&entries).try_for_each(&mut keep)?;
    }
    Ok(())
}

/// Checks that the entries of a bundle are those of a tree.
pub(super) fn check_entries(
    tree: &TiledTree,
    tile: TilePath,
    entries: &[&[u8]],
) -> Result<(), LogError> {
    let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    if tree.holds(tile.index, &leaves) {
        return Ok(());
    }
    let from = tile.start();
    let to = (from + leaves.len() as u64).min(tree.size());
    Err(LogError::NotAnchored { from, to })
}

pub(super) fn check_root(tree: &TiledTree, expected: Digest) -> Result<(), LogError> {
    let found = tree.root();
    if found == expected {
        return Ok(());
    }
    Err(LogError::AnchorMismatch {
        size: tree.size(),
        expected,
        found,
    })
}
