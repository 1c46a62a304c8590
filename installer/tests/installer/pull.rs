//! Interrupted and lying registries.

use bulla_bundle::MemoryTree;
use bulla_installer::{FetchError, InstallError, Outcome, TreeError, WriteError};
use bulla_schemas::outcome::{FailureKind, Outcome as _};

use crate::world::{World, noise, small_tree};

fn large_tree() -> MemoryTree {
    MemoryTree::default()
        .file("large", noise("large", 6_000_000))
        .unwrap()
}

#[test]
fn an_interrupted_download_goes_on_where_it_broke() {
    // R15: interrupted or partial downloads.
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&large_tree());
    world.registry.forget_requests();
    world
        .registry
        .change(|served| served.down_after = Some(4_000_000));
    let error = world.install().unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary, "{error}");
    assert_eq!(world.live(), Some(first));
    assert!(!world.site().join(".staging").exists());

    world.registry.change(|served| {
        served.down = false;
        served.down_after = None;
    });
    let Outcome::Written {
        downloaded,
        resumed,
        ..
    } = world.install().unwrap().outcome
    else {
        panic!("nothing was written");
    };
    assert_eq!(world.live(), Some(second));
    assert!(resumed > 2_000_000, "{resumed}");
    assert!(downloaded < 4_000_000, "{downloaded}");
    world.assert_intact();
}

#[test]
fn a_registry_that_is_away_changes_nothing() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    world.release(&small_tree("two\n"));
    world.registry.change(|served| served.down = true);
    let error = world.install().unwrap_err();
    assert_eq!(error.kind(), FailureKind::Temporary, "{error}");
    assert_eq!(world.live(), Some(first));
    world.registry.change(|served| served.down = false);
    world.install().unwrap();
}

#[test]
fn refuses_swapped_bytes_in_every_part() {
    for part in ["payload", "index", "frames", "manifest"] {
        let mut world = World::new();
        let first = world.release(&small_tree("one\n"));
        world.install().unwrap();
        let second = world.release(&large_tree());
        let path = match part {
            "payload" => world.layer_path(&second, 0),
            "index" => world.layer_path(&second, 1),
            "frames" => world.layer_path(&second, 2),
            _ => format!("/v2/{}/manifests/{second}", world.project),
        };
        world.registry.change(|served| {
            let bytes = served.files.get_mut(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        let error = world.install().unwrap_err();
        assert!(
            matches!(
                error,
                InstallError::Fetch(FetchError::Bundle(_))
                    | InstallError::Write(WriteError::Tree(TreeError::Bundle(_)))
            ),
            "{part}: {error}"
        );
        assert_eq!(error.kind(), FailureKind::Refused);
        assert_eq!(world.live(), Some(first));
        assert!(!world.tree(&second).exists());
        assert!(!world.site().join(".staging").exists());

        // The honest registry is back, and nothing of the lie is left.
        world.registry.change(|served| {
            let bytes = served.files.get_mut(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        world.install().unwrap();
        assert_eq!(world.live(), Some(second));
        world.assert_intact();
    }
}

#[test]
fn refuses_a_bundle_that_is_larger_than_its_statement_says() {
    let mut world = World::new();
    let project = world.project.clone();
    let hash = {
        let tree = small_tree("one\n");
        let seed = world.seed(bulla_schemas::install::Install::default());
        let options = bulla_bundle::WriteOptions {
            threads: std::num::NonZeroUsize::MIN,
            spool: world.folder.path().to_owned(),
            limits: bulla_bundle::Limits::default(),
        };
        let bundle = bulla_bundle::write(&tree, seed, &options, &bulla_bundle::NoProgress).unwrap();
        world.serve_bundle(&bundle);
        world.log_release(bundle.hash(), bundle.total_size() - 1);
        bundle.hash()
    };
    world.promote(hash);
    let error = world.install().unwrap_err();
    assert!(
        matches!(error, InstallError::Fetch(FetchError::BundleSize { .. })),
        "{error}"
    );
    assert_eq!(error.kind(), FailureKind::Refused);
    assert_eq!(
        world.registry.requests(&format!("/v2/{project}/blobs/")),
        [] as [&str; 0]
    );
    assert_eq!(world.live(), None);
}
