//! `fsck --repair --from URL`: what is lost here comes from another registry.

use std::process::Output;

use super::*;
use crate::program::program;

/// Has another registry asked, while the test's own ones answer.
pub(super) async fn repair_from(data: &Path, from: &str, token: &str) -> (Output, FsckReport) {
    let mut fsck = program(&["fsck", "--repair", "--json", "--from", from], data);
    fsck.env("BULLA_TOKEN", token);
    let ended = tokio::task::spawn_blocking(move || fsck.output().unwrap());
    let ended = ended.await.unwrap();
    let report = serde_json::from_slice(&ended.stdout);
    let said = String::from_utf8_lossy(&ended.stderr);
    let report = report.unwrap_or_else(|error| panic!("{error}: {said}"));
    (ended, report)
}

/// Another registry, which has the second of the two releases.
async fn other_registry() -> Registry {
    let other = Registry::start().await;
    let pushed = other.push_bundle(TOOL, &bundle_of_noise(TOOL, "two")).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    other
}

#[tokio::test]
async fn what_is_damaged_and_lies_nowhere_else_comes_from_another_registry() {
    let (registry, one, _) = two_releases().await;
    let other = other_registry().await;
    let data = registry.data.path();
    // A frame that both have, and then the manifest of the first, which the other has not.
    flip(&packs(data)[0], 100_000);
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!((status, report.damages.len()), (1, 2), "{report:#?}");
    let (ended, report) = repair_from(data, &other.url, &other.token).await;
    let said = String::from_utf8_lossy(&ended.stderr);
    for damage in &report.damages {
        let is_tool = damage.project.as_ref().unwrap().as_str() == TOOL;
        assert_eq!(damage.repaired, is_tool, "{report:#?}");
        let from = is_tool.then(|| format!("{}/", other.url));
        assert_eq!(damage.brought_from, from, "{report:#?}");
        let says = damage.found.contains("does not have it either");
        assert_eq!(says, !is_tool, "{}", damage.found);
    }
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let put = "put right with what";
    assert!(said.contains(put) && said.contains(&other.url), "{said}");
    assert_second_is_served(&registry).await;
    // What came brought the frame that the first release lacks.
    let (status, report) = fsck(data, &["--repair"]);
    assert_eq!(status, 0, "{report:#?}");
    assert_clean(data);
    assert!(!data.join("fetching").exists());

    // A manifest, of which nobody has other content here.
    fs::remove_file(stored(data, "blobs", &one)).unwrap();
    let one = bundle_of_noise(BILLING, "one");
    let pushed = other.push_bundle(BILLING, &one).await;
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let (ended, report) = repair_from(data, &other.url, &other.token).await;
    assert_eq!(ended.status.code(), Some(0), "{report:#?}");
    assert!(report.damages[0].brought_from.is_some(), "{report:#?}");
    assert_clean(data);
    registry.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn what_another_registry_cannot_give_stays_damaged_and_is_told_of() {
    let (registry, ..) = two_releases().await;
    let data = registry.data.path();
    flip(&packs(data)[0], 100_000);
    // Its own content is damaged too.
    let other = other_registry().await;
    flip(&packs(other.data.path())[0], 100_000);
    let (ended, report) = repair_from(data, &other.url, &other.token).await;
    assert_eq!(ended.status.code(), Some(1), "{report:#?}");
    assert!(report.damages.iter().all(|damage| !damage.repaired));
    // Nobody answers there.
    let url = other.url.clone();
    other.stop().await;
    let (ended, report) = repair_from(data, &url, "").await;
    assert_eq!(ended.status.code(), Some(1), "{report:#?}");
    let sentence = "it could not be fetched";
    let says = |damage: &bulla_schemas::report::Damage| damage.found.contains(sentence);
    assert!(report.damages.iter().all(says), "{report:#?}");
    let refused = run(&["fsck", "--from", &url], data);
    assert_eq!(refused.status.code(), Some(2), "only a repair fetches");
    registry.stop().await;
}
