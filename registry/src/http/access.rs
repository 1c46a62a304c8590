//! The access log and the metrics of requests: one line and one count each, when the last byte of the
//! answer has been sent or the client has gone.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri};
use axum::response::Response;
use bulla_schemas::escape::escape;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

use crate::app::App;
use crate::http::body::announced_length;
use crate::http::client::{Client, TokenSeen};
use crate::metrics::Answered;

/// Most bytes of a path that are logged.
const MOST_PATH: usize = 512;

/// A request, from its head to the last byte of its answer.
pub(super) struct Access {
    app: Arc<App>,
    begun: Instant,
    head: Head,
    token: TokenSeen,
    /// Bytes of its body; nothing where it has none.
    received: Option<Arc<AtomicU64>>,
    status: u16,
    sent: u64,
    /// How many bytes there are to be sent, when that is known.
    size: Option<u64>,
    is_complete: bool,
}

/// What is known of a request from its head.
pub(super) struct Head {
    pub(super) id: HeaderValue,
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    /// Only its path is logged: a query could carry what must not be in a log.
    pub(super) uri: Uri,
    pub(super) address: Option<IpAddr>,
}

/// The body of an answer.
struct Sending {
    body: Body,
    access: Access,
}

impl Access {
    /// Begins with a request, whose body is counted from now on.
    pub(super) fn begin(app: Arc<App>, head: Head, mut request: Request) -> (Self, Request) {
        let mut access = Self {
            app,
            begun: Instant::now(),
            head,
            token: TokenSeen::default(),
            received: None,
            status: 0,
            sent: 0,
            size: None,
            is_complete: false,
        };
        if !request.body().is_end_stream() {
            let received = Arc::<AtomicU64>::default();
            access.received = Some(Arc::clone(&received));
            request = request.map(|body| {
                Body::new(body.inspect_frame(move |frame| {
                    let length = frame.data_ref().map_or(0, Bytes::len);
                    received.fetch_add(length as u64, Ordering::Relaxed);
                }))
            });
        }
        request.extensions_mut().insert(access.token.clone());
        (access, request)
    }

    /// Goes on with the answer to the request.
    pub(super) fn answer(mut self, method: &Method, response: Response) -> Response {
        self.status = response.status().as_u16();
        let body = response.body();
        // A body that comes in pieces is not asked for more once its announced length is there.
        let announced = announced_length(response.headers());
        self.size = body.size_hint().exact().or(announced);
        self.is_complete = method == Method::HEAD || body.is_end_stream();
        response.map(|body| Body::new(Sending { body, access: self }))
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let duration = self.begun.elapsed();
        let Head {
            id,
            method,
            route,
            uri,
            address,
        } = &self.head;
        let received = self.received.as_ref();
        self.app.metrics.count(Answered {
            route,
            method,
            status: self.status,
            duration,
            received: received.map_or(0, |received| received.load(Ordering::Relaxed)),
            sent: self.sent,
        });
        let is_complete = self.is_complete || self.size.is_some_and(|size| self.sent >= size);
        tracing::info!(
            id = id_text(id),
            method,
            route,
            path = %shown(uri.path()),
            status = self.status,
            bytes = self.sent,
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            token = self.token.id(),
            address = address.map(tracing::field::display),
            "{}",
            if is_complete {
                "answered"
            } else {
                "broken off"
            }
        );
    }
}

/// Notes a request whose head cannot be read: HTTP's own reader has answered it.
pub(crate) fn unreadable(app: &App, client: &Client, status: u16) {
    let (route, method) = ("unreadable", "other");
    app.metrics.count(Answered {
        route,
        method,
        status,
        duration: Duration::ZERO,
        received: 0,
        sent: 0,
    });
    let address = client.address.ip();
    tracing::info!(method, route, status, %address, "answered");
}

/// Returns an id as text, which all ids are.
pub(super) fn id_text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

/// Returns the beginning of a path as it may stand in a line: nothing in it looks like the next field.
fn shown(path: &str) -> String {
    let (shown, rest) = path.split_at(path.floor_char_boundary(MOST_PATH));
    let end = if rest.is_empty() { "" } else { "…" };
    let escaped = escape(shown).replace(char::is_whitespace, "\\s");
    escaped + end
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            None => self.access.is_complete = true,
            Some(Ok(frame)) => {
                self.access.sent += frame.data_ref().map_or(0, Bytes::len) as u64;
                self.access.is_complete = self.body.is_end_stream();
            }
            Some(Err(_)) => self.access.is_complete = false,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
