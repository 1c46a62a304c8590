//! Content that was damaged on the registry's disk: it is never passed on as whole, and a push that
//! begins as clients begin it, by asking what is there, heals it.

use std::path::PathBuf;

use bulla_schemas::{Digest, media_type};
use reqwest::header::RANGE;
use reqwest::{Method, StatusCode};

use crate::program::run;
use crate::support::{BILLING, Registry, assert_oci_error, blob, bundle, header};

const REPOSITORY: &str = "acme/tool";

fn stored(registry: &Registry, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    let folder = registry.data.path().join("blobs/sha256").join(&hex[..2]);
    folder.join(hex)
}

#[tokio::test]
async fn never_serves_damaged_content_to_its_end_and_takes_it_again() {
    let content = vec![7; 700 * 1024];
    let flipped = {
        let mut content = content.clone();
        content[3] = 8;
        content
    };
    for damaged in [flipped, content[..1000].to_vec(), Vec::new()] {
        let registry = Registry::start().await;
        let digest = registry.push_blob(REPOSITORY, &content).await;
        let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
        std::fs::write(stored(&registry, &digest), &damaged).unwrap();
        let received = registry.get(&path).await.bytes().await;
        assert!(damaged.is_empty() || received.is_err(), "cut off");
        if damaged.is_empty() {
            // An empty answer has no last byte to keep back.
            std::fs::write(stored(&registry, &digest), b"x").unwrap();
            assert!(registry.get(&path).await.bytes().await.is_err());
        }
        let response = registry.head(&path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "so it is pushed");
        let mount = format!("/v2/acme/other/blobs/uploads/?mount={digest}&from={REPOSITORY}");
        let response = registry.post(&mount).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED, "not mounted");
        let aside = registry
            .data
            .path()
            .join("damaged/sha256")
            .join(digest.hex());
        assert!(aside.is_file(), "kept for the operator");
        registry.push_blob(REPOSITORY, &content).await;
        let received = registry.get(&path).await.bytes().await.unwrap();
        assert_eq!(received, content);
        registry.stop().await;
    }
}

#[tokio::test]
async fn a_range_of_damaged_content_breaks_off_and_it_is_pushed_again() {
    let registry = Registry::start().await;
    let content = vec![7; 700 * 1024];
    let digest = registry.push_blob(REPOSITORY, &content).await;
    let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
    let part = async || {
        let request = registry.request(Method::GET, &path);
        let response = request.header(RANGE, "bytes=1000-1999").send().await;
        response.unwrap().bytes().await
    };
    assert_eq!(part().await.unwrap(), content[1000..2000]);
    let mut damaged = content.clone();
    damaged[3] = 8;
    std::fs::write(stored(&registry, &digest), &damaged).unwrap();
    assert!(part().await.is_err());
    let response = registry.head(&path).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND, "so it is pushed");
    registry.push_blob(REPOSITORY, &content).await;
    assert_eq!(part().await.unwrap(), content[1000..2000]);
    registry.stop().await;
}

#[tokio::test]
async fn reindex_says_what_is_missing() {
    let registry = Registry::start().await;
    let bundle = bundle("one");
    registry.push_bundle(BILLING, &bundle).await;
    let alone = registry.push_blob(REPOSITORY, b"alone").await;
    let part = Digest::of(&blob(&bundle, 0));
    let paths = [&part, &alone].map(|digest| stored(&registry, digest));
    let data = registry.stop().await;
    let reindex = |status: i32| {
        let output = run(&["reindex"], data.path());
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
        text
    };
    let text = reindex(0);
    assert!(!text.contains("missing"), "{text}");
    let kept = paths.each_ref().map(|path| std::fs::read(path).unwrap());
    std::fs::write(&paths[0], b"short").unwrap();
    std::fs::remove_file(&paths[1]).unwrap();
    let text = reindex(1);
    for sentence in [
        format!(
            "warning: {BILLING}: {part} of {} is missing\n",
            bundle.hash()
        ),
        format!("warning: {REPOSITORY}: {alone} is missing\n"),
        "the index is rebuilt, but 2 blobs or manifests are missing\n".to_owned(),
        "publish or import these releases again".to_owned(),
    ] {
        assert!(text.contains(&sentence), "{sentence:?} in {text}");
    }
    for (path, content) in paths.iter().zip(kept) {
        std::fs::write(path, content).unwrap();
    }
    // A manifest of which only the record is left.
    let digest = bundle.hash();
    let folder = data.path().join("blobs/sha256").join(&digest.hex()[..2]);
    std::fs::remove_file(folder.join(digest.hex())).unwrap();
    let text = reindex(1);
    let sentence = format!("warning: {BILLING}: {digest} is missing\n");
    assert!(text.contains(&sentence), "{text}");
    assert!(text.contains("1 blob or manifest is missing\n"), "{text}");
}

#[tokio::test]
async fn a_push_replaces_what_is_stored_under_its_digest() {
    let registry = Registry::start().await;
    let digest = registry.push_blob(REPOSITORY, b"content").await;
    std::fs::write(stored(&registry, &digest), b"tnetnoc").unwrap();
    registry.push_blob(REPOSITORY, b"content").await;
    let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
    assert_eq!(registry.get(&path).await.bytes().await.unwrap(), "content");
    registry.stop().await;
}

#[tokio::test]
async fn a_bundle_whose_stored_part_is_damaged_says_which_and_is_admitted_the_next_time() {
    let registry = Registry::start().await;
    let bundle = bundle("one");
    for position in 0..4 {
        let content = blob(&bundle, position);
        let digest = registry.push_blob(BILLING, &content).await;
        let mut damaged = content.clone();
        damaged[0] ^= 1;
        std::fs::write(stored(&registry, &digest), &damaged).unwrap();
        for position in 0..4 {
            let content = blob(&bundle, position);
            let other = Digest::of(&content);
            let path = format!("/v2/{BILLING}/blobs/{other}");
            if registry.head(&path).await.status() == StatusCode::NOT_FOUND {
                registry.push_blob(BILLING, &content).await;
            }
        }
        let push = async || {
            let hash = bundle.hash().to_string();
            registry
                .push_manifest(
                    BILLING,
                    &hash,
                    media_type::OCI_MANIFEST,
                    bundle.manifest_bytes(),
                )
                .await
        };
        let response = push().await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let text = response.text().await.unwrap();
        assert!(text.contains("MANIFEST_BLOB_UNKNOWN"), "{text}");
        assert!(text.contains(&digest.to_string()), "{text}");
        assert!(text.contains("push it again"), "{text}");
        let path = format!("/v2/{BILLING}/blobs/{digest}");
        let response = registry.head(&path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        registry.push_blob(BILLING, &content).await;
        let response = push().await;
        assert_eq!(
            header(&response, "docker-content-digest"),
            bundle.hash().to_string()
        );
        assert_eq!(response.status(), StatusCode::CREATED);
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_damaged_manifest_is_not_served_and_is_taken_again() {
    let registry = Registry::start().await;
    let manifest = crate::manifests::artifact(&registry, "a", serde_json::json!({})).await;
    let bytes = manifest.to_string();
    let digest = Digest::of(bytes.as_bytes());
    let push = async || {
        registry
            .push_manifest(REPOSITORY, "v1", media_type::OCI_MANIFEST, bytes.clone())
            .await
    };
    assert_eq!(push().await.status(), StatusCode::CREATED);
    std::fs::write(stored(&registry, &digest), bytes.replace('a', "b")).unwrap();
    let path = format!("/v2/{REPOSITORY}/manifests/v1");
    assert!(registry.get(&path).await.bytes().await.is_err());
    let response = registry.get(&path).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    assert_eq!(push().await.status(), StatusCode::CREATED);
    assert_eq!(registry.get(&path).await.text().await.unwrap(), bytes);
    registry.stop().await;
}
