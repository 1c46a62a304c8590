//! Upkeep of a mirror's folder: kills, damage, backups, and the day on which it becomes the registry.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use bulla_schemas::Digest;
use bulla_schemas::report::GcReport;
use bulla_trust::SigningKey;
use bulla_trust::testing::log_key;
use reqwest::StatusCode;

use super::{BILLING, assert_clean, command, get, mirrored, origin, refused, start, take};
use crate::program::{Program, program, run};
use crate::support::{Registry, blob, bundle_of_noise, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_that_is_killed_at_any_moment_goes_on() {
    let (origin, organisation, _) = origin().await;
    let data = tempfile::tempdir().unwrap();
    for round in 0..12_u64 {
        let more = ["--once", "--trust-first-use"];
        let mut mirror = command(&origin.url, &origin.token, data.path(), &more);
        mirror.stdout(Stdio::null()).stderr(Stdio::null());
        let mut mirror = mirror.spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(20 * round)).await;
        let _ = mirror.kill();
        let _ = mirror.wait();
        // Whatever is there can be put right without the origin.
        if data.path().join("log/checkpoint").exists() {
            let repaired = run(&["fsck", "--repair"], data.path());
            assert_eq!(repaired.status.code(), Some(0), "{repaired:?}");
        }
    }
    let report = take(&origin, data.path(), &["--trust-first-use"]).await;
    assert_eq!(report.entries, organisation.entries.len() as u64);
    assert_clean(data.path());
}

#[tokio::test]
async fn what_a_mirror_has_lost_comes_again() {
    let (origin, ..) = origin().await;
    let data = mirrored(&origin).await;
    for pack in fs::read_dir(data.path().join("packs")).unwrap() {
        let pack = pack.unwrap().path();
        let mut bytes = fs::read(&pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    assert_eq!(
        run(&["fsck", "--repair"], data.path()).status.code(),
        Some(1)
    );
    take(&origin, data.path(), &[]).await;
    assert_clean(data.path());
}

#[tokio::test]
async fn gc_of_a_mirror_keeps_what_channels_need_and_what_went_stays_away() {
    let (origin, mut organisation, hashes) = origin().await;
    let three = bundle_of_noise(BILLING, "three");
    origin.publish(&mut organisation, &three).await;
    let data = mirrored(&origin).await;
    let gc = ["gc", "--grace", "1s", "--keep-unpromoted", "1s", "--json"];
    loop {
        let output = run(&gc, data.path());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let report: GcReport = serde_json::from_slice(&output.stdout).unwrap();
        let mut went = report.releases.iter().filter(|release| !release.kept);
        // A moment after it was stored it is old enough.
        if went.any(|release| release.hash == three.hash()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let again = take(&origin, data.path(), &[]).await;
    assert_eq!((again.manifests, again.missing), (0, Vec::new()));
    assert_clean(data.path());
    // What people promote is needed again.
    super::promote(&origin, &mut organisation, three.hash()).await;
    assert!(take(&origin, data.path(), &[]).await.manifests > 0);
    let mirror = start(&origin.url, &origin.token, data.path(), &[]);
    for hash in [hashes[0], three.hash()] {
        let manifest = get(&mirror, &format!("/v2/{BILLING}/manifests/{hash}")).await;
        assert_eq!(Digest::of(&manifest.bytes().await.unwrap()), hash);
    }
}

#[tokio::test]
async fn a_backup_of_a_mirror_restores_to_a_mirror() {
    let (origin, ..) = origin().await;
    let data = mirrored(&origin).await;
    let folder = tempfile::tempdir().unwrap();
    let (to, restored) = (folder.path().join("backup"), folder.path().join("restored"));
    let done = run(&["backup", to.to_str().unwrap()], data.path());
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let done = run(&["restore", to.to_str().unwrap()], &restored);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(!restored.join("log-key.pem").exists());
    assert_eq!(run(&["reindex"], &restored).status.code(), Some(0));
    assert!(!restored.join("log-key.pem").exists());
    assert_eq!(take(&origin, &restored, &[]).await.new_entries, 0);
    refused(&run(&["serve"], &restored), 3, "is a mirror of");
}

#[tokio::test]
async fn a_mirror_becomes_the_registry_with_its_key_and_not_with_another() {
    let (origin, mut organisation, _) = origin().await;
    let data = mirrored(&origin).await;
    origin.stop().await;
    fs::remove_file(data.path().join("mirror.json")).unwrap();
    refused(&run(&["serve"], data.path()), 3, "has lost the key");
    let other = SigningKey::from_seed(&[7; 32]).to_pem();
    fs::write(data.path().join("log-key.pem"), other).unwrap();
    refused(&run(&["serve"], data.path()), 3, "signed by another key");
    fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    let registry = Registry::start_in(data, bulla_registry::Settings::default()).await;
    let four = bundle_of_noise(BILLING, "four");
    registry.publish(&mut organisation, &four).await;
    let checkpoint = registry.get("/log/checkpoint").await;
    assert_eq!(checkpoint.status(), StatusCode::OK);
    let served = checkpoint.bytes().await.unwrap();
    assert_eq!(served, organisation.checkpoint());
    let payload = Digest::of(&blob(&four, 1));
    assert!(stored(registry.data.path(), "recipes", &payload).exists());
    registry.stop().await;
}

#[tokio::test]
async fn a_mirror_serves_while_its_origin_is_away_and_follows_when_it_is_back() {
    let (origin, mut organisation, _) = origin().await;
    let data = mirrored(&origin).await;
    let token = origin.token.clone();
    let kept = origin.stop().await;
    let first = Program::start(kept.path(), &[]);
    let url = first.url.clone();
    drop(first);
    let mirror = start(&url, &token, data.path(), &[]);
    assert_eq!(get(&mirror, "/readyz").await.status(), StatusCode::OK);
    let origin = Registry::start_in(kept, bulla_registry::Settings::default()).await;
    let three = bundle_of_noise(BILLING, "three");
    origin.publish(&mut organisation, &three).await;
    let kept = origin.stop().await;
    let address = url.trim_start_matches("http://");
    let _origin = Program::start_command(program(&["serve", "--listen", address], kept.path()));
    super::wait_for(&mirror, organisation.entries.len()).await;
    let manifest = get(
        &mirror,
        &format!("/v2/{BILLING}/manifests/{}", three.hash()),
    )
    .await;
    assert_eq!(manifest.status(), StatusCode::OK);
}
