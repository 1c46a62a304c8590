//! One connection: HTTP/1 with limits in time, and an end that lets the client read its answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::connections::Place;
use super::heads::{self, Heads};
use super::socket::Socket;
use crate::http::TwoLengths;
use crate::settings::Patience;
use crate::watchers::Seat;

/// Most bytes of a connection in memory, each way: as many as a head may have.
const BUFFER: usize = heads::MOST_BYTES;
/// How long a client that lingers may send nothing.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// Answers the requests of a connection until its end; after `stop`, until the end of the request
/// under way.
pub(super) async fn answer(
    stream: TcpStream,
    router: Router,
    patience: Patience,
    place: Place,
    mut stop: watch::Receiver<bool>,
) {
    // HTTP/1 only: a proxy that ends TLS speaks it, and everything in it is bounded in time.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .half_close(true)
        .max_buf_size(BUFFER);
    let service = TowerToHyperService::new(router);
    let activity = place.activity();
    let heads = Heads::new();
    let verdict = heads.verdict();
    let socket = Socket::new(stream, patience, Arc::clone(&activity), heads);
    let was_closed = Arc::new(AtomicBool::new(false));
    let closes = Arc::clone(&was_closed);
    let working = Arc::clone(&activity);
    let seat = Seat::new({
        let activity = Arc::clone(&activity);
        move || activity.watch()
    });
    let mut connection = http.serve_connection(
        TokioIo::new(socket),
        service_fn(move |mut request: Request<Incoming>| {
            working.set_busy(true);
            request.extensions_mut().insert(seat.clone());
            if verdict.has_two_lengths(request.headers()) {
                request.extensions_mut().insert(TwoLengths);
            }
            let (answer, working, closes) = (
                service.call(request),
                Arc::clone(&working),
                Arc::clone(&closes),
            );
            Box::pin(async move {
                let answer = answer.await;
                working.set_busy(false);
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
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
    if may_be_sending {
        let socket = connection.into_parts().io.into_inner();
        tokio::select! {
            () = linger(socket.into_inner(), patience.linger) => {}
            () = activity.ended() => {}
        }
    }
}

/// Closes a connection so that the client can read its last answer: closing with bytes unread would
/// make the system reset it, and the client would see that instead (RFC 9112 §9.6).
async fn linger(mut stream: TcpStream, patience: Duration) {
    let _ = stream.shutdown().await;
    let mut rest = vec![0; 64 * 1024];
    let drained = async {
        while let Ok(Ok(1..)) = tokio::time::timeout(LINGER_SILENCE, stream.read(&mut rest)).await {
        }
    };
    let _ = tokio::time::timeout(patience, drained).await;
}
