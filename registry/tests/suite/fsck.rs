//! `bulla-registry fsck`, beside a registry that runs.

mod fetched;
mod log_key;
mod missed;
mod readers;

use std::fs;
use std::path::{Path, PathBuf};

use bulla_schemas::Digest;
use bulla_schemas::report::{DamageKind, FsckReport};
use bulla_trust::testing::Organisation;
use reqwest::{Method, StatusCode};

use crate::disk::SmallDisk;
use crate::program::{Program, run};
use crate::support::{BILLING, Registry, blob, bundle, bundle_of_noise, stored};

const TOOL: &str = "acme/tool";

fn fsck(data: &Path, arguments: &[&str]) -> (i32, FsckReport) {
    let output = run(&[&["fsck", "--json"], arguments].concat(), data);
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {output:?} {said}"));
    (output.status.code().unwrap(), report)
}

#[track_caller]
fn assert_clean(data: &Path) -> FsckReport {
    let (status, report) = fsck(data, &[]);
    assert_eq!((status, &report.damages[..]), (0, &[][..]));
    report
}

/// The packs of a registry, the oldest first.
fn packs(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("packs")).unwrap();
    let mut packs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    packs.sort_by_key(|pack| pack.metadata().unwrap().modified().unwrap());
    packs
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// A registry with a release that is the head of `prod`, and one of another project with nearly the
/// same files.
async fn two_releases() -> (Registry, Digest, Digest) {
    let (registry, mut organisation) = (Registry::start().await, Organisation::new());
    registry.append_all(&organisation.entries).await;
    let (one, two) = (
        bundle_of_noise(BILLING, "one"),
        bundle_of_noise(TOOL, "two"),
    );
    registry.publish(&mut organisation, &one).await;
    assert!(
        organisation
            .promote("prod", one.hash(), &["alice"])
            .is_effective()
    );
    registry.append(organisation.entries.last().unwrap()).await;
    let pushed = registry.push_bundle(TOOL, &two).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    (registry, one.hash(), two.hash())
}

/// The payload of the second of them comes as it was pushed.
async fn assert_second_is_served(registry: &Registry) {
    let payload = blob(&bundle_of_noise(TOOL, "two"), 1);
    let path = format!("/v2/{TOOL}/blobs/{}", Digest::of(&payload));
    assert_eq!(registry.get(&path).await.bytes().await.unwrap(), payload);
}

#[tokio::test]
async fn what_is_as_it_was_written_is_read_once_and_nothing_is_found() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    let report = assert_clean(data);
    assert_eq!(report.entries, 3);
    let stored: u64 = ["blobs", "packs"]
        .map(|folder| size_of(&data.join(folder)))
        .iter()
        .sum();
    // Of a frame that several blobs have, too.
    assert_eq!(report.checked, stored);
    let said = run(&["fsck"], data);
    assert_eq!((said.status.code(), &said.stdout[..]), (Some(0), &b""[..]));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("and 3 entries of the log: all as it was written"),
        "{said}"
    );
    registry.stop().await;
}

fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap();
    let sizes = entries.map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            size_of(&path)
        } else {
            path.metadata().unwrap().len()
        }
    });
    sizes.sum()
}

// R16: damage is found before anybody needs what is damaged.
#[tokio::test]
async fn damage_that_nobody_has_read_is_found_and_says_which_releases_it_costs() {
    let (registry, one, two) = two_releases().await;
    let data = registry.data.path();
    flip(&packs(data)[0], 100_000);
    let before = fs::read(&packs(data)[0]).unwrap();
    let (status, report) = fsck(data, &[]);
    assert_eq!(status, 1);
    let found: Vec<_> = report.damages.iter().collect();
    let [billing, tool] = &found[..] else {
        panic!("{found:#?}");
    };
    for (damage, project, hash) in [(billing, BILLING, one), (tool, TOOL, two)] {
        assert_eq!(damage.project.as_ref().unwrap().as_str(), project);
        assert_eq!(damage.kind, DamageKind::Blob);
        assert_eq!(damage.releases.len(), 1);
        assert_eq!(damage.releases[0].hash, hash);
        assert!(damage.found.contains("has lost 1 of its"), "{damage:?}");
        assert!(!damage.repaired && damage.hint.is_some());
    }
    assert_eq!(billing.releases[0].channels[0].as_str(), "prod");
    // Only of one project.
    let (status, report) = fsck(data, &[TOOL]);
    assert_eq!((status, report.damages.len()), (1, 1));
    let said = run(&["fsck"], data);
    let table = String::from_utf8(said.stdout).unwrap();
    let sentence = format!("1 release cannot be fetched whole: {} (", one.short());
    assert!(
        table.contains(&sentence) && table.contains(", prod)"),
        "{table}"
    );
    assert!(billing.releases[0].revision.is_some() && tool.releases[0].revision.is_none());
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("2 damages are left"), "{said}");
    // It has only looked.
    assert_eq!(fs::read(&packs(data)[0]).unwrap(), before);
    assert!(!data.join("damaged").exists());
    registry.stop().await;
}

#[tokio::test]
async fn repair_moves_damaged_content_away_so_that_the_next_push_brings_it_back() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    let one = bundle_of_noise(BILLING, "one");
    flip(&packs(data)[0], 100_000);
    let config = Digest::of(&blob(&one, 0));
    flip(&stored(data, "blobs", &config), 3);
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!(status, 1);
    assert_eq!(report.damages.len(), 3, "{report:#?}");
    for damage in &report.damages {
        let hint = damage.hint.as_ref().unwrap();
        assert!(
            !damage.repaired && hint.contains("moved to `damaged/`"),
            "{damage:?}"
        );
    }
    let path = format!("/v2/{BILLING}/blobs/{config}");
    assert_eq!(registry.head(&path).await.status(), StatusCode::NOT_FOUND);
    assert!(data.join("damaged/sha256").join(config.hex()).is_file());
    registry.push_bundle(BILLING, &one).await;
    // The other project's payload, which was moved away too, has the same frame: it is there again.
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!((status, report.damages.len()), (0, 1), "{report:#?}");
    assert!(report.damages[0].repaired);
    assert_clean(data);
    assert_second_is_served(&registry).await;
    registry.stop().await;
}

// R16: a disk that is not mounted is not what people asked to be repaired.
#[tokio::test]
async fn what_is_away_is_left_as_it_is() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    for folder in ["packs", "blobs"] {
        let (folder, away) = (data.join(folder), data.join("away"));
        fs::rename(&folder, &away).unwrap();
        fs::create_dir(&folder).unwrap();
        for arguments in [&["fsck"][..], &["fsck", "--repair"]] {
            let refused = run(arguments, data);
            assert_eq!(refused.status.code(), Some(3));
            let said = String::from_utf8(refused.stderr).unwrap();
            assert!(
                said.contains("is empty") && said.contains("mount"),
                "{said}"
            );
        }
        fs::remove_dir(&folder).unwrap();
        fs::rename(&away, &folder).unwrap();
        assert_clean(data);
    }
    // One pack of several.
    let (pack, away) = (packs(data)[0].clone(), data.join("away"));
    fs::rename(&pack, &away).unwrap();
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!(status, 1);
    assert!(!report.damages.is_empty());
    for damage in &report.damages {
        let hint = damage.hint.as_ref().unwrap();
        assert!(
            !hint.contains("damaged/") && hint.contains("mount it"),
            "{damage:?}"
        );
    }
    assert!(!data.join("damaged").exists());
    fs::rename(&away, &pack).unwrap();
    assert_clean(data);
    registry.stop().await;
}

#[tokio::test]
async fn a_registry_that_starts_without_its_content_writes_nothing_in_its_place() {
    let (registry, ..) = two_releases().await;
    let data = registry.stop().await;
    for folder in ["packs", "blobs"] {
        let (folder, away) = (data.path().join(folder), data.path().join("away"));
        fs::rename(&folder, &away).unwrap();
        fs::create_dir(&folder).unwrap();
        let program = Program::start(data.path(), &[]);
        let ready = reqwest::get(format!("{}/readyz", program.url)).await;
        assert_eq!(ready.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop(program);
        // Fails where there is anything in it.
        fs::remove_dir(&folder).unwrap();
        fs::rename(&away, &folder).unwrap();
        assert_clean(data.path());
    }
}

#[tokio::test]
async fn a_project_that_is_not_there_is_no_clean_one() {
    let (registry, ..) = two_releases().await;
    let refused = run(&["fsck", "acme/nope"], registry.data.path());
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("there is no project `acme/nope`"), "{said}");
    registry.stop().await;
}

#[tokio::test]
async fn content_whose_frames_lie_elsewhere_is_put_together_again() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    flip(&packs(data)[0], 100_000);
    // Stores the damaged frame again; the other project's payload still names the old place.
    registry
        .push_bundle(BILLING, &bundle_of_noise(BILLING, "one"))
        .await;
    let (status, report) = fsck(data, &[]);
    assert_eq!((status, report.damages.len()), (1, 1), "{report:#?}");
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!((status, report.damages.len()), (0, 1));
    assert!(report.damages[0].repaired && report.damages[0].hint.is_none());
    assert_clean(data);
    assert_second_is_served(&registry).await;
    registry.stop().await;
}

#[tokio::test]
async fn recipes_that_are_lost_torn_or_lead_elsewhere_are_found() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    let payload = Digest::of(&blob(&bundle_of_noise(BILLING, "one"), 1));
    let hex = payload.hex();
    let recipe = data.join("recipes/sha256").join(&hex[..2]).join(&hex);
    let text = fs::read_to_string(&recipe).unwrap();
    let mut swapped: serde_json::Value = serde_json::from_str(&text).unwrap();
    swapped["frames"].as_array_mut().unwrap().reverse();
    for (damaged, found) in [
        (Some(text[..text.len() / 2].to_owned()), "cannot be read"),
        (Some(swapped.to_string()), "leads to other content"),
        (None, "is not stored"),
    ] {
        match damaged {
            Some(damaged) => fs::write(&recipe, damaged).unwrap(),
            None => fs::remove_file(&recipe).unwrap(),
        }
        let (status, report) = fsck(data, &[]);
        assert_eq!((status, report.damages.len()), (1, 1), "{report:#?}");
        assert!(report.damages[0].found.contains(found), "{report:#?}");
        fs::write(&recipe, &text).unwrap();
        assert_clean(data);
    }
    registry.stop().await;
}

#[tokio::test]
async fn records_and_rows_that_contradict_each_other_are_put_right() {
    let registry = Registry::start().await;
    let data = registry.data.path();
    let bundle = bundle("one");
    registry.push_bundle(BILLING, &bundle).await;
    let config = Digest::of(&blob(&bundle, 0));
    let record = |project: &str, kind: &str, digest: &Digest| {
        let folder = data.join("repositories").join(project);
        folder.join(kind).join("sha256").join(digest.hex())
    };
    // Records that a crash kept out of the index, of a manifest and of its blobs.
    let manifest = record(BILLING, "_manifests", &bundle.hash());
    for position in 0..4 {
        put(
            &record(TOOL, "_blobs", &Digest::of(&blob(&bundle, position))),
            b"",
        );
    }
    let text = fs::read(&manifest).unwrap();
    put(&record(TOOL, "_manifests", &bundle.hash()), &text);
    // A push that came no further is no damage.
    let alone = registry.push_blob(BILLING, b"alone").await;
    put(&record(TOOL, "_blobs", &alone), b"");
    // Rows whose records are gone.
    fs::remove_file(record(BILLING, "_blobs", &config)).unwrap();
    fs::remove_file(&manifest).unwrap();
    let (status, report) = fsck(data, &[]);
    assert_eq!((status, report.damages.len()), (1, 7), "{report:#?}");
    let index = |damage: &bulla_schemas::report::Damage| damage.kind == DamageKind::Index;
    assert!(report.damages.iter().all(index));
    let path = format!("/v2/{TOOL}/blobs/{config}");
    assert_eq!(registry.head(&path).await.status(), StatusCode::NOT_FOUND);
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!((status, report.damages.len()), (0, 7), "{report:#?}");
    assert_eq!(registry.head(&path).await.status(), StatusCode::OK);
    assert_clean(data);
    let data = registry.stop().await;
    // All of it is in the records again.
    assert!(run(&["reindex"], data.path()).status.success());
    let registry = Registry::start_in(data, bulla_registry::Settings::default()).await;
    let path = format!("/v2/{BILLING}/manifests/{}", bundle.hash());
    assert_eq!(registry.get(&path).await.status(), StatusCode::OK);
    registry.stop().await;
}

fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn tiles_of_the_log_are_made_again_and_lost_entries_are_told() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    let tile = data.join("log/tile/0/000.p/3");
    let right = fs::read(&tile).unwrap();
    flip(&tile, 40);
    let (status, report) = fsck(data, &[]);
    assert_eq!((status, report.damages.len()), (1, 1), "{report:#?}");
    assert_eq!(report.damages[0].kind, DamageKind::Log);
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!((status, report.damages.len()), (0, 1));
    assert_eq!(fs::read(&tile).unwrap(), right);
    let entries = data.join("log/tile/entries/000.p/3");
    flip(&entries, 200);
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!((status, report.damages.len()), (1, 1), "{report:#?}");
    let hint = report.damages[0].hint.as_ref().unwrap();
    assert!(hint.contains("from a backup"), "{hint}");
    registry.stop().await;
}

#[tokio::test]
async fn pushes_that_go_on_meanwhile_are_no_damage() {
    let registry = Registry::start().await;
    let data = registry.data.path().to_owned();
    let looks = tokio::task::spawn_blocking(move || {
        for _ in 0..6 {
            let (status, report) = fsck(&data, &["--repair"]);
            assert_eq!((status, &report.damages[..]), (0, &[][..]));
        }
    });
    let mut number = 0;
    while !looks.is_finished() {
        number += 1;
        let bundle = bundle_of_noise(BILLING, &format!("release {number}"));
        let pushed = registry.push_bundle(BILLING, &bundle).await;
        assert_eq!(pushed.status(), StatusCode::CREATED);
        let tag = format!("/v2/{BILLING}/manifests/v{number}");
        let request = registry.request(Method::PUT, &tag);
        let request = request.header(
            reqwest::header::CONTENT_TYPE,
            bulla_schemas::media_type::OCI_MANIFEST,
        );
        let tagged = request.body(bundle.manifest_bytes().to_vec()).send().await;
        assert_eq!(tagged.unwrap().status(), StatusCode::CREATED);
    }
    looks.await.unwrap();
    registry.stop().await;
}

#[tokio::test]
async fn what_a_crash_kept_from_being_deleted_whole_does_not_come_back() {
    let settings = bulla_registry::Settings {
        mutable: vec![TOOL.parse().unwrap()],
        ..bulla_registry::Settings::default()
    };
    let registry = Registry::start_with(settings.clone()).await;
    let data = registry.data.path().to_owned();
    let bundle = bundle_of_noise(TOOL, "one");
    let push = async |registry: &Registry| {
        registry.push_bundle(TOOL, &bundle).await;
        let kind = bulla_schemas::media_type::OCI_MANIFEST;
        let tagged = registry.push_manifest(TOOL, "v1", kind, bundle.manifest_bytes());
        assert_eq!(tagged.await.status(), StatusCode::CREATED);
    };
    push(&registry).await;
    let repository = data.join("repositories").join(TOOL);
    let hash = bundle.hash().to_string();
    let manifest = repository
        .join("_manifests/sha256")
        .join(bundle.hash().hex());
    let tag = repository.join("_tags/v1");
    let status = async |registry: &Registry, reference: &str| {
        let path = format!("/v2/{TOOL}/manifests/{reference}");
        registry.head(&path).await.status()
    };
    // What a crash leaves before the index has forgotten it: it is there as before.
    let going = br#"{"deleted":true}"#;
    put(&manifest, going);
    put(&tag, going);
    let (code, report) = fsck(&data, &["--repair"]);
    assert_eq!((code, report.damages.len()), (0, 2), "{report:#?}");
    assert_eq!(status(&registry, "v1").await, StatusCode::OK);
    assert_clean(&data);
    // And after: it is gone for fsck, reindex and a push of something else.
    let path = format!("/v2/{TOOL}/manifests/{hash}");
    let deleted = registry
        .request(Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    assert!(!manifest.exists() && !tag.exists());
    put(&manifest, going);
    put(&tag, going);
    let (code, report) = fsck(&data, &["--repair"]);
    assert_eq!((code, &report.damages[..]), (0, &[][..]));
    for reference in ["v1", &hash] {
        assert_eq!(status(&registry, reference).await, StatusCode::NOT_FOUND);
    }
    let stopped = registry.stop().await;
    assert!(run(&["reindex"], &data).status.success());
    let registry = Registry::start_in(stopped, settings).await;
    assert_eq!(status(&registry, &hash).await, StatusCode::NOT_FOUND);
    // Pushed again, it is there again.
    push(&registry).await;
    assert_eq!(status(&registry, "v1").await, StatusCode::OK);
    assert_clean(&data);
    registry.stop().await;
}

#[tokio::test]
async fn a_blob_that_a_crash_kept_from_being_deleted_whole_does_not_come_back() {
    let settings = bulla_registry::Settings {
        mutable: vec![TOOL.parse().unwrap()],
        ..bulla_registry::Settings::default()
    };
    let registry = Registry::start_with(settings.clone()).await;
    let data = registry.data.path().to_owned();
    let digest = registry.push_blob(TOOL, b"content").await;
    let record = data.join("repositories").join(TOOL);
    let record = record.join("_blobs/sha256").join(digest.hex());
    let path = format!("/v2/{TOOL}/blobs/{digest}");
    let status = async |registry: &Registry| registry.head(&path).await.status();
    // What a crash leaves before the index has forgotten it: it is there as before.
    let going = br#"{"deleted":true}"#;
    put(&record, going);
    let (code, report) = fsck(&data, &["--repair"]);
    assert_eq!((code, report.damages.len()), (0, 1), "{report:#?}");
    assert_eq!(fs::read(&record).unwrap(), b"");
    assert_eq!(status(&registry).await, StatusCode::OK);
    // And after: it is gone for fsck, gc and reindex.
    let deleted = registry
        .request(Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    assert!(!record.exists());
    put(&record, going);
    assert_clean(&data);
    for upkeep in [&["fsck", "--repair"][..], &["gc"]] {
        assert!(run(upkeep, &data).status.success());
        assert_eq!(status(&registry).await, StatusCode::NOT_FOUND);
    }
    let stopped = registry.stop().await;
    assert!(run(&["reindex"], &data).status.success());
    let registry = Registry::start_in(stopped, settings).await;
    assert_eq!(status(&registry).await, StatusCode::NOT_FOUND);
    // Pushed again, it is there for good.
    registry.push_blob(TOOL, b"content").await;
    let stopped = registry.stop().await;
    assert!(run(&["reindex"], &data).status.success());
    let registry = Registry::start_in(stopped, bulla_registry::Settings::default()).await;
    assert_eq!(status(&registry).await, StatusCode::OK);
    registry.stop().await;
}

// A snapshot is looked at where it is mounted.
#[tokio::test]
async fn what_nothing_may_be_written_to_is_read_all_the_same() {
    let (registry, ..) = two_releases().await;
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 64 << 20) else {
        return;
    };
    // What was written last lies in a file beside the database.
    let copy = folder.path().join("snapshot");
    let mut copied = std::process::Command::new("cp");
    let copied = copied
        .arg("-a")
        .args([registry.data.path(), &copy])
        .status();
    assert!(copied.unwrap().success());
    flip(&packs(&copy)[0], 100_000);
    disk.make_read_only();
    let (status, report) = fsck(&copy, &[]);
    assert_eq!((status, report.damages.len()), (1, 2), "{report:#?}");
    let blob = |damage: &bulla_schemas::report::Damage| damage.kind == DamageKind::Blob;
    assert!(report.damages.iter().all(blob), "{report:#?}");
    let refused = run(&["fsck", "--repair"], &copy);
    assert_eq!(refused.status.code(), Some(4));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("is read-only"), "{said}");
    registry.stop().await;
}

#[tokio::test]
async fn a_database_that_is_gone_is_one_damage_and_nothing_takes_its_place() {
    let (registry, ..) = two_releases().await;
    let data = registry.stop().await;
    let data = data.path();
    for name in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
    for arguments in [&[][..], &["--repair"]] {
        let (status, report) = fsck(data, arguments);
        assert_eq!((status, report.damages.len()), (1, 1), "{report:#?}");
        assert_eq!(report.damages[0].kind, DamageKind::Database);
        let hint = report.damages[0].hint.as_ref().unwrap();
        assert!(hint.contains("`bulla-registry reindex`"), "{hint}");
    }
    for command in [
        &["serve"][..],
        &["gc"],
        &["token", "create", "--init", "--scope", "pull"],
    ] {
        let refused = run(command, data);
        assert_eq!(refused.status.code(), Some(3), "{command:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("has lost its database"), "{said}");
    }
    assert!(!data.join("registry.db").exists());
    assert!(run(&["reindex"], data).status.success());
    assert_clean(data);
    // One that somebody has emptied.
    for name in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
    fs::write(data.join("registry.db"), b"").unwrap();
    let refused = run(&["serve"], data);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let (status, report) = fsck(data, &[]);
    assert_eq!((status, report.damages.len()), (1, 1), "{report:#?}");
    assert_eq!(report.damages[0].kind, DamageKind::Database);
    assert_eq!(fs::read(data.join("registry.db")).unwrap(), b"");
    assert!(run(&["reindex"], data).status.success());
    assert_clean(data);
    // That of a registry in which nothing is.
    let other = tempfile::tempdir().unwrap();
    let create = ["token", "create", "--init", "--scope", "pull"];
    assert!(run(&create, other.path()).status.success());
    for name in ["registry.db-wal", "registry.db-shm"] {
        let _ = fs::remove_file(data.join(name));
    }
    fs::copy(other.path().join("registry.db"), data.join("registry.db")).unwrap();
    let (status, report) = fsck(data, &[]);
    assert_eq!((status, report.damages.len()), (1, 1), "{report:#?}");
    assert!(
        report.damages[0].found.contains("the index is empty"),
        "{report:#?}"
    );
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!((status, report.damages.len()), (0, 1), "{report:#?}");
    assert_clean(data);
}
