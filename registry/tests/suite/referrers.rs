//! What refers to a manifest.

use bulla_schemas::{Digest, media_type};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::manifests::{MANIFEST, REPOSITORY, artifact};
use crate::support::{Registry, assert_oci_error, header};

#[tokio::test]
async fn lists_what_refers_to_a_manifest() {
    let registry = Registry::start().await;
    let subject = Digest::of(b"not pushed yet");
    let path = format!("/v2/{REPOSITORY}/referrers/{subject}");
    let response = registry.get(&path).await;
    assert_eq!(
        response.status(),
        StatusCode::OK,
        "also where there is nothing"
    );
    assert_eq!(header(&response, "content-type"), media_type::OCI_INDEX);
    let index: Value = response.json().await.unwrap();
    assert_eq!(
        index,
        json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [] })
    );

    let about = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
    let signature = artifact(
        &registry,
        "signature",
        json!({ "subject": about, "annotations": { "a": "1", "b": "2" } }),
    )
    .await
    .to_string();
    let mut plain = artifact(&registry, "plain", json!({ "subject": about })).await;
    plain.as_object_mut().unwrap().remove("artifactType");
    for bytes in [signature.clone(), plain.to_string()] {
        let reference = Digest::of(bytes.as_bytes()).to_string();
        let response = registry
            .push_manifest(REPOSITORY, &reference, MANIFEST, bytes)
            .await;
        assert_eq!(header(&response, "oci-subject"), subject.to_string());
    }
    let index: Value = registry.json(&path).await;
    let kinds: Vec<_> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["artifactType"].as_str().unwrap())
        .collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.contains(&media_type::OCI_EMPTY), "the config's type");
    let response = registry
        .get(&format!("{path}?artifactType=application/vnd.example.v1"))
        .await;
    assert_eq!(header(&response, "oci-filters-applied"), "artifactType");
    let index: Value = response.json().await.unwrap();
    assert_eq!(
        index["manifests"],
        json!([{
            "mediaType": MANIFEST,
            "digest": Digest::of(signature.as_bytes()),
            "size": signature.len(),
            "artifactType": "application/vnd.example.v1",
            "annotations": { "a": "1", "b": "2" },
        }])
    );
    let bad = registry.get(&format!("/v2/{REPOSITORY}/referrers/x")).await;
    assert_oci_error(bad, StatusCode::BAD_REQUEST, "DIGEST_INVALID").await;
    registry.stop().await;
}

#[tokio::test]
async fn an_answer_is_short_however_long_the_annotations_are() {
    const EACH: usize = 200 * 1024;
    let registry = Registry::start().await;
    let subject = Digest::of(b"signed often");
    let about = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
    let mut pushed = Vec::new();
    for number in 0..7 {
        let extra = json!({
            "subject": about,
            "annotations": { "n": number.to_string(), "long": "y".repeat(EACH) },
        });
        let bytes = artifact(&registry, "a", extra).await.to_string();
        let digest = Digest::of(bytes.as_bytes()).to_string();
        let response = registry
            .push_manifest(REPOSITORY, &digest, MANIFEST, bytes)
            .await;
        assert_eq!(response.status(), StatusCode::CREATED);
        pushed.push(digest);
    }
    pushed.sort_unstable();
    let kind = "artifactType=application/vnd.example.v1";
    let mut next = Some(format!("/v2/{REPOSITORY}/referrers/{subject}?{kind}"));
    let (mut listed, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let response = registry.get(&path).await;
        let link = header(&response, "link").to_owned();
        next = link
            .strip_prefix('<')
            .map(|link| link[..link.find('>').unwrap()].to_owned());
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.len() < 3 * EACH, "{} bytes", bytes.len());
        let index: Value = serde_json::from_slice(&bytes).unwrap();
        for manifest in index["manifests"].as_array().unwrap() {
            assert_eq!(manifest["annotations"]["long"], "y".repeat(EACH));
            listed.push(manifest["digest"].as_str().unwrap().to_owned());
        }
        pages += 1;
    }
    assert_eq!(listed, pushed, "each once, in order");
    assert_eq!(pages, 4);
    registry.stop().await;
}
