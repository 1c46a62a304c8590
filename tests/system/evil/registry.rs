//! `EvilRegistry`: stands before a real registry, hands out what that has, and lies where a test
//! tells it to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bulla_schemas::Digest;
use tokio::runtime::Runtime;

use super::log::DoctoredLog;

/// Changes an answer: takes the path and what the real registry said.
pub(crate) type Lie = Box<dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync>;

/// A registry that cannot be trusted.
pub(crate) struct EvilRegistry {
    url: String,
    shared: Arc<Shared>,
    // Ends the server when dropped.
    _runtime: Runtime,
}

struct Shared {
    upstream: Mutex<String>,
    client: reqwest::Client,
    says: Mutex<Says>,
}

/// What it says instead of the truth.
#[derive(Default)]
struct Says {
    lie: Option<Lie>,
    log: Option<DoctoredLog>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    /// The entry that it says it has appended.
    swallows: Option<u64>,
}

impl EvilRegistry {
    /// Listens on a free port; tells the truth at first.
    pub(crate) fn before(upstream: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream.to_owned()),
            client: reqwest::Client::new(),
            says: Mutex::default(),
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            shared,
            _runtime: runtime,
        }
    }

    /// Returns the address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Changes answers from now on.
    pub(crate) fn lie(&self, lie: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
        self.shared.says.lock().unwrap().lie = Some(Box::new(lie));
    }

    /// Serves another log than the real one.
    pub(crate) fn show_log(&self, log: DoctoredLog) {
        self.shared.says.lock().unwrap().log = Some(log);
    }

    /// Has a blob or a manifest that the real registry refused or never saw.
    pub(crate) fn keep(&self, content: Vec<u8>) {
        let digest = Digest::of(&content);
        self.shared
            .says
            .lock()
            .unwrap()
            .blobs
            .insert(digest, content);
    }

    /// Stands before another registry from now on.
    pub(crate) fn turn_to(&self, upstream: &str) {
        upstream.clone_into(&mut self.shared.upstream.lock().unwrap());
    }

    /// Answers that it has appended what it is sent as this entry, and appends nothing.
    pub(crate) fn swallow(&self, entry: u64) {
        self.shared.says.lock().unwrap().swallows = Some(entry);
    }

    /// Tells the truth again.
    pub(crate) fn repent(&self) {
        *self.shared.says.lock().unwrap() = Says::default();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(said) =
        shared
            .says
            .lock()
            .unwrap()
            .instead_of(&path, request.method(), request.headers())
    {
        return said;
    }
    match shared.forward(request).await {
        Ok((status, headers, body)) => {
            let says = shared.says.lock().unwrap();
            let body = match &says.lie {
                Some(lie) if status.is_success() => lie(&path, body),
                _ => body,
            };
            (status, headers, body).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Says {
    /// Returns what is said without asking the real registry.
    fn instead_of(&self, path: &str, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if let Some(index) = self.swallows
            && path == "/log/entries"
            && method == Method::POST
        {
            let answer = format!(r#"{{"index":{index},"size":{}}}"#, index + 1);
            return Some((StatusCode::CREATED, answer).into_response());
        }
        if let Some(log) = &self.log
            && let Some(file) = path.strip_prefix("/log/")
        {
            return Some(match log.file(file) {
                Some(bytes) => bytes.into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            });
        }
        let digest: Digest = path.rsplit_once('/')?.1.parse().ok()?;
        let content = self.blobs.get(&digest)?;
        Some(part(content, headers))
    }
}

/// Answers a range where one is asked for.
fn part(content: &[u8], headers: &HeaderMap) -> Response {
    let range = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok()?.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'))
        .and_then(|(from, to)| Some((from.parse().ok()?, to.parse().unwrap_or(usize::MAX))));
    let media_type = (
        header::CONTENT_TYPE,
        "application/vnd.oci.image.manifest.v1+json".to_owned(),
    );
    match range {
        Some((from, to)) if from < content.len() => {
            let to = content.len().min(to.saturating_add(1));
            let described = format!("bytes {from}-{}/{}", to - 1, content.len());
            let headers = [media_type, (header::CONTENT_RANGE, described)];
            (
                StatusCode::PARTIAL_CONTENT,
                headers,
                content[from..to].to_vec(),
            )
                .into_response()
        }
        _ => ([media_type], content.to_vec()).into_response(),
    }
}

impl Shared {
    async fn forward(
        &self,
        request: Request,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), reqwest::Error> {
        let (parts, body) = request.into_parts();
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let body: Bytes = to_bytes(Body::new(body), usize::MAX).await.unwrap();
        let mut headers = parts.headers;
        without(&mut headers, [header::HOST, header::CONTENT_LENGTH]);
        let url = format!("{}{target}", self.upstream.lock().unwrap());
        let answer = self
            .client
            .request(parts.method, url)
            .headers(headers)
            .body(body)
            .send()
            .await?;
        let status = answer.status();
        let mut headers = answer.headers().clone();
        // The body may be another one: its length is told anew.
        without(
            &mut headers,
            [header::CONTENT_LENGTH, header::TRANSFER_ENCODING],
        );
        Ok((status, headers, answer.bytes().await?.to_vec()))
    }
}

fn without(headers: &mut HeaderMap, names: [HeaderName; 2]) {
    for name in names {
        headers.remove(name);
    }
}
