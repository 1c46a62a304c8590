//! A release's index beside one that is here: frames that both have are not fetched again.

use bulla_bundle::{VerifiedBundle, VerifiedParts};
use bulla_registry_client::plan::{self, Plan};
use bulla_registry_client::{Client, ClientError, Ranged};
use bulla_schemas::ProjectName;

/// Bytes between two missing frames that are fetched too: cheaper than another request.
const GAP: u64 = 32 * 1024;

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
    let whole = 0..blob.size;
    match plan::plan(index.missing(), blob.size, GAP) {
        Plan::Whole => index.decode_run(&whole, &client.blob(project, blob).await?)?,
        Plan::Runs(runs) => {
            for run in runs {
                match client.blob_range(project, blob, run.clone()).await? {
                    Ranged::Part(stream) => index.decode_run(&run, &stream.read_to_end().await?)?,
                    Ranged::Whole(stream) => {
                        index.decode_run(&whole, &stream.read_to_end().await?)?;
                        break;
                    }
                }
            }
        }
    }
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
