//! `GET /api/v1/caller`

use axum::Json;
use bulla_schemas::api::CallerInfo;

use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// Says what the caller's token allows. Whoever has none is told too; a token that is unknown,
/// expired or revoked is refused before.
pub(crate) async fn info(caller: Caller) -> Result<Json<CallerInfo>, Problem> {
    Ok(Json(caller.describe()))
}
