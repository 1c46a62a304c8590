//! Tags that do not move. What a registry does with manifests stands in `checklist`.

use bulla_schemas::media_type;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Registry, assert_oci_error};

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
