//! Content by its digest as text, of any artifact, and the lists of it that a registry keeps: what
//! mirrors read. Nothing of it is verified.

use bulla_schemas::ProjectName;
use bulla_schemas::manifest::Manifest;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, LINK};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::blob::BlobStream;
use crate::client::Client;
use crate::error::ClientError;
use crate::retry;

/// Every form of a manifest that a registry keeps.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";
/// Most bytes of a page of a list: a referrer may have 4 MB of annotations.
const PAGE_LIMIT: u64 = 8 << 20;
/// Most bytes of a list.
const LIST_LIMIT: u64 = 64 << 20;
/// Most pages of a list.
const MOST_PAGES: usize = 10_000;

/// A manifest as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedManifest {
    /// At most [`Manifest::MAX_LEN`] bytes.
    pub bytes: Vec<u8>,
    /// What the registry calls it.
    pub media_type: Option<String>,
}

/// A manifest in a list of referrers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its digest.
    pub digest: String,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Referrers {
    manifests: Vec<Listed>,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<String>,
}

impl Client {
    /// Fetches a manifest of any artifact by its digest or a tag.
    pub async fn any_manifest(
        &self,
        project: &ProjectName,
        reference: &str,
    ) -> Result<FetchedManifest, ClientError> {
        let url = self.at_repository(project, &["manifests", reference]);
        retry::repeat(self, || async {
            let request = self.request(Method::GET, &url).header(ACCEPT, ACCEPTED);
            let response = self.send(request).await?;
            let media_type = response.headers().get(CONTENT_TYPE);
            let media_type = media_type.and_then(|value| value.to_str().ok());
            let media_type = media_type.map(ToOwned::to_owned);
            let bytes = self.read(response, Manifest::MAX_LEN).await?;
            Ok(FetchedManifest { bytes, media_type })
        })
        .await
    }

    /// Begins to fetch a blob of any artifact, which is to have `size` bytes.
    pub async fn any_blob(
        &self,
        project: &ProjectName,
        digest: &str,
        size: u64,
    ) -> Result<BlobStream, ClientError> {
        let url = self.at_repository(project, &["blobs", digest]);
        BlobStream::open(self, url, 0..size, size).await
    }

    /// Asks how many bytes a blob has.
    pub async fn blob_size(&self, project: &ProjectName, digest: &str) -> Result<u64, ClientError> {
        let url = self.at_repository(project, &["blobs", digest]);
        let response = retry::repeat(self, || async {
            self.send(self.request(Method::HEAD, &url)).await
        })
        .await?;
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        length.ok_or_else(|| ClientError::Malformed {
            url: url.to_string(),
            expected: "the size of a blob",
            source: None,
        })
    }

    /// Fetches the tags of a repository, in their order; channels are among them.
    pub async fn tags(&self, project: &ProjectName) -> Result<Vec<String>, ClientError> {
        let url = self.at_repository(project, &["tags", "list"]);
        self.oci_list(&url, |page: Tags| page.tags.unwrap_or_default(), |tag| tag)
            .await
    }

    /// Fetches which manifests are about a manifest, in the order of their digests.
    pub async fn referrers(
        &self,
        project: &ProjectName,
        digest: &str,
    ) -> Result<Vec<Listed>, ClientError> {
        let url = self.at_repository(project, &["referrers", digest]);
        let items_of = |page: Referrers| page.manifests;
        self.oci_list(&url, items_of, |item| item.digest).await
    }

    /// Fetches the names of the repositories that the token administers, in their order.
    pub async fn repositories(&self) -> Result<Vec<String>, ClientError> {
        let url = self.at(["v2", "_catalog"]);
        self.oci_list(&url, |page: Repositories| page.repositories, |name| name)
            .await
    }

    /// Fetches a list of OCI Distribution page by page.
    async fn oci_list<P: DeserializeOwned, T: Clone>(
        &self,
        url: &Url,
        items_of: impl Fn(P) -> Vec<T>,
        key: impl Fn(T) -> String,
    ) -> Result<Vec<T>, ClientError> {
        let malformed = |source: Option<serde_json::Error>| ClientError::Malformed {
            url: url.to_string(),
            expected: "a page of a list",
            source: source.map(Into::into),
        };
        let (mut items, mut left) = (Vec::new(), LIST_LIMIT);
        let mut last: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut page = url.clone();
            if let Some(last) = &last {
                page.query_pairs_mut().append_pair("last", last);
            }
            let (bytes, more) = retry::repeat(self, || async {
                let response = self.send(self.request(Method::GET, &page)).await?;
                let more = response.headers().contains_key(LINK);
                Ok((self.read(response, PAGE_LIMIT).await?, more))
            })
            .await?;
            let too_large = || ClientError::TooLarge {
                url: url.to_string(),
                limit: LIST_LIMIT,
            };
            left = left.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
            let page: P = serde_json::from_slice(&bytes).map_err(|error| malformed(Some(error)))?;
            let found = items_of(page);
            let next = found.last().cloned().map(&key);
            items.extend(found);
            match next {
                Some(next) if more => {
                    // They come in their order: a list that goes back would never end.
                    if last.is_some_and(|last| next <= last) {
                        break;
                    }
                    last = Some(next);
                }
                _ => return Ok(items),
            }
        }
        Err(malformed(None))
    }
}
