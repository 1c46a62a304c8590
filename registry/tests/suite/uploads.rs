//! Pushing blobs in every form that clients use.

use std::time::Duration;

use bulla_registry::Settings;
use bulla_schemas::Digest;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE};
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
async fn takes_a_blob_in_one_put() {
    let registry = Registry::start().await;
    let location = begin(&registry).await;
    let digest = Digest::of(b"whole");
    let response = put(&registry, &location, &digest.to_string(), b"whole").await;
    assert_eq!(
        header(&response, "docker-content-digest"),
        digest.to_string()
    );
    assert_stored(&registry, response, b"whole").await;
    let again = put(&registry, &location, &digest.to_string(), b"whole").await;
    assert_eq!(
        again.status(),
        StatusCode::CREATED,
        "a lost answer is no error"
    );
    registry.stop().await;
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
async fn takes_chunks_and_survives_chunks_out_of_order() {
    let registry = Registry::start().await;
    let content: Vec<u8> = (0..3 * 1024 - 5_u32).map(|n| n.to_be_bytes()[3]).collect();
    let digest = Digest::of(&content).to_string();
    let location = begin(&registry).await;
    let response = registry.get(&location).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&response, "range"), "0-0");

    let response = patch(&registry, &location, "5-1028", &content[5..1029]).await;
    assert_eq!(header(&response, "location"), location);
    assert_oci_error(
        response,
        StatusCode::RANGE_NOT_SATISFIABLE,
        "BLOB_UPLOAD_INVALID",
    )
    .await;
    let response = patch(&registry, &location, "0-1023", &content[..1024]).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&response, "range"), "0-1023");
    let response = patch(&registry, &location, "0-1023", &content[..1024]).await;
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&response, "range"), "0-1023");
    let response = patch(
        &registry,
        &location,
        "bytes 1024-2047/*",
        &content[1024..2048],
    )
    .await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    for (range, length) in [("2048-2047", 1), ("2048-2050", 2), ("x", 1)] {
        let chunk = &content[2048..2048 + length];
        let response = patch(&registry, &location, range, chunk).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{range}");
    }

    let path = format!("{location}?digest={digest}");
    let out_of_order = registry
        .request(Method::PUT, &path)
        .header(CONTENT_RANGE, "9-1032")
        .body(content[2048..].to_vec());
    let response = out_of_order.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let response = registry.get(&path).await;
    assert_eq!(
        response.status(),
        StatusCode::NO_CONTENT,
        "the upload lives"
    );
    assert_eq!(header(&response, "range"), "0-2047");
    let last = registry
        .request(Method::PUT, &path)
        .header(CONTENT_RANGE, format!("2048-{}", content.len() - 1))
        .body(content[2048..].to_vec());
    assert_stored(&registry, last.send().await.unwrap(), &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn takes_a_stream_of_unknown_length() {
    let registry = Registry::start().await;
    let location = begin(&registry).await;
    let chunks = vec![vec![1_u8; 700_000], vec![2; 900_000], vec![3; 5]];
    let content = chunks.concat();
    let stream = futures_util::stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>));
    let request = registry.request(Method::PATCH, &location);
    let response = request
        .body(Body::wrap_stream(stream))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let request = registry
        .request(
            Method::PUT,
            &format!("{location}?digest={}", Digest::of(&content)),
        )
        .header(CONTENT_LENGTH, 0);
    assert_stored(&registry, request.send().await.unwrap(), &content).await;
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
async fn refuses_content_that_is_not_what_was_named() {
    let registry = Registry::start().await;
    let other = Digest::of(b"other").to_string();
    let response = registry
        .request(Method::POST, &format!("{UPLOADS}?digest={other}"))
        .body("content");
    let response = response.send().await.unwrap();
    assert_oci_error(response, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;

    let location = begin(&registry).await;
    let response = put(&registry, &location, &other, b"content").await;
    assert_oci_error(response, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
    let response = registry.get(&location).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN").await;

    let location = begin(&registry).await;
    for digest in [
        "",
        "sha256:baddigeststring",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
    ] {
        let response = put(&registry, &location, digest, b"").await;
        assert_oci_error(response, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
    }
    registry.stop().await;
}

#[tokio::test]
async fn takes_sha512_without_being_told_before() {
    let registry = Registry::start().await;
    let digest = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                  2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
    let location = begin(&registry).await;
    let response = put(&registry, &location, digest, b"abc").await;
    assert_eq!(header(&response, "docker-content-digest"), digest);
    assert_stored(&registry, response, b"abc").await;
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
async fn mounts_a_blob_of_another_repository_or_begins_an_upload() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("acme/from", b"shared").await;
    let response = registry
        .post(&format!("{UPLOADS}?mount={digest}&from=acme/from"))
        .await;
    assert_stored(&registry, response, b"shared").await;
    let unknown = Digest::of(b"unknown");
    for query in [
        format!("mount={unknown}&from=acme/from"),
        format!("mount={digest}"),
    ] {
        let path = format!("/v2/acme/third/blobs/uploads/?{query}");
        let response = registry.post(&path).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED, "{query}");
        let location = header(&response, "location").to_owned();
        let digest = Digest::of(b"y").to_string();
        let response = put(&registry, &location, &digest, b"y").await;
        assert_stored(&registry, response, b"y").await;
    }
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
