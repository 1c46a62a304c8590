//! `bulla-registry backup` and `restore`, of a registry that runs.

mod damage;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bulla_registry::Settings;
use bulla_schemas::media_type;
use bulla_schemas::report::{BackupReport, RestoreReport};
use bulla_trust::testing::Organisation;
use reqwest::{Method, StatusCode};
use tempfile::TempDir;

use crate::program::{Program, run};
use crate::support::{BILLING, Registry, blob, bundle, bundle_of, bundle_of_noise};

const TOOL: &str = "acme/tool";

fn backup(data: &Path, to: &Path) -> BackupReport {
    let output = run(&["backup", "--json", to.to_str().unwrap()], data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Restores into a new folder.
fn restore(from: &Path) -> (TempDir, RestoreReport) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        &["restore", "--json", from.to_str().unwrap()],
        folder.path(),
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    (folder, serde_json::from_slice(&output.stdout).unwrap())
}

fn assert_clean(data: &Path) {
    let looked = run(&["fsck"], data);
    let said = String::from_utf8_lossy(&looked.stderr);
    let table = String::from_utf8_lossy(&looked.stdout);
    assert_eq!(looked.status.code(), Some(0), "{said}{table}");
}

fn refused(command: &[&str], data: &Path, status: i32, sentence: &str) {
    let output = run(command, data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(sentence), "{said}");
    assert!(said.contains("hint: "), "{said}");
}

/// A registry with a log, a release, another project with nearly the same files, and a tag.
async fn registry() -> (Registry, Organisation) {
    let (registry, mut organisation) = (Registry::start().await, Organisation::new());
    registry.append_all(&organisation.entries).await;
    let one = bundle_of_noise(BILLING, "one");
    registry.publish(&mut organisation, &one).await;
    let pushed = registry
        .push_bundle(TOOL, &bundle_of_noise(TOOL, "two"))
        .await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    tag(&registry, "v1", one.manifest_bytes()).await;
    (registry, organisation)
}

async fn tag(registry: &Registry, name: &str, manifest: impl Into<Vec<u8>>) {
    let tagged = registry.push_manifest(BILLING, name, media_type::OCI_MANIFEST, manifest);
    assert_eq!(tagged.await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_backup_is_a_registry_and_restores_to_the_same_one() {
    let (registry, _) = registry().await;
    let host = registry.host_token("web1", &["*"]).await;
    let report = r#"{"observedAt":"2026-11-28T06:39:49Z","interval":"1m","installer":"1",
        "system":"Debian","logSize":1,"projects":[]}"#;
    let path = "/api/v1/hosts/web1/report";
    let reported = registry.plain(Method::POST, path).bearer_auth(&host);
    let reported = reported.body(report).send().await.unwrap();
    assert!(reported.status().is_success(), "{reported:?}");
    let checkpoint = registry.get("/log/checkpoint").await.bytes().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backups/registry");
    let done = backup(registry.data.path(), &to);
    assert_eq!((done.entries, done.projects), (2, 2));
    assert_eq!((done.tokens, done.hosts), (2, 1));
    assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for secret in ["log-key.pem", "registry.db"] {
        let mode = to.join(secret).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{secret}");
    }
    assert_clean(&to);

    let (restored, said) = restore(&to);
    assert_eq!((said.entries, said.tokens, said.hosts), (2, 2, 1));
    assert_eq!((said.at, said.tags), (Some(done.at), 1));
    assert_eq!(said.damages, []);
    assert_clean(restored.path());
    let key = |data: &Path| fs::read(data.join("log-key.pem")).unwrap();
    assert_eq!(key(restored.path()), key(registry.data.path()));

    // It goes on where the other one was, with the same tokens.
    let program = Program::start(restored.path(), &[]);
    let client = reqwest::Client::new();
    let get = async |path: &str| {
        let request = client.get(format!("{}{path}", program.url));
        request.bearer_auth(&registry.token).send().await.unwrap()
    };
    let served = get("/log/checkpoint").await.bytes().await.unwrap();
    assert_eq!(served, checkpoint);
    let payload = blob(&bundle_of_noise(TOOL, "two"), 1);
    let path = format!("/v2/{TOOL}/blobs/{}", bulla_schemas::Digest::of(&payload));
    assert_eq!(get(&path).await.bytes().await.unwrap(), payload);
    let tagged = get(&format!("/v2/{BILLING}/manifests/v1")).await;
    assert_eq!(tagged.status(), StatusCode::OK);
    assert_eq!(get("/api/v1/hosts/web1").await.status(), StatusCode::OK);
    registry.stop().await;
}

#[tokio::test]
async fn the_next_backup_costs_what_is_new_and_has_nothing_that_was_deleted() {
    let settings = Settings {
        mutable: vec![TOOL.parse().unwrap()],
        ..Settings::default()
    };
    let registry = Registry::start_with(settings).await;
    let one = bundle_of_noise(BILLING, "one");
    registry.push_bundle(BILLING, &one).await;
    let gone = bundle_of(TOOL, "gone");
    registry.push_bundle(TOOL, &gone).await;
    let data = registry.data.path();
    // Beside the data directory, so content is linked.
    let folder = tempfile::tempdir_in(data.parent().unwrap()).unwrap();
    let to = folder.path().join("backup");
    let first = backup(data, &to);
    assert!(first.linked > 6 << 20 && first.copied == 0, "{first:?}");
    let again = backup(data, &to);
    assert_eq!((again.linked, again.copied, again.removed), (0, 0, 0));

    let path = format!("/v2/{TOOL}/manifests/{}", gone.hash());
    let deleted = registry
        .request(Method::DELETE, &path)
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::ACCEPTED);
    registry
        .push_bundle(BILLING, &bundle_of_noise(BILLING, "two"))
        .await;
    let next = backup(data, &to);
    assert!(next.linked < first.linked / 2, "{next:?}");
    assert!(next.removed > 0, "{next:?}");
    assert_clean(&to);
    let (restored, _) = restore(&to);
    let record = restored.path().join("repositories").join(TOOL);
    let record = record.join("_manifests/sha256").join(gone.hash().hex());
    assert!(!record.exists());
    // What is restored shares no file with the backup.
    for pack in fs::read_dir(restored.path().join("packs")).unwrap() {
        assert_eq!(pack.unwrap().metadata().unwrap().nlink(), 1);
    }
    registry.stop().await;
}

#[tokio::test]
async fn folders_of_others_and_other_histories_are_refused() {
    let (registry, _) = registry().await;
    let data = registry.data.path();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes"), "mine\n").unwrap();
    let inside = data.join("backup");
    let name = |path: &Path| path.to_str().unwrap().to_owned();
    refused(
        &["backup", &name(&other)],
        data,
        1,
        "neither empty nor a backup",
    );
    refused(&["backup", &name(&inside)], data, 1, "one in the other");
    refused(&["restore", &name(data)], &other, 4, "is in use by");
    refused(
        &["restore", &name(&other)],
        &inside,
        1,
        "there is no registry",
    );
    assert!(!inside.exists());
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);

    let to = folder.path().join("backup");
    backup(data, &to);
    refused(
        &["restore", &name(&to)],
        &other,
        1,
        "neither empty nor a backup",
    );
    let second = Registry::start_in(tempfile::tempdir().unwrap(), Settings::default()).await;
    let report = run(&["backup", &name(&to)], second.data.path());
    assert_eq!(report.status.code(), Some(3), "{report:?}");
    second.stop().await;
    // A registry that was restored from something older must not take what it has forgotten.
    let before = fs::read(to.join("log/checkpoint")).unwrap();
    let old = registry.stop().await;
    fs::remove_dir_all(old.path().join("log")).unwrap();
    let old = Registry::start_in(old, Settings::default()).await;
    refused(
        &["backup", &name(&to)],
        old.data.path(),
        3,
        "0 entries here",
    );
    assert_eq!(fs::read(to.join("log/checkpoint")).unwrap(), before);
    assert_clean(&to);
    old.stop().await;
}

#[tokio::test]
async fn what_was_answered_for_before_is_in_a_backup_that_is_made_while_pushes_go_on() {
    let (registry, mut organisation) = registry().await;
    let data = registry.data.path().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    let (start, asked) = std::sync::mpsc::channel::<u64>();
    let (ended, mut end) = tokio::sync::mpsc::unbounded_channel();
    let backups = std::thread::spawn(move || {
        // Each time it is told how many entries were answered for.
        while let Ok(answered) = asked.recv() {
            let done = backup(&data, &to);
            assert!(done.entries >= answered, "{done:?}, {answered} answered");
            assert_clean(&to);
            let (restored, said) = restore(&to);
            assert_eq!(said.damages, []);
            assert_clean(restored.path());
            ended.send(said.entries).unwrap();
        }
    });
    for round in 0..4 {
        start.send(organisation.entries.len() as u64).unwrap();
        let mut number = 0;
        loop {
            let bundle = bundle(&format!("release {round}.{number}"));
            number += 1;
            registry.publish(&mut organisation, &bundle).await;
            tag(
                &registry,
                &format!("v{round}.{number}"),
                bundle.manifest_bytes(),
            )
            .await;
            if let Ok(entries) = end.try_recv() {
                assert!(entries <= organisation.entries.len() as u64);
                break;
            }
        }
    }
    drop(start);
    tokio::task::spawn_blocking(|| backups.join().unwrap())
        .await
        .unwrap();
    registry.stop().await;
}

#[tokio::test]
async fn a_snapshot_at_any_instant_restores_to_a_registry_that_fsck_finds_right() {
    let data = tempfile::tempdir().unwrap();
    fs::write(
        data.path().join("log-key.pem"),
        bulla_trust::testing::log_key().to_pem(),
    )
    .unwrap();
    let made = run(&["token", "create", "--scope", "pull,push"], data.path());
    let token = String::from_utf8(made.stdout).unwrap();
    let token = token.lines().last().unwrap().to_owned();
    let program = Program::start(data.path(), &["--mutable", TOOL]);
    let client = reqwest::Client::new();
    let (url, going) = (program.url.clone(), std::sync::Arc::new(()));
    let watched = std::sync::Arc::downgrade(&going);
    let pushes = tokio::spawn(async move {
        let send = async |request: reqwest::RequestBuilder| {
            let answer = request.bearer_auth(&token).send().await.unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
        };
        let mut organisation = Organisation::new();
        let entries = format!("{url}/log/entries");
        send(client.post(&entries).body(organisation.entries[0].clone())).await;
        let mut number = 0;
        while watched.strong_count() > 0 {
            number += 1;
            for (project, bundle) in [
                (BILLING, bundle_of_noise(BILLING, &format!("{number}"))),
                (TOOL, bundle_of(TOOL, &format!("{number}"))),
            ] {
                for position in 0..4 {
                    let blob = blob(&bundle, position);
                    let digest = bulla_schemas::Digest::of(&blob);
                    let path = format!("{url}/v2/{project}/blobs/uploads/?digest={digest}");
                    send(client.post(path).body(blob)).await;
                }
                let path = format!(
                    "{url}/v2/{project}/manifests/{}?tag=v{number}",
                    bundle.hash()
                );
                let put = client.put(&path).body(bundle.manifest_bytes().to_vec());
                send(put.header("content-type", media_type::OCI_MANIFEST)).await;
                if project == BILLING {
                    let entry = crate::support::release_entry(&bundle);
                    organisation.append(entry.clone());
                    send(client.post(&entries).body(entry)).await;
                } else {
                    send(client.delete(&path)).await;
                }
            }
        }
        number
    });
    let snapshots = tokio::task::spawn_blocking(move || {
        let mut sizes = Vec::new();
        for _ in 0..12 {
            let folder = tempfile::tempdir().unwrap();
            let snapshot = folder.path().join("snapshot");
            // Nothing is written while the process stands still, as for a snapshot of the disk.
            program.signal("STOP");
            let copied = std::process::Command::new("cp")
                .arg("-a")
                .args([data.path(), &snapshot])
                .status();
            program.signal("CONT");
            assert!(copied.unwrap().success());
            let (restored, said) = restore(&snapshot);
            assert_eq!((said.at, &said.damages[..]), (None, &[][..]));
            assert_clean(restored.path());
            sizes.push(said.entries);
        }
        drop(going);
        (program, data, sizes)
    });
    let (_program, _data, sizes) = snapshots.await.unwrap();
    let number = pushes.await.unwrap();
    assert!(sizes.is_sorted() && number > 1, "{sizes:?}");
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
