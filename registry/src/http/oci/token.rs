//! The token endpoint (CNCF Distribution, "Token Authentication", and for forms "`OAuth2` Token
//! Authentication"): it gives the caller's own token back, since a token is already as narrow as it
//! should be.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::app::App;
use crate::http::body::read_all;
use crate::http::caller::{ANONYMOUS, Caller, secret};
use crate::http::problem::Problem;

/// For how many seconds clients may keep what they were given.
const PERIOD: i64 = 3600;
/// Most bytes of a form.
const MAX_LEN: u64 = 16 * 1024;

/// GET: takes the credentials of the request.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, _) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    match secret(&parts.headers)? {
        Some(secret) => Ok(answer(&app, &caller, &secret)),
        None if caller.may_read_anonymously() => Ok(answer(&app, &caller, ANONYMOUS)),
        None => Err(Problem::Unauthenticated),
    }
}

/// POST: takes those of a form, a password or a token that was given before.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, &app).await?;
    let request = Request::from_parts(parts, body);
    let (form, _share) = read_all(&app, &caller, request, MAX_LEN).await?;
    let field = |name: &str| {
        let mut fields = form_urlencoded::parse(&form);
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(Zeroizing::new(value.into_owned())).filter(|value| !value.is_empty())
    };
    let secret = match field("grant_type").as_deref().map(String::as_str) {
        Some("password") => field("password"),
        Some("refresh_token") => field("refresh_token"),
        _ => return Err(Problem::GrantType),
    };
    let secret = secret.ok_or(Problem::Unauthenticated)?;
    let caller = Caller::of(&app, &secret).await?;
    Ok(answer(&app, &caller, &secret))
}

fn answer(app: &App, caller: &Caller, token: &str) -> Response {
    let now = app.clock.now();
    let end = caller.expires_at();
    let left = end.map_or(PERIOD, |end| end.as_seconds() - now.as_seconds());
    let body = json!({
        "token": token,
        "access_token": token,
        "expires_in": left.min(PERIOD),
        "issued_at": now.to_string(),
    });
    ([("cache-control", "no-store")], Json(body)).into_response()
}
