//! `Http`: what sends requests. To read the certificates that a system trusts takes longer than a
//! request does, so a thread of its own reads them while the caller goes on.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use reqwest::{Method, Request, RequestBuilder};
use url::Url;

use crate::error::ClientError;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

type Made = Result<reqwest::Client, Arc<reqwest::Error>>;

/// An HTTP client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub(crate) struct Http {
    /// It trusts nobody, and sends nothing: requests are only written with it.
    writer: reqwest::Client,
    sender: Arc<LazyLock<Made, Box<dyn FnOnce() -> Made + Send>>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Http")
    }
}

impl Http {
    /// Begins to make one. Where certificates are not needed, it does without those that cannot be
    /// read.
    pub(crate) fn begin(is_plain: bool) -> Result<Self, ClientError> {
        let bare = || builder().tls_certs_only([]).build();
        let make = move || match builder().build() {
            Err(_) if is_plain => bare().map_err(Arc::new),
            made => made.map_err(Arc::new),
        };
        let http = Self {
            writer: bare().map_err(|error| ClientError::Setup(Arc::new(error)))?,
            sender: Arc::new(LazyLock::new(Box::new(make))),
        };
        let sender = Arc::clone(&http.sender);
        // Where no thread can be had, the first request makes it.
        let _ = thread::Builder::new().spawn(move || {
            LazyLock::force(&sender);
        });
        Ok(http)
    }

    /// Begins a request.
    pub(crate) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.writer.request(method, url.clone())
    }

    /// Ends the writing of a request.
    pub(crate) fn finish(request: RequestBuilder) -> Result<Request, ClientError> {
        request
            .build()
            .map_err(|error| ClientError::Setup(Arc::new(error)))
    }

    /// Returns what sends requests, once it is made.
    pub(crate) fn sender(&self) -> Result<&reqwest::Client, ClientError> {
        let made = LazyLock::force(&self.sender).as_ref();
        made.map_err(|error| ClientError::Setup(Arc::clone(error)))
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("bulla/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_secs(30))
        .referer(false)
}
