//! The log as it is served: checkpoint and tiles.

mod admission;
mod recovery;
mod rotation;
mod witnesses;

use std::fs;

use bulla_registry::Settings;
use bulla_schemas::api::LogInfo;
use bulla_trust::testing::Organisation;
use bulla_trust::tile::{TilePath, decode_entries};
use bulla_trust::{LogState, Pin, accept};
use reqwest::StatusCode;

use crate::support::{Registry, bundle, header};

/// Reads the log as an installer does, and verifies it.
async fn follow(registry: &Registry) -> LogState {
    let checkpoint = registry.get("/log/checkpoint").await;
    assert_eq!(header(&checkpoint, "cache-control"), "no-store");
    let checkpoint = checkpoint.bytes().await.unwrap();
    let size = std::str::from_utf8(&checkpoint)
        .unwrap()
        .lines()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let mut entries = Vec::new();
    for tile in TilePath::entries(0, size, size) {
        let response = registry.get(&format!("/log/{tile}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{tile}");
        assert!(header(&response, "cache-control").contains("immutable"));
        let bundle = response.bytes().await.unwrap();
        entries.extend(decode_entries(&bundle, tile.width).unwrap());
    }
    accept(&LogState::default(), Pin::FirstUse, &checkpoint, &entries).unwrap()
}

/// A registry with the first policy and one release that `dev` points to.
async fn registry_with_log() -> (Registry, Organisation) {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    let bundle = bundle("one");
    registry.publish(&mut organisation, &bundle).await;
    assert!(
        organisation
            .promote("dev", bundle.hash(), &["alice"])
            .is_effective()
    );
    registry.append_all(&organisation.entries[2..]).await;
    (registry, organisation)
}

#[tokio::test]
async fn what_it_serves_is_accepted_by_an_installer() {
    let (registry, organisation) = registry_with_log().await;
    let state = follow(&registry).await;
    assert_eq!(state, organisation.state);
    let info: LogInfo = registry.json("/api/v1/log").await;
    assert_eq!(info.size, 3);
    assert_eq!(info.origin.as_deref(), Some(bulla_trust::testing::ORIGIN));
    for (path, content) in organisation.files() {
        let served = registry.get(&format!("/log/{path}")).await;
        assert_eq!(served.bytes().await.unwrap(), content, "{path}");
    }
    let narrower = registry.get("/log/tile/entries/000.p/1").await;
    assert_eq!(
        narrower.status(),
        StatusCode::OK,
        "older readers find their tiles"
    );
    for path in [
        "tile/0/000.p/4",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/0/001.p/1",
    ] {
        let response = registry.get(&format!("/log/{path}")).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let bad = registry.get("/log/tile/0/..%2f..%2flog-key.pem").await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    registry.stop().await;
}

#[tokio::test]
async fn partial_tiles_do_not_pile_up() {
    let registry = Registry::start().await;
    let mut organisation = Organisation::new();
    registry.append_all(&organisation.entries).await;
    for number in 0..9 {
        let bundle = bundle(&number.to_string());
        registry.publish(&mut organisation, &bundle).await;
    }
    let early = registry.get("/log/tile/entries/000.p/2").await;
    assert_eq!(early.status(), StatusCode::OK);
    let early = decode_entries(&early.bytes().await.unwrap(), 2).unwrap();
    assert_eq!(early, organisation.entries[..2]);
    let data = registry.stop().await;
    for folder in ["entries", "0"] {
        let partial = data.path().join("log/tile").join(folder).join("000.p");
        let count = fs::read_dir(partial).unwrap().count();
        assert!(count <= 3, "{folder} has {count} forms of one tile");
    }
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(follow(&registry).await, organisation.state);
    registry.stop().await;
}
