//! Manifests: read and written whole.

use bulla_schemas::manifest::Manifest;
use bulla_schemas::{Digest, ProjectName};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use url::Url;

use crate::client::Client;
use crate::error::ClientError;
use crate::retry;

const ACCEPTED: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

impl Client {
    /// Fetches the manifest with this hash: at most [`Manifest::MAX_LEN`] bytes, unverified.
    pub async fn manifest(
        &self,
        project: &ProjectName,
        hash: &Digest,
    ) -> Result<Vec<u8>, ClientError> {
        let url = self.manifest_url(project, &hash.to_string());
        retry::repeat(self, || async {
            let request = self.request(Method::GET, &url).header(ACCEPT, ACCEPTED);
            self.read(self.send(request).await?, Manifest::MAX_LEN)
                .await
        })
        .await
    }

    /// Tells whether the registry has the manifest with this hash.
    pub async fn manifest_exists(
        &self,
        project: &ProjectName,
        hash: &Digest,
    ) -> Result<bool, ClientError> {
        let url = self.manifest_url(project, &hash.to_string());
        let found = retry::repeat(self, || async {
            let request = self.request(Method::HEAD, &url).header(ACCEPT, ACCEPTED);
            self.send(request).await
        })
        .await;
        crate::client::is_found(found)
    }

    /// Stores a manifest under its hash or under a tag.
    pub async fn push_manifest(
        &self,
        project: &ProjectName,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<(), ClientError> {
        let url = self.manifest_url(project, reference);
        retry::repeat(self, || async {
            let request = self.request(Method::PUT, &url);
            let request = request.header(CONTENT_TYPE, media_type);
            self.send(request.body(bytes.to_vec())).await.map(drop)
        })
        .await
    }

    fn manifest_url(&self, project: &ProjectName, reference: &str) -> Url {
        self.at_repository(project, &["manifests", reference])
    }
}
