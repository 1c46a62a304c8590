//! `gc` where the disk has changed something, or a part of the store is away: what a damaged
//! registry says is no reason to remove anything.

use std::fs;
use std::path::Path;

use bulla_registry::Settings;
use bulla_schemas::report::GcReport;
use bulla_schemas::{Digest, media_type};
use bulla_trust::testing::log_key;
use reqwest::StatusCode;

use super::{ALL, assert_sound, du, four_releases, gc, is_kept, publish_four};
use crate::disk::SmallDisk;
use crate::program::run;
use crate::support::{BILLING, Registry, blob, bundle_of_noise, stored};

/// Runs `gc` where something that stays is damaged or lost: it names that, and removes nothing.
#[track_caller]
fn assert_nothing_goes(data: &Path, lost: Digest, what: &str) {
    let before = du(data);
    for arguments in [&["--dry-run"][..], &[]] {
        let output = run(&[&["gc", "--json"], ALL, arguments].concat(), data);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{what}: {said}");
        let report: GcReport = serde_json::from_slice(&output.stdout).unwrap();
        let skipped: Vec<_> = report.skipped.iter().map(|one| &one.digest[..]).collect();
        assert_eq!(skipped, [lost.to_string()], "{what}");
        assert_eq!((report.blobs, report.freed), (0, 0), "{what}");
        assert!(report.releases.iter().all(|one| one.kept), "{what}");
    }
    assert_eq!(du(data), before, "{what}");
}

// R16: an empty log names nothing, and that is no reason for all to go.
#[tokio::test]
async fn nothing_goes_while_the_log_is_damaged_or_away() {
    let (registry, ..) = four_releases().await;
    let data = registry.data.path();
    let before = du(data);
    let (log, away) = (data.join("log"), data.join("away"));
    let assert_refused = |what: &str| {
        for arguments in [&["gc"][..], &["gc", "--dry-run"]] {
            let refused = run(&[arguments, ALL].concat(), data);
            assert_eq!(refused.status.code(), Some(3), "{what}");
        }
        assert_eq!(run(&["fsck"], data).status.code(), Some(1), "{what}");
        assert_eq!(du(data), before, "{what}");
    };
    let checkpoint = log.join("checkpoint");
    let kept = fs::read(&checkpoint).unwrap();
    fs::write(&checkpoint, "damaged").unwrap();
    assert_refused("damaged");
    fs::remove_file(&checkpoint).unwrap();
    assert_refused("without a checkpoint");
    fs::write(&checkpoint, kept).unwrap();
    fs::rename(&log, &away).unwrap();
    assert_refused("away");
    fs::create_dir(&log).unwrap();
    assert_refused("empty");
    fs::remove_dir(&log).unwrap();
    fs::rename(&away, &log).unwrap();
    assert_sound(data);
    registry.stop().await;
}

// R16: what a damaged disk says is not believed, so that what is left can be put right.
#[tokio::test]
async fn nothing_goes_while_something_that_stays_is_damaged_or_lost() {
    let (registry, ..) = four_releases().await;
    let data = registry.data.path();
    let head = bundle_of_noise(BILLING, "three");
    let stored = |folder, digest: Digest| stored(data, folder, &digest);
    let payload = Digest::of(&blob(&head, 1));
    let text = String::from_utf8(head.manifest_bytes().to_vec()).unwrap();
    // Well-formed, and names a payload that nobody has.
    let hex = payload.hex();
    let digit = if hex.starts_with('0') { "1" } else { "0" };
    let other = text.replace(&hex, &format!("{digit}{}", &hex[1..]));
    assert_ne!(other, text);
    for (path, lost, damaged) in [
        (stored("blobs", head.hash()), head.hash(), Some("{")),
        (stored("blobs", head.hash()), head.hash(), Some(&other[..])),
        (stored("blobs", head.hash()), head.hash(), None),
        (stored("recipes", payload), payload, Some("{")),
        (stored("recipes", payload), payload, None),
    ] {
        let kept = fs::read(&path).unwrap();
        match damaged {
            Some(damaged) => fs::write(&path, damaged).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        assert_nothing_goes(data, lost, &format!("{} {damaged:?}", path.display()));
        fs::write(&path, kept).unwrap();
        assert_sound(data);
    }
    registry.stop().await;
}

// R16: looking for damage, and what it does about it, must not be what makes it worse.
#[tokio::test]
async fn what_fsck_moved_away_keeps_its_frames_until_it_is_whole_again() {
    let (registry, ..) = four_releases().await;
    let data = registry.data.path();
    let packs = fs::read_dir(data.join("packs")).unwrap();
    let packs: Vec<_> = packs.map(|entry| entry.unwrap().path()).collect();
    for pack in &packs {
        let mut bytes = fs::read(pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(pack, bytes).unwrap();
    }
    let repaired = run(&["fsck", "--repair"], data);
    assert_eq!(repaired.status.code(), Some(1));
    let sizes = || packs.iter().map(|pack| pack.metadata().unwrap().len());
    let before: Vec<u64> = sizes().collect();
    for arguments in [&["--dry-run"][..], &[]] {
        let output = run(&[&["gc"], ALL, arguments].concat(), data);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("is damaged or lost"), "{said}");
        assert!(said.contains("; 0 B of the disk"), "{said}");
    }
    assert!(sizes().eq(before));
    // What is left of it need not be pushed again.
    for content in ["one", "two", "three", "four"] {
        let bundle = bundle_of_noise(BILLING, content);
        registry.push_bundle(BILLING, &bundle).await;
    }
    assert_sound(data);
    gc(data, &[]);
    assert_sound(data);
    registry.stop().await;
}

// A manifest that the index does not know, because it was damaged when that was made.
#[tokio::test]
async fn nothing_goes_while_a_manifest_is_recorded_and_cannot_be_read() {
    let (registry, ..) = four_releases().await;
    let data = registry.stop().await;
    let data = data.path();
    let head = bundle_of_noise(BILLING, "three");
    let manifest = stored(data, "blobs", &head.hash());
    fs::write(&manifest, "x").unwrap();
    assert_eq!(run(&["reindex"], data).status.code(), Some(1));
    assert_nothing_goes(data, head.hash(), "damaged and not in the index");
    fs::write(&manifest, head.manifest_bytes()).unwrap();
    assert_eq!(run(&["reindex"], data).status.code(), Some(0));
    assert_sound(data);
}

// An operator has moved a part of the store to another disk.
#[tokio::test]
async fn what_lies_behind_a_link_stays() {
    let (registry, ..) = four_releases().await;
    let data = registry.data.path();
    let elsewhere = tempfile::tempdir().unwrap();
    for folder in ["recipes/sha256", "packs", "repositories/acme"] {
        let (here, there) = (
            data.join(folder),
            elsewhere.path().join(folder.replace('/', "-")),
        );
        let moved = std::process::Command::new("mv")
            .args([&here, &there])
            .status();
        assert!(moved.unwrap().success());
        std::os::unix::fs::symlink(&there, &here).unwrap();
    }
    gc(data, &[]);
    assert_sound(data);
    let payload = blob(&bundle_of_noise(BILLING, "three"), 1);
    let path = format!("/v2/{BILLING}/blobs/{}", Digest::of(&payload));
    assert_eq!(registry.get(&path).await.bytes().await.unwrap(), payload);
    registry.stop().await;
}

#[tokio::test]
async fn a_tag_that_cannot_be_read_keeps_what_the_index_says() {
    let (registry, _, hashes) = four_releases().await;
    let data = registry.data.path();
    let one = bundle_of_noise(BILLING, "one");
    let tagged = registry.push_manifest(
        BILLING,
        "v1",
        media_type::OCI_MANIFEST,
        one.manifest_bytes(),
    );
    assert_eq!(tagged.await.status(), StatusCode::CREATED);
    let tag = data.join(format!("repositories/{BILLING}/_tags/v1"));
    fs::write(tag, "").unwrap();
    assert!(is_kept(&gc(data, &[]), hashes[0]));
    registry.stop().await;
}

// R23: the disk is full because nobody ran `gc`.
#[tokio::test]
async fn a_full_disk_gets_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 128 << 20) else {
        return;
    };
    let data = tempfile::tempdir_in(folder.path()).unwrap();
    fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    let registry = Registry::start_in(data, Settings::default()).await;
    let (registry, _, hashes) = publish_four(registry).await;
    let data = registry.stop().await;
    disk.fill();
    let report = gc(data.path(), &[]);
    assert!(!is_kept(&report, hashes[0]) && is_kept(&report, hashes[2]));
    assert!(report.freed > 0);
    fs::remove_file(folder.path().join("filler")).unwrap();
    assert_sound(data.path());
    drop(data);
}

#[tokio::test]
async fn what_was_damaged_goes_once_it_has_been_right_again_for_the_grace_period() {
    let (registry, _, _) = super::four_releases().await;
    let data = registry.data.path();
    let three = bundle_of_noise(BILLING, "three");
    let config = blob(&three, 0);
    let digest = Digest::of(&config);
    let stored = crate::support::stored(data, "blobs", &digest);
    std::fs::write(&stored, "damaged").unwrap();
    assert_eq!(run(&["fsck", "--repair"], data).status.code(), Some(1));
    let damaged = data.join("damaged/sha256").join(digest.hex());
    assert_eq!(std::fs::read(&damaged).unwrap(), b"damaged");
    // What nothing needs any more, and what is no file of ours.
    let unknown = data
        .join("damaged/recipes/sha256")
        .join(Digest::of(b"x").hex());
    std::fs::create_dir_all(unknown.parent().unwrap()).unwrap();
    std::fs::write(&unknown, "{}").unwrap();
    std::fs::write(data.join("damaged/notes"), "mine").unwrap();
    // As long as it is not right, nothing goes.
    assert_eq!(run(&["gc"], data).status.code(), Some(1));
    assert!(damaged.exists() && unknown.exists());
    registry.push_blob(BILLING, &config).await;
    let dry = super::gc(data, &["--dry-run"]);
    assert_eq!(dry.damaged, 1, "{dry:#?}");
    assert!(unknown.exists());
    assert_eq!(super::gc(data, &[]).damaged, 1);
    assert!(damaged.exists() && !unknown.exists());
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let file = std::fs::File::options().write(true).open(&stored).unwrap();
    file.set_modified(old).unwrap();
    let output = run(&["gc"], data);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 piece of damaged content"), "{said}");
    assert!(!damaged.exists() && data.join("damaged/notes").exists());
    super::assert_sound(data);
    registry.stop().await;
}
