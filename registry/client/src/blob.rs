//! Blobs: read whole, from an offset, or in part, and resumed where the connection broke.

mod parts;
mod stream;

use std::ops::Range;

use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Descriptor;
use reqwest::Method;
use url::Url;

use crate::client::{self, Client};
use crate::error::ClientError;
use crate::retry;

pub use stream::{BlobStream, Ranged};

impl Client {
    /// Fetches a whole blob into memory, unverified. `descriptor.size` bytes are allocated as
    /// they arrive: the caller has bounded it.
    pub async fn blob(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
    ) -> Result<Vec<u8>, ClientError> {
        let stream = self.blob_stream(project, descriptor, 0).await?;
        stream.read_to_end().await
    }

    /// Begins to fetch a blob from an offset on; what lies before it has arrived earlier.
    pub async fn blob_stream(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        from_offset: u64,
    ) -> Result<BlobStream, ClientError> {
        let url = self.blob_url(project, descriptor);
        let range = from_offset.min(descriptor.size)..descriptor.size;
        BlobStream::open(self, url, range, descriptor.size).await
    }

    /// Begins to fetch a part of a blob; the whole comes when the registry has no ranges.
    pub async fn blob_range(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
        range: Range<u64>,
    ) -> Result<Ranged, ClientError> {
        let url = self.blob_url(project, descriptor);
        let size = descriptor.size;
        let range = range.start.min(size)..range.end.min(size);
        BlobStream::open_ranged(self, url, range, size).await
    }

    /// Tells whether the registry has a blob.
    pub async fn blob_exists(
        &self,
        project: &ProjectName,
        descriptor: &Descriptor,
    ) -> Result<bool, ClientError> {
        let url = self.blob_url(project, descriptor);
        let found = retry::repeat(self, || async {
            self.send(self.request(Method::HEAD, &url)).await
        })
        .await;
        client::is_found(found)
    }

    fn blob_url(&self, project: &ProjectName, descriptor: &Descriptor) -> Url {
        self.at_repository(project, &["blobs", &descriptor.digest.to_string()])
    }
}
