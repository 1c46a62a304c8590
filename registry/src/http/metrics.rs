//! `GET /metrics`, on an address of its own: what is counted names nobody, but is for operators only.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::app::App;
use crate::http::answer::layer;
use crate::http::problem::Problem;

/// The media type of `OpenMetrics` 1.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Returns the interface for those who watch over the registry.
pub(super) fn metrics(app: Arc<App>) -> Router {
    let requests = from_fn_with_state(Arc::clone(&app), layer);
    Router::new()
        .route("/metrics", get(show))
        .fallback(async || Problem::NoSuchPath)
        .method_not_allowed_fallback(async || Problem::Unsupported { allow: "GET, HEAD" })
        .with_state(app)
        .layer(requests)
}

async fn show(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let seen = app.look().await?;
    let text = app.metrics.write(&seen).map_err(Problem::internal)?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], text).into_response())
}
