//! A connection that speaks HTTP/2 (RFC 9113), with the limits that HTTP/1 has: a client that asks
//! for nothing, takes nothing of what it is sent, or gives up what it asks for is not waited for.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, HOST};
use axum::http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection::Connection;
use super::connections::Activity;
use super::heads;
use super::streams::{Streams, StreamsOf};
use crate::http::{Client, Interface, TwoHosts};
use crate::watchers::Seat;

/// Most streams of a connection at once.
const MOST_STREAMS: u32 = 100;
/// How much a client may send before it is read, on one stream and on all of a connection.
const WINDOW: u32 = 1 << 20;
/// Most bytes of an answer that wait in memory for the client, beside the piece that is being sent.
const SEND_BUFFER: usize = 64 * 1024;
/// How often it is looked whether a connection is still of use.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a client has to say that it knows that a connection ends, when nothing is under way.
const GOODBYE: Duration = Duration::from_secs(5);

/// Where the requests of a connection go.
#[derive(Clone)]
struct Requests {
    interface: Arc<Interface>,
    client: Client,
    activity: Arc<Activity>,
    all: Arc<Streams>,
    streams: Arc<StreamsOf>,
    /// Told when no request is to come any more.
    last: Arc<Notify>,
}

/// Answers the requests of a connection until its end; after `stop`, until the end of those under
/// way.
pub(super) async fn answer<S>(stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connection {
        interface,
        patience,
        activity,
        client,
        streams: all,
        mut stop,
        place: _place,
        ..
    } = connection;
    // Pings and other frames that ask for nothing are no reason to stay.
    activity.count_bodies();
    let streams = StreamsOf::new(Arc::clone(&activity), patience);
    let last = Arc::new(Notify::new());
    let requests = Requests {
        interface,
        client,
        activity: Arc::clone(&activity),
        all,
        streams: Arc::clone(&streams),
        last: Arc::clone(&last),
    };
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(heads::MOST_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(patience.head)
        .keep_alive_timeout(patience.head);
    let mut connection = std::pin::pin!(http.serve_connection(
        TokioIo::new(stream),
        service_fn(move |request| requests.clone().answer(request)),
    ));
    let mut look = tokio::time::interval(LOOK_AGAIN);
    let mut told: Option<Instant> = None;
    loop {
        let is_last = tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = activity.ended() => return,
            _ = stop.wait_for(|stop| *stop), if told.is_none() => true,
            () = last.notified() => true,
            _ = look.tick() => {
                if streams.is_stuck() {
                    tracing::debug!("a client takes nothing of what it asked for");
                    return;
                }
                streams.is_empty() && activity.silence() >= patience.head
            }
        };
        if is_last && told.is_none() {
            told = Some(Instant::now());
            connection.as_mut().graceful_shutdown();
        }
        if told.is_some_and(|told| streams.is_empty() && told.elapsed() >= GOODBYE) {
            return;
        }
    }
}

impl Requests {
    async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let stream = self.streams.begin();
        if let Some(place) = self.all.place().await {
            stream.take(place);
        }
        let _work = self.activity.work();
        name_host(&mut request);
        let seat = Seat::new({
            let (stream, activity) = (Arc::clone(&stream), Arc::clone(&self.activity));
            let last = self.last;
            move || {
                stream.leave();
                activity.watch();
                // As with HTTP/1, a connection that watches is good for nothing else.
                last.notify_one();
            }
        });
        request.extensions_mut().insert(seat);
        request.extensions_mut().insert(self.client);
        let activity = Arc::clone(&self.activity);
        let request = request.map(|body| Body::new(body.inspect_frame(move |_| activity.note())));
        let mut response = self.interface.answer(request).await?;
        // HTTP/2 has other means for that: the rest of a body that is not read is not sent.
        response.headers_mut().remove(CONNECTION);
        Ok(response.map(|body| stream.send(body)))
    }
}

/// Has the host in the `Host` header, where HTTP/1 has it and the routes look for it.
fn name_host(request: &mut Request<Incoming>) {
    let Some(authority) = request.uri().authority() else {
        return;
    };
    let Ok(authority) = HeaderValue::from_str(authority.as_str()) else {
        return;
    };
    let differs = request
        .headers()
        .get_all(HOST)
        .iter()
        .any(|host| host != authority);
    request.headers_mut().insert(HOST, authority);
    if differs {
        request.extensions_mut().insert(TwoHosts);
    }
}
