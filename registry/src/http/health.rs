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

/// Answers until the registry stops, while the database does, content is there and uploads can be taken.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    if app.is_stopping() {
        return Err(Problem::Stopping);
    }
    app.catalog.database.ping().await?;
    let has_manifests = app.catalog.database.has_manifests().await?;
    let blobs = app.catalog.blobs.clone();
    if let Some(folder) = blocking(move || blobs.away(has_manifests)).await? {
        return Err(Problem::Away { folder });
    }
    let checked = Arc::clone(&app);
    blocking(move || checked.uploads.require_space())
        .await
        .map_err(|error| match Problem::from(error) {
            problem @ (Problem::Full(_) | Problem::ReadOnly(_)) => {
                Problem::NotReady(Box::new(problem))
            }
            problem => problem,
        })?;
    Ok("ok\n")
}
