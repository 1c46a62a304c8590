//! `/v2/` and the token endpoint: how a client finds out who it is here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::app::App;
use crate::http::caller::{ANONYMOUS, Caller, secret};
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

/// The token endpoint (CNCF Distribution, "Token Authentication"): gives the caller's own token
/// back, since a token is already as narrow as it should be.
pub(crate) async fn token(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let token = match secret(&parts)? {
        Some(secret) => secret,
        None if caller.may_read_anonymously() => ANONYMOUS.to_owned().into(),
        None => return Err(Problem::Unauthenticated),
    };
    let body = json!({ "token": *token, "access_token": *token, "expires_in": 3600 });
    Ok(([("cache-control", "no-store")], Json(body)).into_response())
}
