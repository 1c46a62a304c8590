//! TLS 1.2 and 1.3 by rustls, and which HTTP a client chose in its handshake (ALPN, RFC 7301).

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::{Certificate, CertificateError};
use super::socket::Socket;

/// The first byte of what a client says (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";
/// For a client that speaks HTTP without TLS.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 29\r\nConnection: close\r\n\r\nthis address needs https://\r\n";

/// Encrypts connections.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl Tls {
    /// Takes the certificate that clients are shown.
    pub(super) fn new(certificate: Arc<Certificate>) -> Result<Self, CertificateError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(CertificateError::NoTls)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as _);
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
        })
    }

    /// Returns the certificate.
    pub(super) fn certificate(&self) -> Arc<Certificate> {
        Arc::clone(&self.certificate)
    }

    /// Does a handshake, for which a client has so much time; nothing when it fails.
    pub(super) async fn handshake(
        &self,
        socket: Socket,
        patience: Duration,
    ) -> Option<TlsStream<Socket>> {
        match timeout(patience, self.accept(socket)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!("a client did not finish its handshake");
                None
            }
        }
    }

    async fn accept(&self, mut socket: Socket) -> io::Result<TlsStream<Socket>> {
        if socket.peek().await? == HANDSHAKE {
            return self.acceptor.accept(socket).await;
        }
        // Read, so that closing the connection does not take back the answer.
        let mut request = vec![0; 16 * 1024];
        let _ = socket.read(&mut request).await?;
        socket.write_all(NOT_TLS).await?;
        socket.shutdown().await?;
        Err(io::Error::other("it does not begin as TLS"))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Tls")
            .field(&self.certificate)
            .finish()
    }
}

/// Tells whether the client chose HTTP/2.
pub(super) fn is_http2(stream: &TlsStream<Socket>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}
