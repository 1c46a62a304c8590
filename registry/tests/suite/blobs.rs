//! Reading blobs.

use bulla_schemas::Digest;
use reqwest::header::{IF_NONE_MATCH, RANGE};
use reqwest::{Method, StatusCode};

use crate::support::{Registry, assert_oci_error, header};

fn content() -> Vec<u8> {
    (0..2048_u32).map(|n| n.to_le_bytes()[0]).collect()
}

#[tokio::test]
async fn gives_back_exactly_what_was_pushed() {
    let registry = Registry::start().await;
    for content in [b"".to_vec(), b"{}".to_vec(), content()] {
        let digest = registry.push_blob("acme/tool", &content).await;
        let path = format!("/v2/acme/tool/blobs/{digest}");
        let response = registry.head(&path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            header(&response, "content-length"),
            content.len().to_string()
        );
        let response = registry.get(&path).await;
        assert_eq!(
            header(&response, "docker-content-digest"),
            digest.to_string()
        );
        assert_eq!(header(&response, "etag"), format!("\"{digest}\""));
        assert_eq!(header(&response, "accept-ranges"), "bytes");
        assert_eq!(header(&response, "content-encoding"), "");
        assert_eq!(
            header(&response, "content-length"),
            content.len().to_string()
        );
        assert_eq!(response.bytes().await.unwrap(), content);
    }
    registry.stop().await;
}

#[tokio::test]
async fn serves_single_ranges() {
    let registry = Registry::start().await;
    let content = content();
    let digest = registry.push_blob("acme/tool", &content).await;
    let path = format!("/v2/acme/tool/blobs/{digest}");
    let ranged = async |range: &str| {
        let request = registry.request(Method::GET, &path).header(RANGE, range);
        request.send().await.unwrap()
    };
    for (range, first, last) in [
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, 2047),
        ("bytes=-500", 1548, 2047),
        ("bytes=2000-5000", 2000, 2047),
    ] {
        let response = ranged(range).await;
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(
            header(&response, "content-range"),
            format!("bytes {first}-{last}/2048")
        );
        assert_eq!(
            header(&response, "content-length"),
            (last - first + 1).to_string()
        );
        assert_eq!(response.bytes().await.unwrap(), content[first..=last]);
    }
    for range in ["bytes=500-0", "bytes=5000-10000"] {
        let response = ranged(range).await;
        assert_eq!(header(&response, "content-range"), "bytes */2048");
        assert_oci_error(response, StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID").await;
    }
    let response = ranged("bytes=0-1,4-5").await;
    assert_eq!(response.status(), StatusCode::OK, "several ranges get all");
    assert_eq!(response.bytes().await.unwrap(), content);
    registry.stop().await;
}

#[tokio::test]
async fn answers_not_modified_to_a_client_that_has_it() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("acme/tool", b"x").await;
    let path = format!("/v2/acme/tool/blobs/{digest}");
    for (tag, status) in [
        (format!("\"{digest}\""), StatusCode::NOT_MODIFIED),
        (format!("W/\"{digest}\""), StatusCode::NOT_MODIFIED),
        (format!("\"other\", \"{digest}\""), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ] {
        let request = registry.request(Method::GET, &path);
        let response = request.header(IF_NONE_MATCH, &tag).send().await.unwrap();
        assert_eq!(response.status(), status, "{tag}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn shows_a_blob_only_in_repositories_that_have_it() {
    let registry = Registry::start().await;
    let digest = registry.push_blob("acme/tool", b"secret").await;
    let response = registry
        .get(&format!("/v2/other/tool/blobs/{digest}"))
        .await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    let response = registry
        .head(&format!("/v2/other/tool/blobs/{digest}"))
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.bytes().await.unwrap().is_empty());
    let unknown = Digest::of(b"never pushed");
    let response = registry
        .get(&format!("/v2/acme/tool/blobs/{unknown}"))
        .await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn refuses_bad_names_digests_and_methods() {
    let registry = Registry::start().await;
    let digest = Digest::of(b"");
    for (path, status, code) in [
        (format!("/v2/UPPER/blobs/{digest}"), 400, "NAME_INVALID"),
        (
            "/v2/a/blobs/sha256:baddigest".to_owned(),
            400,
            "DIGEST_INVALID",
        ),
        ("/v2/a/blobs/md5:00".to_owned(), 400, "DIGEST_INVALID"),
        ("/v2/a/nothing".to_owned(), 404, "NAME_UNKNOWN"),
        ("/v2/_catalog".to_owned(), 404, "NAME_UNKNOWN"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_oci_error(registry.get(&path).await, status, code).await;
    }
    let delete = registry.request(Method::DELETE, &format!("/v2/a/blobs/{digest}"));
    let response = delete.send().await.unwrap();
    assert_eq!(header(&response, "allow"), "GET, HEAD");
    assert_oci_error(response, StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED").await;
    registry.stop().await;
}
