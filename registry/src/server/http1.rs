//! A connection that speaks HTTP/1: limits in time, and an end that lets the client read its answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::connection::Connection;
use super::heads::{self, Heads};
use super::wire::Wire;
use crate::http::{TwoLengths, unreadable};
use crate::watchers::Seat;

/// Most bytes of a connection in memory, each way: as many as a head may have.
const BUFFER: usize = heads::MOST_BYTES;
/// How long a client that lingers may send nothing.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// Answers the requests of a connection until its end; after `stop`, until the end of the request
/// under way.
pub(super) async fn answer<S>(stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Connection {
        interface,
        app,
        patience,
        activity,
        client,
        mut stop,
        place: _place,
        ..
    } = connection;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .half_close(true)
        .max_buf_size(BUFFER);
    let heads = Heads::new();
    let verdict = heads.verdict();
    let wire = Wire::new(stream, Arc::clone(&activity), heads);
    let was_closed = Arc::new(AtomicBool::new(false));
    let closes = Arc::clone(&was_closed);
    let working = Arc::clone(&activity);
    let seat = Seat::new({
        let activity = Arc::clone(&activity);
        move || activity.watch()
    });
    let mut connection = http.serve_connection(
        TokioIo::new(wire),
        service_fn(move |mut request: Request<Incoming>| {
            let work = working.work();
            let extensions = request.extensions_mut();
            extensions.insert(seat.clone());
            extensions.insert(client);
            if verdict.has_two_lengths(request.headers()) {
                request.extensions_mut().insert(TwoLengths);
            }
            let (interface, working, closes) = (
                Arc::clone(&interface),
                Arc::clone(&working),
                Arc::clone(&closes),
            );
            Box::pin(async move {
                let answer = interface.answer(request.map(Body::new)).await;
                drop(work);
                if let Ok(answer) = &answer {
                    // A watch has sent all that it has to say before it began.
                    let closing =
                        answer.headers().contains_key(CONNECTION) && !working.is_watching();
                    closes.store(closing, Ordering::Relaxed);
                }
                answer
            })
        }),
    );
    let mut is_told = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            () = activity.ended() => return,
            _ = stop.wait_for(|stop| *stop), if !is_told => {
                is_told = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    // Where the registry ended it, the client may still be sending.
    let may_be_sending = match &ended {
        Ok(()) => was_closed.load(Ordering::Relaxed),
        Err(error) => error.is_parse(),
    };
    if let Err(error) = &ended {
        if error.is_parse() {
            unreadable(&app, &client, status_of(error));
        }
        tracing::debug!(%error, "a connection ended badly");
    }
    let mut stream = connection.into_parts().io.into_inner().into_inner();
    tokio::select! {
        () = async {
            if may_be_sending {
                linger(&mut stream, patience.linger).await;
            } else if ended.is_ok() {
                // With TLS, a client can tell this end from one that somebody else made.
                let _ = tokio::time::timeout(LINGER_SILENCE, stream.shutdown()).await;
            }
        } => {}
        () = activity.ended() => {}
    }
}

/// Returns the status with which HTTP's own reader answers a head that it cannot read.
fn status_of(error: &hyper::Error) -> u16 {
    let status = if error.is_parse_too_large() {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    } else {
        StatusCode::BAD_REQUEST
    };
    status.as_u16()
}

/// Closes a connection so that the client can read its last answer: closing with bytes unread would
/// make the system reset it, and the client would see that instead (RFC 9112 §9.6).
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), patience: Duration) {
    let lingered = async {
        let _ = stream.shutdown().await;
        let mut rest = vec![0; 64 * 1024];
        while let Ok(Ok(1..)) = tokio::time::timeout(LINGER_SILENCE, stream.read(&mut rest)).await {
        }
    };
    let _ = tokio::time::timeout(patience, lingered).await;
}
