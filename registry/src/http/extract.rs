//! Parts of a request, refused with a [`Problem`] where axum would answer with plain text.

use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::problem::Problem;

/// The parameters of the path, percent-decoded.
pub(crate) struct Path<T>(pub(crate) T);

/// The query; unknown parameters are ignored.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = AxumPath::from_request_parts(parts, state).await;
        path.map(|AxumPath(path)| Self(path))
            .map_err(Problem::malformed)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        query(&parts.uri).map(Self)
    }
}

/// Reads a query; unknown parameters are ignored.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    AxumQuery::try_from_uri(uri)
        .map(|AxumQuery(query)| query)
        .map_err(Problem::malformed)
}
