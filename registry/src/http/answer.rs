//! What happens to every request and answer: a request id, and the one place where a [`Problem`]
//! becomes a body and its cause is kept from the client.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, HOST, LOCATION, RANGE, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::api::ErrorBody;
use bulla_schemas::escape::escape;
use bulla_schemas::outcome::with_causes;
use futures_util::FutureExt as _;
use serde_json::json;
use tracing::Instrument as _;

use crate::app::App;
use crate::http::access::{Access, Head, id_text};
use crate::http::address;
use crate::http::client::Client;
use crate::http::framing;
use crate::http::oci::target;
use crate::http::problem::Problem;
use crate::http::route;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Most bytes of an id that a client gave.
const MOST_ID_BYTES: usize = 64;

/// Runs a request of a route and finishes its answer.
pub(super) async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = route::route(request.extensions().get::<MatchedPath>());
    finish(&app, route, request, |request| next.run(request)).await
}

/// Runs a request, which is counted under the name of its route, and finishes its answer.
pub(super) async fn finish<F: Future<Output = Response>>(
    app: &Arc<App>,
    route: &'static str,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(request_id);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let asked = Asked::of(&request);
    let span =
        tracing::info_span!("request", id = id_text(&id), %method, path = escape(uri.path()));
    let client = request.extensions().get::<Client>();
    let trusted = &app.settings.trusted_proxies;
    let head = Head {
        id: id.clone(),
        method: route::method(&method),
        route,
        uri: uri.clone(),
        address: client
            .map(|client| address::of_client(client.address.ip(), request.headers(), trusted)),
    };
    let (access, request) = Access::begin(Arc::clone(app), head, request);

    async move {
        let framed = framing::check(request.version(), request.headers(), request.extensions());
        let (is_chunked, is_long) = (
            framing::is_chunked(request.headers()),
            framing::is_long(request.headers()),
        );
        let mut response = match framed {
            // What a request leaves half done when it panics is nobody else's.
            Ok(()) => match AssertUnwindSafe(answer(request)).catch_unwind().await {
                Ok(response) => response,
                Err(_) => Problem::internal("a request panicked").into_response(),
            },
            Err(problem) => problem.into_response(),
        };
        let problem = response.extensions_mut().remove::<Arc<Problem>>();
        if let Some(problem) = &problem {
            log_cause(problem);
            response = render(problem, &method, uri.path(), id_text(&id), &asked);
        }
        let headers = response.headers_mut();
        if is_chunked || problem.is_some() && is_long {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        headers.insert(REQUEST_ID, id);
        // Content is others': a browser must not take it for a page of the registry's.
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        access.answer(&method, without_body(&method, response))
    }
    .instrument(span)
    .await
}

/// Takes the body from an answer to HEAD, and says how long it would be.
fn without_body(method: &Method, mut response: Response) -> Response {
    if method == Method::HEAD {
        let size = response.body().size_hint().exact();
        if let Some(size) = size.filter(|_| !response.headers().contains_key(CONTENT_LENGTH)) {
            response.headers_mut().insert(CONTENT_LENGTH, size.into());
        }
        *response.body_mut() = Body::empty();
    }
    response
}

fn log_cause(problem: &Problem) {
    let text = escape(&with_causes(problem));
    if problem.status().is_server_error() {
        tracing::error!("{text}");
    } else {
        tracing::debug!("{text}");
    }
}

fn render(problem: &Problem, method: &Method, path: &str, id: &str, asked: &Asked) -> Response {
    let status = problem.status();
    let mut response = if path == "/v2" || path.starts_with("/v2/") {
        let mut error = json!({ "code": problem.oci_code(), "message": problem.message() });
        if let Some(hint) = problem.hint() {
            error["detail"] = json!({ "hint": hint });
        }
        (status, Json(json!({ "errors": [error] }))).into_response()
    } else {
        let body = ErrorBody {
            error: problem.api_code(),
            message: problem.message(),
            hint: problem.hint().map(ToOwned::to_owned),
            request_id: id.to_owned(),
        };
        (status, Json(body)).into_response()
    };
    let mut say = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(name, value);
        }
    };
    if let Some(allow) = problem.allow() {
        say(ALLOW, allow);
    }
    match problem {
        Problem::Unauthenticated | Problem::TokenRefused => {
            for challenge in asked.challenges(method, path) {
                say(WWW_AUTHENTICATE, &challenge);
            }
        }
        Problem::UploadOutOfOrder { location, offset } => {
            say(LOCATION, location);
            say(RANGE, &received(*offset));
        }
        Problem::RangeNotSatisfiable { size } => say(CONTENT_RANGE, &format!("bytes */{size}")),
        _ if [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ]
        .contains(&status) =>
        {
            say(RETRY_AFTER, &problem.retry_after().unwrap_or(2).to_string());
        }
        _ => {}
    }
    response
}

/// The `Range` header of an upload with `offset` bytes. An empty one is `0-0` too, as OCI has it.
pub(crate) fn received(offset: u64) -> String {
    format!("0-{}", offset.saturating_sub(1))
}

/// By which name the registry was asked, which is how a client reaches it.
struct Asked {
    host: Option<HeaderValue>,
    has_tls: bool,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let client = request.extensions().get::<Client>();
        let proto = headers.get("x-forwarded-proto");
        Self {
            host: headers.get(HOST).cloned(),
            has_tls: client.is_some_and(|client| client.has_tls)
                || proto.is_some_and(|proto| proto == "https"),
        }
    }

    /// How a client may prove who it is: Basic first, which every client can answer at once, then
    /// Bearer with the token endpoint that Docker's clients ask, and what they need a token for.
    fn challenges(&self, method: &Method, path: &str) -> Vec<String> {
        let mut challenges = vec![r#"Basic realm="bulla", charset="UTF-8""#.to_owned()];
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let plain = |host: &&str| {
            host.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
        };
        if let Some(host) = host.filter(plain) {
            let scheme = if self.has_tls { "https" } else { "http" };
            let scope = scope(method, path).map(|scope| format!(r#",scope="{scope}""#));
            challenges.push(format!(
                r#"Bearer realm="{scheme}://{host}/v2/token",service="{host}"{}"#,
                scope.unwrap_or_default()
            ));
        }
        challenges
    }
}

/// What a request needs a token for (CNCF Distribution, "Docker Registry v2 Token Scope").
fn scope(method: &Method, path: &str) -> Option<String> {
    let path = path.strip_prefix("/v2/")?;
    if path == "_catalog" {
        return Some("registry:catalog:*".to_owned());
    }
    let (project, _) = target::parse(path).ok()?;
    let actions = match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "pull,push",
    };
    Some(format!("repository:{project}:{actions}"))
}

/// Returns the id that a client or a proxy gave a request, where it can stand in a log and a header.
fn given_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_sane = (1..=MOST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_plain);
    is_sane.then(|| id.clone())
}

/// 64 bits, each time others: whoever looks for a request must find one. Nothing is kept secret by them.
fn request_id() -> HeaderValue {
    let id = const_hex::encode(fastrand::u64(..).to_be_bytes());
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static(""))
}
