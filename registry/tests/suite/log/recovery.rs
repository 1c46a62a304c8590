//! What a crash or a full disk leaves of the log.

use std::fs;
use std::path::Path;

use bulla_registry::{App, Clock, RegistryError, Settings};
use bulla_schemas::Timestamp;
use bulla_schemas::outcome::Outcome as _;
use bulla_schemas::statement::Severity;
use bulla_trust::testing::Organisation;
use reqwest::StatusCode;

use super::{follow, registry_with_log};
use crate::support::{Registry, bundle, error};

#[tokio::test]
async fn goes_on_where_it_stopped() {
    let (registry, mut organisation) = registry_with_log().await;
    let data = registry.stop().await;
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(follow(&registry).await, organisation.state);
    let hash = bundle("one").hash();
    assert!(
        organisation
            .revoke(hash, Severity::Block, "alice")
            .is_effective()
    );
    registry.append_all(&organisation.entries[3..]).await;
    assert_eq!(follow(&registry).await, organisation.state);
    registry.stop().await;
}

/// Puts a log back to where it was after a crash: `checkpoint` is the one of `size` entries.
fn rewind(data: &Path, organisation: &Organisation, size: usize) {
    let checkpoint = data.join("log/checkpoint");
    if size == 0 {
        fs::remove_file(checkpoint).unwrap();
    } else {
        let bytes = organisation.checkpoint_at(size, &bulla_trust::testing::log_key());
        fs::write(checkpoint, bytes).unwrap();
    }
}

#[tokio::test]
async fn finishes_an_append_that_a_crash_cut_short() {
    for (size, also_lost) in [
        (2, &[][..]),
        (2, &["tile/0/000.p/3"][..]),
        (
            0,
            &["tile/0/000.p/1", "tile/0/000.p/2", "tile/0/000.p/3"][..],
        ),
    ] {
        let (registry, organisation) = registry_with_log().await;
        let data = registry.stop().await;
        rewind(data.path(), &organisation, size);
        for tile in also_lost {
            fs::remove_file(data.path().join("log").join(tile)).unwrap();
        }
        // What a write leaves that never got its name.
        fs::write(data.path().join("log/tile/entries/.new-1"), b"torn").unwrap();
        let registry = Registry::start_in(data, Settings::default()).await;
        assert_eq!(
            follow(&registry).await,
            organisation.state,
            "{size} {also_lost:?}"
        );
        for (path, content) in organisation.files() {
            let served = registry.get(&format!("/log/{path}")).await;
            assert_eq!(served.bytes().await.unwrap(), content, "{path}");
        }
        registry.stop().await;
    }
}

#[tokio::test]
async fn never_serves_a_torn_entry() {
    loses_the_last_entry(|whole, _| whole[..whole.len() - 1].to_vec()).await;
}

#[tokio::test]
async fn leaves_out_an_entry_that_would_have_no_effect() {
    loses_the_last_entry(|_, entries| {
        let mut entries = entries.to_vec();
        entries[2] = b"rubbish of the right length".to_vec();
        bulla_trust::tile::encode_entries(&entries).unwrap()
    })
    .await;
}

/// Writes something else in the place of three entries of which the last was not published, and
/// expects that this one is not served and can be appended again.
async fn loses_the_last_entry(replace: impl Fn(&[u8], &[Vec<u8>]) -> Vec<u8>) {
    let (registry, organisation) = registry_with_log().await;
    let data = registry.stop().await;
    rewind(data.path(), &organisation, 2);
    let bundle = data.path().join("log/tile/entries/000.p/3");
    let whole = fs::read(&bundle).unwrap();
    fs::write(&bundle, replace(&whole, &organisation.entries)).unwrap();
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(follow(&registry).await.size(), 2);
    registry.append_all(&organisation.entries[2..]).await;
    assert_eq!(follow(&registry).await, organisation.state);
    registry.stop().await;
}

#[tokio::test]
async fn an_append_that_could_not_be_written_never_was() {
    for obstacle in ["tile/0/000.p/4", "tile/entries/000.p/4"] {
        let (registry, mut organisation) = registry_with_log().await;
        let hash = bundle("one").hash();
        assert!(organisation.promote("prod", hash, &["bob"]).is_effective());
        // No file can take the name of a folder.
        let obstacle = registry.data.path().join("log").join(obstacle);
        fs::create_dir(&obstacle).unwrap();
        let response = registry.append(&organisation.entries[3]).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = error(response).await;
        let data = registry.data.path().to_str().unwrap();
        assert!(!body.message.contains(data), "{}", body.message);
        fs::remove_dir(&obstacle).unwrap();
        assert_eq!(follow(&registry).await.size(), 3);
        let registry = Registry::start_in(registry.stop().await, Settings::default()).await;
        assert_eq!(
            follow(&registry).await.size(),
            3,
            "a restart does not finish it"
        );
        registry.append_all(&organisation.entries[3..]).await;
        assert_eq!(follow(&registry).await, organisation.state);
        registry.stop().await;
    }
}

#[tokio::test]
async fn refuses_to_start_on_a_damaged_log() {
    let (registry, organisation) = registry_with_log().await;
    let data = registry.stop().await;
    let path = data.path().join("log/tile/entries/000.p/3");
    let open = || {
        App::open(
            data.path(),
            "serve",
            Settings::default(),
            Clock::new(|| Timestamp::EPOCH),
        )
    };
    let mut entries = organisation.entries.clone();
    entries.swap(1, 2);
    fs::write(&path, bulla_trust::tile::encode_entries(&entries).unwrap()).unwrap();
    let error = open().await.unwrap_err();
    assert!(matches!(error, RegistryError::Log(_)), "{error}");
    assert!(error.hint().is_some());
    fs::remove_file(&path).unwrap();
    assert!(matches!(open().await, Err(RegistryError::Log(_))));
    fs::write(data.path().join("log/checkpoint"), b"rubbish").unwrap();
    assert!(matches!(open().await, Err(RegistryError::Log(_))));
}
