//! Deltas between bundles that were pushed.

mod sent;

use bulla_bundle::{
    Bundle, Delta, DeltaDocuments, Limits, MemoryTree, Part, UnverifiedBundle, VerifiedParts,
};
use bulla_registry::Scope;
use bulla_schemas::api::DeltaRequest;
use bulla_schemas::{Digest, media_type};
use reqwest::{Method, Response, StatusCode};

use crate::frames::noise;
use crate::support::{BILLING, Registry, assert_oci_error, blob, bundle_of, header, write};

const OTHER: &str = "acme/other";

/// A tree of 3 MB of text in which one line says `line`.
fn project(name: &str, line: &str) -> Bundle {
    let mut tree = MemoryTree::default();
    for number in 0..200 {
        let mut text = const_hex::encode(noise(number, 7_500));
        if number == 77 {
            text.replace_range(9_000..9_040, line);
        }
        tree = tree.file(&format!("src/{number:03}.txt"), text).unwrap();
    }
    write(name, &tree)
}

fn parts(bundle: &Bundle) -> VerifiedParts {
    let unverified = UnverifiedBundle {
        hash: bundle.hash(),
        manifest: bundle.manifest_bytes().to_vec(),
    };
    let manifest = unverified.verify_manifest(&Limits::default()).unwrap();
    manifest
        .verify_parts(blob(bundle, 0), blob(bundle, 3))
        .unwrap()
}

async fn push(registry: &Registry, name: &str, bundle: &Bundle) {
    let response = registry.push_bundle(name, bundle).await;
    assert_eq!(response.status(), StatusCode::CREATED);
}

async fn ask(registry: &Registry, project: &str, have: Digest, want: Digest) -> Response {
    let path = format!("/v2/{project}/_bulla/delta");
    let request = registry.request(Method::POST, &path);
    request
        .json(&DeltaRequest { have, want })
        .send()
        .await
        .unwrap()
}

async fn delta(registry: &Registry, have: &Bundle, want: &Bundle) -> bytes::Bytes {
    let response = ask(registry, BILLING, have.hash(), want.hash()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-type"), media_type::DELTA);
    response.bytes().await.unwrap()
}

/// Reads a delta to its last piece, with the dictionaries of the bundle that is there.
fn read(delta: bytes::Bytes, have: &Bundle, want: &Bundle) -> Delta {
    let from = parts(have);
    let documents = DeltaDocuments::read(delta, &from, want.hash(), &Limits::default());
    let delta = documents.unwrap().verify(&from, None).unwrap();
    for received in &delta.pieces {
        let piece = received.piece();
        let position = if piece.part() == Part::Index { 2 } else { 1 };
        let span = piece.from_span();
        let blob = blob(have, position);
        let run = &blob[usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()];
        received.decode(&zstd::decode_all(run).unwrap()).unwrap();
    }
    delta
}

#[tokio::test]
async fn a_changed_line_of_a_project_of_3_mb_costs_less_than_2_kb() {
    let registry = Registry::start().await;
    let have = project(BILLING, "one line as it was, of forty characters.");
    let want = project(BILLING, "the same line as it is now");
    push(&registry, BILLING, &have).await;
    push(&registry, BILLING, &want).await;
    let forth = delta(&registry, &have, &want).await;
    assert!(forth.len() < 2_000, "{} bytes", forth.len());
    let read_delta = read(forth.clone(), &have, &want);
    assert_eq!(read_delta.parts.hash(), want.hash());
    assert!(read_delta.pieces.len() >= 2);
    // The same again, and the way back.
    assert_eq!(delta(&registry, &have, &want).await, forth);
    read(delta(&registry, &want, &have).await, &want, &have);
    let data = registry.stop().await;
    // After a restart too, when none is kept.
    let registry = Registry::start_in(data, bulla_registry::Settings::default()).await;
    assert_eq!(delta(&registry, &have, &want).await, forth);
    registry.stop().await;
}

#[tokio::test]
async fn only_bundles_of_the_project_have_deltas() {
    let registry = Registry::start().await;
    let (have, want) = (bundle_of(BILLING, "one"), bundle_of(BILLING, "two"));
    let foreign = bundle_of(OTHER, "three");
    push(&registry, BILLING, &have).await;
    push(&registry, BILLING, &want).await;
    push(&registry, OTHER, &foreign).await;
    let unknown = Digest::of(b"no bundle");
    let blob_of_it = have.manifest().config.digest;
    for (project, have, want) in [
        (BILLING, have.hash(), unknown),
        (BILLING, unknown, want.hash()),
        (BILLING, have.hash(), foreign.hash()),
        (BILLING, foreign.hash(), want.hash()),
        (OTHER, have.hash(), want.hash()),
        ("acme/none", have.hash(), want.hash()),
        (BILLING, have.hash(), blob_of_it),
    ] {
        let response = ask(&registry, project, have, want).await;
        assert_oci_error(response, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    }
    assert!(!delta(&registry, &have, &want).await.is_empty());
    registry.stop().await;
}

#[tokio::test]
async fn an_image_has_no_deltas() {
    let registry = Registry::start().await;
    let config = registry.push_blob(BILLING, b"{}").await;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{0}","config":{{"mediaType":"application/json","digest":"{config}","size":2}},"layers":[]}}"#,
        media_type::OCI_MANIFEST
    );
    let pushed = registry
        .push_manifest(BILLING, "image", media_type::OCI_MANIFEST, manifest.clone())
        .await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let hash = Digest::of(manifest.as_bytes());
    let response = ask(&registry, BILLING, hash, hash).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn who_may_read_the_project_may_ask_and_nobody_else() {
    let registry = Registry::start().await;
    let (have, want) = (bundle_of(BILLING, "one"), bundle_of(BILLING, "two"));
    push(&registry, BILLING, &have).await;
    push(&registry, BILLING, &want).await;
    let body = DeltaRequest {
        have: have.hash(),
        want: want.hash(),
    };
    let path = format!("/v2/{BILLING}/_bulla/delta");
    let reader = registry.token(&[Scope::Pull], &[BILLING]).await;
    let writer = registry.token(&[Scope::Push], &[BILLING]).await;
    let stranger = registry.token(&[Scope::Pull], &[OTHER]).await;
    for (token, status) in [
        (reader, StatusCode::OK),
        (writer, StatusCode::FORBIDDEN),
        (stranger, StatusCode::FORBIDDEN),
    ] {
        let request = registry.plain(Method::POST, &path).bearer_auth(token);
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.status(), status);
    }
    let request = registry.plain(Method::POST, &path).json(&body);
    let status = request.send().await.unwrap().status();
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    registry.stop().await;
}

#[tokio::test]
async fn what_asks_for_no_delta_is_refused() {
    let registry = Registry::start().await;
    let path = format!("/v2/{BILLING}/_bulla/delta");
    for body in ["", "{}", r#"{"have": "sha256:1", "want": "sha256:2"}"#] {
        let request = registry.request(Method::POST, &path).body(body);
        let response = request.send().await.unwrap();
        assert_oci_error(response, StatusCode::BAD_REQUEST, "UNSUPPORTED").await;
    }
    let request = registry
        .request(Method::POST, &path)
        .body(vec![b' '; 5_000]);
    let response = request.send().await.unwrap();
    assert_oci_error(response, StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID").await;
    let response = registry.get(&path).await;
    assert_eq!(header(&response, "allow"), "POST, PUT");
    assert_oci_error(response, StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED").await;
    registry.stop().await;
}

#[tokio::test]
async fn a_delta_that_takes_too_much_work_is_refused() {
    let registry = Registry::start().await;
    let large = |byte: u8| {
        let tree = MemoryTree::default().file("zeros", vec![byte; 60 << 20]);
        write(BILLING, &tree.unwrap())
    };
    let (have, want) = (large(0), large(1));
    push(&registry, BILLING, &have).await;
    push(&registry, BILLING, &want).await;
    let response = ask(&registry, BILLING, have.hash(), want.hash()).await;
    assert_oci_error(response, StatusCode::UNPROCESSABLE_ENTITY, "UNSUPPORTED").await;
    registry.stop().await;
}

#[tokio::test]
async fn a_damaged_frame_is_in_no_delta_and_healed_by_a_push() {
    let registry = Registry::start_over_files(bulla_registry::Settings::default()).await;
    let have = project(BILLING, "one line as it was, of forty characters.");
    let want = project(BILLING, "the same line as it is now");
    push(&registry, BILLING, &have).await;
    push(&registry, BILLING, &want).await;
    for pack in std::fs::read_dir(registry.data.path().join("packs")).unwrap() {
        let pack = pack.unwrap().path();
        let mut bytes = std::fs::read(&pack).unwrap();
        bytes.iter_mut().skip(100).for_each(|byte| *byte ^= 1);
        std::fs::write(&pack, bytes).unwrap();
    }
    let response = ask(&registry, BILLING, have.hash(), want.hash()).await;
    assert_oci_error(response, StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN").await;
    push(&registry, BILLING, &have).await;
    push(&registry, BILLING, &want).await;
    read(delta(&registry, &have, &want).await, &have, &want);
    registry.stop().await;
}

#[tokio::test]
async fn many_clients_get_the_same_delta_at_once() {
    let registry = Registry::start().await;
    let have = project(BILLING, "one line as it was, of forty characters.");
    let want = project(BILLING, "the same line as it is now");
    push(&registry, BILLING, &have).await;
    push(&registry, BILLING, &want).await;
    let asked = (0..24).map(|_| delta(&registry, &have, &want));
    let deltas = futures_util::future::join_all(asked).await;
    assert!(deltas.iter().all(|delta| *delta == deltas[0]));
    read(deltas[0].clone(), &have, &want);
    registry.stop().await;
}
