//! The health check over HTTP. It goes to this machine as a rule, so no proxy is asked.

use std::time::Duration;

use bulla_schemas::install::HttpCheck;
use reqwest::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use tokio::runtime::Runtime;
use url::Url;

use super::error::CheckError;

/// Most bytes of a body that are looked through.
const BODY: usize = 1024 * 1024;

/// A URL and what it must answer.
#[derive(Debug)]
pub(super) struct Http {
    url: Url,
    host: Option<HeaderValue>,
    status: u16,
    headers: HeaderMap,
    body: Option<String>,
    client: Client,
    runtime: Runtime,
}

impl Http {
    pub(super) fn new(check: &HttpCheck) -> Result<Self, CheckError> {
        let wrong = |why: String| CheckError::Http {
            url: check.url.clone(),
            why,
        };
        let url: Url = check
            .url
            .parse()
            .map_err(|error: url::ParseError| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong(
                "expected `http://` or `https://` and a host".to_owned(),
            ));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &check.headers {
            let header = HeaderName::try_from(name)
                .ok()
                .zip(HeaderValue::try_from(value).ok());
            let (name, value) = header.ok_or_else(|| wrong(format!("`{name}` is not a header")))?;
            headers.append(name, value);
        }
        let host = check.host.as_ref().map(HeaderValue::try_from).transpose();
        let host = host.map_err(|_| wrong("its `host` is not one".to_owned()))?;
        let client = match builder().build() {
            // A machine without certificate authorities can still talk plain HTTP.
            Err(_) if url.scheme() == "http" => builder().tls_certs_only([]).build(),
            built => built,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Ok(Self {
            client: client.map_err(|error| wrong(with_causes(&error)))?,
            runtime: runtime.map_err(|error| wrong(error.to_string()))?,
            url,
            host,
            status: check.status,
            headers,
            body: check.body.clone(),
        })
    }

    /// Asks once. Returns why the answer is not the expected one.
    pub(super) fn check(&self, longest: Duration) -> Result<(), String> {
        let url = &self.url;
        let asked = async { tokio::time::timeout(longest, self.ask()).await };
        match self.runtime.block_on(asked) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(format!("`{url}` {why}")),
            Err(_) => Err(format!(
                "`{url}` did not answer within {} s",
                longest.as_secs_f32()
            )),
        }
    }

    async fn ask(&self) -> Result<(), String> {
        let mut request = self.client.get(self.url.clone());
        if let Some(host) = &self.host {
            request = request.header(HOST, host);
        }
        let response = request.send().await;
        let response = response
            .map_err(|error| format!("did not answer: {}", with_causes(&error.without_url())))?;
        let status = response.status().as_u16();
        if status != self.status {
            return Err(format!("answered {status}, expected {}", self.status));
        }
        for (name, value) in &self.headers {
            if !response
                .headers()
                .get_all(name)
                .iter()
                .any(|found| found == value)
            {
                let value = String::from_utf8_lossy(value.as_bytes());
                return Err(format!("answered without the header `{name}: {value}`"));
            }
        }
        match &self.body {
            Some(text) if !contains(response, text.as_bytes()).await? => {
                Err(format!("answered without `{text}` in its body"))
            }
            _ => Ok(()),
        }
    }
}

/// Looks for a text in a body, as far as that is looked through.
async fn contains(mut response: Response, text: &[u8]) -> Result<bool, String> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let chunk = chunk.map_err(|error| {
            format!(
                "broke off its answer: {}",
                with_causes(&error.without_url())
            )
        })?;
        let Some(chunk) = chunk else {
            return Ok(has(&body, text));
        };
        body.extend_from_slice(&chunk);
        if has(&body, text) {
            return Ok(true);
        }
        if body.len() > BODY {
            return Ok(false);
        }
    }
}

fn has(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// The same set-up as for a registry; the system's certificate authorities count.
fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("bulla-installer/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .no_proxy()
}
use crate::observer::with_causes;
