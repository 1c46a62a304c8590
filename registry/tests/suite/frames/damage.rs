//! Packs that were damaged on the registry's disk.

use std::path::PathBuf;

use reqwest::header::RANGE;
use reqwest::{Method, StatusCode};

use super::{REPOSITORY, assert_served, frame, frames, packed, path_of};
use crate::support::Registry;

/// The packs, the oldest first.
fn packs(registry: &Registry) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(registry.data.path().join("packs")).unwrap();
    let mut packs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    packs.sort_by_key(|pack| pack.metadata().unwrap().modified().unwrap());
    packs
}

/// Asks for a blob as clients do before a push, and pushes it where it is not there.
async fn push_again(registry: &Registry, content: &[u8]) {
    let status = registry.head(&path_of(content)).await.status();
    assert_eq!(status, StatusCode::NOT_FOUND);
    registry.push_blob(REPOSITORY, content).await;
    assert_served(registry, content).await;
}

#[tokio::test]
async fn a_damaged_pack_is_never_served_to_its_end_and_healed_by_pushes() {
    let registry = Registry::start().await;
    let (first, second) = (frames(&[1, 2, 3]), frames(&[4, 2, 3]));
    registry.push_blob(REPOSITORY, &first).await;
    registry.push_blob(REPOSITORY, &second).await;
    let pack = packs(&registry).remove(0);
    let mut damaged = std::fs::read(&pack).unwrap();
    damaged[frame(1).len() + 100] ^= 1;
    std::fs::write(&pack, &damaged).unwrap();
    for content in [&first, &second] {
        assert!(registry.get(&path_of(content)).await.bytes().await.is_err());
    }
    let before = packed(&registry);
    push_again(&registry, &first).await;
    assert_eq!(packed(&registry), before + frame(2).len());
    push_again(&registry, &second).await;
    assert_eq!(packed(&registry), before + frame(2).len());
    registry.stop().await;
}

#[tokio::test]
async fn a_new_blob_does_not_build_on_a_damaged_frame() {
    let registry = Registry::start().await;
    registry.push_blob(REPOSITORY, &frames(&[1, 2, 3])).await;
    let pack = packs(&registry).remove(0);
    let mut damaged = std::fs::read(&pack).unwrap();
    damaged[frame(1).len() + 100] ^= 1;
    std::fs::write(&pack, &damaged).unwrap();
    let content = frames(&[1, 2, 4]);
    registry.push_blob(REPOSITORY, &content).await;
    assert_served(&registry, &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn a_pack_that_is_away_for_a_while_costs_nothing() {
    let registry = Registry::start().await;
    let content = frames(&[1, 2, 3]);
    registry.push_blob(REPOSITORY, &content).await;
    let folder = registry.data.path().join("packs");
    let away = registry.data.path().join("packs.away");
    std::fs::rename(&folder, &away).unwrap();
    for is_mount_point in [false, true] {
        if is_mount_point {
            std::fs::create_dir(&folder).unwrap();
        }
        let status = registry.get(&path_of(&content)).await.status();
        assert_eq!(status, StatusCode::NOT_FOUND);
        let ready = registry.get("/readyz").await;
        assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(ready.text().await.unwrap().contains("packs"));
    }
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
    assert_served(&registry, &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn a_pack_that_is_gone_or_too_short_is_noticed_by_a_range_too() {
    for cut_short in [true, false] {
        let registry = Registry::start().await;
        let content = frames(&[1, 2, 3]);
        registry.push_blob(REPOSITORY, &content).await;
        let pack = packs(&registry).remove(0);
        if cut_short {
            std::fs::write(&pack, &content[..1000]).unwrap();
        } else {
            std::fs::remove_file(&pack).unwrap();
        }
        let request = registry.request(Method::GET, &path_of(&content));
        let response = request.header(RANGE, "bytes=50000-60000").send().await;
        assert_eq!(response.unwrap().status(), StatusCode::NOT_FOUND);
        push_again(&registry, &content).await;
        registry.stop().await;
    }
}

#[tokio::test]
async fn a_damaged_recipe_is_pushed_again_and_costs_no_frames() {
    let registry = Registry::start().await;
    let content = frames(&[1, 2, 3]);
    let digest = registry.push_blob(REPOSITORY, &content).await;
    let hex = digest.hex();
    let recipe = registry.data.path().join("recipes/sha256").join(&hex[..2]);
    std::fs::write(recipe.join(&hex), "{").unwrap();
    push_again(&registry, &content).await;
    // A recipe of something else is noticed by its digest.
    let other = frames(&[3, 2]);
    let text = {
        let hex = registry.push_blob(REPOSITORY, &other).await.hex();
        let folder = registry.data.path().join("recipes/sha256").join(&hex[..2]);
        std::fs::read(folder.join(&hex)).unwrap()
    };
    std::fs::write(recipe.join(&hex), text).unwrap();
    assert!(
        registry
            .get(&path_of(&content))
            .await
            .bytes()
            .await
            .is_err()
    );
    push_again(&registry, &content).await;
    assert_eq!(packed(&registry), content.len());
    registry.stop().await;
}
