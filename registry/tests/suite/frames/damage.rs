//! Packs that were damaged on the registry's disk.

use std::path::PathBuf;

use bulla_schemas::Digest;
use reqwest::header::RANGE;
use reqwest::{Method, Response, StatusCode};

use crate::frames::missing::{assemble, list, missing, upload};
use crate::frames::{REPOSITORY, assert_served, frame, frames, packed, path_of};
use crate::support::{BILLING, Registry, assert_oci_error, bundle};

/// The packs, the oldest first.
fn packs(registry: &Registry) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(registry.data.path().join("packs")).unwrap();
    let mut packs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    packs.sort_by_key(|pack| pack.metadata().unwrap().modified().unwrap());
    packs
}

/// Changes a byte in the middle of the second frame of the oldest pack, which begins with frame 1.
fn damage_second_frame(registry: &Registry) {
    let pack = packs(registry).remove(0);
    let mut damaged = std::fs::read(&pack).unwrap();
    damaged[frame(1).len() + frame(2).len() / 2] ^= 1;
    std::fs::write(&pack, &damaged).unwrap();
}

async fn part(registry: &Registry, content: &[u8], first: usize, last: usize) -> Response {
    let request = registry.request(Method::GET, &path_of(content));
    let range = format!("bytes={first}-{last}");
    request.header(RANGE, range).send().await.unwrap()
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
    damage_second_frame(&registry);
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
    damage_second_frame(&registry);
    let content = frames(&[1, 2, 4]);
    registry.push_blob(REPOSITORY, &content).await;
    assert_served(&registry, &content).await;
    registry.stop().await;
}

#[tokio::test]
async fn a_registry_is_ready_before_anything_was_pushed_and_not_while_its_blobs_are_away() {
    let registry = Registry::start().await;
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
    // Frames alone need no blob that is stored whole.
    registry.push_blob(REPOSITORY, &frames(&[1, 2, 3])).await;
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
    registry.push_bundle(BILLING, &bundle("a release")).await;
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
    let folder = registry.data.path().join("blobs");
    let away = registry.data.path().join("blobs.away");
    std::fs::rename(&folder, &away).unwrap();
    for is_mount_point in [false, true] {
        if is_mount_point {
            std::fs::create_dir(&folder).unwrap();
        }
        let ready = registry.get("/readyz").await;
        assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(ready.text().await.unwrap().contains("`blobs/`"));
    }
    std::fs::remove_dir(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    assert_eq!(registry.get("/readyz").await.status(), StatusCode::OK);
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
        let response = part(&registry, &content, 50_000, 60_000).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        push_again(&registry, &content).await;
        registry.stop().await;
    }
}

#[tokio::test]
async fn a_range_of_a_damaged_frame_breaks_off_and_then_only_that_frame_is_missing() {
    let registry = Registry::start().await;
    let content = frames(&[1, 2, 3]);
    let digest = registry.push_blob(REPOSITORY, &content).await;
    damage_second_frame(&registry);
    let (second, third) = (frame(1).len(), frames(&[1, 2]).len());
    // What lies beside it is served.
    for (first, last) in [(0, second - 1), (third, content.len() - 1)] {
        let served = part(&registry, &content, first, last).await.bytes().await;
        assert!(served.unwrap() == content[first..=last]);
    }
    assert_eq!(missing(&registry, REPOSITORY, &[1, 2, 3]).await, [0; 0]);
    // The range has none of the bytes that were changed.
    let response = part(&registry, &content, second + 10, second + 20).await;
    assert!(response.bytes().await.is_err());
    let status = registry.head(&path_of(&content)).await.status();
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(missing(&registry, REPOSITORY, &[1, 2, 3]).await, [1]);
    let before = packed(&registry);
    let id = upload(&registry, REPOSITORY, frame(2)).await;
    let response = assemble(&registry, REPOSITORY, digest, &id, &list(&[1, 2, 3])).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_served(&registry, &content).await;
    assert_eq!(packed(&registry), before + frame(2).len());
    registry.stop().await;
}

#[tokio::test]
async fn a_damaged_frame_that_is_pushed_again_mends_every_blob_that_has_it() {
    let registry = Registry::start().await;
    let contents = [frames(&[1, 2, 3]), frames(&[4, 2, 3]), frames(&[2, 5])];
    for content in &contents {
        registry.push_blob(REPOSITORY, content).await;
    }
    damage_second_frame(&registry);
    assert!(
        registry
            .get(&path_of(&contents[0]))
            .await
            .bytes()
            .await
            .is_err()
    );
    push_again(&registry, &contents[0]).await;
    let before = packed(&registry);
    // The first reader finds it out, and the next one has it.
    let response = registry.get(&path_of(&contents[1])).await;
    assert!(response.bytes().await.is_err());
    assert_served(&registry, &contents[1]).await;
    let response = part(&registry, &contents[2], 5, 7).await;
    assert!(response.bytes().await.is_err());
    assert_served(&registry, &contents[2]).await;
    assert_eq!(packed(&registry), before);
    registry.stop().await;
}

#[tokio::test]
async fn frames_of_a_pack_that_is_gone_or_too_short_are_missing() {
    let registry = Registry::start().await;
    registry.push_blob(REPOSITORY, &frames(&[1, 2, 3])).await;
    registry.push_blob(REPOSITORY, &frames(&[4, 5])).await;
    let [first, second] = &packs(&registry)[..] else {
        panic!("not two packs");
    };
    let names = [5, 4, 3, 2, 1];
    let content = std::fs::read(first).unwrap();
    std::fs::write(first, &content[..frames(&[1, 2]).len()]).unwrap();
    assert_eq!(missing(&registry, REPOSITORY, &names).await, [2]);
    std::fs::remove_file(second).unwrap();
    assert_eq!(missing(&registry, REPOSITORY, &names).await, [0, 1, 2]);
    registry.stop().await;
}

#[tokio::test]
async fn a_client_that_lies_about_a_size_makes_the_registry_forget_nothing() {
    let registry = Registry::start().await;
    registry.push_blob(REPOSITORY, &frames(&[1, 2, 3])).await;
    let mut lie = list(&[1, 2, 3]);
    lie.frames[1].size -= 1;
    let id = upload(&registry, REPOSITORY, Vec::new()).await;
    let response = assemble(&registry, REPOSITORY, Digest::of(b"x"), &id, &lie).await;
    assert_oci_error(response, StatusCode::NOT_FOUND, "BLOB_UNKNOWN").await;
    assert_eq!(missing(&registry, REPOSITORY, &[1, 2, 3]).await, [0; 0]);
    registry.stop().await;
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
