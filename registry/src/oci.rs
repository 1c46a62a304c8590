//! OCI Distribution 1.1 below `/v2/`: one file per kind of thing, and which path means which.

pub(crate) mod blobs;
pub(crate) mod document;
pub(crate) mod manifests;
pub(crate) mod ping;
pub(crate) mod referrers;
pub(crate) mod tags;
pub(crate) mod target;
pub(crate) mod uploads;

use axum::extract::Query;
use axum::http::Uri;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Reads a request's query; unknown parameters are left alone, as the specification asks.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    Query::try_from_uri(uri)
        .map(|Query(query)| query)
        .map_err(Problem::malformed)
}
