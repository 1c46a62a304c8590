//! Backups of what has lost or damaged something, and backups that are damaged themselves.

use std::fs;
use std::path::Path;

use bulla_registry::Settings;
use bulla_schemas::Digest;
use serde_json::Value;

use super::{assert_clean, backup, files_below, refused, registry, restore, tag};
use crate::program::run;
use crate::support::{BILLING, Registry, blob, bundle, bundle_of_noise};

#[tokio::test]
async fn what_the_registry_has_lost_stays_in_its_backup() {
    let (registry, _) = registry().await;
    let data = registry.data.path();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    backup(data, &to);
    // A record, a pack and a manifest are lost, as a disk loses them.
    let one = bundle_of_noise(BILLING, "one");
    let hex = one.hash().hex();
    let billing = data.join("repositories").join(BILLING);
    fs::remove_file(billing.join("_manifests/sha256").join(&hex)).unwrap();
    fs::remove_file(data.join("blobs/sha256").join(&hex[..2]).join(&hex)).unwrap();
    for pack in fs::read_dir(data.join("packs")).unwrap().skip(1) {
        fs::remove_file(pack.unwrap().path()).unwrap();
    }
    assert_eq!(run(&["fsck"], data).status.code(), Some(1));
    backup(data, &to);
    assert_clean(&to);
    let (restored, said) = restore(&to);
    assert_eq!(said.damages, []);
    assert!(restored.path().join("packs").is_dir());
    // All of it at once is a disk that is not mounted.
    fs::remove_dir_all(data.join("repositories")).unwrap();
    let to = to.to_str().unwrap();
    refused(&["backup", to], data, 3, "`repositories/` is empty");
    registry.stop().await;
}

// A backup must not follow a registry that has lost what only the backup has.
#[tokio::test]
async fn a_registry_that_lost_its_database_or_its_records_does_not_take_them_from_its_backup() {
    let (registry, _) = registry().await;
    let data = registry.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("registry");
    let into = ["backup", to.to_str().unwrap()];
    let tokens = backup(data.path(), &to).tokens;
    // The records: the index knows them, and no index is made without them.
    let (records, away) = (data.path().join("repositories"), data.path().join("away"));
    fs::rename(&records, &away).unwrap();
    refused(&["reindex"], data.path(), 3, "not recorded any more");
    refused(&into, data.path(), 3, "`repositories/` is empty");
    fs::rename(&away, &records).unwrap();
    let manifests = format!("{BILLING}/_manifests");
    fs::rename(records.join(&manifests), &away).unwrap();
    refused(&["reindex"], data.path(), 3, "not recorded any more");
    fs::rename(&away, records.join(&manifests)).unwrap();
    assert!(run(&["reindex"], data.path()).status.success());
    // The database: tokens are nowhere else.
    for name in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = fs::remove_file(data.path().join(name));
    }
    refused(&into, data.path(), 3, "has lost its database");
    assert!(run(&["reindex"], data.path()).status.success());
    refused(&into, data.path(), 3, "has lost its database since");
    let (restored, said) = restore(&to);
    assert_eq!(said.tokens, tokens);
    assert_clean(restored.path());
}

#[tokio::test]
async fn a_recipe_that_names_other_frames_does_not_take_the_place_of_the_right_one() {
    let (registry, _) = registry().await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("registry");
    backup(registry.data.path(), &to);
    let payload = Digest::of(&blob(&bundle_of_noise(BILLING, "one"), 1)).hex();
    let recipe = registry.data.path().join("recipes/sha256");
    let recipe = recipe.join(&payload[..2]).join(&payload);
    let text = fs::read_to_string(&recipe).unwrap();
    let mut changed: serde_json::Value = serde_json::from_str(&text).unwrap();
    changed["frames"].as_array_mut().unwrap().reverse();
    fs::write(&recipe, changed.to_string()).unwrap();
    let output = run(&["backup", to.to_str().unwrap()], registry.data.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains(&payload) && said.contains("or damaged"),
        "{said}"
    );
    assert_clean(&to);
    registry.stop().await;
}

// R16: a backup is a disk too.
#[tokio::test]
async fn a_pack_that_is_damaged_in_the_backup_is_taken_again() {
    let (registry, _) = registry().await;
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("registry");
    backup(registry.data.path(), &to);
    let pack = fs::read_dir(to.join("packs")).unwrap().next().unwrap();
    let pack = pack.unwrap().path();
    let right = fs::read(&pack).unwrap();
    // Not in place: it may be linked to the registry's own.
    let damage = |bytes: &[u8]| {
        fs::remove_file(&pack).unwrap();
        fs::write(&pack, bytes).unwrap();
    };
    damage(&right[..100]);
    backup(registry.data.path(), &to);
    assert_clean(&to);
    let mut flipped = right.clone();
    flipped[right.len() / 2] ^= 1;
    damage(&flipped);
    assert_eq!(run(&["fsck", "--repair"], &to).status.code(), Some(1));
    backup(registry.data.path(), &to);
    assert_clean(&to);
    assert_eq!(fs::read(&pack).unwrap(), right);
    registry.stop().await;
}

// R16
#[tokio::test]
async fn a_log_that_is_damaged_in_the_backup_is_taken_again() {
    let (registry, mut organisation) = registry().await;
    let data = registry.data.path();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("registry");
    backup(data, &to);
    let log = |data: &Path| {
        let files = files_below(&data.join("log")).into_iter();
        let read = files.map(|path| {
            let name = path.strip_prefix(data).unwrap().to_owned();
            (name, fs::read(path).unwrap())
        });
        read.collect::<std::collections::BTreeMap<_, _>>()
    };
    assert!(log(&to).len() >= 3, "{:?}", log(&to).keys());
    for path in files_below(&to.join("log")) {
        let right = fs::read(&path).unwrap();
        let mut flipped = right.clone();
        flipped[right.len() / 2] ^= 1;
        for damaged in [Some(&flipped[..]), Some(&right[..right.len() / 2]), None] {
            let before = log(&to);
            match damaged {
                Some(damaged) => fs::write(&path, damaged).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let found = run(&["fsck"], &to);
            assert_eq!(found.status.code(), Some(1), "{}", path.display());
            backup(data, &to);
            assert_clean(&to);
            assert_eq!(log(&to), before);
        }
    }
    // Also where it grows at the same time.
    let bundle = bundle("two");
    for path in files_below(&to.join("log/tile")) {
        fs::write(path, "damaged").unwrap();
    }
    registry.publish(&mut organisation, &bundle).await;
    assert_eq!(backup(data, &to).entries, 3);
    assert_clean(&to);
    // Without its checkpoint, other entries may be another history as well as damage.
    fs::remove_file(to.join("log/checkpoint")).unwrap();
    let longer = to.join("log/tile/entries/000.p");
    fs::copy(longer.join("3"), longer.join("4")).unwrap();
    let mut entries = fs::read(longer.join("3")).unwrap();
    entries.extend_from_slice(&[0, 1, b'x']);
    fs::write(longer.join("4"), entries).unwrap();
    let into = ["backup", to.to_str().unwrap()];
    refused(&into, data, 3, "are not those of this log");
    registry.stop().await;
}

// A database that is older than the records, and records that are lost: the log says what was never
// removed.
#[tokio::test]
async fn a_release_of_the_log_stays_in_a_backup_though_neither_record_nor_index_knows_it() {
    let (registry, mut organisation) = registry().await;
    let token = registry.token.clone();
    let data = registry.stop().await;
    let aside = tempfile::tempdir().unwrap();
    let database = |name: &str| data.path().join(format!("registry.db{name}"));
    let old = aside.path().join("registry.db");
    fs::copy(database(""), &old).unwrap();
    let mut registry = Registry::start_in(data, Settings::default()).await;
    registry.token = token;
    let two = bundle_of_noise(BILLING, "two");
    registry.publish(&mut organisation, &two).await;
    tag(&registry, "v2", two.manifest_bytes()).await;
    let data = registry.stop().await;
    let to = aside.path().join("backup");
    backup(data.path(), &to);

    let database = |name: &str| data.path().join(format!("registry.db{name}"));
    for name in ["-wal", "-shm"] {
        let _ = fs::remove_file(database(name));
    }
    fs::copy(&old, database("")).unwrap();
    let records = data.path().join("repositories").join(BILLING);
    let manifest = records.join("_manifests/sha256").join(two.hash().hex());
    fs::remove_file(manifest).unwrap();
    fs::remove_file(records.join("_tags/v2")).unwrap();
    for position in 0..4 {
        let digest = Digest::of(&blob(&two, position)).hex();
        fs::remove_file(records.join("_blobs/sha256").join(digest)).unwrap();
    }
    backup(data.path(), &to);
    assert_clean(&to);
    let (restored, said) = restore(&to);
    assert_eq!((said.tags, &said.damages[..]), (2, &[][..]));
    assert_clean(restored.path());
}

// The power went while a backup removed what `gc` had removed: the release is there still, what the
// registry had made of its statement is not, and the database, which comes last, knows both.
#[tokio::test]
async fn a_database_that_is_older_than_the_records_decides_nothing_in_what_is_restored() {
    let (registry, _) = registry().await;
    let aside = tempfile::tempdir().unwrap();
    let to = aside.path().join("backup");
    backup(registry.data.path(), &to);
    let one = bundle_of_noise(BILLING, "one").hash();
    let listed: Value = registry
        .json(&format!("/v2/{BILLING}/referrers/{one}"))
        .await;
    let statement = digest(&listed["manifests"][0]);
    let path = format!("/v2/{BILLING}/manifests/sha256:{statement}");
    let layer = digest(&registry.json::<Value>(&path).await["layers"][0]);
    registry.stop().await;
    for (kind, hex) in [("_manifests", &statement), ("_blobs", &layer)] {
        let records = to.join("repositories").join(BILLING);
        fs::remove_file(records.join(kind).join("sha256").join(hex)).unwrap();
    }
    let (restored, said) = restore(&to);
    assert_eq!(said.damages, []);
    assert_clean(restored.path());
    // So it is with the database of the registry itself.
    let blobs = to.join("blobs/sha256");
    for hex in [&statement, &layer] {
        fs::remove_file(blobs.join(&hex[..2]).join(hex)).unwrap();
    }
    assert!(run(&["reindex"], &to).status.success());
    assert_clean(&to);
}

/// Returns the digits of the digest that a descriptor names.
fn digest(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap();
    digest.strip_prefix("sha256:").unwrap().to_owned()
}
