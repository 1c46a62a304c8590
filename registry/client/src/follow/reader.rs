//! `LogReader`: the entries of a log that was verified, read again. A follower keeps what they lead to
//! and not the entries.

use std::ops::Range;
use std::pin::pin;

use bulla_trust::{LogState, TiledTree};
use futures_util::TryStreamExt as _;

use super::entries::{check_entries, check_root};
use super::error::FollowError;
use crate::client::Client;

/// Reads entries of a log of which the size and root are known, wherever they are kept: each bundle is
/// checked against the tree under that root before anything of it is given out, and forgotten then.
#[derive(Debug)]
pub struct LogReader<'a> {
    client: &'a Client,
    tree: TiledTree,
}

impl<'a> LogReader<'a> {
    /// Fetches the hashes of the tree that `state` has verified.
    pub async fn open(client: &'a Client, state: &LogState) -> Result<Self, FollowError> {
        let size = state.size();
        let tree = client.tiled_tree(size, size).await?;
        check_root(&tree, state.root())
            .map_err(|error| FollowError::refused(client.url().as_str(), error))?;
        Ok(Self { client, tree })
    }

    /// Gives each of these entries with its index to `each`, in their order; none behind the end of
    /// what was verified.
    pub async fn read<E: From<FollowError>>(
        &self,
        entries: Range<u64>,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let size = self.tree.size();
        let entries = entries.start..entries.end.min(size);
        let mut index = entries.start;
        let mut bundles = pin!(self.client.entry_bundles(entries, size));
        while let Some(bundle) = bundles.try_next().await.map_err(FollowError::from)? {
            let all = bundle.entries().map_err(FollowError::from)?;
            check_entries(&self.tree, bundle.tile(), &all)
                .map_err(|error| FollowError::refused(self.client.url().as_str(), error))?;
            for entry in bundle.wanted(&all) {
                each(index, entry)?;
                index += 1;
            }
        }
        Ok(())
    }
}
