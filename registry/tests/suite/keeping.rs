//! What survives: restarts, a lost database, kill -9 of the real program.

use std::process::{Command, Stdio};

use bulla_registry::Settings;
use bulla_schemas::media_type;
use bulla_trust::testing::{Organisation, log_key, project};
use reqwest::StatusCode;
use serde_json::Value;

use crate::program::{Program, program, run};
use crate::support::{BILLING, Registry, bundle, release_entry};

#[tokio::test]
async fn rebuilds_a_lost_index_from_the_files() {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let bundle = bundle("one");
    registry.publish(&mut organisation, &bundle).await;
    let tagged = registry
        .push_manifest(
            BILLING,
            "v1",
            media_type::OCI_MANIFEST,
            bundle.manifest_bytes(),
        )
        .await;
    assert_eq!(tagged.status(), StatusCode::CREATED);
    let referrers = format!("/v2/{BILLING}/referrers/{}", bundle.hash());
    let before: Value = registry.json(&referrers).await;
    let data = registry.stop().await;
    for file in std::fs::read_dir(data.path()).unwrap() {
        let path = file.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("registry.db")
        {
            std::fs::remove_file(path).unwrap();
        }
    }
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(registry.json::<Value>(&referrers).await, before);
    for path in [
        format!("/v2/{BILLING}/manifests/v1"),
        format!("/v2/{BILLING}/blobs/{}", bundle.manifest().payload().digest),
    ] {
        assert_eq!(registry.get(&path).await.status(), StatusCode::OK, "{path}");
    }
    registry.stop().await;
}

#[tokio::test]
async fn removes_the_files_that_a_crash_cut_short() {
    let registry = Registry::start().await;
    registry.push_blob("acme/tool", b"kept").await;
    let data = registry.stop().await;
    let left: Vec<_> = [
        "",
        "blobs/sha256",
        "repositories/acme/tool/_blobs/sha256",
        "log",
    ]
    .map(|folder| data.path().join(folder).join(".bulla-new-a1b2c3"))
    .into();
    let writes_now = data.path().join("blobs/.bulla-new-d4e5f6");
    std::fs::create_dir_all(data.path().join("log")).unwrap();
    for (path, day) in left
        .iter()
        .map(|path| (path, 1))
        .chain([(&writes_now, 1 << 20)])
    {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_hours(24 * day);
        let file = std::fs::File::create(path).unwrap();
        file.set_modified(time).unwrap();
    }
    let registry = Registry::start_in(data, Settings::default()).await;
    while left.iter().any(|path| path.exists()) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let data = registry.stop().await;
    assert!(writes_now.exists(), "a write under way is left alone");
    let registry = Registry::start_in(data, Settings::default()).await;
    registry.push_blob("acme/tool", b"kept").await;
    registry.stop().await;
}

#[tokio::test]
async fn attaches_what_a_crash_left_unattached() {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let bundle = bundle("one");
    registry.publish(&mut organisation, &bundle).await;
    let path = format!("/v2/{BILLING}/referrers/{}", bundle.hash());
    let before: Value = registry.json(&path).await;
    let digest = before["manifests"][0]["digest"].as_str().unwrap();
    let data = registry.stop().await;
    let record = data
        .path()
        .join("repositories")
        .join(BILLING)
        .join("_manifests/sha256")
        .join(digest.strip_prefix("sha256:").unwrap());
    std::fs::remove_file(record).unwrap();
    let output = run(&["reindex"], data.path());
    assert!(output.status.success());
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(registry.json::<Value>(&path).await, before);
    registry.stop().await;
}

#[tokio::test]
async fn loses_nothing_it_answered_for_when_it_is_killed() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    let output = run(&["token", "create", "--scope", "pull,push"], data.path());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let token = stdout.lines().last().unwrap().to_owned();
    let client = reqwest::Client::new();
    let mut organisation = Organisation::new();
    let (mut answered, mut bundles) = (0, 0);
    for round in 0..3 {
        let program = Program::start(data.path(), &[]);
        let url = program.url.clone();
        let post = async |entry: &[u8]| {
            let request = client.post(format!("{url}/log/entries"));
            let answer = request
                .bearer_auth(&token)
                .body(entry.to_vec())
                .send()
                .await;
            answer.is_ok_and(|answer| answer.status() == StatusCode::CREATED)
        };
        if round == 0 {
            assert!(post(&organisation.entries[0]).await);
            answered = 1;
        }
        // Kill it while it appends, at a moment that no test chooses; but not before it has answered
        // for something, however slow this machine is.
        let (answers, answered_once) = tokio::sync::oneshot::channel();
        let mut answers = Some(answers);
        let killer = {
            let pid = program.child.id();
            tokio::spawn(async move {
                answered_once.await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                let _ = Command::new("kill")
                    .args(["-KILL", &pid.to_string()])
                    .status();
            })
        };
        loop {
            let bundle = bundle(&format!("bundle {bundles}"));
            bundles += 1;
            let mut pushed = true;
            for position in 0..4 {
                let blob = crate::support::blob(&bundle, position);
                let digest = bulla_schemas::Digest::of(&blob);
                let path = format!("{url}/v2/{BILLING}/blobs/uploads/?digest={digest}");
                let answer = client
                    .post(path)
                    .bearer_auth(&token)
                    .body(blob)
                    .send()
                    .await;
                pushed &= answer.is_ok_and(|answer| answer.status() == StatusCode::CREATED);
            }
            let path = format!("{url}/v2/{BILLING}/manifests/{}", bundle.hash());
            let put = client.put(path).bearer_auth(&token);
            let put = put.header("content-type", media_type::OCI_MANIFEST);
            let answer = put.body(bundle.manifest_bytes().to_vec()).send().await;
            pushed &= answer.is_ok_and(|answer| answer.status() == StatusCode::CREATED);
            let entry = release_entry(&bundle);
            if !pushed || !post(&entry).await {
                break;
            }
            organisation.append(entry);
            answered += 1;
            if let Some(answers) = answers.take() {
                answers.send(()).unwrap();
            }
        }
        killer.await.unwrap();
    }
    let program = Program::start(data.path(), &[]);
    let checkpoint = client.get(format!("{}/log/checkpoint", program.url));
    let checkpoint = checkpoint.bearer_auth(&token).send().await.unwrap();
    let checkpoint = checkpoint.text().await.unwrap();
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(
        size >= answered,
        "{size} entries, {answered} were answered for"
    );
    assert!(
        size <= answered + 3,
        "at most the one under way at each kill"
    );
    let releases: Value = {
        let path = format!(
            "{}/api/v1/projects/acme%2Fbilling/releases?limit=1000",
            program.url
        );
        let answer = client.get(path).bearer_auth(&token).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let listed: Vec<_> = releases["items"].as_array().unwrap().iter().collect();
    for release in organisation.state.releases(&project()) {
        let hash = release.hash.to_string();
        assert!(listed.iter().any(|item| item["hash"] == hash), "{hash}");
    }
}

#[tokio::test]
async fn stops_cleanly_and_lets_no_other_process_in_meanwhile() {
    let data = tempfile::tempdir().unwrap();
    let mut program = Program::start(data.path(), &[]);
    let second = run(&["serve", "--listen", "127.0.0.1:0"], data.path());
    assert_eq!(second.status.code(), Some(4));
    let message = String::from_utf8(second.stderr).unwrap();
    assert!(
        message.contains("in use by `bulla-registry serve`, process "),
        "{message}"
    );
    assert!(message.contains("hint: "), "{message}");
    assert_eq!(run(&["reindex"], data.path()).status.code(), Some(4));
    program.signal("TERM");
    assert!(program.child.wait().unwrap().success());
    let again = Program::start(data.path(), &[]);
    again.signal("INT");
}

#[tokio::test]
async fn tokens_are_managed_while_it_runs() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]);
    let output = run(
        &[
            "token",
            "create",
            "--scope",
            "push,pull",
            "--project",
            "acme/*",
            "--name",
            "ci",
        ],
        data.path(),
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    let token = stdout.lines().last().unwrap();
    assert!(token.starts_with("bulla_"), "{stdout}");
    let client = reqwest::Client::new();
    let ping = async || {
        let request = client
            .get(format!("{}/v2/", program.url))
            .bearer_auth(token);
        request.send().await.unwrap().status()
    };
    assert_eq!(ping().await, StatusCode::OK);
    let list = run(&["token", "list", "--json"], data.path());
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list[0]["name"], "ci");
    assert_eq!(list[0]["scopes"], serde_json::json!(["pull", "push"]));
    assert!(list[0]["lastUsedAt"].is_string());
    assert!(
        !list.to_string().contains(token),
        "the secret is shown once"
    );
    let id = list[0]["id"].as_str().unwrap();
    assert!(run(&["token", "revoke", id], data.path()).status.success());
    assert_eq!(ping().await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        run(&["token", "revoke", "x"], data.path()).status.code(),
        Some(1)
    );
    let wrong = run(&["token", "create", "--scope", "everything"], data.path());
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_mistyped_data_directory_becomes_no_registry() {
    let folder = tempfile::tempdir().unwrap();
    let mistyped = folder.path().join("registri");
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("notes"), "not a registry\n").unwrap();
    for directory in [&mistyped, &other] {
        for command in [
            &["token", "list"][..],
            &["token", "revoke", "4f1c2a90b7de"],
            &["token", "create", "--scope", "pull"],
            &["host", "remove", "web1"],
            &["reindex"],
            &["du"],
            &["fsck"],
            &["gc"],
            &["backup", "/nowhere"],
        ] {
            let refused = run(command, directory);
            let said = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(1), "{command:?}: {said}");
            let named = format!("there is no registry in `{}`", directory.display());
            assert!(said.contains(&named), "{command:?}: {said}");
            assert!(said.contains("hint: name its directory"), "{said}");
            assert_eq!(refused.stdout, b"", "{command:?}");
        }
    }
    assert!(!mistyped.exists());
    assert_eq!(std::fs::read_dir(&other).unwrap().count(), 1);

    let create = ["token", "create", "--scope", "pull", "--init"];
    assert!(run(&create, &mistyped).status.success());
    let list = run(&["token", "list", "--json"], &mistyped);
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[test]
fn a_token_for_some_projects_says_what_it_does_not_keep_from_its_bearer() {
    let data = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let create = [&["token", "create", "--init"], arguments].concat();
        let made = run(&create, data.path());
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stderr).unwrap()
    };
    let whole_log = "whoever has it reads the whole log";
    for scope in ["pull", "push,pull", "admin"] {
        let some = said(&["--scope", scope, "--project", "acme/*"]);
        assert!(some.contains(whole_log), "{some}");
        let all = said(&["--scope", scope]);
        assert!(!all.contains(whole_log), "{all}");
    }
    let blind = said(&["--scope", "push", "--project", "acme/*"]);
    assert!(!blind.contains(whole_log), "{blind}");
}

#[test]
fn a_token_that_nobody_saw_is_revoked() {
    let data = tempfile::tempdir().unwrap();
    let create = ["token", "create", "--scope", "pull", "--init"];
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let (reader, closed) = std::io::pipe().unwrap();
    drop(reader);
    for stdout in [Stdio::from(full), Stdio::from(closed)] {
        let lost = program(&create, data.path()).stdout(stdout).output();
        let lost = lost.unwrap();
        let said = String::from_utf8(lost.stderr).unwrap();
        assert_eq!(lost.status.code(), Some(1), "{said}");
        assert!(said.contains("which is revoked again"), "{said}");
    }
    let list = run(&["token", "list", "--json"], data.path());
    let list: Value = serde_json::from_slice(&list.stdout).unwrap();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|token| token["revokedAt"].is_string()));
}

#[tokio::test]
async fn the_start_after_a_crash_indexes_what_was_recorded_and_has_no_row() {
    let registry = Registry::start().await;
    let bundle = bundle("one");
    let pushed = registry.push_bundle(BILLING, &bundle).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let manifest = bundle.manifest_bytes();
    let tagged = registry.push_manifest(BILLING, "v1", media_type::OCI_MANIFEST, manifest);
    assert_eq!(tagged.await.status(), StatusCode::CREATED);
    let mark = registry.data.path().join("indexing");
    assert!(mark.exists());
    let data = registry.stop().await;
    assert!(!mark.exists());

    // Killed behind the records of a tag, and of a release of another project.
    let records = data.path().join("repositories").join(BILLING);
    let tags = records.join("_tags");
    std::fs::copy(tags.join("v1"), tags.join("v2")).unwrap();
    let other = data.path().join("repositories/acme/other");
    let mut copy = Command::new("cp");
    let copied = copy.arg("-r").args([&records, &other]).status();
    assert!(copied.unwrap().success());
    std::fs::write(&mark, b"").unwrap();

    let registry = Registry::start_in(data, Settings::default()).await;
    for path in [
        format!("/v2/{BILLING}/manifests/v2"),
        "/v2/acme/other/manifests/v1".to_owned(),
        format!("/v2/acme/other/manifests/{}", bundle.hash()),
    ] {
        let found = registry.get(&path).await.bytes().await.unwrap();
        assert_eq!(found, bundle.manifest_bytes(), "{path}");
    }
    let looked = run(&["fsck"], registry.data.path());
    assert!(looked.status.success(), "{looked:?}");
    registry.stop().await;
}
