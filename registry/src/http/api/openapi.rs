//! `GET /api/v1/openapi.json`: the interface as programs read it. A client of it needs no token, so
//! that tools can be pointed at any registry.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::api::OPENAPI;

/// Answers GET.
pub(crate) async fn document() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, json)], OPENAPI).into_response()
}
