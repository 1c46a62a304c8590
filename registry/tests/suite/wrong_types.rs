//! What lies in the data directory in the place of a file: it is named, and not waited for.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use bulla_trust::testing::log_key;

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

#[tokio::test]
async fn a_pipe_in_the_place_of_a_blob_answers_with_an_error() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("log-key.pem"), log_key().to_pem()).unwrap();
    let registry = Registry::start_in(data, bulla_registry::Settings::default()).await;
    registry.push_blob("acme/tool", b"kept").await;
    let digest = bulla_schemas::Digest::of(b"kept");
    let hex = digest.hex();
    let blob = format!("blobs/sha256/{}/{hex}", &hex[..2]);
    let blob = registry.data.path().join(blob);
    std::fs::remove_file(&blob).unwrap();
    pipe(&blob);
    std::fs::create_dir(registry.data.path().join("uploads/lost+found")).unwrap();
    let answer = registry.get(&format!("/v2/acme/tool/blobs/{digest}")).await;
    assert!(answer.status().is_server_error() || answer.status().is_client_error());
    // A directory in the place of an upload stops no start.
    let registry =
        Registry::start_in(registry.stop().await, bulla_registry::Settings::default()).await;
    registry.stop().await;
}
