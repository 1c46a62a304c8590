//! One connection: HTTP/1 with limits in time, and an end that lets the client read its answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::socket::Socket;
use crate::settings::Patience;

/// How long a client that lingers may send nothing.
const LINGER_SILENCE: Duration = Duration::from_secs(5);

/// Answers the requests of a connection until its end; after `stop`, until the end of the request
/// under way.
pub(super) async fn answer(
    stream: TcpStream,
    router: Router,
    patience: Patience,
    mut stop: watch::Receiver<bool>,
) {
    // HTTP/1 only: a proxy that ends TLS speaks it, and everything in it is bounded in time.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .half_close(true);
    let service = TowerToHyperService::new(router);
    let socket = Socket::new(stream, patience.first_byte, patience.send);
    let mut connection = http.serve_connection(
        TokioIo::new(socket),
        service_fn(move |request| Box::pin(service.call(request))),
    );
    let ended = tokio::select! {
        ended = poll_fn(|context| connection.poll_without_shutdown(context)) => Some(ended),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        Pin::new(&mut connection).graceful_shutdown();
        poll_fn(|context| connection.poll_without_shutdown(context)).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
    let socket = connection.into_parts().io.into_inner();
    linger(socket.into_inner(), patience.linger).await;
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
