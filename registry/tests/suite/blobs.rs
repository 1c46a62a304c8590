//! Reading blobs, besides what `checklist` has.

use bulla_schemas::Digest;
use reqwest::header::IF_NONE_MATCH;
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
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let found = registry.get(&path).await;
        let length = header(&found, "content-length").to_owned();
        assert_oci_error(found, status, code).await;
        // RFC 9110 §8.6: the length that the answer to a GET has.
        let head = registry.head(&path).await;
        assert_eq!(
            (head.status(), header(&head, "content-length")),
            (status, &*length)
        );
    }
    let delete = registry.request(Method::DELETE, &format!("/v2/a/blobs/{digest}"));
    let response = delete.send().await.unwrap();
    assert_eq!(header(&response, "allow"), "GET, HEAD");
    assert_oci_error(response, StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED").await;
    registry.stop().await;
}
