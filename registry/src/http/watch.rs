//! `GET /api/v1/watch`: says when the log has grown beyond a size, as server-sent events
//! (WHATWG HTML, "Server-sent events") or, with `?wait=`, in one answer. A watch decides nothing:
//! who is told reads the log, and believes that.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::log::LogPosition;
use futures_util::{Stream, stream};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout};

use crate::access::Scope;
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::extract::query;
use crate::http::problem::Problem;
use crate::log::Growth;
use crate::watchers::{Seat, Watching};

/// Longest that one answer waits.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// What nginx is asked with to pass on events as they come.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// What a client sends of the last event that it saw when it comes back.
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Deserialize)]
struct WatchQuery {
    /// The size that the caller knows.
    #[serde(default)]
    size: u64,
    /// Whether entries count that witnesses have not seen yet.
    #[serde(default)]
    newest: bool,
    /// For how many seconds one answer waits; events when absent.
    wait: Option<u64>,
}

/// Answers GET.
pub(crate) async fn watch(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    caller.may_somewhere(Scope::Pull)?;
    let asked: WatchQuery = query(request.uri())?;
    let watching = app.watchers.begin().ok_or(Problem::TooManyWatches)?;
    if let Some(seat) = request.extensions().get::<Seat>() {
        seat.leave();
    }
    let growth = app.catalog.log.growth(asked.newest);
    let mut response = if let Some(seconds) = asked.wait {
        let wait = Duration::from_secs(seconds).min(LONGEST_WAIT);
        one_answer(growth, watching, asked.size, wait).await
    } else {
        let seen = last_seen(request.headers()).max(Some(asked.size));
        let end = Instant::now() + app.settings.watch.longest;
        let events = events(growth, watching, seen.unwrap_or_default(), end);
        let heartbeat = KeepAlive::new().interval(app.settings.watch.heartbeat);
        Sse::new(events).keep_alive(heartbeat).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    // Its place among the connections is another's now.
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}

fn last_seen(headers: &HeaderMap) -> Option<u64> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

async fn one_answer(
    mut growth: Growth,
    mut watching: Watching,
    size: u64,
    wait: Duration,
) -> Response {
    let grown = async {
        tokio::select! {
            position = growth.beyond(size) => position,
            () = watching.stopped() => None,
        }
    };
    match timeout(wait, grown).await {
        Ok(Some(position)) => Json(position).into_response(),
        Ok(None) | Err(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Says at once that it is there, which shows a client that nothing on the way holds events back;
/// then each size beyond the one before. Sizes between two looks are skipped.
fn events(
    growth: Growth,
    watching: Watching,
    size: u64,
    end: Instant,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let begun = Event::default().comment("watching");
    stream::unfold(
        (Some(begun), growth, watching, size),
        move |(begun, mut growth, mut watching, size)| async move {
            if let Some(event) = begun {
                return Some((Ok(event), (None, growth, watching, size)));
            }
            let position = tokio::select! {
                position = growth.beyond(size) => position?,
                () = watching.stopped() => return None,
                () = sleep_until(end) => return None,
            };
            let LogPosition { size, root } = position;
            let event = Event::default()
                .event("checkpoint")
                .id(size.to_string())
                .data(format!(r#"{{"size":{size},"root":"{}"}}"#, root.hex()));
            Some((Ok(event), (None, growth, watching, size)))
        },
    )
}
