//! Manifests and tags.

use bulla_schemas::{Digest, media_type};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Registry, assert_oci_error, header};

pub(crate) const REPOSITORY: &str = "acme/tool";
pub(crate) const MANIFEST: &str = media_type::OCI_MANIFEST;

/// An artifact with an empty config and one layer, both pushed. `extra` is merged in.
pub(crate) async fn artifact(registry: &Registry, layer: &str, extra: Value) -> Value {
    let config = registry.push_blob(REPOSITORY, b"{}").await;
    let digest = registry.push_blob(REPOSITORY, layer.as_bytes()).await;
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.example.v1",
        "config": { "mediaType": media_type::OCI_EMPTY, "digest": config, "size": 2 },
        "layers": [{ "mediaType": "text/plain", "digest": digest, "size": layer.len() }],
    });
    for (key, value) in extra.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    manifest
}

#[tokio::test]
async fn keeps_a_manifest_byte_for_byte() {
    let registry = Registry::start().await;
    let manifest = artifact(&registry, "a", json!({ "unknown": [1] })).await;
    // Neither compact nor sorted, with an unknown field.
    let bytes = serde_json::to_vec_pretty(&manifest).unwrap();
    let digest = Digest::of(&bytes);
    for reference in [digest.to_string(), "v1".to_owned()] {
        let response = registry
            .push_manifest(REPOSITORY, &reference, MANIFEST, bytes.clone())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(
            header(&response, "docker-content-digest"),
            digest.to_string()
        );
        assert_eq!(
            header(&response, "location"),
            format!("/v2/{REPOSITORY}/manifests/{digest}")
        );
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        let response = registry.head(&path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), MANIFEST);
        assert_eq!(header(&response, "content-length"), bytes.len().to_string());
        let request = registry.request(Method::GET, &path);
        let request = request
            .header(
                ACCEPT,
                "application/vnd.docker.distribution.manifest.v2+json",
            )
            .header(ACCEPT, MANIFEST);
        let response = request.send().await.unwrap();
        assert_eq!(header(&response, "content-type"), MANIFEST, "no charset");
        assert_eq!(
            header(&response, "docker-content-digest"),
            digest.to_string()
        );
        assert_eq!(response.bytes().await.unwrap(), bytes);
    }
    for missing in ["v2".to_owned(), Digest::of(b"").to_string()] {
        let path = format!("/v2/{REPOSITORY}/manifests/{missing}");
        let response = registry.get(&path).await;
        assert_oci_error(response, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    }
    registry.stop().await;
}

#[tokio::test]
async fn takes_a_manifest_of_four_mebibytes_and_no_more() {
    let registry = Registry::start().await;
    let limit = 4 * 1024 * 1024;
    let mut manifest = artifact(&registry, "a", json!({ "annotations": { "x": "" } })).await;
    let padding = limit - manifest.to_string().len();
    manifest["annotations"]["x"] = "y".repeat(padding).into();
    let bytes = manifest.to_string();
    assert_eq!(bytes.len(), limit);
    let response = registry
        .push_manifest(REPOSITORY, "big", MANIFEST, bytes.clone())
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let response = registry
        .push_manifest(REPOSITORY, "bigger", MANIFEST, bytes + " ")
        .await;
    assert_oci_error(response, StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID").await;
    registry.stop().await;
}

#[tokio::test]
async fn refuses_what_is_not_a_whole_manifest() {
    let registry = Registry::start().await;
    let manifest = artifact(&registry, "a", json!({})).await;
    let with = |key: &str, value: Value| {
        let mut other = manifest.clone();
        other[key] = value;
        other.to_string()
    };
    let missing = json!([{ "mediaType": "x/y", "digest": Digest::of(b"never"), "size": 1 }]);
    for (bytes, reference, code) in [
        ("{".to_owned(), "v1".to_owned(), "MANIFEST_INVALID"),
        (
            with("schemaVersion", 1.into()),
            "v1".to_owned(),
            "MANIFEST_INVALID",
        ),
        (
            with("mediaType", "text/html".into()),
            "v1".to_owned(),
            "MANIFEST_INVALID",
        ),
        (
            with("layers", missing.clone()),
            "v1".to_owned(),
            "MANIFEST_BLOB_UNKNOWN",
        ),
        (
            with("manifests", missing),
            "v1".to_owned(),
            "MANIFEST_INVALID",
        ),
        (
            manifest.to_string(),
            Digest::of(b"").to_string(),
            "DIGEST_INVALID",
        ),
        (
            manifest.to_string(),
            "sha256:baddigeststring".to_owned(),
            "DIGEST_INVALID",
        ),
    ] {
        let response = registry
            .push_manifest(REPOSITORY, &reference, MANIFEST, bytes)
            .await;
        assert_oci_error(response, StatusCode::BAD_REQUEST, code).await;
    }
    let elsewhere = json!([
        { "mediaType": "x/y", "digest": Digest::of(b"1"), "size": 1, "urls": ["https://a.example"] },
        { "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
          "digest": Digest::of(b"2"), "size": 1 },
    ]);
    let response = registry
        .push_manifest(REPOSITORY, "v1", MANIFEST, with("layers", elsewhere))
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    registry.stop().await;
}

#[tokio::test]
async fn takes_indexes_of_what_is_there() {
    let registry = Registry::start().await;
    let manifest = artifact(&registry, "a", json!({})).await.to_string();
    let digest = Digest::of(manifest.as_bytes());
    let size = manifest.len();
    let reference = digest.to_string();
    registry
        .push_manifest(REPOSITORY, &reference, MANIFEST, manifest)
        .await;
    for (tag, manifests) in [
        ("empty", json!([])),
        (
            "one",
            json!([{ "mediaType": MANIFEST, "digest": digest, "size": size }]),
        ),
    ] {
        let index = json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests });
        let response = registry
            .push_manifest(REPOSITORY, tag, media_type::OCI_INDEX, index.to_string())
            .await;
        assert_eq!(response.status(), StatusCode::CREATED, "{tag}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_tag_does_not_move() {
    let registry = Registry::start().await;
    let one = artifact(&registry, "one", json!({})).await.to_string();
    let two = artifact(&registry, "two", json!({})).await.to_string();
    let push = |bytes: &str| registry.push_manifest(REPOSITORY, "v1", MANIFEST, bytes.to_owned());
    assert_eq!(push(&one).await.status(), StatusCode::CREATED);
    assert_eq!(
        push(&one).await.status(),
        StatusCode::CREATED,
        "the same again"
    );
    assert_oci_error(push(&two).await, StatusCode::FORBIDDEN, "DENIED").await;
    let path = format!("/v2/{REPOSITORY}/manifests/v1");
    assert_eq!(registry.get(&path).await.text().await.unwrap(), one);
    let delete = registry
        .request(Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    assert_oci_error(delete, StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED").await;
    registry.stop().await;
}

#[tokio::test]
async fn of_two_pushes_to_a_tag_at_once_one_wins() {
    let registry = Registry::start().await;
    let mut manifests = Vec::new();
    for layer in ["1", "2", "3", "4", "5", "6"] {
        manifests.push(artifact(&registry, layer, json!({})).await.to_string());
    }
    let pushes = manifests
        .iter()
        .map(|bytes| registry.push_manifest(REPOSITORY, "race", MANIFEST, bytes.clone()));
    let answers = futures_util::future::join_all(pushes).await;
    let created = answers.iter().filter(|a| a.status() == StatusCode::CREATED);
    assert_eq!(created.count(), 1);
    let denied = answers
        .iter()
        .filter(|a| a.status() == StatusCode::FORBIDDEN);
    assert_eq!(denied.count(), 5);
    registry.stop().await;
}

#[tokio::test]
async fn lists_tags_in_pages() {
    let registry = Registry::start().await;
    let list = async |query: &str| {
        let response = registry
            .get(&format!("/v2/{REPOSITORY}/tags/list{query}"))
            .await;
        let link = header(&response, "link").to_owned();
        let body: Value = response.json().await.unwrap();
        (body["tags"].clone(), link)
    };
    let unknown = registry.get(&format!("/v2/{REPOSITORY}/tags/list")).await;
    assert_oci_error(unknown, StatusCode::NOT_FOUND, "NAME_UNKNOWN").await;
    let manifest = artifact(&registry, "a", json!({})).await.to_string();
    for tag in ["b", "a", "C", "_x"] {
        registry
            .push_manifest(REPOSITORY, tag, MANIFEST, manifest.clone())
            .await;
    }
    assert_eq!(
        list("").await,
        (json!(["C", "_x", "a", "b"]), String::new())
    );
    let (tags, link) = list("?n=3").await;
    assert_eq!(tags, json!(["C", "_x", "a"]));
    assert_eq!(
        link,
        format!("</v2/{REPOSITORY}/tags/list?n=3&last=a>; rel=\"next\"")
    );
    assert_eq!(list("?n=3&last=a").await, (json!(["b"]), String::new()));
    assert_eq!(list("?n=0").await, (json!([]), String::new()));
    let bad = registry
        .get(&format!("/v2/{REPOSITORY}/tags/list?n=x"))
        .await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    registry.stop().await;
}

#[tokio::test]
async fn takes_the_media_type_from_the_manifest_when_the_client_is_silent() {
    let registry = Registry::start().await;
    let manifest = artifact(&registry, "a", json!({})).await.to_string();
    let path = format!("/v2/{REPOSITORY}/manifests/v1");
    let request = registry.request(Method::PUT, &path).body(manifest);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    let response = registry.get(&path).await;
    assert_eq!(response.headers()[CONTENT_TYPE], MANIFEST);
    registry.stop().await;
}
