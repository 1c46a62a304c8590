//! A mirror whose disk is full, and what it notes of itself.

use super::*;
use crate::disk::SmallDisk;

#[tokio::test]
async fn a_mirror_whose_disk_is_full_says_so_and_goes_on_when_there_is_room() {
    let (origin, organisation, _) = origin().await;
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 5 << 20) else {
        return;
    };
    let data = folder.path().join("mirror");
    let trusting = ["--trust-first-use"];
    for _ in 0..2 {
        let output = once(&origin.url, &origin.token, &data, &trusting).await;
        refused(&output, 4, "` is full: ");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("make space on that disk"), "{said}");
    }
    assert!(
        !data.join("log/checkpoint").exists(),
        "its content is not here"
    );
    disk.grow(64 << 20);
    let report = take(&origin, &data, &trusting).await;
    assert_eq!(report.entries, organisation.entries.len() as u64);
    assert_eq!(report.missing, []);
    assert_clean(&data);
    origin.stop().await;
}

#[tokio::test]
async fn a_pattern_that_is_given_twice_is_kept_once() {
    let (origin, ..) = origin().await;
    let data = tempfile::tempdir().unwrap();
    let patterns = [
        "--trust-first-use",
        "--project",
        "acme/tool,images/*,acme/*,acme/*,acme/billing",
    ];
    take(&origin, data.path(), &patterns).await;
    let note: serde_json::Value =
        serde_json::from_slice(&fs::read(data.path().join("mirror.json")).unwrap()).unwrap();
    assert_eq!(note["projects"], serde_json::json!(["images/*", "acme/*"]));
    origin.stop().await;
}
