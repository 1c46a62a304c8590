//! Answers a connection: a handshake where there is TLS, then the HTTP that its client chose.

use std::sync::Arc;

use tokio::net::TcpStream;

use super::connection::Connection;
use super::socket::Socket;
use super::tls::{Tls, is_http2};
use super::{http1, http2};

/// Answers the requests that come until the connection ends. There are many that rest, so each takes the
/// memory of what its client speaks, and not of the largest of these.
pub(super) async fn speak(mut connection: Connection, stream: TcpStream, tls: Option<Tls>) {
    let (activity, patience) = (Arc::clone(&connection.activity), connection.patience);
    let socket = Socket::new(stream, patience, Arc::clone(&activity));
    let Some(tls) = tls else {
        // HTTP/1 only: proxies speak it, and no two servers then read one request in two ways.
        return Box::pin(http1::answer(socket, connection)).await;
    };
    let stream = tokio::select! {
        stream = tls.handshake(socket, patience.handshake) => stream,
        () = activity.ended() => None,
        _ = connection.stop.wait_for(|stop| *stop) => None,
    };
    match stream {
        Some(stream) if is_http2(&stream) => Box::pin(http2::answer(stream, connection)).await,
        Some(stream) => Box::pin(http1::answer(stream, connection)).await,
        None => {}
    }
}
