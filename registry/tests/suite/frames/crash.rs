//! Pushes that a crash has cut short.

use std::process::Command;

use bulla_registry::Settings;
use bulla_schemas::Digest;
use reqwest::StatusCode;

use crate::frames::{REPOSITORY, assert_served, frame, frames, packed, path_of};
use crate::program::{Program, run};
use crate::support::Registry;

/// Removes the database, as if the process had ended before it wrote there.
fn remove_database(data: &std::path::Path) {
    for file in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = std::fs::remove_file(data.join(file));
    }
}

#[tokio::test]
async fn a_lost_index_of_frames_is_made_again() {
    let registry = Registry::start().await;
    let content = frames(&[1, 2, 3]);
    registry.push_blob(REPOSITORY, &content).await;
    let data = registry.stop().await;
    remove_database(data.path());
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_served(&registry, &content).await;
    registry.push_blob(REPOSITORY, &frames(&[3, 4])).await;
    assert_eq!(packed(&registry), content.len() + frame(4).len());
    let data = registry.stop().await;
    assert!(run(&["reindex"], data.path()).status.success());
    let registry = Registry::start_in(data, Settings::default()).await;
    registry.push_blob(REPOSITORY, &frames(&[4, 1, 2])).await;
    assert_eq!(packed(&registry), content.len() + frame(4).len());
    registry.stop().await;
}

#[tokio::test]
async fn a_recipe_without_a_record_is_not_served_and_its_frames_are_used_by_the_next_push() {
    let registry = Registry::start().await;
    registry.push_blob(REPOSITORY, b"something else").await;
    let content = frames(&[1, 2, 3]);
    let digest = registry.push_blob(REPOSITORY, &content).await;
    let data = registry.stop().await;
    remove_database(data.path());
    let records = data.path().join("repositories").join(REPOSITORY);
    let record = records.join("_blobs/sha256").join(digest.hex());
    std::fs::remove_file(record).unwrap();
    let registry = Registry::start_in(data, Settings::default()).await;
    let status = registry.get(&path_of(&content)).await.status();
    assert_eq!(status, StatusCode::NOT_FOUND);
    registry.push_blob(REPOSITORY, &content).await;
    assert_eq!(packed(&registry), content.len());
    assert_served(&registry, &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn what_was_answered_for_is_there_when_it_is_killed_between_pushes_and_in_the_midst_of_them()
{
    let data = tempfile::tempdir().unwrap();
    let output = run(
        &["token", "create", "--scope", "pull,push", "--init"],
        data.path(),
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    let token = stdout.lines().last().unwrap().to_owned();
    let client = reqwest::Client::new();
    let mut answered = Vec::new();
    for round in 0..5_u64 {
        let program = Program::start(data.path(), &[]);
        let (first, pushed_once) = tokio::sync::oneshot::channel();
        let mut first = Some(first);
        let pid = program.child.id().to_string();
        let killer = tokio::spawn(async move {
            pushed_once.await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(15 * round)).await;
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        });
        for number in 0_u64.. {
            // Some of the last push, and some that is new.
            let name = 100 * round + number;
            let content = frames(&[name, name + 1, 1000 + name, name + 2]);
            let digest = Digest::of(&content);
            let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}");
            let request = client.post(format!("{}{path}", program.url));
            let request = request.bearer_auth(&token).body(content);
            let response = request.send().await;
            if !response.is_ok_and(|response| response.status() == StatusCode::CREATED) {
                break;
            }
            answered.push(digest);
            if let Some(first) = first.take() {
                first.send(()).unwrap();
            }
        }
        killer.await.unwrap();
    }
    let program = Program::start(data.path(), &[]);
    assert!(answered.len() >= 5);
    for digest in answered {
        let url = format!("{}/v2/{REPOSITORY}/blobs/{digest}", program.url);
        let served = client.get(url).bearer_auth(&token).send().await.unwrap();
        assert_eq!(served.status(), StatusCode::OK);
        assert_eq!(Digest::of(&served.bytes().await.unwrap()), digest);
    }
}
