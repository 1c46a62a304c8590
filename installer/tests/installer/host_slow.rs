//! Several registries of which one says nothing, or not soon: it costs a few seconds, once, where
//! another one has the same.

use std::time::Duration;

use crate::host::{BILLING, Host};
use crate::registry::Registry;

/// A server whose first registry is a mirror of its second.
fn mirrored(rest: &str) -> (Host, Registry) {
    let mut host = Host::new();
    host.release("acme/billing", "one\n");
    let first = host.mirror();
    host.write(&[&first, &host.world.registry], rest);
    (host, first)
}

/// Promotes a release that both registries have.
fn release(host: &mut Host, first: &Registry, version: &str) -> String {
    let hash = host.release("acme/billing", version);
    let files = host.world.registry.change(|served| served.files.clone());
    first.change(|served| served.files = files);
    first.forget_requests();
    hash.hex()
}

fn is_silent(registry: &Registry, path: &'static str) {
    registry.change(|served| served.silent = Some((path, None)));
}

#[test]
fn a_first_registry_that_says_nothing_is_asked_once_by_a_command_for_all_projects() {
    let projects = ["acme/billing", "acme/shop", "acme/search"];
    let rest = projects.map(|project| format!("[project.\"{project}\"]\nchannel = \"prod\"\n"));
    // Of its log, or of its bundles alone.
    for path in ["/log/", "/v2/"] {
        let mut host = Host::new();
        let hashes = projects.map(|project| host.release(project, project));
        let first = host.mirror();
        host.write(&[&first, &host.world.registry], &rest.concat());
        is_silent(&first, path);
        let run = host.done(&["install"]);
        let given_up = format!(
            "{}/ does not serve: nothing moved for 5 seconds",
            first.url()
        );
        assert_eq!(run.stderr.matches(&given_up).count(), 1, "{path}: {run:?}");
        assert_eq!(first.requests(path).len(), 1, "{path}");
        for (project, hash) in projects.iter().zip(hashes) {
            assert_eq!(host.live("hosted", project), Some(hash.hex()), "{path}");
        }
    }
}

#[test]
fn a_first_registry_that_stops_on_the_way_brings_no_release_twice() {
    let (mut host, first) = mirrored(BILLING);
    host.done(&["install"]);
    // As it is asked for a delta, and where it has brought all but the payload.
    for (version, path) in [("two\n", "/_bulla/delta"), ("three\n", "/blobs/")] {
        let hash = release(&mut host, &first, version);
        is_silent(&first, path);
        let run = host.done(&["install"]);
        assert_eq!(host.live("hosted", "acme/billing"), Some(hash), "{run:?}");
        let asked = first.requests(path).len();
        assert!(asked <= 2, "{:?}", first.requests(""));
        let second = host.world.registry.url();
        let said = format!("{second}/ is asked instead");
        assert_eq!(run.stderr.matches(&said).count(), 1, "{run:?}");
    }
}

#[test]
fn a_slow_registry_that_alone_has_the_release_is_waited_for() {
    let (mut host, first) = mirrored(BILLING);
    let hash = release(&mut host, &first, "two\n");
    let slow = Some(("/manifests/", Some(Duration::from_secs(7))));
    first.change(|served| served.silent = slow);
    let is_bundle = |path: &String| path.starts_with("/v2/");
    host.world
        .registry
        .change(|served| served.files.retain(|path, _| !is_bundle(path)));
    let run = host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(hash), "{run:?}");
    assert_eq!(first.requests("/manifests/").len(), 4, "{run:?}");
}

#[test]
fn the_only_registry_is_waited_for() {
    let (mut host, first) = mirrored(BILLING);
    let hash = release(&mut host, &first, "two\n");
    host.write(&[&first], BILLING);
    let slow = Some(("/log/checkpoint", Some(Duration::from_secs(7))));
    first.change(|served| served.silent = slow);
    let run = host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(hash), "{run:?}");
    assert!(!run.stderr.contains("does not serve"), "{run:?}");
}
