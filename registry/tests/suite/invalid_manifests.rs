//! What is no manifest, or one that two readers could understand differently, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_schemas::{Digest, media_type};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::manifests::{MANIFEST, REPOSITORY, artifact};
use crate::support::{Registry, assert_oci_error};

/// Pushes each and expects a refusal whose message has the words.
async fn assert_refused(registry: &Registry, media_type: &str, cases: Vec<(Vec<u8>, &str)>) {
    for (bytes, words) in cases {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let response = registry
            .push_manifest(REPOSITORY, "v1", media_type, bytes)
            .await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{shown}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["code"], "MANIFEST_INVALID", "{shown}");
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(words), "{words:?} is not in {message:?}");
    }
}

#[tokio::test]
async fn refuses_manifests_with_wrong_parts() {
    let registry = Registry::start().await;
    let manifest = artifact(&registry, "a", json!({})).await;
    let with = |pointer: &str, value: Value| {
        let mut other = manifest.clone();
        let (above, key) = pointer.rsplit_once('/').unwrap();
        other.pointer_mut(above).unwrap()[key] = value;
        other.to_string().into_bytes()
    };
    let without = |pointer: &str| {
        let mut other = manifest.clone();
        let (above, key) = pointer.rsplit_once('/').unwrap();
        let above = other.pointer_mut(above).unwrap();
        above.as_object_mut().unwrap().remove(key);
        other.to_string().into_bytes()
    };
    let not_utf8 = {
        let text = with("/unknown", "X".into());
        let at = text.windows(3).position(|three| three == b"\"X\"").unwrap();
        [&text[..=at], b"\xff", &text[at + 2..]].concat()
    };
    let twice = {
        let text = manifest.to_string();
        format!("{{\"config\":{},{}", manifest["config"], &text[1..]).into_bytes()
    };
    let other = Digest::of(b"other");
    let cases = vec![
        (not_utf8, "UTF-8"),
        (twice, "duplicate field `config`"),
        (without("/config"), "config is missing"),
        (without("/layers"), "layers is missing"),
        (with("/manifests", json!([])), "manifests does not belong"),
        (without("/config/size"), "missing field `size`"),
        (with("/config/size", (-1).into()), "-1"),
        (with("/config/size", 1.5.into()), "1.5"),
        (with("/config/size", u64::MAX.into()), "larger than any"),
        (with("/config/size", 3.into()), "has 3 bytes; it has 2"),
        (with("/layers/0/size", 7.into()), "has 7 bytes; it has 1"),
        (without("/layers/0/digest"), "missing field `digest`"),
        (with("/layers/0/digest", "sha256:x".into()), "layers[0]"),
        (with("/layers/0/mediaType", "".into()), "media type"),
        (
            with("/artifactType", "a".repeat(256).into()),
            "artifactType of at most 255 characters, found 256",
        ),
        (with("/layers/0/mediaType", "a/b\nc".into()), "media type"),
        (with("/layers/0/data", "%".into()), "base64"),
        (
            with("/layers/0/data", STANDARD.encode("ab").into()),
            "2 bytes",
        ),
        (
            with("/layers/0/data", STANDARD.encode("b").into()),
            "digest",
        ),
        (
            with(
                "/subject",
                json!({ "mediaType": MANIFEST, "digest": other }),
            ),
            "missing field `size`",
        ),
        (b"{\"schemaVersion\":2}".to_vec(), "config is missing"),
        (b"[]".to_vec(), "not the JSON of a manifest"),
    ];
    assert_refused(&registry, MANIFEST, cases).await;
    let data = with("/layers/0/data", STANDARD.encode("a").into());
    let response = registry
        .push_manifest(REPOSITORY, "v1", MANIFEST, data)
        .await;
    assert_eq!(response.status(), StatusCode::CREATED, "data that is right");
    registry.stop().await;
}

#[tokio::test]
async fn refuses_indexes_with_wrong_parts() {
    let registry = Registry::start().await;
    let manifest = artifact(&registry, "a", json!({})).await.to_string();
    let digest = Digest::of(manifest.as_bytes());
    let size = manifest.len();
    registry
        .push_manifest(REPOSITORY, &digest.to_string(), MANIFEST, manifest)
        .await;
    let index = |key: &str, value: Value| {
        let listed = json!([{ "mediaType": MANIFEST, "digest": digest, "size": size }]);
        let mut index = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": listed,
        });
        index[key] = value;
        index.to_string().into_bytes()
    };
    let descriptor = json!({ "mediaType": "x/y", "digest": digest, "size": size });
    let wrong_size = json!([{ "mediaType": MANIFEST, "digest": digest, "size": 1 }]);
    let cases = vec![
        (index("manifests", Value::Null), "manifests is missing"),
        (index("layers", json!([])), "layers does not belong"),
        (index("config", descriptor), "config does not belong"),
        (index("manifests", wrong_size), "has 1 bytes"),
    ];
    assert_refused(&registry, media_type::OCI_INDEX, cases).await;
    registry.stop().await;
}

#[tokio::test]
async fn only_manifests_are_manifests() {
    let registry = Registry::start().await;
    for media_type in [
        "text/html",
        "application/json",
        "application/octet-stream",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ] {
        let mut manifest = artifact(&registry, "a", json!({})).await;
        manifest["mediaType"] = media_type.into();
        let response = registry
            .push_manifest(REPOSITORY, "v1", media_type, manifest.to_string())
            .await;
        assert_oci_error(response, StatusCode::BAD_REQUEST, "MANIFEST_INVALID").await;
    }
    for media_type in [MANIFEST, media_type::DOCKER_MANIFEST] {
        let mut manifest = artifact(&registry, media_type, json!({})).await;
        manifest["mediaType"] = media_type.into();
        let bytes = manifest.to_string();
        let reference = Digest::of(bytes.as_bytes()).to_string();
        let response = registry
            .push_manifest(REPOSITORY, &reference, media_type, bytes)
            .await;
        assert_eq!(response.status(), StatusCode::CREATED, "{media_type}");
        let path = format!("/v2/{REPOSITORY}/manifests/{reference}");
        let response = registry.get(&path).await;
        assert_eq!(response.headers()["content-type"], media_type);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    registry.stop().await;
}
