//! Whether a registry has a bundle, all of it, and why it has not.

use bulla_schemas::escape::escape;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_schemas::{Digest, ProjectName};
use futures_util::future::try_join_all;

use crate::client::Client;
use crate::error::{Answer, ClientError};

/// What of a bundle a registry does not have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// The manifest, and with it all there is to find of the bundle. The registry may say why.
    #[error("{}", said(.0))]
    Manifest(Box<Answer>),
    /// There is a manifest under the hash, and it is not a bundle's.
    #[error("what the registry has under its hash is not the manifest of a bundle")]
    Other,
    /// A part. A manifest stays where parts of its bundle were found damaged.
    #[error("the registry has its manifest, and not its {part} {digest}")]
    Part {
        /// Which, in a word.
        part: &'static str,
        /// Its digest.
        digest: Digest,
    },
}

impl Missing {
    /// Says what brings it back.
    pub fn hint(&self) -> String {
        let known = match self {
            Self::Manifest(answer) => answer.hint(),
            Self::Other | Self::Part { .. } => None,
        };
        known.unwrap_or_else(|| {
            "`bulla publish` of the same revision brings it back, or `bulla import` of its file"
                .to_owned()
        })
    }
}

fn said(answer: &Answer) -> String {
    match answer.message.as_str() {
        "" => "the registry has no manifest under its hash".to_owned(),
        message => escape(message),
    }
}

impl Client {
    /// Finds out what of the bundle with this hash the registry does not have; `None` where it has all
    /// of it.
    pub async fn find_missing(
        &self,
        project: &ProjectName,
        hash: &Digest,
    ) -> Result<Option<Missing>, ClientError> {
        let manifest = match self.manifest(project, hash).await {
            Err(ClientError::Answer(answer)) if answer.status == 404 => {
                return Ok(Some(Missing::Manifest(answer)));
            }
            found => found?,
        };
        match Manifest::from_bytes(&manifest) {
            Ok(manifest) => self.find_missing_part(project, &manifest).await,
            Err(_) => Ok(Some(Missing::Other)),
        }
    }

    /// Finds out which of the blobs that a manifest names the registry does not have.
    pub async fn find_missing_part(
        &self,
        project: &ProjectName,
        manifest: &Manifest,
    ) -> Result<Option<Missing>, ClientError> {
        let parts: [(&'static str, &Descriptor); 4] = [
            ("release document", &manifest.config),
            ("payload", manifest.payload()),
            ("index", manifest.index()),
            ("frame table", manifest.frames()),
        ];
        let asked = parts.map(|(part, blob)| async move {
            let is_there = self.blob_exists(project, blob).await?;
            Ok((!is_there).then_some(Missing::Part {
                part,
                digest: blob.digest,
            }))
        });
        let found = try_join_all(asked).await?;
        Ok(found.into_iter().flatten().next())
    }
}
