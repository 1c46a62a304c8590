//! Deltas that are sent in place of the blobs of a new bundle.

use bulla_bundle::{Bundle, DeltaPlan, DeltaWriter, MemoryTree, Part};
use bulla_registry::Scope;
use bulla_schemas::{Digest, media_type};
use reqwest::{Method, Response, StatusCode};

use super::{BILLING, OTHER, delta, parts, project, push, read};
use crate::frames::noise;
use crate::support::{Registry, assert_oci_error, blob, bundle_of, bundle_of_noise, write_at};

const BEFORE: &str = "one line as it was, of forty characters.";
const AFTER: &str = "the same line as it is now";

/// The delta that a client makes of its own bundles.
fn made(have: &Bundle, want: &Bundle) -> Vec<u8> {
    let (from, to) = (parts(have), parts(want));
    let mut writer = DeltaWriter::new(&from, &to);
    for piece in DeltaPlan::new(&from, &to).pieces() {
        let position = if piece.part() == Part::Index { 2 } else { 1 };
        let cut = |bundle: &Bundle, span: std::ops::Range<u64>| {
            let [start, end] = [span.start, span.end].map(|at| usize::try_from(at).unwrap());
            blob(bundle, position)[start..end].to_vec()
        };
        let run = cut(have, piece.from_span());
        writer
            .push(piece, &run, &cut(want, piece.frame().span()))
            .unwrap();
    }
    writer.finish().unwrap()
}

async fn send(
    registry: &Registry,
    name: &str,
    have: Digest,
    want: Digest,
    delta: Vec<u8>,
) -> Response {
    let path = format!("/v2/{name}/_bulla/delta?have={have}&want={want}");
    registry
        .request(Method::PUT, &path)
        .body(delta)
        .send()
        .await
        .unwrap()
}

async fn push_manifest(registry: &Registry, bundle: &Bundle) -> StatusCode {
    let hash = bundle.hash().to_string();
    let manifest = bundle.manifest_bytes();
    let pushed = registry.push_manifest(BILLING, &hash, media_type::OCI_MANIFEST, manifest);
    pushed.await.status()
}

async fn assert_has(registry: &Registry, bundle: &Bundle) {
    for position in 0..4 {
        let content = blob(bundle, position);
        let path = format!("/v2/{BILLING}/blobs/{}", Digest::of(&content));
        let served = registry.get(&path).await.bytes().await.unwrap();
        assert!(served == content, "blob {position}");
    }
}

#[tokio::test]
async fn a_bundle_is_pushed_with_less_than_2_kb_of_blobs() {
    let registry = Registry::start().await;
    let (have, want) = (project(BILLING, BEFORE), project(BILLING, AFTER));
    push(&registry, BILLING, &have).await;
    let sent = made(&have, &want);
    assert!(sent.len() < 2_000, "{} bytes", sent.len());
    let response = send(&registry, BILLING, have.hash(), want.hash(), sent.clone()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_has(&registry, &want).await;
    assert_eq!(push_manifest(&registry, &want).await, StatusCode::CREATED);
    // A client that lost the answer says it again.
    let response = send(&registry, BILLING, have.hash(), want.hash(), sent).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    read(delta(&registry, &have, &want).await, &have, &want);
    registry.stop().await;
}

#[tokio::test]
async fn small_and_large_bundles_are_put_together_as_their_pushes_would() {
    let registry = Registry::start().await;
    for (have, want) in [
        (bundle_of(BILLING, "one"), bundle_of(BILLING, "two")),
        (
            bundle_of_noise(BILLING, "one"),
            bundle_of_noise(BILLING, "two"),
        ),
    ] {
        push(&registry, BILLING, &have).await;
        let sent = made(&have, &want);
        let response = send(&registry, BILLING, have.hash(), want.hash(), sent).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_has(&registry, &want).await;
        assert_eq!(push_manifest(&registry, &want).await, StatusCode::CREATED);
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_delta_that_lies_stores_nothing() {
    let registry = Registry::start().await;
    let (have, want) = (project(BILLING, BEFORE), project(BILLING, AFTER));
    let other = project(BILLING, "a line of the other side");
    push(&registry, BILLING, &have).await;
    let sent = made(&have, &want);
    let cut = sent[..sent.len() - 1].to_vec();
    let more = [&sent[..], b"x"].concat();
    for (want, delta) in [
        (want.hash(), cut),
        (want.hash(), more),
        (want.hash(), Vec::new()),
        (want.hash(), b"no delta at all".to_vec()),
        (other.hash(), sent.clone()),
    ] {
        let response = send(&registry, BILLING, have.hash(), want, delta).await;
        assert_oci_error(response, StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID").await;
    }
    // A frame that is neither there nor sent.
    let (from, to) = (parts(&have), parts(&want));
    let empty = DeltaWriter::new(&from, &to).finish().unwrap();
    let response = send(&registry, BILLING, have.hash(), want.hash(), empty).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    assert_ne!(push_manifest(&registry, &want).await, StatusCode::CREATED);
    let uploads = std::fs::read_dir(registry.data.path().join("uploads")).unwrap();
    assert_eq!(uploads.count(), 0);
    registry.stop().await;
}

#[tokio::test]
async fn a_delta_that_takes_too_much_work_to_read_is_refused() {
    let registry = Registry::start().await;
    // Every frame is another one, and each is compressed again at a level that takes long.
    let edited = |line: &str| {
        let mut tree = MemoryTree::default();
        for number in 0..200 {
            let mut text = const_hex::encode(noise(number, 7_500));
            text.replace_range(9_000..9_040, line);
            tree = tree.file(&format!("src/{number:03}.txt"), text).unwrap();
        }
        write_at(19, BILLING, &tree)
    };
    let (have, want) = (edited(BEFORE), edited(AFTER));
    push(&registry, BILLING, &have).await;
    let sent = made(&have, &want);
    let response = send(&registry, BILLING, have.hash(), want.hash(), sent).await;
    assert_oci_error(response, StatusCode::UNPROCESSABLE_ENTITY, "UNSUPPORTED").await;
    registry.stop().await;
}

#[tokio::test]
async fn a_delta_leads_nowhere_but_from_the_project_into_it() {
    let registry = Registry::start().await;
    let (have, want) = (project(BILLING, BEFORE), project(BILLING, AFTER));
    let foreign = project(OTHER, AFTER);
    push(&registry, BILLING, &have).await;
    let sent = made(&have, &foreign);
    let response = send(&registry, BILLING, have.hash(), foreign.hash(), sent).await;
    assert_oci_error(response, StatusCode::BAD_REQUEST, "MANIFEST_INVALID").await;
    let sent = made(&have, &want);
    let response = send(&registry, OTHER, have.hash(), want.hash(), sent.clone()).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    let path = format!(
        "/v2/{BILLING}/_bulla/delta?have={}&want={}",
        have.hash(),
        want.hash()
    );
    for scope in [Scope::Pull, Scope::Push] {
        let token = registry.token(&[scope], &[BILLING]).await;
        let request = registry.plain(Method::PUT, &path).bearer_auth(token);
        let response = request.body(sent.clone()).send().await.unwrap();
        assert_oci_error(response, StatusCode::FORBIDDEN, "DENIED").await;
    }
    registry.stop().await;
}
