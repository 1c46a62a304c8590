//! `fsck` by who may only read, and of what may only be read.

use std::os::unix::fs::symlink;
use std::process::Command;

use super::*;
use crate::program::program;

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// Puts the database with all that SQLite has beside it elsewhere, and a link in its place.
fn link_database(data: &Path, elsewhere: &Path) {
    fs::create_dir(elsewhere).unwrap();
    for name in ["registry.db", "registry.db-wal", "registry.db-shm"] {
        let _ = fs::rename(data.join(name), elsewhere.join(name));
    }
    symlink(elsewhere.join("registry.db"), data.join("registry.db")).unwrap();
}

#[tokio::test]
async fn a_snapshot_whose_database_is_a_link_is_read_with_what_was_written_last() {
    let (registry, ..) = two_releases().await;
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 64 << 20) else {
        return;
    };
    let snapshot = folder.path().join("snapshot");
    copy(registry.data.path(), &snapshot);
    let wal = snapshot.join("registry.db-wal");
    assert!(wal.metadata().unwrap().len() > 0);
    link_database(&snapshot, &folder.path().join("database"));
    disk.make_read_only();
    assert_clean(&snapshot);
    registry.stop().await;
}

#[tokio::test]
async fn who_may_only_read_looks_at_a_registry_that_runs() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    // Root without the capability to pass over modes is anybody; the files become another user's.
    let mut owned = Command::new("chown");
    let owned = owned.args(["-R", "65534:65534"]).arg(data).status();
    if !owned.unwrap().success() {
        return skip(
            "a reader who may not write, because the files cannot be given to another user",
        );
    }
    let readable = Command::new("chmod")
        .args(["-R", "a+rX"])
        .arg(data)
        .status();
    assert!(readable.unwrap().success());
    let fsck = program(&["fsck"], data);
    let mut reader = Command::new("setpriv");
    reader.args(["--bounding-set=-dac_override,-dac_read_search", "--"]);
    reader.arg(fsck.get_program()).args(fsck.get_args());
    let looked = match reader.output() {
        Ok(looked) if looked.status.code() != Some(127) => looked,
        _ => return skip("a reader who may not write, because setpriv is not installed"),
    };
    let said = String::from_utf8_lossy(&looked.stderr);
    assert_eq!(looked.status.code(), Some(0), "{said}");
    assert!(said.contains("all as it was written"), "{said}");
    registry.stop().await;
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn skip(why: &str) {
    println!("skip: {why}");
}
