//! Hosts: what they report, and what the registry says about them. Nothing of it is verified.

use std::time::Duration;

use bulla_schemas::api::{
    Deployment, HostReport, HostSummary, Page, ProjectSummary, ReportReceipt,
};
use bulla_schemas::{HostName, ProjectName};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::Url;

use crate::client::Client;
use crate::error::ClientError;
use crate::retry;

/// Most bytes of a page: a host with a thousand projects is more than the usual ones.
const PAGE_LIMIT: u64 = 8 << 20;
/// Most bytes of what is answered to a report: the names of a thousand projects.
const RECEIPT_LIMIT: u64 = 512 * 1024;
/// Most bytes of a list.
const LIST_LIMIT: u64 = 64 << 20;
/// Most pages of a list.
const MOST_PAGES: usize = 10_000;
/// How long a list may take, however many pages it has.
const LIST_PATIENCE: Duration = Duration::from_mins(5);

impl Client {
    /// Sends what a host says of itself; the token must be bound to the host. Returns the projects
    /// that the token is not for, which were left out. Sent again, it says the same.
    pub async fn report(
        &self,
        host: &HostName,
        report: &HostReport,
    ) -> Result<Vec<ProjectName>, ClientError> {
        let url = self.at(["api", "v1", "hosts", host.as_str(), "report"]);
        retry::repeat(self, || async {
            let request = self.request(Method::POST, &url).json(report);
            let response = self.send(request).await?;
            if response.status() == StatusCode::NO_CONTENT {
                return Ok(Vec::new());
            }
            let bytes = self.read(response, RECEIPT_LIMIT).await?;
            let receipt: ReportReceipt =
                serde_json::from_slice(&bytes).map_err(|error| ClientError::Malformed {
                    url: url.to_string(),
                    expected: "what was taken of a report",
                    source: Some(error.into()),
                })?;
            Ok(receipt.left_out)
        })
        .await
    }

    /// Fetches all hosts that may be seen, by name.
    pub async fn hosts(&self) -> Result<Vec<HostSummary>, ClientError> {
        self.list(&self.at(["api", "v1", "hosts"])).await
    }

    /// Fetches all projects that may be seen, by name.
    pub async fn projects(&self) -> Result<Vec<ProjectSummary>, ClientError> {
        self.list(&self.at(["api", "v1", "projects"])).await
    }

    /// Fetches where a project is, by the names of the hosts.
    pub async fn deployments(&self, project: &ProjectName) -> Result<Vec<Deployment>, ClientError> {
        let url = self.at(["api", "v1", "projects", project.as_str(), "where"]);
        self.list(&url).await
    }

    /// Fetches a list page by page, for as long as a list may take.
    pub(crate) async fn list<T: DeserializeOwned>(&self, url: &Url) -> Result<Vec<T>, ClientError> {
        self.list_of(url, MOST_PAGES).await
    }

    /// Fetches a list that has at most so many pages.
    pub(crate) async fn list_of<T: DeserializeOwned>(
        &self,
        url: &Url,
        most_pages: usize,
    ) -> Result<Vec<T>, ClientError> {
        let pages = timeout(LIST_PATIENCE, self.pages(url, most_pages));
        pages.await.unwrap_or_else(|_| {
            Err(ClientError::Slow {
                url: url.to_string(),
                limit: LIST_PATIENCE,
            })
        })
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        url: &Url,
        most_pages: usize,
    ) -> Result<Vec<T>, ClientError> {
        let malformed = |source: Option<serde_json::Error>| ClientError::Malformed {
            url: url.to_string(),
            expected: "a page of a list",
            source: source.map(Into::into),
        };
        let (mut items, mut left) = (Vec::new(), LIST_LIMIT);
        let mut after: Option<String> = None;
        for _ in 0..most_pages {
            let mut page = url.clone();
            if let Some(after) = &after {
                page.query_pairs_mut().append_pair("after", after);
            }
            let bytes = retry::repeat(self, || async {
                let response = self.send(self.request(Method::GET, &page)).await?;
                self.read(response, PAGE_LIMIT).await
            })
            .await?;
            let too_large = || ClientError::TooLarge {
                url: url.to_string(),
                limit: LIST_LIMIT,
            };
            left = left.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
            let page: Page<T> =
                serde_json::from_slice(&bytes).map_err(|error| malformed(Some(error)))?;
            items.extend(page.items);
            let Some(next) = page.next else {
                return Ok(items);
            };
            // Names come in their order: a list that goes back would never end.
            if after.is_some_and(|after| next <= after) {
                break;
            }
            after = Some(next);
        }
        Err(malformed(None))
    }
}
