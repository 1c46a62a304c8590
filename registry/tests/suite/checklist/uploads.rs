//! 8 to 34: pushing blobs.

use std::time::Duration;

use bulla_registry::{Settings, UploadLimits};
use bulla_schemas::Digest;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE};
use reqwest::{Body, Method, Response, StatusCode};
use uuid::Uuid;

use super::{Oci, REPOSITORY, assert_created, blob, sha512, uploads, with_digest};
use crate::support::{Registry, assert_oci_error, header};

/// Three chunks, of which the last is shorter.
const CHUNK: usize = 1024;

fn content() -> Vec<u8> {
    (0..3 * CHUNK - 5).map(|n| n.to_le_bytes()[0]).collect()
}

/// A chunk of the content and its `Content-Range`.
fn chunk(content: &[u8], number: usize) -> (String, &[u8]) {
    let first = number * CHUNK;
    let end = content.len().min(first + CHUNK);
    (format!("{first}-{}", end - 1), &content[first..end])
}

/// Begins an upload with the first chunk of the content.
async fn begun(oci: &Oci, content: &[u8]) -> String {
    let (range, bytes) = chunk(content, 0);
    let location = oci.begin().await;
    let sent = oci.patch(&location, &range, bytes).await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    header(&sent, "location").to_owned()
}

/// Closes an upload with a chunk that has a place.
async fn close(oci: &Oci, location: &str, digest: &str, range: &str, chunk: &[u8]) -> Response {
    let request = oci.request(Method::PUT, &with_digest(location, digest));
    let request = request.header(CONTENT_RANGE, range).body(chunk.to_vec());
    request.send().await.unwrap()
}

async fn assert_received(oci: &Oci, location: &str, range: &str) {
    let progress = oci.get(location).await;
    assert_eq!(progress.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&progress, "range"), range);
    assert!(!header(&progress, "location").is_empty());
}

#[tokio::test]
async fn b08_post_begins_an_upload_with_and_without_the_last_slash() {
    let oci = Oci::start();
    for path in [
        uploads(REPOSITORY),
        "/v2/acme/tool/blobs/uploads".to_owned(),
    ] {
        let begun = oci.post(&path).await;
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let location = header(&begun, "location");
        let id = location.strip_prefix(&uploads(REPOSITORY)).unwrap();
        assert!(id.parse::<Uuid>().is_ok(), "{location}");
        assert_eq!(header(&begun, "docker-upload-uuid"), id);
    }
}

#[tokio::test]
async fn b09_put_takes_a_whole_blob() {
    let oci = Oci::start();
    let location = oci.begin().await;
    let digest = Digest::of(b"whole").to_string();
    let response = oci.finish(&location, &digest, b"whole").await;
    assert_eq!(header(&response, "docker-content-digest"), digest);
    oci.assert_stored(response, b"whole").await;
}

#[tokio::test]
async fn b10_a_query_in_the_location_is_the_clients_to_extend() {
    let oci = Oci::start();
    let location = oci.begin().await + "?state=opaque";
    let sent = oci.patch(&location, "0-4", b"whole").await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    let digest = Digest::of(b"whole").to_string();
    let response = oci.finish(&location, &digest, b"").await;
    oci.assert_stored(response, b"whole").await;
}

#[tokio::test]
async fn b11_post_takes_a_whole_blob() {
    let oci = Oci::start();
    let digest = Digest::of(b"whole").to_string();
    let path = with_digest(&uploads(REPOSITORY), &digest);
    let request = oci.request(Method::POST, &path).body("whole");
    let response = request.send().await.unwrap();
    assert_eq!(header(&response, "docker-content-digest"), digest);
    oci.assert_stored(response, b"whole").await;
}

#[tokio::test]
async fn b12_chunks_say_where_they_go_and_the_answer_where_the_next_one_goes() {
    let oci = Oci::start();
    let content = content();
    let mut location = oci.begin().await;
    for number in 0..2 {
        let (range, bytes) = chunk(&content, number);
        let sent = oci.patch(&location, &range, bytes).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        let last = (number + 1) * CHUNK - 1;
        assert_eq!(header(&sent, "range"), format!("0-{last}"));
        location = header(&sent, "location").to_owned();
    }
}

#[tokio::test]
async fn b13_the_last_chunk_may_be_shorter() {
    let oci = Oci::start();
    let content = content();
    let mut location = oci.begin().await;
    for number in 0..3 {
        let (range, bytes) = chunk(&content, number);
        let sent = oci.patch(&location, &range, bytes).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        location = header(&sent, "location").to_owned();
    }
    let digest = Digest::of(&content).to_string();
    let response = oci.finish(&location, &digest, b"").await;
    oci.assert_stored(response, &content).await;
}

#[tokio::test]
async fn b14_chunks_may_be_of_one_byte() {
    let oci = Oci::start();
    let begun = oci.post(&uploads(REPOSITORY)).await;
    assert!(!begun.headers().contains_key("oci-chunk-min-length"));
    let location = header(&begun, "location").to_owned();
    for (range, byte) in [("0-0", b"a"), ("1-1", b"b")] {
        let sent = oci.patch(&location, range, byte).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
    }
    let digest = Digest::of(b"ab").to_string();
    let response = oci.finish(&location, &digest, b"").await;
    oci.assert_stored(response, b"ab").await;
}

/// Sends a body without a length and a place.
async fn stream(oci: &Oci, location: &str, content: &[u8]) -> Response {
    let pieces: Vec<_> = content.chunks(500).map(<[u8]>::to_vec).collect();
    let pieces = futures_util::stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>));
    let request = oci.request(Method::PATCH, location);
    let request = request.header(CONTENT_TYPE, "application/octet-stream");
    request
        .body(Body::wrap_stream(pieces))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn b15_a_stream_needs_neither_length_nor_place() {
    let oci = Oci::start();
    let location = oci.begin().await;
    let sent = stream(&oci, &location, &content()).await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&sent, "range"), format!("0-{}", content().len() - 1));
}

#[tokio::test]
async fn b16_a_put_without_a_body_closes_a_stream() {
    let oci = Oci::start();
    let location = oci.begin().await;
    let sent = stream(&oci, &location, &content()).await;
    let digest = Digest::of(&content()).to_string();
    let path = with_digest(header(&sent, "location"), &digest);
    let request = oci.request(Method::PUT, &path).header(CONTENT_LENGTH, 0);
    let response = request.send().await.unwrap();
    oci.assert_stored(response, &content()).await;
}

#[tokio::test]
async fn b17_the_last_chunk_may_come_with_the_put() {
    let oci = Oci::start();
    let content = content();
    let location = begun(&oci, &content).await;
    let (range, bytes) = chunk(&content, 1);
    oci.patch(&location, &range, bytes).await;
    let (range, bytes) = chunk(&content, 2);
    let digest = Digest::of(&content).to_string();
    let response = close(&oci, &location, &digest, &range, bytes).await;
    oci.assert_stored(response, &content).await;
}

#[tokio::test]
async fn b18_a_chunk_behind_its_place_is_416_and_the_upload_lives() {
    let oci = Oci::start();
    let content = content();
    let location = oci.begin().await;
    let (range, bytes) = chunk(&content, 1);
    let refused = oci.patch(&location, &range, bytes).await;
    assert_oci_error(
        refused,
        StatusCode::RANGE_NOT_SATISFIABLE,
        "BLOB_UPLOAD_INVALID",
    )
    .await;
    assert_received(&oci, &location, "0-0").await;
    let (range, bytes) = chunk(&content, 0);
    let sent = oci.patch(&location, &range, bytes).await;
    assert_eq!(sent.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn b19_a_chunk_that_was_sent_before_is_416() {
    let oci = Oci::start();
    let content = content();
    let location = begun(&oci, &content).await;
    let (range, bytes) = chunk(&content, 0);
    let refused = oci.patch(&location, &range, bytes).await;
    assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_received(&oci, &location, "0-1023").await;
}

#[tokio::test]
async fn b20_a_put_out_of_order_is_416_and_the_upload_lives() {
    let oci = Oci::start();
    let content = content();
    let location = begun(&oci, &content).await;
    let digest = Digest::of(&content).to_string();
    let (range, bytes) = chunk(&content, 2);
    let refused = close(&oci, &location, &digest, &range, bytes).await;
    assert_oci_error(
        refused,
        StatusCode::RANGE_NOT_SATISFIABLE,
        "BLOB_UPLOAD_INVALID",
    )
    .await;
    for number in 1..3 {
        let (range, bytes) = chunk(&content, number);
        let sent = oci.patch(&location, &range, bytes).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
    }
    let response = oci.finish(&location, &digest, b"").await;
    oci.assert_stored(response, &content).await;
}

#[tokio::test]
async fn b21_a_client_asks_how_far_its_upload_has_come() {
    let oci = Oci::start();
    let location = oci.begin().await;
    assert_received(&oci, &location, "0-0").await;
    let content = content();
    let (range, bytes) = chunk(&content, 0);
    oci.patch(&location, &range, bytes).await;
    let digest = Digest::of(&content).to_string();
    let with_query = with_digest(&location, &digest);
    for location in [&location, &with_query] {
        assert_received(&oci, location, "0-1023").await;
    }
}

#[tokio::test]
async fn b22_a_416_says_where_the_upload_goes_on() {
    let oci = Oci::start();
    let content = content();
    let location = begun(&oci, &content).await;
    let refused = oci.patch(&location, "5-9", b"early").await;
    assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&refused, "location"), location);
    assert_eq!(header(&refused, "range"), "0-1023");
}

#[tokio::test]
async fn b23_content_that_is_not_what_was_named_is_refused() {
    let oci = Oci::start();
    let content = content();
    let wrong = [Digest::of(b"other").to_string(), sha512(b"other")];
    for digest in &wrong {
        let path = with_digest(&uploads(REPOSITORY), digest);
        let request = oci.request(Method::POST, &path).body(content.clone());
        let refused = request.send().await.unwrap();
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;

        let location = oci.begin().await;
        let refused = oci.finish(&location, digest, &content).await;
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;

        let location = begun(&oci, &content).await;
        let (range, bytes) = chunk(&content, 1);
        let sent = oci.patch(&location, &range, bytes).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        let (range, bytes) = chunk(&content, 2);
        let refused = close(&oci, &location, digest, &range, bytes).await;
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;

        let location = oci.begin().await;
        let sent = stream(&oci, &location, &content).await;
        assert_eq!(sent.status(), StatusCode::ACCEPTED);
        let refused = oci.finish(&location, digest, b"").await;
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
        assert_eq!(
            oci.head(&blob(digest)).await.status(),
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn b24_what_is_no_digest_is_refused_and_the_upload_lives() {
    let oci = Oci::start();
    let location = begun(&oci, &content()).await;
    for digest in ["", "sha256:baddigeststring", "sha384:00", "x"] {
        let refused = oci.finish(&location, digest, b"").await;
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
    }
    assert_received(&oci, &location, "0-1023").await;
}

#[tokio::test]
async fn b25_an_upload_is_cancelled() {
    let oci = Oci::start();
    let location = begun(&oci, &content()).await;
    assert_eq!(oci.delete(&location).await.status(), StatusCode::NO_CONTENT);
    for refused in [
        oci.get(&location).await,
        oci.delete(&location).await,
        oci.patch(&location, "0-0", b"x").await,
        oci.finish(&location, &Digest::of(b"x").to_string(), b"x")
            .await,
    ] {
        assert_oci_error(refused, StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN").await;
    }
}

#[tokio::test]
async fn b26_an_upload_that_nobody_goes_on_with_ends() {
    let registry = Registry::start_with(Settings {
        uploads: UploadLimits {
            patience: Duration::ZERO,
            ..UploadLimits::default()
        },
        ..Settings::default()
    })
    .await;
    let begun = registry.post(&uploads(REPOSITORY)).await;
    let location = header(&begun, "location").to_owned();
    let sent = registry.request(Method::PATCH, &location).body("x");
    assert_eq!(sent.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let gone = registry.get(&location).await;
    assert_oci_error(gone, StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn b27_sha512_needs_no_hint() {
    let oci = Oci::start();
    let content = content();
    let digest = sha512(&content);
    let path = with_digest(&uploads(REPOSITORY), &digest);
    let whole = oci.request(Method::POST, &path).body(content.clone());
    let whole = whole.send().await.unwrap();
    let location = begun(&oci, &content).await;
    let (range, bytes) = chunk(&content, 1);
    oci.patch(&location, &range, bytes).await;
    let (range, bytes) = chunk(&content, 2);
    let chunked = close(&oci, &location, &digest, &range, bytes).await;
    for response in [whole, chunked] {
        assert_eq!(header(&response, "docker-content-digest"), digest);
        oci.assert_stored(response, &content).await;
    }
}

#[tokio::test]
async fn b28_a_hint_at_the_algorithm_is_taken() {
    let oci = Oci::start();
    let path = format!("{}?digest-algorithm=sha512", uploads(REPOSITORY));
    let begun = oci.post(&path).await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let location = header(&begun, "location").to_owned();
    let response = oci.finish(&location, &sha512(b"x"), b"x").await;
    oci.assert_stored(response, b"x").await;
}

#[tokio::test]
async fn b29_a_blob_may_be_empty() {
    let oci = Oci::start();
    for digest in [Digest::of(b"").to_string(), sha512(b"")] {
        let location = oci.begin().await;
        let response = oci.finish(&location, &digest, b"").await;
        oci.assert_stored(response, b"").await;
        for answer in [
            oci.head(&blob(&digest)).await,
            oci.get(&blob(&digest)).await,
        ] {
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "content-length"), "0");
        }
    }
}

#[tokio::test]
async fn b30_the_blob_of_two_braces_is_a_blob() {
    let oci = Oci::start();
    let location = oci.begin().await;
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let response = oci.finish(&location, digest, b"{}").await;
    oci.assert_stored(response, b"{}").await;
}

#[tokio::test]
async fn b31_other_forms_of_headers_are_taken() {
    let oci = Oci::start();
    let location = oci.begin().await;
    for (range, bytes) in [("bytes 0-9/*", "0123456789"), ("bytes 10-14/15", "abcde")] {
        let request = oci.request(Method::PATCH, &location);
        let request = request.header(CONTENT_TYPE, "text/plain; charset=utf-8");
        let sent = request.header(CONTENT_RANGE, range).body(bytes);
        assert_eq!(sent.send().await.unwrap().status(), StatusCode::ACCEPTED);
    }
    for range in [
        "15-14",
        "15-20",
        "+15-15",
        "15",
        "15-x",
        "bytes=15-15",
        "15-15,16-16",
    ] {
        let refused = oci.patch(&location, range, b"x").await;
        assert_oci_error(refused, StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID").await;
    }
    let digest = Digest::of(b"0123456789abcde").to_string();
    let response = oci.finish(&location, &digest, b"").await;
    oci.assert_stored(response, b"0123456789abcde").await;
}

#[tokio::test]
async fn b32_several_clients_push_the_same_blob_at_once() {
    let oci = Oci::start();
    let content = vec![9_u8; 3_000_000];
    let push = || oci.push_blob(REPOSITORY, &content);
    let (digest, ..) = tokio::join!(push(), push(), push(), push());
    let stored = oci.get(&blob(&digest)).await;
    assert_eq!(stored.bytes().await.unwrap(), content);
}

#[tokio::test]
async fn b33_a_put_whose_answer_was_lost_is_repeated() {
    let oci = Oci::start();
    let location = oci.begin().await;
    let digest = Digest::of(b"x").to_string();
    for _ in 0..2 {
        let response = oci.finish(&location, &digest, b"x").await;
        oci.assert_stored(response, b"x").await;
    }
}

#[tokio::test]
async fn b34_head_tells_exactly_which_blobs_need_not_be_pushed() {
    let oci = Oci::start();
    let digest = oci.push_blob(REPOSITORY, &content()).await;
    let head = oci.head(&blob(&digest)).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(&head, "content-length"), content().len().to_string());
    let unknown = Digest::of(b"unknown").to_string();
    let head = oci.head(&blob(&unknown)).await;
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
    let image = oci.image("layer", serde_json::json!({})).await;
    assert_created(&oci.put("v1", &image).await);
}
