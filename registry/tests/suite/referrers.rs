//! Long lists of what refers to a manifest.

use bulla_schemas::Digest;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::manifests::{MANIFEST, REPOSITORY, artifact};
use crate::support::{Registry, header};

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
