//! Repositories whose tags move and whose content is deleted, as the operator says.

use std::process::Command;
use std::time::Duration;

use bulla_registry::{Scope, Settings};
use bulla_schemas::{Digest, media_type};
use bulla_trust::testing::{Organisation, log_key};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::frames::frames;
use crate::frames::missing::missing;
use crate::manifests::{MANIFEST, REPOSITORY, artifact};
use crate::program::{Program, run};
use crate::support::{BILLING, Registry, assert_oci_error, bundle, header, stored};

/// A registry whose repositories are all mutable.
pub(crate) async fn mutable() -> Registry {
    Registry::start_with(everything()).await
}

fn everything() -> Settings {
    Settings {
        mutable: vec!["*".parse().unwrap()],
        ..Settings::default()
    }
}

pub(crate) async fn delete(registry: &Registry, path: &str) -> Response {
    let request = registry.request(Method::DELETE, path);
    request.send().await.unwrap()
}

pub(crate) fn manifest_path(reference: &str) -> String {
    format!("/v2/{REPOSITORY}/manifests/{reference}")
}

pub(crate) fn blob_path(digest: &str) -> String {
    format!("/v2/{REPOSITORY}/blobs/{digest}")
}

/// Pushes an artifact under its digest and `tag`, and returns the digest.
pub(crate) async fn push(registry: &Registry, tag: &str, layer: &str, extra: Value) -> String {
    let bytes = artifact(registry, layer, extra).await.to_string();
    let pushed = registry.push_manifest(REPOSITORY, tag, MANIFEST, bytes);
    let pushed = pushed.await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    header(&pushed, "docker-content-digest").to_owned()
}

async fn status(registry: &Registry, path: &str) -> StatusCode {
    registry.head(path).await.status()
}

#[tokio::test]
async fn a_tag_moves_and_goes_and_its_manifests_stay() {
    let registry = mutable().await;
    let one = push(&registry, "latest", "one", json!({})).await;
    let two = push(&registry, "latest", "two", json!({})).await;
    let tagged = registry.head(&manifest_path("latest")).await;
    assert_eq!(header(&tagged, "docker-content-digest"), two);
    let deleted = delete(&registry, &manifest_path("latest")).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    let gone = registry.get(&manifest_path("latest")).await;
    assert_oci_error(gone, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    let again = delete(&registry, &manifest_path("latest")).await;
    assert_oci_error(again, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    for digest in [&one, &two] {
        assert_eq!(status(&registry, &manifest_path(digest)).await, 200);
    }
    let tags: Value = registry.json(&format!("/v2/{REPOSITORY}/tags/list")).await;
    assert_eq!(tags["tags"], json!([]));
    registry.stop().await;
}

#[tokio::test]
async fn a_manifest_goes_with_its_tags_and_out_of_the_lists_of_referrers() {
    let registry = mutable().await;
    let subject = push(&registry, "v1", "subject", json!({})).await;
    let about = json!({ "mediaType": MANIFEST, "digest": subject, "size": 1 });
    let signature = push(&registry, "sig", "signature", json!({ "subject": about })).await;
    let bytes = registry
        .get(&manifest_path("sig"))
        .await
        .text()
        .await
        .unwrap();
    let again = registry.push_manifest(REPOSITORY, "sig2", MANIFEST, bytes);
    assert_eq!(again.await.status(), StatusCode::CREATED);
    let referrers = format!("/v2/{REPOSITORY}/referrers/{subject}");
    let listed: Value = registry.json(&referrers).await;
    assert_eq!(listed["manifests"][0]["digest"], signature.as_str());

    // What is about a manifest stays when that goes.
    let deleted = delete(&registry, &manifest_path(&subject)).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    assert_eq!(registry.json::<Value>(&referrers).await, listed);
    let deleted = delete(&registry, &manifest_path(&signature)).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    for reference in ["v1", "sig", "sig2", &subject, &signature] {
        assert_eq!(status(&registry, &manifest_path(reference)).await, 404);
    }
    assert_eq!(status(&registry, &blob_path(&signature)).await, 404);
    let listed: Value = registry.json(&referrers).await;
    assert_eq!(listed["manifests"], json!([]));
    let again = delete(&registry, &manifest_path(&signature)).await;
    assert_oci_error(again, StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn what_is_named_goes_after_what_names_it() {
    let registry = mutable().await;
    let one = push(&registry, "one", "one", json!({})).await;
    let size = header(&registry.head(&manifest_path(&one)).await, "content-length").parse::<u64>();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": [{ "mediaType": MANIFEST, "digest": one, "size": size.unwrap() }],
    });
    let pushed =
        registry.push_manifest(REPOSITORY, "all", media_type::OCI_INDEX, index.to_string());
    let index = header(&pushed.await, "docker-content-digest").to_owned();
    let blob = Digest::of(b"one").to_string();
    for (path, named_by, allow) in [
        (blob_path(&blob), &one, "GET, HEAD"),
        (manifest_path(&one), &index, "GET, HEAD, PUT"),
    ] {
        let refused = delete(&registry, &path).await;
        assert_eq!(header(&refused, "allow"), allow);
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        let body: Value = refused.json().await.unwrap();
        let message = body["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(named_by.as_str()), "{message}");
    }
    for path in [
        manifest_path(&index),
        manifest_path(&one),
        blob_path(&blob),
        blob_path(&Digest::of(b"{}").to_string()),
    ] {
        let deleted = delete(&registry, &path).await;
        assert_eq!(deleted.status(), StatusCode::ACCEPTED, "{path}");
        assert_eq!(status(&registry, &path).await, 404, "{path}");
    }
    // Nothing is left of the repository.
    let tags = registry.get(&format!("/v2/{REPOSITORY}/tags/list")).await;
    assert_oci_error(tags, StatusCode::NOT_FOUND, "NAME_UNKNOWN").await;
    registry.stop().await;
}

#[tokio::test]
async fn a_blob_goes_from_one_repository_and_stays_in_the_others() {
    let registry = mutable().await;
    let content = frames(&[1, 2, 3]);
    let digest = registry.push_blob(REPOSITORY, &content).await;
    registry.push_blob("acme/other", &content).await;
    let path = blob_path(&digest.to_string());
    let deleted = delete(&registry, &path).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    let gone = registry.get(&path).await;
    assert_oci_error(gone, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    let again = delete(&registry, &path).await;
    assert_oci_error(again, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    let other = registry
        .get(&format!("/v2/acme/other/blobs/{digest}"))
        .await;
    assert!(other.bytes().await.unwrap() == content);
    let mount = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=acme/other");
    let mounted = registry.post(&mount).await;
    assert_eq!(mounted.status(), StatusCode::CREATED);
    assert_eq!(status(&registry, &path).await, 200);
    registry.stop().await;
}

#[tokio::test]
async fn frames_of_a_deleted_blob_must_be_sent_again_unless_another_one_has_them() {
    let registry = mutable().await;
    let digest = registry.push_blob(REPOSITORY, &frames(&[1, 2, 3])).await;
    registry.push_blob(REPOSITORY, &frames(&[3, 4, 5])).await;
    registry.push_blob("acme/other", &frames(&[1, 2, 3])).await;
    assert_eq!(
        missing(&registry, REPOSITORY, &[1, 2, 3, 4]).await,
        [] as [usize; 0]
    );
    let deleted = delete(&registry, &blob_path(&digest.to_string())).await;
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    assert_eq!(missing(&registry, REPOSITORY, &[1, 2, 3, 4]).await, [0, 1]);
    registry.stop().await;
}

#[tokio::test]
async fn other_repositories_keep_everything() {
    let registry = Registry::start_with(Settings {
        mutable: vec!["acme/mirror".parse().unwrap(), "mirror/*".parse().unwrap()],
        ..Settings::default()
    })
    .await;
    let digest = push(&registry, "v1", "one", json!({})).await;
    let blob = registry.push_blob(REPOSITORY, b"alone").await.to_string();
    for (path, allow) in [
        (manifest_path("v1"), "GET, HEAD, PUT"),
        (manifest_path(&digest), "GET, HEAD, PUT"),
        (manifest_path("unknown"), "GET, HEAD, PUT"),
        (blob_path(&blob), "GET, HEAD"),
    ] {
        let refused = delete(&registry, &path).await;
        assert_eq!(header(&refused, "allow"), allow, "{path}");
        let body: Value = {
            assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
            refused.json().await.unwrap()
        };
        assert_eq!(body["errors"][0]["code"], "UNSUPPORTED");
        let hint = body["errors"][0]["detail"]["hint"].as_str().unwrap();
        assert!(hint.contains("--mutable"), "{hint}");
    }
    assert_eq!(status(&registry, &manifest_path("v1")).await, 200);
    assert_eq!(status(&registry, &blob_path(&blob)).await, 200);
    registry.stop().await;
}

#[tokio::test]
async fn only_who_may_push_may_delete() {
    let registry = mutable().await;
    push(&registry, "v1", "one", json!({})).await;
    for (scopes, projects, expected) in [
        (&[Scope::Pull][..], "*", StatusCode::FORBIDDEN),
        (&[Scope::Push], "acme/other", StatusCode::FORBIDDEN),
        (&[Scope::Push], "acme/*", StatusCode::ACCEPTED),
    ] {
        let token = registry.token(scopes, &[projects]).await;
        let request = registry.plain(Method::DELETE, &manifest_path("v1"));
        let response = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), expected, "{scopes:?} {projects}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn what_the_log_names_stays() {
    let registry = mutable().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let (bundle, unlogged) = (bundle("one"), bundle("two"));
    registry.publish(&mut organisation, &bundle).await;
    registry.push_bundle(BILLING, &unlogged).await;
    let hash = bundle.hash().to_string();
    let referrers = format!("/v2/{BILLING}/referrers/{hash}");
    let listed: Value = registry.json(&referrers).await;
    let statement = listed["manifests"][0]["digest"].as_str().unwrap();
    let path = |reference: &str| format!("/v2/{BILLING}/manifests/{reference}");
    for digest in [hash.as_str(), statement] {
        let refused = delete(&registry, &path(digest)).await;
        assert_oci_error(refused, StatusCode::FORBIDDEN, "DENIED").await;
    }
    let manifest = bundle.manifest();
    for blob in manifest.layers.iter().chain([&manifest.config]) {
        let blob = format!("/v2/{BILLING}/blobs/{}", blob.digest);
        let refused = delete(&registry, &blob).await;
        assert_oci_error(refused, StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED").await;
        assert_eq!(status(&registry, &blob).await, 200);
    }
    // The tag of a channel, before the channel points anywhere.
    let channel = delete(&registry, &path("prod")).await;
    assert_oci_error(channel, StatusCode::FORBIDDEN, "DENIED").await;
    let push = registry.push_manifest(BILLING, "prod", MANIFEST, unlogged.manifest_bytes());
    assert_oci_error(push.await, StatusCode::FORBIDDEN, "DENIED").await;
    // A label of a release may go, and a bundle that nobody has said anything about.
    let label = registry.push_manifest(BILLING, "v1", MANIFEST, bundle.manifest_bytes());
    assert_eq!(label.await.status(), StatusCode::CREATED);
    for reference in ["v1", &unlogged.hash().to_string()] {
        let deleted = delete(&registry, &path(reference)).await;
        assert_eq!(deleted.status(), StatusCode::ACCEPTED, "{reference}");
    }
    assert_eq!(registry.json::<Value>(&referrers).await, listed);
    registry.stop().await;
}

#[tokio::test]
async fn what_was_deleted_stays_deleted() {
    let registry = mutable().await;
    let kept = push(&registry, "kept", "kept", json!({})).await;
    let gone = push(&registry, "gone", "gone", json!({})).await;
    let tag = push(&registry, "tag", "tagged", json!({})).await;
    let (blob, other) = (
        registry.push_blob(REPOSITORY, b"alone").await.to_string(),
        registry.push_blob(REPOSITORY, b"other").await.to_string(),
    );
    for path in [
        manifest_path(&gone),
        manifest_path("tag"),
        blob_path(&blob),
        blob_path(&Digest::of(b"gone").to_string()),
    ] {
        assert_eq!(delete(&registry, &path).await.status(), 202, "{path}");
    }
    let mut data = registry.stop().await;
    for is_reindexed in [false, true] {
        if is_reindexed {
            data.reindex().await;
        }
        let registry = Registry::start_in(data, everything()).await;
        for reference in ["kept", &kept, &tag] {
            let path = manifest_path(reference);
            assert_eq!(status(&registry, &path).await, 200, "{reference}");
        }
        assert_eq!(status(&registry, &blob_path(&other)).await, 200);
        for reference in ["gone", &gone, "tag"] {
            let path = manifest_path(reference);
            assert_eq!(status(&registry, &path).await, 404, "{reference}");
        }
        assert_eq!(status(&registry, &blob_path(&blob)).await, 404);
        let refused = delete(&registry, &blob_path(&Digest::of(b"kept").to_string())).await;
        assert_eq!(refused.status(), 405, "what names it is known");
        data = registry.stop().await;
    }
}

#[tokio::test]
async fn a_deletion_that_a_crash_cut_short_can_be_repeated() {
    let registry = Registry::start_over_files(everything()).await;
    let digest = push(&registry, "v1", "one", json!({})).await;
    let blob = registry.push_blob(REPOSITORY, b"alone").await;
    let records = registry.data.path().join("repositories").join(REPOSITORY);
    let hex = digest.strip_prefix("sha256:").unwrap();
    let left = [
        records.join("_manifests/sha256").join(hex),
        records.join("_blobs/sha256").join(blob.hex()),
        records.join("_tags/v1"),
    ]
    .map(|path| (std::fs::read(&path).unwrap(), path));
    let paths = [
        manifest_path("v1"),
        manifest_path(&digest),
        blob_path(&blob.to_string()),
    ];
    for path in &paths {
        assert_eq!(delete(&registry, path).await.status(), 202, "{path}");
    }
    // The index has forgotten them, and the records are still there.
    for (content, path) in &left {
        std::fs::write(path, content).unwrap();
    }
    for path in &paths {
        assert_eq!(status(&registry, path).await, 404, "{path}");
        assert_eq!(delete(&registry, path).await.status(), 202, "{path}");
        assert_eq!(delete(&registry, path).await.status(), 404, "{path}");
    }
    assert!(left.iter().all(|(_, path)| !path.exists()));
    registry.stop().await;
}

#[tokio::test]
async fn an_index_of_an_earlier_version_learns_what_manifests_name() {
    let registry = mutable().await;
    push(&registry, "v1", "one", json!({})).await;
    let data = registry.stop().await;
    let database = format!("sqlite://{}/registry.db", data.path().display());
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&database).await.unwrap();
    sqlx::query("DELETE FROM parts")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let registry = Registry::start_in(data, everything()).await;
    let blob = blob_path(&Digest::of(b"one").to_string());
    assert_eq!(delete(&registry, &blob).await.status(), 405);
    registry.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_and_deletions_at_once_leave_no_manifest_without_its_blobs() {
    const ROUNDS: usize = 60;
    let registry = mutable().await;
    let bytes = artifact(&registry, "layer", json!({})).await.to_string();
    let digest = Digest::of(bytes.as_bytes()).to_string();
    let (manifest, tag) = (manifest_path(&digest), manifest_path("v1"));
    let blob = blob_path(&Digest::of(b"layer").to_string());
    let (mut pushed, mut deleted) = (0, 0);
    for _ in 0..ROUNDS {
        registry.push_blob(REPOSITORY, b"layer").await;
        let (push, of_blob, of_manifest) = tokio::join!(
            registry.push_manifest(REPOSITORY, "v1", MANIFEST, bytes.clone()),
            delete(&registry, &blob),
            delete(&registry, &manifest),
        );
        if push.status() == StatusCode::CREATED {
            pushed += 1;
        } else {
            assert_oci_error(push, StatusCode::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN").await;
        }
        let of_blob = of_blob.status().as_u16();
        assert!([202, 405].contains(&of_blob), "{of_blob}");
        deleted += usize::from(of_blob == 202);
        let of_manifest = of_manifest.status().as_u16();
        assert!([202, 404].contains(&of_manifest), "{of_manifest}");
        // Now that all have ended.
        let is_there = status(&registry, &manifest).await;
        assert_eq!(status(&registry, &tag).await, is_there);
        if is_there == StatusCode::OK {
            assert_eq!(status(&registry, &blob).await, StatusCode::OK);
        }
    }
    assert!(pushed + deleted >= ROUNDS, "{pushed} {deleted}");
    let before = [&manifest, &tag, &blob];
    let mut found = Vec::new();
    for path in before {
        found.push(status(&registry, path).await);
    }
    let data = registry.stop().await;
    data.reindex().await;
    let registry = Registry::start_in(data, everything()).await;
    for (path, before) in before.into_iter().zip(found) {
        assert_eq!(status(&registry, path).await, before, "{path}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn a_killed_registry_has_deleted_what_it_said() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    let output = run(
        &["token", "create", "--scope", "pull,push", "--init"],
        data.path(),
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    let token = stdout.lines().last().unwrap().to_owned();
    let client = reqwest::Client::new();
    let send = async |url: &str, method: Method, path: &str, body: Vec<u8>| {
        let request = client.request(method, format!("{url}{path}"));
        let response = request.bearer_auth(&token).body(body).send().await;
        response.map(|response| response.status())
    };
    let start = || Program::start(data.path(), &["--mutable", "mirror/*,acme/tool"]);
    let mut program = start();
    let mut digests = Vec::new();
    for number in 0..60_u8 {
        let content = vec![number; 100];
        let digest = Digest::of(&content);
        let path = format!("/v2/mirror/tool/blobs/uploads/?digest={digest}");
        let pushed = send(&program.url, Method::POST, &path, content).await;
        assert_eq!(pushed.unwrap(), StatusCode::CREATED);
        digests.push(format!("/v2/mirror/tool/blobs/{digest}"));
    }
    let mut deleted = 0;
    for round in 0..3_u64 {
        let pid = program.child.id().to_string();
        let (first, deleted_once) = tokio::sync::oneshot::channel();
        let mut first = Some(first);
        let killer = tokio::spawn(async move {
            deleted_once.await.unwrap();
            tokio::time::sleep(Duration::from_millis(5 * round)).await;
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        });
        while let Some(path) = digests.get(deleted) {
            let status = send(&program.url, Method::DELETE, path, Vec::new()).await;
            // The last one may have been on its way when the registry died.
            match status {
                Ok(StatusCode::ACCEPTED | StatusCode::NOT_FOUND) => deleted += 1,
                _ => break,
            }
            if let Some(first) = first.take() {
                first.send(()).unwrap();
            }
        }
        killer.await.unwrap();
        program.child.wait().unwrap();
        assert!(run(&["reindex"], data.path()).status.success());
        program = start();
        for (number, path) in digests.iter().enumerate() {
            let status = send(&program.url, Method::HEAD, path, Vec::new()).await;
            let expected = match number {
                _ if number < deleted => [404, 404],
                _ if number == deleted => [404, 200],
                _ => [200, 200],
            };
            assert!(
                expected.contains(&status.unwrap().as_u16()),
                "{number} of {deleted}"
            );
        }
    }
    assert!(deleted >= 3);
}

// The index does not know a manifest that was damaged when it was made.
#[tokio::test]
async fn what_the_log_names_is_not_deleted_while_it_is_damaged() {
    let (registry, mut organisation) = (
        Registry::start_over_files(everything()).await,
        Organisation::new(),
    );
    registry.append_all(&organisation.entries).await;
    let release = bundle("release");
    registry.publish(&mut organisation, &release).await;
    let data = registry.stop().await;
    let manifest = stored(data.path(), "blobs", &release.hash());
    std::fs::write(manifest, "damaged").unwrap();
    run(&["reindex"], data.path());
    let registry = Registry::start_in(data, everything()).await;
    let path = format!("/v2/{BILLING}/manifests/{}", release.hash());
    let refused = delete(&registry, &path).await;
    assert_oci_error(refused, StatusCode::FORBIDDEN, "DENIED").await;
    registry.stop().await;
}
