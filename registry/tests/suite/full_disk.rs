//! Commands whose disk takes nothing.

use std::path::Path;

use bulla_trust::testing::{Organisation, log_key, project};

use crate::disk::SmallDisk;
use crate::program::run;

/// Every command that writes, in a directory in which there is a registry, and in one in which
/// there is none.
fn refused(existing: &Path, empty: &Path, id: &str) -> Vec<(String, String)> {
    [
        (&["token", "create", "--scope", "pull"][..], existing),
        (&["token", "create", "--scope", "pull", "--init"], existing),
        (&["token", "create", "--scope", "pull", "--init"], empty),
        (&["token", "revoke", id], existing),
        (&["host", "remove", "web1"], existing),
        (&["reindex"], existing),
        (&["serve", "--listen", "127.0.0.1:0"], existing),
    ]
    .into_iter()
    .map(|(command, data)| {
        let output = run(command, data);
        let said = String::from_utf8(output.stderr).unwrap();
        let command = command.join(" ");
        assert_eq!(output.status.code(), Some(4), "{command}: {said}");
        assert_eq!(output.stdout, b"", "{command}");
        assert!(!said.contains("move it away"), "{command}: {said}");
        (command, said)
    })
    .collect()
}

/// Makes a registry with one token, and returns the token's id.
fn make(data: &Path) -> String {
    let create = run(&["token", "create", "--scope", "pull", "--init"], data);
    assert!(create.status.success());
    let list = run(&["token", "list", "--json"], data);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    list[0]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_command_on_a_full_disk_says_what_is_full_and_works_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 8 << 20) else {
        return;
    };
    let (existing, empty) = (folder.path().join("registry"), folder.path().join("new"));
    let id = make(&existing);
    disk.fill();
    for (command, said) in refused(&existing, &empty, &id) {
        assert!(said.contains("error: the disk with `"), "{command}: {said}");
        // SQLite gives back the first page of its `-shm` file, which it could not make longer, on a
        // thread of its own: before free space is looked at, or after.
        let free = ["0 B", "4.0 kB"].map(|free| format!("` is full: {free} free\n"));
        let is_said = free.iter().any(|free| said.contains(free));
        assert!(is_said, "{command}: {said}");
        assert!(
            said.contains("hint: make space on that disk"),
            "{command}: {said}"
        );
    }
    std::fs::remove_file(folder.path().join("filler")).unwrap();
    assert!(run(&["token", "revoke", &id], &existing).status.success());
    assert!(run(&["reindex"], &existing).status.success());
}

#[test]
fn a_command_on_a_read_only_file_system_says_that_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 8 << 20) else {
        return;
    };
    let (existing, empty) = (folder.path().join("registry"), folder.path().join("new"));
    let id = make(&existing);
    disk.make_read_only();
    for (command, said) in refused(&existing, &empty, &id) {
        assert!(said.contains("` is read-only\n"), "{command}: {said}");
        assert!(
            said.contains("hint: mount it read-write"),
            "{command}: {said}"
        );
    }
}

#[test]
fn a_log_and_a_key_that_the_disk_does_not_take_can_be_brought_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut organisation = Organisation::new();
    for number in 0..300 {
        organisation.publish(&project(), &number.to_string());
    }
    let copy = folder.path().join("copy");
    for (path, content) in organisation.files() {
        bulla_files::write(&copy.join(path), &content).unwrap();
    }
    let place = folder.path().join("disk");
    std::fs::create_dir(&place).unwrap();
    let Some(disk) = SmallDisk::mount(&place, 8 << 20) else {
        return;
    };
    let data = place.join("registry");
    make(&data);
    let key = data.join("log-key.pem");
    std::fs::write(&key, log_key().to_pem()).unwrap();
    let import = ["import-log", copy.to_str().unwrap()];
    let assert_full = |command: &[&str]| {
        disk.fill();
        let output = run(command, &data);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{command:?}: {said}");
        assert!(said.contains("hint: make space on that disk"), "{said}");
        std::fs::remove_file(place.join("filler")).unwrap();
    };
    assert_full(&import);
    assert!(!data.join("log/checkpoint").exists());
    assert!(run(&import, &data).status.success());
    assert_full(&["log-key", "--next"]);
    assert!(!data.join("log-key-next.pem").exists());
    assert!(run(&["log-key", "--next"], &data).status.success());
}
