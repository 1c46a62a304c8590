//! Who is at the other end of a connection, as the log shows it.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

/// The other end of the connection that a request came by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    /// Its address: a client's, or that of a proxy.
    pub(crate) address: SocketAddr,
    /// Whether the connection is encrypted.
    pub(crate) has_tls: bool,
}

/// Where a route says which token its request came with.
#[derive(Debug, Clone, Default)]
pub(super) struct TokenSeen(Arc<OnceLock<String>>);

impl TokenSeen {
    /// Notes the id of a token, never the token.
    pub(super) fn note(&self, id: &str) {
        if !id.is_empty() {
            // A request has one token.
            let _ = self.0.set(id.to_owned());
        }
    }

    /// Returns the id of the token.
    pub(super) fn id(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
