//! Parts of a small blob, each as a whole in memory.

use std::ops::Range;

use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Descriptor;

use super::stream::Ranged;
use crate::client::Client;
use crate::error::ClientError;
use crate::plan::{self, Plan};

/// Bytes between two missing parts that are fetched too: cheaper than another request.
const GAP: u64 = 32 * 1024;

impl Client {
    /// Fetches the parts of a blob that lie in `spans` (sorted, not overlapping), and hands over each
    /// run of bytes with where it lies. What comes can be more than was asked for, and is the whole
    /// where the registry has no ranges.
    pub async fn blob_parts<E: From<ClientError>>(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        spans: impl IntoIterator<Item = Range<u64>>,
        mut take: impl FnMut(&Range<u64>, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let whole = 0..descriptor.size;
        let runs = match plan::plan(spans, descriptor.size, GAP) {
            Plan::Whole => return take(&whole, &self.blob(project, descriptor).await?),
            Plan::Runs(runs) => runs,
        };
        for run in runs {
            match self.blob_range(project, descriptor, run.clone()).await? {
                Ranged::Part(stream) => take(&run, &stream.read_to_end().await?)?,
                Ranged::Whole(stream) => return take(&whole, &stream.read_to_end().await?),
            }
        }
        Ok(())
    }
}
