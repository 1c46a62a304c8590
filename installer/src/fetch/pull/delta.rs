//! A delta: what turns a release on this disk into the wanted one, in one answer.
//!
//! ```text
//! documents    manifest, release document and frame table
//! index        pieces that go into it at once
//! payload      pieces that wait until it is known which frames are needed
//! ```
//!
//! All of it is checked by the digests that there are without a delta. What is refused, missing or
//! wrong is fetched as if there were none.

use bulla_bundle::{Delta, DeltaDocuments, Limits};
use bulla_registry_client::{Client, ClientError, Patience};
use bulla_schemas::outcome::{FailureKind, Outcome as _};
use bulla_schemas::{Digest, ProjectName};

use super::base::Base;
use crate::observer::{Observer, with_causes};

/// What a registry answered.
#[derive(Default)]
pub(super) struct Answer {
    /// How many bytes came.
    pub(super) size: u64,
    /// The delta, where it is one.
    pub(super) delta: Option<Delta>,
}

/// Asks for the delta from `base` to the wanted release. A registry that has none is no news. Fails only
/// where the registry is silent and another one can be asked.
pub(super) async fn ask(
    client: &Client,
    project: &ProjectName,
    base: &Base<'_>,
    wanted: Digest,
    observer: &dyn Observer,
) -> Result<Answer, ClientError> {
    let limits = Limits::default();
    let asked = client.delta(project, base.hash(), wanted, limits.delta_size);
    let bytes = match asked.await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Answer::default()),
        Err(error) if client.patience() == Patience::Short && error.wants_patience() => {
            return Err(error);
        }
        Err(error) if error.kind() == FailureKind::Temporary => {
            observer.note(&format!(
                "no delta came, so that more is fetched: {}",
                with_causes(&error)
            ));
            return Ok(Answer::default());
        }
        Err(error) => {
            say(&error, observer);
            return Ok(Answer::default());
        }
    };
    let size = bytes.len() as u64;
    let documents = DeltaDocuments::read(bytes, base.parts(), wanted, &limits);
    let delta = match documents {
        Ok(documents) => complete(client, project, documents, base, observer).await,
        Err(error) => {
            say(&error, observer);
            None
        }
    };
    Ok(Answer { size, delta })
}

/// Checks the documents, for which the blob of the frame table may have to be fetched.
async fn complete(
    client: &Client,
    project: &ProjectName,
    documents: DeltaDocuments,
    base: &Base<'_>,
    observer: &dyn Observer,
) -> Option<Delta> {
    let mut table = None;
    if documents.lacks_frame_table() {
        let blob = documents.manifest().frames();
        // Who cannot have it hears so when it is asked for again.
        table = Some(client.blob(project, blob).await.ok()?);
    }
    let delta = documents.verify(base.parts(), table);
    delta.inspect_err(|error| say(error, observer)).ok()
}

/// Says what is wrong with a delta.
pub(super) fn say(error: &dyn std::error::Error, observer: &dyn Observer) {
    observer.note(&format!(
        "the registry sent something else than a delta, so that more is fetched: {}",
        with_causes(error)
    ));
}
