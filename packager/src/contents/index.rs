//! A release's index beside one that is here: frames that both have are not fetched again.

use std::collections::HashMap;

use bulla_bundle::{Frame, VerifiedBundle, VerifiedParts};
use bulla_registry_client::plan::{self, Plan};
use bulla_registry_client::{Client, ClientError, Ranged};
use bulla_schemas::{Digest, ProjectName};

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
    let mut contents = take_over(parts.index_frames(), beside);
    let missing = parts.index_frames().iter().zip(&contents);
    let missing = missing.filter(|(_, content)| content.is_none());
    let missing = missing.map(|(frame, _)| frame.span());
    let runs = match plan::plan(missing, blob.size, GAP) {
        Plan::Runs(runs) => runs,
        Plan::Whole => {
            let whole = client.blob(project, blob).await?;
            return Ok(parts.decode_index(&whole)?);
        }
    };
    for run in runs {
        match client.blob_range(project, blob, run.clone()).await? {
            Ranged::Part(stream) => {
                let bytes = stream.read_to_end().await?;
                parts.decode_index_run(&run, &bytes, &mut contents)?;
            }
            Ranged::Whole(stream) => {
                let whole = stream.read_to_end().await?;
                return Ok(parts.decode_index(&whole)?);
            }
        }
    }
    Ok(contents.into_iter().flatten().flatten().collect())
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

/// Takes what the other index has. It was verified, and so will be what is made of it.
fn take_over(frames: &[Frame], beside: Option<&VerifiedBundle>) -> Vec<Option<Vec<u8>>> {
    let mut known: HashMap<Digest, &[u8]> = HashMap::new();
    if let Some(bundle) = beside {
        for frame in bundle.index_frames() {
            let content = frame.content_in(bundle.index_bytes());
            known.extend(content.map(|content| (frame.record.digest, content)));
        }
    }
    let take = |frame: &Frame| known.get(&frame.record.digest).map(|known| known.to_vec());
    frames.iter().map(take).collect()
}
