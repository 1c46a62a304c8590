//! Blobs that are there already, are sent, and go on where the connection broke.

use std::io::{self, Cursor, Read};

use bulla_registry_client::{ClientError, Pushed};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::server::{Reply, Server, content, descriptor, project};

fn source(blob: &[u8]) -> impl Fn() -> io::Result<Box<dyn Read + Send>> {
    let blob = blob.to_vec();
    move || Ok(Box::new(Cursor::new(blob.clone())))
}

async fn push(server: &Server, blob: &[u8]) -> Result<Pushed, ClientError> {
    push_from(server, blob, blob).await
}

async fn push_from(server: &Server, blob: &[u8], read: &[u8]) -> Result<Pushed, ClientError> {
    let client = server.client();
    client
        .push_blob(&project(), &descriptor(blob), source(read))
        .await
}

const UPLOAD: &str = "/v2/acme/billing/blobs/uploads/1?state=x";

#[tokio::test]
async fn sends_nothing_when_the_blob_is_there() {
    let server = Server::start(|_, _| Reply::new(200, &[], b"")).await;
    let blob = content(1000);
    assert_eq!(push(&server, &blob).await.unwrap(), Pushed::Present);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn sends_a_blob_in_one_request() {
    let server = Server::start(|_, request| match request.method.as_str() {
        "HEAD" => Reply::new(404, &[], b""),
        "POST" => Reply::new(202, &[("location", UPLOAD)], b""),
        _ => Reply::new(201, &[], b""),
    })
    .await;
    let blob = content(1_000_000);
    assert_eq!(push(&server, &blob).await.unwrap(), Pushed::Sent);
    let put = server.requests().pop().unwrap();
    let digest = descriptor(&blob).digest.hex();
    assert_eq!(put.target, format!("{UPLOAD}&digest=sha256%3A{digest}"));
    assert_eq!(put.header("content-length"), Some("1000000"));
    assert_eq!(put.body, blob);
}

#[tokio::test]
async fn goes_on_where_the_upload_broke() {
    let server = Server::start(
        |earlier, request| match (request.method.as_str(), earlier) {
            ("HEAD", _) => Reply::new(404, &[], b""),
            ("POST", _) => Reply::new(202, &[("location", UPLOAD)], b""),
            ("PUT", 2) => Reply::cut_after(300_000),
            ("GET", _) => Reply::new(204, &[("range", "0-299999"), ("location", UPLOAD)], b""),
            _ => Reply::new(201, &[], b""),
        },
    )
    .await;
    let blob = content(4_000_000);
    assert_eq!(push(&server, &blob).await.unwrap(), Pushed::Sent);
    let put = server.requests().pop().unwrap();
    assert_eq!(put.header("content-range"), Some("300000-3999999"));
    assert_eq!(put.body, blob[300_000..]);
}

#[tokio::test]
async fn begins_again_when_the_upload_is_lost() {
    let server = Server::start(
        |earlier, request| match (request.method.as_str(), earlier) {
            ("PUT", 2) => Reply::new(502, &[], b""),
            ("HEAD" | "GET", _) => Reply::new(404, &[], b""),
            ("POST", _) => Reply::new(202, &[("location", UPLOAD)], b""),
            _ => Reply::new(201, &[], b""),
        },
    )
    .await;
    let blob = content(1000);
    assert_eq!(push(&server, &blob).await.unwrap(), Pushed::Sent);
    assert_eq!(server.requests().pop().unwrap().body, blob);
    let begun = server.requests();
    let begun = begun.iter().filter(|request| request.method == "POST");
    assert_eq!(begun.count(), 2);
}

#[tokio::test]
async fn a_lost_answer_is_noticed_because_the_blob_is_there() {
    let server = Server::start(
        |earlier, request| match (request.method.as_str(), earlier) {
            ("HEAD", 0) => Reply::new(404, &[], b""),
            ("HEAD", _) => Reply::new(200, &[], b""),
            ("POST", _) => Reply::new(202, &[("location", UPLOAD)], b""),
            _ => Reply::cut_after(1000),
        },
    )
    .await;
    let blob = content(1000);
    assert_eq!(push(&server, &blob).await.unwrap(), Pushed::Sent);
}

#[tokio::test]
async fn content_that_ends_early_is_the_callers_failure() {
    let server = Server::start(|_, request| match request.method.as_str() {
        "HEAD" => Reply::new(404, &[], b""),
        "POST" => Reply::new(202, &[("location", UPLOAD)], b""),
        _ => Reply::new(201, &[], b""),
    })
    .await;
    let blob = content(1000);
    let error = push_from(&server, &blob, &blob[..500]).await.unwrap_err();
    assert!(matches!(error, ClientError::Content { .. }), "{error}");
    assert_eq!(error.kind(), FailureKind::Failed);
}

#[tokio::test]
async fn an_upload_on_another_host_does_not_get_the_token() {
    let storage = Server::start(|_, _| Reply::new(201, &[], b"")).await;
    let elsewhere = storage.url.join("store").unwrap();
    let server = Server::start(move |_, request| match request.method.as_str() {
        "HEAD" => Reply::new(404, &[], b""),
        _ => Reply::new(202, &[("location", elsewhere.as_str())], b""),
    })
    .await;
    let blob = content(1000);
    assert_eq!(push(&server, &blob).await.unwrap(), Pushed::Sent);
    assert_eq!(storage.requests()[0].header("authorization"), None);
    for request in server.requests() {
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
    }
}
