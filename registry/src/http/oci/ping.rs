//! `/v2/`: how a client finds out who it is here.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// Answers 200 to a caller with a token. Others get the challenge even where reading needs none, as
/// from the large public registries: a client that saw 200 here would never send its token later.
pub(crate) async fn ping(caller: Caller) -> Result<Response, Problem> {
    if caller.is_known() {
        Ok(Json(json!({})).into_response())
    } else {
        Err(Problem::Unauthenticated)
    }
}
