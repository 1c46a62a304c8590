//! Probes: is the process alive, and can it answer.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::blocking::blocking;
use crate::http::problem::Problem;

/// Answers while the process lives.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Answers while the database does, the packs are there and there is room for uploads.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    app.catalog.database.ping().await?;
    let blobs = app.catalog.blobs.clone();
    if blocking(move || blobs.are_packs_away()).await? {
        return Err(Problem::PacksAway);
    }
    let checked = Arc::clone(&app);
    blocking(move || checked.uploads.require_space())
        .await
        .map_err(|error| match Problem::from(error) {
            Problem::Full(error) => Problem::NotReady(error),
            problem => problem,
        })?;
    Ok("ok\n")
}
