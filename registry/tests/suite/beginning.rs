//! Where a registry begins: in a folder in which nothing is, and never in the place of one that has lost
//! something.

use std::fs;
use std::path::Path;

use bulla_trust::testing::Organisation;

use crate::program::{Program, run};
use crate::support::{Registry, bundle};

#[track_caller]
fn refused(command: &[&str], data: &Path, status: i32, sentence: &str) {
    let output = run(command, data);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{command:?}: {said}");
    assert!(said.contains(sentence) && said.contains("hint: "), "{said}");
}

const CREATE: [&str; 5] = ["token", "create", "--init", "--scope", "pull"];

#[test]
fn a_registry_is_made_in_a_folder_in_which_nothing_is_and_in_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes"), "mine").unwrap();
    for command in [&["serve"][..], &CREATE] {
        refused(command, &other, 1, "is neither empty nor a registry");
    }
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    // A disk of its own, and a first start that was cut short.
    for (name, is_folder) in [
        ("lost+found", true),
        ("lock", false),
        ("registry.db.lock", false),
        ("indexing", false),
        (".bulla-new-a1b2c3", false),
        // SQLite had not written the first page yet.
        ("registry.db", false),
    ] {
        let new = folder.path().join(name.replace('.', "-")).join("data");
        fs::create_dir_all(&new).unwrap();
        if is_folder {
            fs::create_dir(new.join(name)).unwrap();
        } else {
            fs::write(new.join(name), "").unwrap();
        }
        drop(Program::start(&new, &[]));
        // It is one from then on.
        drop(Program::start(&new, &[]));
        assert!(run(&CREATE, &new).status.success());
    }
    let missing = folder.path().join("a/b");
    drop(Program::start(&missing, &[]));
    assert!(missing.join("registry.db").exists());
}

#[tokio::test]
async fn a_registry_that_has_lost_its_log_or_key_does_not_begin_another_history() {
    let (registry, mut organisation) = (Registry::start().await, Organisation::new());
    registry.append_all(&organisation.entries).await;
    registry.publish(&mut organisation, &bundle("one")).await;
    let data = registry.stop().await;
    let (data, away) = (data.path(), tempfile::tempdir().unwrap());
    for (name, sentence) in [
        ("log-key.pem", "has lost the key of its log"),
        ("log", "the log is empty, and there are statements of it"),
    ] {
        fs::rename(data.join(name), away.path().join(name)).unwrap();
        refused(&["serve"], data, 3, sentence);
        if name == "log-key.pem" {
            assert!(!data.join(name).exists());
        }
        let _ = fs::remove_dir_all(data.join(name));
        fs::rename(away.path().join(name), data.join(name)).unwrap();
        drop(Program::start(data, &[]));
    }
}
