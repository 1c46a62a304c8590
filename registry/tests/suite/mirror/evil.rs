//! An origin that gives other bytes than it should, or never ends.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use bulla_schemas::report::MirrorReport;
use futures_util::stream;
use reqwest::StatusCode;

use super::{assert_clean, get, once, origin, start};
use crate::support::{BILLING, Registry};

/// What is answered to a path in place of the truth.
type Lie = fn(&str, Bytes) -> Option<Response>;

/// A proxy in front of a registry that lies about some paths.
async fn liar(origin: &Registry, lie_about: Lie) -> (String, Arc<AtomicBool>) {
    let (url, client) = (origin.url.clone(), reqwest::Client::new());
    let lies = Arc::new(AtomicBool::new(true));
    let does_lie = Arc::clone(&lies);
    let answer = move |headers: HeaderMap, request: Request| {
        let (url, client, does_lie) = (url.clone(), client.clone(), Arc::clone(&does_lie));
        async move {
            let path = request.uri().path_and_query().unwrap().to_string();
            let mut asked = client.request(request.method().clone(), format!("{url}{path}"));
            for name in ["authorization", "accept", "range"] {
                if let Some(value) = headers.get(name) {
                    asked = asked.header(name, value.clone());
                }
            }
            let answered = asked.send().await.unwrap();
            let (status, headers) = (answered.status(), answered.headers().clone());
            let bytes = answered.bytes().await.unwrap();
            let lie = does_lie.load(Ordering::Relaxed) && status.is_success();
            if let Some(lie) = lie.then(|| lie_about(&path, bytes.clone())).flatten() {
                return lie;
            }
            let mut response = (status, bytes).into_response();
            for name in ["content-type", "content-range", "link"] {
                if let Some(value) = headers.get(name) {
                    response.headers_mut().insert(name, value.clone());
                }
            }
            response
        }
    };
    let app = Router::new().fallback(answer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, lies)
}

async fn run(url: &str, token: &str, data: &Path) -> Output {
    once(url, token, data, &["--trust-first-use"]).await
}

/// Every lie leaves out what it is about, and nothing else; the truth brings it later.
async fn assert_left_out(lie: Lie) {
    let (origin, organisation, hashes) = origin().await;
    let (url, lies) = liar(&origin, lie).await;
    let data = tempfile::tempdir().unwrap();
    let output = run(&url, &origin.token, data.path()).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: MirrorReport = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report.entries, organisation.entries.len() as u64);
    assert!(!report.missing.is_empty());
    assert_clean(data.path());
    lies.store(false, Ordering::Relaxed);
    let output = run(&url, &origin.token, data.path()).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mirror = start(&url, &origin.token, data.path(), &[]);
    for hash in hashes {
        let path = format!("/v2/{BILLING}/manifests/{hash}");
        assert_eq!(get(&mirror, &path).await.status(), StatusCode::OK);
    }
    assert_clean(data.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_with_other_bytes_are_left_out() {
    assert_left_out(|path, bytes| {
        let mut bytes = bytes.to_vec();
        *bytes.get_mut(10)? ^= 1;
        path.contains("/blobs/").then(|| bytes.into_response())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_with_other_bytes_are_left_out() {
    assert_left_out(|path, bytes| {
        let other = [bytes.as_ref(), b" "].concat();
        path.contains("/manifests/sha256")
            .then(|| other.into_response())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_without_end_are_left_out() {
    assert_left_out(|path, _| {
        let piece = || Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65536]));
        let endless = Body::from_stream(stream::repeat_with(piece));
        path.contains("/manifests/sha256")
            .then(|| endless.into_response())
    })
    .await;
}

// The log is what everything hangs on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_with_other_bytes_are_refused() {
    let (origin, ..) = origin().await;
    let lie = |path: &str, bytes: Bytes| {
        let mut bytes = bytes.to_vec();
        let last = bytes.last_mut()?;
        *last ^= 1;
        path.contains("/tile/entries")
            .then(|| bytes.into_response())
    };
    let (url, _) = liar(&origin, lie).await;
    let data = tempfile::tempdir().unwrap();
    let output = run(&url, &origin.token, data.path()).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(!data.path().join("log/checkpoint").exists());
}
