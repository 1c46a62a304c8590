//! `Client`: one registry, its address and the token for it.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulla_schemas::ProjectName;
use bytes::Bytes;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use crate::address;
use crate::answer;
use crate::error::ClientError;
use crate::http::{Http, Redirects};
use crate::patience::Patience;

/// How long a registry may be silent before a person is told.
const SILENCE: Duration = Duration::from_secs(2);

/// The HTTP interface of one registry. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    base: Url,
    /// `Bearer ...`, marked sensitive: it prints nowhere.
    authorization: Option<HeaderValue>,
    /// The proxy that the environment names for the registry, without credentials.
    proxy: Option<String>,
    silence: Option<Silence>,
    /// Whether the registry was asked for a delta and makes none.
    makes_no_deltas: Arc<AtomicBool>,
    /// Whether it is waited for shortly, because another one can be asked.
    is_in_haste: Arc<AtomicBool>,
}

/// Who is told, once, that the registry is silent.
#[derive(Clone)]
struct Silence {
    tell: Arc<dyn Fn(&str) + Send + Sync>,
    was_told: Arc<AtomicBool>,
}

impl fmt::Debug for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Silence")
    }
}

impl Client {
    /// Prepares to talk to the registry at `url`; connects to nothing yet.
    pub fn new(url: Url, token: Option<SecretString>) -> Result<Self, ClientError> {
        Self::with(url, token, Redirects::Followed)
    }

    /// Prepares to ask the witness at `url`. Whoever is asked is who was named: where that one sends on to
    /// another address is its answer.
    pub fn of_witness(url: Url) -> Result<Self, ClientError> {
        Self::with(url, None, Redirects::Answers)
    }

    fn with(
        url: Url,
        token: Option<SecretString>,
        redirects: Redirects,
    ) -> Result<Self, ClientError> {
        let base = checked_base(url)?;
        let authorization = token.map(|token| bearer(&token)).transpose()?;
        let proxy = proxy_of(&base);
        Ok(Self {
            // A proxy may have TLS of its own.
            http: Http::begin(base.scheme() == "http" && proxy.is_none(), redirects)?,
            proxy,
            base,
            authorization,
            silence: None,
            makes_no_deltas: Arc::default(),
            is_in_haste: Arc::default(),
        })
    }

    /// Has `tell` called with a sentence, once, when the registry is silent for two seconds.
    #[must_use]
    pub fn on_silence(mut self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.silence = Some(Silence {
            tell: Arc::new(tell),
            was_told: Arc::new(AtomicBool::new(false)),
        });
        self
    }

    /// Says how long the registry is waited for from now on, by all clones: in full unless said.
    pub fn set_patience(&self, patience: Patience) {
        let is_in_haste = patience == Patience::Short;
        self.is_in_haste.store(is_in_haste, Ordering::Relaxed);
    }

    /// Returns how long the registry is waited for.
    pub fn patience(&self) -> Patience {
        if self.is_in_haste.load(Ordering::Relaxed) {
            Patience::Short
        } else {
            Patience::Full
        }
    }

    /// Tells whether the registry was asked for a delta and makes none; all clones know it then.
    pub(crate) fn makes_no_deltas(&self) -> bool {
        self.makes_no_deltas.load(Ordering::Relaxed)
    }

    /// Remembers that the registry makes no deltas.
    pub(crate) fn forget_deltas(&self) {
        self.makes_no_deltas.store(true, Ordering::Relaxed);
    }

    /// Returns the registry's address.
    pub fn url(&self) -> &Url {
        &self.base
    }

    /// Returns the proxy that the environment names for the registry, without credentials.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Tells whether requests carry a token.
    pub fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// Returns the address of `parts` below the registry's; a `/` inside a part becomes `%2F`.
    pub(crate) fn at<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    /// Returns the address of `parts` below a repository's.
    pub(crate) fn at_repository(&self, project: &ProjectName, parts: &[&str]) -> Url {
        let repository = ["v2"].into_iter().chain(project.as_str().split('/'));
        self.at(repository.chain(parts.iter().copied()))
    }

    /// Begins a request. The token goes to the registry's own origin only: an upload may lie on
    /// another host.
    pub(crate) fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.authorization {
            Some(value) if url.origin() == self.base.origin() => {
                request.header(AUTHORIZATION, value.clone())
            }
            _ => request,
        }
    }

    /// Sends a request and returns the answer when its status is a success.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let request = Http::finish(request)?;
        let (method, url) = (request.method().clone(), request.url().clone());
        let response = self.exchange(request).await?;
        answer::require_success(&method, &url, response, self.patience()).await
    }

    /// Sends a request and returns the answer, whatever its status.
    pub(crate) async fn exchange(&self, request: Request) -> Result<Response, ClientError> {
        let url = request.url().clone();
        let idle = self.patience().idle();
        let answered = tokio::time::timeout(idle, self.http.execute(request));
        let answered = self.told_of_silence(answered).await;
        answered
            .map_err(|_| ClientError::Stalled {
                url: url.to_string(),
                idle,
            })??
            .map_err(|source| answer::failure(&url, self.proxy.as_deref(), source))
    }

    /// Returns an answer when its status is a success.
    pub(crate) async fn require_success(
        &self,
        method: &Method,
        response: Response,
    ) -> Result<Response, ClientError> {
        let url = response.url().clone();
        answer::require_success(method, &url, response, self.patience()).await
    }

    /// Returns the next piece of a body, `None` at its end.
    pub(crate) async fn next_piece(
        &self,
        response: &mut Response,
    ) -> Result<Option<Bytes>, ClientError> {
        answer::next_piece(response, self.patience()).await
    }

    /// Reads a whole body of at most `limit` bytes.
    pub(crate) async fn read(
        &self,
        response: Response,
        limit: u64,
    ) -> Result<Vec<u8>, ClientError> {
        answer::read(response, limit, self.patience()).await
    }

    /// Reads a whole body of JSON of at most `limit` bytes.
    pub(crate) async fn read_json<T: DeserializeOwned>(
        &self,
        response: Response,
        limit: u64,
        expected: &'static str,
    ) -> Result<T, ClientError> {
        let url = response.url().to_string();
        let body = self.read(response, limit).await?;
        serde_json::from_slice(&body).map_err(|source| ClientError::Malformed {
            url,
            expected,
            source: Some(Box::new(source)),
        })
    }

    /// Waits for an answer, and tells a person when that takes long.
    pub(crate) async fn told_of_silence<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        let Some(silence) = &self.silence else {
            return answer.await;
        };
        if let Ok(answered) = tokio::time::timeout(SILENCE, &mut answer).await {
            return answered;
        }
        if !silence.was_told.swap(true, Ordering::Relaxed) {
            let proxy = self.proxy.as_deref();
            let through = proxy.map_or_else(String::new, |proxy| format!(" through {proxy}"));
            (silence.tell)(&format!("waiting for {}{through}", self.base));
        }
        answer.await
    }

    /// Sends a request whose body takes its time; the caller watches over the body.
    pub(crate) async fn send_body(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let request = Http::finish(request)?;
        let (method, url) = (request.method().clone(), request.url().clone());
        let response = self.http.execute(request).await?;
        let response =
            response.map_err(|source| answer::failure(&url, self.proxy.as_deref(), source))?;
        answer::require_success(&method, &url, response, self.patience()).await
    }
}

/// Finds the proxy that `reqwest` takes from the environment.
fn proxy_of(base: &Url) -> Option<String> {
    let intercepted = Matcher::from_env().intercept(&base.as_str().parse().ok()?)?;
    let uri = intercepted.uri();
    let scheme = uri.scheme_str().unwrap_or("http");
    let port = uri
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{scheme}://{}{port}", uri.host()?))
}

fn checked_base(url: Url) -> Result<Url, ClientError> {
    match address::check(&url) {
        Ok(()) => Ok(url),
        Err(reason) => Err(ClientError::Url {
            url: address::shown(url.as_str()),
            reason,
        }),
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, ClientError> {
    let text = SecretString::from(format!("Bearer {}", token.expose_secret().trim()));
    let value = HeaderValue::from_str(text.expose_secret());
    let mut value = value.map_err(|_| ClientError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads the answer to a `HEAD`: not found is an answer, not an error.
pub(crate) fn is_found(answer: Result<Response, ClientError>) -> Result<bool, ClientError> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
