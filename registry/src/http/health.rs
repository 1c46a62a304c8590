//! Probes: is the process alive, and can it answer.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::http::problem::Problem;

/// Answers while the process lives.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Answers while the database does.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    app.catalog.database.ping().await?;
    Ok("ok\n")
}
