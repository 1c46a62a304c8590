//! 35 to 43: mounting and reading blobs.

use bulla_schemas::Digest;
use reqwest::header::{ACCEPT_ENCODING, RANGE};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::{OTHER, Oci, REPOSITORY, assert_created, blob, manifest, sha512, uploads};
use crate::support::{assert_oci_error, header};

fn content() -> Vec<u8> {
    (0..2048_u32).map(|n| n.to_le_bytes()[0]).collect()
}

async fn mount(oci: &Oci, digest: &str, from: Option<&str>) -> Response {
    let from = from.map_or_else(String::new, |from| format!("&from={from}"));
    let path = format!("{}?mount={digest}{from}", uploads(REPOSITORY));
    oci.post(&path).await
}

/// Asserts that nothing was mounted, and that an upload began that can be used.
async fn assert_begun(oci: &Oci, begun: Response) {
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    let location = header(&begun, "location").to_owned();
    let digest = Digest::of(b"instead").to_string();
    let response = oci.finish(&location, &digest, b"instead").await;
    oci.assert_stored(response, b"instead").await;
}

#[tokio::test]
async fn b35_a_blob_is_mounted_from_another_repository() {
    let oci = Oci::start();
    for content in [b"shared".to_vec(), vec![7; 300_000]] {
        let digest = oci.push_blob(OTHER, &content).await;
        let mounted = mount(&oci, &digest, Some(OTHER)).await;
        assert_eq!(header(&mounted, "docker-content-digest"), digest);
        oci.assert_stored(mounted, &content).await;
    }
}

#[tokio::test]
async fn b36_what_cannot_be_mounted_is_uploaded() {
    let oci = Oci::start();
    let digest = oci.push_blob(OTHER, b"shared").await;
    let unknown = Digest::of(b"unknown").to_string();
    for (digest, from) in [
        (unknown.as_str(), OTHER),
        (digest.as_str(), "never/pushed"),
        (digest.as_str(), "Not/A/Name"),
        ("sha256:baddigeststring", OTHER),
    ] {
        assert_begun(&oci, mount(&oci, digest, Some(from)).await).await;
    }
    // Who may not read the other repository learns nothing of it.
    let pusher = oci.token(&["--scope", "push", "--project", REPOSITORY]);
    for query in [
        format!("mount={digest}&from={OTHER}"),
        format!("mount={digest}"),
    ] {
        let path = format!("{}?{query}", uploads(REPOSITORY));
        let request = oci.plain(Method::POST, &path).bearer_auth(&pusher);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::ACCEPTED);
    }
    assert_eq!(
        oci.head(&blob(&digest)).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn b37_a_blob_is_mounted_from_no_repository_in_particular() {
    let oci = Oci::start();
    let digest = oci.push_blob(OTHER, b"shared").await;
    let mounted = mount(&oci, &digest, None).await;
    assert_eq!(header(&mounted, "docker-content-digest"), digest);
    oci.assert_stored(mounted, b"shared").await;
    let unknown = Digest::of(b"unknown").to_string();
    assert_begun(&oci, mount(&oci, &unknown, None).await).await;
}

#[tokio::test]
async fn b38_get_gives_exactly_the_bytes_and_404_for_others() {
    let oci = Oci::start();
    let digest = oci.push_blob(REPOSITORY, &content()).await;
    let response = oci.get(&blob(&digest)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-length"), "2048");
    assert_eq!(response.bytes().await.unwrap(), content());
    let unknown = Digest::of(b"unknown").to_string();
    for path in [
        blob(&unknown),
        // What another repository has is not there.
        format!("/v2/{OTHER}/blobs/{digest}"),
        format!("/v2/never/pushed/blobs/{digest}"),
    ] {
        let response = oci.get(&path).await;
        assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    }
}

#[tokio::test]
async fn b39_head_says_the_same_without_a_body() {
    let oci = Oci::start();
    let digest = oci.push_blob(REPOSITORY, &content()).await;
    let response = oci.head(&blob(&digest)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-length"), "2048");
    assert!(response.bytes().await.unwrap().is_empty());
    let unknown = Digest::of(b"unknown").to_string();
    let response = oci.head(&blob(&unknown)).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn b40_the_digest_in_the_answer_is_the_one_that_was_asked_for() {
    let oci = Oci::start();
    oci.push_blob(REPOSITORY, &content()).await;
    let location = oci.begin().await;
    assert_created(&oci.finish(&location, &sha512(&content()), &content()).await);
    for digest in [Digest::of(&content()).to_string(), sha512(&content())] {
        for response in [
            oci.head(&blob(&digest)).await,
            oci.get(&blob(&digest)).await,
        ] {
            assert_eq!(header(&response, "docker-content-digest"), digest);
        }
    }
}

async fn ranged(oci: &Oci, digest: &str, range: &str) -> Response {
    let request = oci.request(Method::GET, &blob(digest)).header(RANGE, range);
    request.send().await.unwrap()
}

#[tokio::test]
async fn b41_single_ranges_in_all_forms_are_206() {
    let oci = Oci::start();
    let content = content();
    let digest = oci.push_blob(REPOSITORY, &content).await;
    for (range, first, last) in [
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 2047),
        ("bytes=-500", 1548, 2047),
        ("bytes=2000-5000", 2000, 2047),
    ] {
        let response = ranged(&oci, &digest, range).await;
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let expected = format!("bytes {first}-{last}/2048");
        assert_eq!(header(&response, "content-range"), expected);
        let length = last - first + 1;
        assert_eq!(header(&response, "content-length"), length.to_string());
        assert_eq!(response.bytes().await.unwrap(), content[first..=last]);
    }
    let several = ranged(&oci, &digest, "bytes=0-1,4-5").await;
    assert_eq!(several.status(), StatusCode::OK);
    assert_eq!(several.bytes().await.unwrap(), content);
}

#[tokio::test]
async fn b42_ranges_of_nothing_are_416() {
    let oci = Oci::start();
    let digest = oci.push_blob(REPOSITORY, &content()).await;
    for range in [
        "bytes=500-0",
        "bytes=5000-10000",
        "bytes=-0",
        "bytes=x",
        "bytes=+1-2",
    ] {
        let response = ranged(&oci, &digest, range).await;
        assert_eq!(
            header(&response, "content-range"),
            "bytes */2048",
            "{range}"
        );
        assert_oci_error(response, StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID").await;
    }
}

#[tokio::test]
async fn b43_nothing_is_compressed_on_its_way() {
    let oci = Oci::start();
    let digest = oci.push_blob(REPOSITORY, &vec![7; 100_000]).await;
    let annotations = json!({ "annotations": { "long": "x".repeat(100_000) } });
    let image = oci.image("layer", annotations).await.to_string();
    assert_created(&oci.put_bytes("v1", super::MANIFEST, image.clone()).await);
    for (path, length) in [(blob(&digest), 100_000), (manifest("v1"), image.len())] {
        let request = oci.request(Method::GET, &path);
        let request = request.header(ACCEPT_ENCODING, "gzip, deflate, br, zstd");
        let response = request.send().await.unwrap();
        assert!(!response.headers().contains_key("content-encoding"));
        assert_eq!(header(&response, "content-length"), length.to_string());
        assert_eq!(response.bytes().await.unwrap().len(), length);
    }
}
