//! Releases that the log names and that are not here.

use bulla_schemas::report::Damage;
use bulla_schemas::statement::Severity;

use super::fetched::repair_from;
use super::*;

/// A registry whose log names three releases of one project: the head of `prod`, one that was revoked and
/// one more.
async fn three_releases() -> (Registry, [Digest; 3]) {
    let (registry, mut organisation) = (Registry::start().await, Organisation::new());
    registry.append_all(&organisation.entries).await;
    let bundles = ["one", "two", "three"].map(|name| bundle_of_noise(BILLING, name));
    for bundle in &bundles {
        registry.publish(&mut organisation, bundle).await;
    }
    let hashes = bundles.each_ref().map(bulla_bundle::Bundle::hash);
    let before = organisation.entries.len();
    let promoted = organisation.promote("prod", hashes[0], &["alice"]);
    assert!(promoted.is_effective());
    let revoked = organisation.revoke(hashes[1], Severity::Block, "alice");
    assert!(revoked.is_effective());
    registry.append_all(&organisation.entries[before..]).await;
    (registry, hashes)
}

/// A registry that has the log and its key, and nothing else.
fn rebuilt(from: &Path, data: &Path) {
    let create = ["token", "create", "--init", "--scope", "pull"];
    assert!(run(&create, data).status.success());
    fs::copy(from.join("log-key.pem"), data.join("log-key.pem")).unwrap();
    let log = from.join("log");
    let imported = run(&["import-log", log.to_str().unwrap()], data);
    assert!(imported.status.success(), "{imported:?}");
    assert!(run(&["reindex"], data).status.success());
}

fn missed(report: &FsckReport) -> Vec<(String, bool)> {
    let named = report.damages.iter().map(|damage: &Damage| {
        assert_eq!(damage.kind, DamageKind::Release, "{damage:?}");
        assert_eq!(damage.project.as_ref().unwrap().as_str(), BILLING);
        assert_eq!(damage.hint.is_none(), damage.repaired, "{damage:?}");
        (damage.releases[0].hash.to_string(), damage.repaired)
    });
    named.collect()
}

#[tokio::test]
async fn a_release_of_the_log_that_is_not_here_is_missed_unless_people_revoked_it() {
    let (registry, [one, _, three]) = three_releases().await;
    let data = tempfile::tempdir().unwrap();
    rebuilt(registry.data.path(), data.path());
    for arguments in [&[][..], &["--repair"], &[BILLING]] {
        let (status, report) = fsck(data.path(), arguments);
        assert_eq!(status, 1, "{report:#?}");
        let expected = [one, three].map(|hash| (hash.to_string(), false));
        assert_eq!(missed(&report), expected);
        let channels = &report.damages[0].releases[0].channels;
        assert_eq!(channels[0].as_str(), "prod");
        let hint = report.damages[0].hint.as_ref().unwrap();
        assert!(
            hint.contains("`bulla-registry fsck --repair --from URL`"),
            "{hint}"
        );
    }
    let refused = run(&["fsck", "acme/nope"], data.path());
    assert_eq!(refused.status.code(), Some(1));
    assert_clean(registry.data.path());
    registry.stop().await;
}

#[tokio::test]
async fn what_is_missed_comes_from_a_registry_that_has_it_verified_as_a_push() {
    let (registry, [one, _, three]) = three_releases().await;
    let data = tempfile::tempdir().unwrap();
    rebuilt(registry.data.path(), data.path());
    // One of them is damaged there.
    let payload = blob(&bundle_of_noise(BILLING, "three"), 1);
    let damaged = stored(registry.data.path(), "recipes", &Digest::of(&payload));
    let kept = fs::read(&damaged).unwrap();
    fs::remove_file(&damaged).unwrap();
    let (ended, report) = repair_from(data.path(), &registry.url, &registry.token).await;
    assert_eq!(ended.status.code(), Some(1), "{report:#?}");
    let expected = [(one.to_string(), true), (three.to_string(), false)];
    assert_eq!(missed(&report), expected);
    let from = format!("{}/", registry.url);
    assert_eq!(report.damages[0].brought_from, Some(from));
    assert!(!data.path().join("fetching").exists());
    fs::write(&damaged, kept).unwrap();
    let (ended, report) = repair_from(data.path(), &registry.url, &registry.token).await;
    assert_eq!(ended.status.code(), Some(0), "{report:#?}");
    assert_eq!(missed(&report), [(three.to_string(), true)]);
    assert_clean(data.path());
    // As after a push: the statements of the log are attached again.
    let program = Program::start(data.path(), &["--anonymous-read"]);
    for hash in [one, three] {
        let path = format!("{}/v2/{BILLING}/referrers/{hash}", program.url);
        let referrers: serde_json::Value = reqwest::get(path).await.unwrap().json().await.unwrap();
        assert_eq!(referrers["manifests"].as_array().unwrap().len(), 1);
    }
    registry.stop().await;
}

#[tokio::test]
async fn what_was_all_damaged_and_moved_away_is_no_disk_that_is_not_mounted() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    let mut flipped = 0;
    for digest in registry_blobs(data) {
        flip(&digest, 0);
        flipped += 1;
    }
    assert!(flipped > 3);
    for pack in packs(data) {
        for place in [100, 100_000] {
            flip(&pack, place);
        }
    }
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!(status, 1, "{report:#?}");
    assert_eq!(registry_blobs(data), [] as [PathBuf; 0]);
    for arguments in [&[][..], &["--repair"]] {
        let (status, report) = fsck(data, arguments);
        assert_eq!(status, 1, "{report:#?}");
        assert!(!report.damages.is_empty());
    }
    let ready = registry.get("/readyz").await;
    assert_eq!(ready.status(), StatusCode::OK);
    // The next push of the same brings it back.
    for (project, name) in [(BILLING, "one"), (TOOL, "two")] {
        let pushed = registry
            .push_bundle(project, &bundle_of_noise(project, name))
            .await;
        assert_eq!(pushed.status(), StatusCode::CREATED);
    }
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!(status, 0, "{report:#?}");
    assert_clean(data);
    registry.stop().await;
}

/// The files of content that is stored whole.
fn registry_blobs(data: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![data.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}
