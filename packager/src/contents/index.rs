//! A release's index beside one that is here: frames that both have are not fetched again.

use std::ops::Range;

use bulla_bundle::{VerifiedBundle, VerifiedParts};
use bulla_registry_client::{Client, ClientError};
use bulla_schemas::ProjectName;

/// Why an index is not here.
pub(super) enum IndexError {
    Client(ClientError),
    Verify(bulla_bundle::VerifyError),
}

/// Returns the index, uncompressed and not yet checked as a whole.
pub(super) async fn fetch(
    client: &Client,
    project: &ProjectName,
    parts: &VerifiedParts,
    beside: Option<&VerifiedBundle>,
) -> Result<Vec<u8>, IndexError> {
    let blob = parts.manifest().index();
    let mut index = parts.partial_index();
    if let Some(bundle) = beside {
        index.take_from(bundle.index_frames(), bundle.index_bytes());
    }
    let missing: Vec<_> = index.missing().collect();
    let decode =
        |run: &Range<u64>, bytes: &[u8]| index.decode_run(run, bytes).map_err(IndexError::from);
    client.blob_parts(project, blob, missing, decode).await?;
    Ok(index.into_bytes())
}

impl From<ClientError> for IndexError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<bulla_bundle::VerifyError> for IndexError {
    fn from(error: bulla_bundle::VerifyError) -> Self {
        Self::Verify(error)
    }
}
