//! Uploads that are cut short, overtaken or too large. What each form of a push does stands in
//! `checklist`.

use std::time::Duration;

use bulla_registry::Settings;
use bulla_schemas::Digest;
use reqwest::header::CONTENT_RANGE;
use reqwest::{Body, Method, Response, StatusCode};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Registry, assert_oci_error, header};

const UPLOADS: &str = "/v2/acme/tool/blobs/uploads/";

async fn begin(registry: &Registry) -> String {
    let response = registry.post(UPLOADS).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    header(&response, "location").to_owned()
}

async fn patch(registry: &Registry, location: &str, range: &str, chunk: &[u8]) -> Response {
    let request = registry.request(Method::PATCH, location);
    let request = request.header(CONTENT_RANGE, range).body(chunk.to_vec());
    request.send().await.unwrap()
}

async fn put(registry: &Registry, location: &str, digest: &str, body: &[u8]) -> Response {
    let request = registry.request(Method::PUT, &format!("{location}?digest={digest}"));
    request.body(body.to_vec()).send().await.unwrap()
}

async fn assert_stored(registry: &Registry, response: Response, content: &[u8]) {
    assert_eq!(response.status(), StatusCode::CREATED);
    let stored = registry.get(header(&response, "location")).await;
    assert_eq!(stored.bytes().await.unwrap(), content);
}

#[tokio::test]
async fn bytes_that_come_behind_the_end_of_an_upload_reach_no_blob() {
    let registry = Registry::start().await;
    for round in 0..40_u32 {
        // Another project has the same content.
        let content = round.to_be_bytes().repeat(700);
        let digest = registry.push_blob("acme/other", &content).await;
        let location = begin(&registry).await;
        patch(&registry, &location, "0-2799", &content).await;
        let digest = digest.to_string();
        let more = async {
            tokio::time::sleep(Duration::from_micros(u64::from(round) * 150)).await;
            let request = registry.request(Method::PATCH, &location);
            let request = request.body(&b"more"[..]);
            request.send().await.unwrap().status()
        };
        let (finished, added) = tokio::join!(put(&registry, &location, &digest, b""), more);
        // Whatever came first, the other comes too late.
        let is_stored = finished.status() == StatusCode::CREATED;
        assert_eq!(is_stored, added != StatusCode::ACCEPTED, "{added}");
        let path = format!("/v2/acme/other/blobs/{digest}");
        let stored = registry.get(&path).await.bytes().await.unwrap();
        assert!(stored == content, "round {round}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn keeps_what_arrived_before_the_connection_was_lost() {
    let registry = Registry::start().await;
    let location = begin(&registry).await;
    let host = registry.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 5000\r\n\r\n",
        registry.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&[7; 1000]).await.unwrap();
    drop(connection);
    // The registry may still be writing when the client knows that it failed.
    let mut arrived = String::new();
    for _ in 0..100 {
        arrived = header(&registry.get(&location).await, "range").to_owned();
        if arrived != "0-0" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(arrived, "0-999");
    let response = patch(&registry, &location, "1000-1001", &[8, 8]).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let content = [vec![7; 1000], vec![8; 2]].concat();
    let digest = Digest::of(&content).to_string();
    let response = put(&registry, &location, &digest, b"").await;
    assert_stored(&registry, response, &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn cancels_an_upload() {
    let registry = Registry::start().await;
    let location = begin(&registry).await;
    let response = registry.request(Method::DELETE, &location);
    assert_eq!(
        response.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let response = patch(&registry, &location, "0-0", b"x").await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN").await;
    assert_eq!(
        std::fs::read_dir(registry.data.path().join("uploads"))
            .unwrap()
            .count(),
        0
    );
    registry.stop().await;
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository() {
    let registry = Registry::start().await;
    let location = begin(&registry).await.replace("acme/tool", "acme/other");
    let response = patch(&registry, &location, "0-0", b"x").await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn two_clients_may_push_the_same_blob_at_once() {
    let registry = Registry::start().await;
    let content = vec![9_u8; 3_000_000];
    let push = || registry.push_blob("acme/tool", &content);
    let pushed = tokio::join!(push(), push(), push(), push());
    let stored = registry
        .get(&format!("/v2/acme/tool/blobs/{}", pushed.0))
        .await;
    assert_eq!(stored.bytes().await.unwrap(), content);
    let left = std::fs::read_dir(registry.data.path().join("uploads")).unwrap();
    assert_eq!(left.count(), 0);
    registry.stop().await;
}

#[tokio::test]
async fn refuses_a_blob_that_is_too_large() {
    let registry = Registry::start_with(Settings {
        most_blob_bytes: 1000,
        ..Settings::default()
    })
    .await;
    let location = begin(&registry).await;
    let response = patch(&registry, &location, "0-1000", &[0; 1001]).await;
    assert_oci_error(response, StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID").await;
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![0_u8; 1001])]);
    let request = registry.request(Method::PATCH, &location);
    let response = request
        .body(Body::wrap_stream(stream))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    registry.stop().await;
}
