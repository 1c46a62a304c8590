//! Data directories of earlier registries, one of each version of the database, serve on with nothing
//! lost.
//!
//! `upgrades/N.tar.zst` was made by `upgrades/make` with the registry of the last commit before
//! migration N + 1, so its content has the form that content had then: whole until version 3, in
//! packs from version 4 on. Those of 2 and 4 are those of 3 and 5 with the last migration undone in
//! SQL, which had added a column and an empty table.

use std::path::{Path, PathBuf};

use bulla_tests::{Transcript, World};
use serde_json::Value;

const PROJECT: &str = "acme/billing";
const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../registry/migrations/sqlite");
const ARCHIVES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/system/upgrades");
/// From which version on hosts report.
const REPORTS: usize = 2;
/// Where a registry has changed all tables and kept nothing of it yet.
const TABLES_CHANGED: &str = "connection::tables-changed";

/// The archive of each version before the newest.
fn archives() -> impl Iterator<Item = (usize, PathBuf)> {
    let newest = std::fs::read_dir(MIGRATIONS).unwrap().count();
    assert!(newest > 6, "{newest}");
    (1..newest).map(|version| {
        (
            version,
            Path::new(ARCHIVES).join(format!("{version}.tar.zst")),
        )
    })
}

/// What an earlier registry left.
struct Earlier {
    version: usize,
    world: World,
}

impl Earlier {
    fn open(version: usize, archive: &Path) -> Self {
        let world = World::from_archive(archive);
        Self { version, world }
    }

    fn token(&self, name: &str) -> String {
        let token = std::fs::read_to_string(self.world.path("tokens").join(name)).unwrap();
        token.trim().to_owned()
    }

    #[track_caller]
    fn get(&self, path: &str, token: &str) -> Value {
        let (status, body) = self.world.registry.get(path, token);
        assert_eq!(status, 200, "version {}, {path}: {body}", self.version);
        serde_json::from_str(&body).unwrap()
    }

    /// Returns what prod and dev point to.
    fn heads(&self) -> (String, String) {
        let channels = self.get(
            &format!("/api/v1/projects/{PROJECT}/channels"),
            &self.token("ci"),
        );
        let of = |name| {
            let mut channels = channels["items"].as_array().unwrap().iter();
            let channel = channels.find(|channel| channel["channel"] == name).unwrap();
            channel["hash"].as_str().unwrap().to_owned()
        };
        (of("prod"), of("dev"))
    }

    /// Asserts that all is there and as it was.
    fn has_everything(&self) {
        self.has_its_log_and_releases();
        self.has_its_image();
        self.has_its_tokens();
        if self.version >= REPORTS {
            self.has_its_host();
        }
        let fsck = self.world.registry.keep(&["fsck", "--json"]).done().json();
        assert_eq!(fsck["damages"], Value::Array(Vec::new()), "{fsck}");
    }

    fn has_its_log_and_releases(&self) {
        let (_, checkpoint) = self
            .world
            .registry
            .get("/log/checkpoint", &self.token("ci"));
        let before = std::fs::read_to_string(self.world.path("checkpoint")).unwrap();
        assert_eq!(checkpoint, before);
        let releases = self
            .world
            .bulla(&["releases", "--project", PROJECT, "--json"]);
        let releases = releases.done().json();
        let (first, second) = self.heads();
        assert_eq!(
            (&releases[0]["hash"], &releases[1]["hash"]),
            (&second.into(), &first.into())
        );
    }

    fn has_its_image(&self) {
        let ci = self.token("ci");
        let tags = self.get("/v2/tools/image/tags/list", &ci);
        assert_eq!(tags["tags"], Value::from(["v1"].map(String::from).to_vec()));
        let (_, manifest) = self.world.registry.get("/v2/tools/image/manifests/v1", &ci);
        let digest = bulla_schemas::Digest::of(manifest.as_bytes());
        let referrers = self.get(&format!("/v2/tools/image/referrers/{digest}"), &ci);
        let notes = referrers["manifests"].as_array().unwrap();
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0]["annotations"]["org.example.note"], "älter");
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        let layer = manifest["layers"][0]["digest"].as_str().unwrap();
        let blob = self
            .world
            .registry
            .get(&format!("/v2/tools/image/blobs/{layer}"), &ci);
        assert_eq!(blob, (200, "a layer".to_owned()));
    }

    fn has_its_tokens(&self) {
        let tokens = self.world.registry.token(&["list", "--json"]).done().json();
        let tokens = tokens.as_array().unwrap();
        let expires = |name: &str| {
            let token = tokens.iter().find(|token| token["name"] == name).unwrap();
            token["expiresAt"].is_string()
        };
        assert!(expires("reader") && !expires("ci"), "{tokens:?}");
        let count = if self.version < REPORTS { 2 } else { 3 };
        assert_eq!(tokens.len(), count, "{tokens:?}");
        let reader = self.get("/api/v1/caller", &self.token("reader"));
        assert_eq!(reader["scopes"][0], "pull");
        assert_eq!(reader["projects"][0], PROJECT);
    }

    fn has_its_host(&self) {
        let (first, second) = self.heads();
        let host = self.get("/api/v1/hosts/web1", &self.token("reader"));
        assert_eq!(
            host["summary"]["deployments"][0]["report"]["live"],
            second.as_str()
        );
        let history = host["history"]["items"].as_array().unwrap();
        let lives: Vec<_> = history
            .iter()
            .map(|change| &change["report"]["live"])
            .collect();
        assert_eq!(lives, [second.as_str(), first.as_str()]);
        let caller = self.get("/api/v1/caller", &self.token("web1"));
        assert_eq!(caller["host"], "web1");
    }

    /// Asserts that releases come out of it and go into it.
    fn goes_on(&self) {
        let (first, second) = self.heads();
        let server = self.world.server("web1");
        server.install(PROJECT, "prod").done();
        assert_eq!(server.live(PROJECT), Some(first));
        let other = self.world.server("web2");
        other.install(PROJECT, "dev").done();
        assert_eq!(other.live(PROJECT), Some(second));
        let checkout = self.world.git(PROJECT);
        let third = self.world.publish(&checkout.path);
        // The repository of then is gone, so nobody can tell what this one contains.
        let mut promote = self.world.promote_command(PROJECT, &third, "prod");
        Transcript::of(promote.arg("--drop")).done();
        server.install(PROJECT, "prod").done();
        assert_eq!(server.live(PROJECT), Some(third.clone()));
        assert_eq!(self.heads().0, third);
    }
}

#[test]
fn each_earlier_version_is_upgraded_with_nothing_lost_and_goes_on() {
    for (version, archive) in archives() {
        let mut earlier = Earlier::open(version, &archive);
        earlier.world.registry.start_again();
        earlier.has_everything();
        earlier.goes_on();
        earlier.world.registry.stop();
        // The files of that time are whole too: the index is made of them once more.
        earlier.world.registry.reindex().done();
        earlier.world.registry.start_again();
        earlier.has_its_image();
        earlier.world.registry.keep(&["fsck"]).done();
    }
}

#[test]
fn an_upgrade_that_is_killed_changes_nothing_and_the_next_start_does_it() {
    for (version, archive) in archives() {
        let mut earlier = Earlier::open(version, &archive);
        let registry = &earlier.world.registry;
        for _ in 0..2 {
            assert!(registry.keep_dying(TABLES_CHANGED, &["token", "list"]));
        }
        earlier.world.registry.start_again();
        earlier.has_everything();
    }
}
