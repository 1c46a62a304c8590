//! Which bundles are let in.

use bulla_schemas::{Digest, media_type};
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{BILLING, Registry, assert_oci_error, blob, bundle, bundle_of};

#[tokio::test]
async fn admits_a_whole_bundle() {
    let registry = Registry::start().await;
    let bundle = bundle("one");
    let response = registry.push_bundle(BILLING, &bundle).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let path = format!("/v2/{BILLING}/manifests/{}", bundle.hash());
    let served = registry.get(&path).await.bytes().await.unwrap();
    assert_eq!(Digest::of(&served), bundle.hash());
    registry.stop().await;
}

#[tokio::test]
async fn refuses_a_bundle_with_a_missing_blob() {
    let registry = Registry::start().await;
    let bundle = bundle("one");
    for position in [0, 1, 3] {
        registry.push_blob(BILLING, &blob(&bundle, position)).await;
    }
    let response = registry
        .push_manifest(
            BILLING,
            "v1",
            media_type::OCI_MANIFEST,
            bundle.manifest_bytes(),
        )
        .await;
    assert_oci_error(response, StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn refuses_a_bundle_of_another_project() {
    let registry = Registry::start().await;
    let bundle = bundle_of("acme/other", "one");
    let response = registry.push_bundle(BILLING, &bundle).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let body: Value = response.json().await.unwrap();
    let message = body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("acme/other"), "{message}");
    let path = format!("/v2/{BILLING}/manifests/{}", bundle.hash());
    assert_eq!(registry.get(&path).await.status(), StatusCode::NOT_FOUND);
    registry.stop().await;
}

/// Pushes a manifest in which one descriptor was replaced by that of `blob`.
async fn push_with_other_blob(pointer: &str, blob: &[u8], registry: &Registry) -> Value {
    let bundle = bundle("one");
    registry.push_bundle(BILLING, &bundle).await;
    let digest = registry.push_blob(BILLING, blob).await;
    let mut manifest = bundle.manifest().clone();
    let descriptor = match pointer {
        "config" => &mut manifest.config,
        "payload" => &mut manifest.layers[0],
        "index" => &mut manifest.layers[1],
        _ => &mut manifest.layers[2],
    };
    descriptor.digest = digest;
    descriptor.size = blob.len() as u64;
    let bytes = manifest.to_bytes();
    let response = registry
        .push_manifest(
            BILLING,
            &Digest::of(&bytes).to_string(),
            media_type::OCI_MANIFEST,
            bytes,
        )
        .await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{pointer}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn refuses_a_bundle_whose_parts_do_not_belong_together() {
    let registry = Registry::start().await;
    let (one, two) = (bundle("one"), bundle("two, which is longer"));
    let mut payload = blob(&one, 1);
    payload[20] ^= 1;
    for (pointer, other) in [
        ("config", blob(&two, 0)),
        ("config", b"{}".to_vec()),
        ("payload", payload),
        ("payload", blob(&two, 1)),
        ("index", blob(&two, 2)),
        ("frames", blob(&two, 3)),
        ("frames", Vec::new()),
    ] {
        let body = push_with_other_blob(pointer, &other, &registry).await;
        assert_eq!(
            body["errors"][0]["code"], "MANIFEST_INVALID",
            "{pointer}: {body}"
        );
    }
    registry.stop().await;
}

#[tokio::test]
async fn refuses_a_bundle_whose_descriptor_lies_about_a_size() {
    let registry = Registry::start().await;
    let bundle = bundle("one");
    registry.push_bundle(BILLING, &bundle).await;
    let mut manifest = bundle.manifest().clone();
    manifest.layers[0].size += 1;
    let bytes = manifest.to_bytes();
    let response = registry
        .push_manifest(BILLING, "v1", media_type::OCI_MANIFEST, bytes)
        .await;
    assert_oci_error(response, StatusCode::BAD_REQUEST, "MANIFEST_INVALID").await;
    registry.stop().await;
}
