//! `Http`: what sends requests. To read the certificates that a system trusts takes longer than a
//! request does, so a thread of its own reads them while the caller goes on, and a registry without
//! TLS is asked without them, for as long as it sends nobody on to one that has it.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use reqwest::header::LOCATION;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Method, Request, RequestBuilder, Response};
use url::Url;

use crate::error::ClientError;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

type Made = Result<reqwest::Client, Arc<reqwest::Error>>;

/// What becomes of an answer that sends on to another address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// The other address is asked.
    Followed,
    /// It is the answer.
    Answers,
}

/// An HTTP client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub(crate) struct Http {
    /// It trusts nobody: all requests are written with it, and those that need no certificate are sent.
    bare: reqwest::Client,
    is_plain: bool,
    redirects: Redirects,
    trusting: Arc<LazyLock<Made, Box<dyn FnOnce() -> Made + Send>>>,
}

impl fmt::Debug for Http {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Http")
    }
}

impl Http {
    /// Begins to make one, for a registry that needs no certificate where `is_plain`.
    pub(crate) fn begin(is_plain: bool, redirects: Redirects) -> Result<Self, ClientError> {
        let (bare_policy, policy) = match redirects {
            Redirects::Followed => (Policy::custom(follow_plain), Policy::default()),
            Redirects::Answers => (Policy::none(), Policy::none()),
        };
        let bare = builder().tls_certs_only([]).redirect(bare_policy);
        let trusting = builder().redirect(policy);
        let make = || trusting.build().map_err(Arc::new);
        let http = Self {
            bare: bare
                .build()
                .map_err(|error| ClientError::Setup(Arc::new(error)))?,
            is_plain,
            redirects,
            trusting: Arc::new(LazyLock::new(Box::new(make))),
        };
        if !is_plain {
            let trusting = Arc::clone(&http.trusting);
            // Where no thread can be had, the first request makes it.
            let _ = thread::Builder::new().spawn(move || {
                LazyLock::force(&trusting);
            });
        }
        Ok(http)
    }

    /// Begins a request.
    pub(crate) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.bare.request(method, url.clone())
    }

    /// Ends the writing of a request.
    pub(crate) fn finish(request: RequestBuilder) -> Result<Request, ClientError> {
        request
            .build()
            .map_err(|error| ClientError::Setup(Arc::new(error)))
    }

    /// Sends a request. Fails where no client can be made; what the sending brings is inside.
    pub(crate) async fn execute(
        &self,
        request: Request,
    ) -> Result<reqwest::Result<Response>, ClientError> {
        // A body that is streamed cannot be sent a second time.
        let again = request.try_clone().filter(|_| self.is_plain);
        let Some(again) = again else {
            return Ok(self.trusting()?.execute(request).await);
        };
        match self.bare.execute(request).await {
            Ok(response) if self.redirects == Redirects::Followed && sends_on(&response) => {
                Ok(self.trusting()?.execute(again).await)
            }
            answered => Ok(answered),
        }
    }

    fn trusting(&self) -> Result<&reqwest::Client, ClientError> {
        let made = LazyLock::force(&self.trusting).as_ref();
        made.map_err(|error| ClientError::Setup(Arc::clone(error)))
    }
}

/// Follows a redirect as far as no certificate is needed.
fn follow_plain(attempt: Attempt) -> Action {
    if attempt.url().scheme() == "http" {
        Policy::default().redirect(attempt)
    } else {
        attempt.stop()
    }
}

/// Tells whether a redirect was not followed.
fn sends_on(response: &Response) -> bool {
    response.status().is_redirection() && response.headers().contains_key(LOCATION)
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("bulla/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_secs(30))
        .referer(false)
}
