//! `GET /api/v1/log`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::api::LogInfo;

use crate::access::Scope;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// Says how far the log has come and which key signs it.
pub(crate) async fn info(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<LogInfo>, Problem> {
    caller.may_somewhere(Scope::Pull)?;
    let published = app.catalog.log.published();
    let key = app.catalog.log.key();
    Ok(Json(LogInfo {
        origin: published.state.origin().map(ToOwned::to_owned),
        log_key: key.map_or_else(String::new, |key| STANDARD.encode(key.as_bytes())),
        size: published.state.size(),
        mirror_of: app.mirror.as_ref().map(|mirror| mirror.origin.clone()),
        mirror_behind: app.mirrored.heard_behind(published.state.size()),
        mirrored_at: app.mirrored.succeeded_at(),
    }))
}
