//! What lies in the data directory in the place of a file: it is named, and not waited for.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::{Method, StatusCode};

use crate::frames::frames;
use crate::support::Registry;

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// Starts the real program, which must end by itself, and returns what it says.
fn refused(data: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bulla-registry"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_registry_does_not_start_beside_its_key_database_or_log() {
    for name in ["log-key.pem", "registry.db", "log/checkpoint", "lock"] {
        for is_pipe in [true, false] {
            let registry = Registry::start().await;
            let data = registry.stop().await;
            let path = data.path().join(name);
            if path.exists() {
                std::fs::remove_file(&path).unwrap();
            }
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let found = if is_pipe {
                pipe(&path);
                "a named pipe"
            } else {
                // As of a disk that is not mounted: no other key, and no empty database.
                symlink(data.path().join("elsewhere"), &path).unwrap();
                "a link that leads nowhere"
            };
            let said = refused(data.path());
            assert!(said.contains(name), "{said}");
            assert!(said.contains(found), "{said}");
            assert!(!data.path().join("elsewhere").exists());
        }
    }
}

/// The only file below a folder.
fn only_file(folder: &Path) -> PathBuf {
    let mut path = folder.to_owned();
    while path.is_dir() {
        path = std::fs::read_dir(&path)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
    }
    path
}

#[tokio::test]
async fn what_is_no_file_in_the_place_of_content_is_damage_that_a_push_heals() {
    for (folder, content) in [
        ("blobs", b"kept".to_vec()),
        ("recipes", frames(&[1, 2, 3])),
        ("packs", frames(&[1, 2, 3])),
    ] {
        for found in ["a pipe", "a directory", "a link that leads nowhere"] {
            let registry = Registry::start().await;
            let digest = registry.push_blob("acme/tool", &content).await;
            let path = only_file(&registry.data.path().join(folder));
            std::fs::remove_file(&path).unwrap();
            match found {
                "a pipe" => pipe(&path),
                "a directory" => std::fs::create_dir(&path).unwrap(),
                _ => symlink(registry.data.path().join("elsewhere"), &path).unwrap(),
            }
            let url = format!("/v2/acme/tool/blobs/{digest}");
            for method in [Method::HEAD, Method::GET] {
                let status = registry
                    .request(method, &url)
                    .send()
                    .await
                    .unwrap()
                    .status();
                assert_eq!(status, StatusCode::NOT_FOUND, "{found} in {folder}");
            }
            registry.push_blob("acme/tool", &content).await;
            let served = registry.get(&url).await.bytes().await.unwrap();
            assert!(served == content, "{found} in {folder}");
            registry.stop().await;
        }
    }
}

#[tokio::test]
async fn a_directory_in_the_place_of_an_upload_stops_no_start() {
    let registry = Registry::start().await;
    std::fs::create_dir(registry.data.path().join("uploads/lost+found")).unwrap();
    let data = registry.stop().await;
    let registry = Registry::start_in(data, bulla_registry::Settings::default()).await;
    registry.stop().await;
}
