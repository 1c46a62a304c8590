//! Hostile bundles, properly signed and promoted, served by a registry that checks nothing: the
//! installer refuses each for its own reason, and nothing outside its staging area changes.

mod attacks;
mod forge;

use bulla_registry_client::Client;
use bulla_schemas::media_type::IN_TOTO;
use bulla_schemas::statement::ReleaseStatement;
use bulla_tests::{Server, Transcript, Tree, World, world};
use bulla_trust::statement::to_payload;
use bulla_trust::{SignedEnvelope, SigningKey, sign};

use crate::evil::log::{DoctoredLog, log_key};
use crate::evil::registry::EvilRegistry;
use attacks::{ATTACKS, Attack};
use forge::{Forge, Forged};

const PROJECT: &str = "acme/billing";

/// A server with an honest release live, and a registry that serves whatever it is given.
struct Scene {
    world: World,
    evil: EvilRegistry,
    server: Server,
    live: String,
    honest: ReleaseStatement,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let evil = EvilRegistry::before(world.registry.url());
        let checkout = world.git(PROJECT);
        let live = world.release(&checkout.path, PROJECT);
        let server = world.server_at("web1", evil.url());
        server.install(PROJECT, "prod").done();
        let log = DoctoredLog::read(world.registry.data());
        let key = log_key(world.registry.data());
        evil.take_over(log.clone(), world::ORIGIN, key);
        let release = SignedEnvelope::from_bytes(&log.entries[1]).unwrap();
        let honest = serde_json::from_slice(release.payload()).unwrap();
        Self {
            world,
            evil,
            server,
            live,
            honest,
        }
    }

    /// Lets the builder sign the bundle, the log take it and alice promote it, as if all of them
    /// had been tricked.
    fn promote(&self, forged: &Forged) {
        for part in forged.blobs.iter().chain([&forged.manifest]) {
            self.evil.keep(part.clone());
        }
        let mut statement = self.honest.clone();
        statement.subject[0].digest.sha256 = forged.hash();
        statement.subject[0].annotations.size = forged.size();
        let key = std::fs::read_to_string(self.world.builder_key()).unwrap();
        let key = SigningKey::from_pem(&key).unwrap();
        let envelope = sign(IN_TOTO, &to_payload(&statement), &key).unwrap();
        self.append(&envelope.to_bytes());
        let hash = forged.hash().to_string();
        let mut promote = self.world.promote_command(PROJECT, &hash, "prod");
        Transcript::of(promote.env("BULLA_REGISTRY", self.evil.url())).done();
    }

    fn append(&self, envelope: &[u8]) {
        let url = self.evil.url().parse().unwrap();
        let client = Client::new(url, Some(self.world.token.clone().into())).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(client.append(envelope)).unwrap();
    }

    /// Everything on the server that no refused release may change: all but what the log said,
    /// when it was read, who holds the lock, and what was fetched of a bundle and waits for the
    /// rest of it.
    fn untouched(&self) -> Tree {
        let server = self.server.root.parent().unwrap();
        let project = format!("state/projects/{}", PROJECT.replace('/', "%2F"));
        Tree::read(server)
            .without("state/bundles")
            .without("state/log")
            .without("state/synced")
            .without(&format!("{project}/lock"))
            .without(&format!("{project}/spool"))
    }
}

#[test]
fn an_honest_bundle_of_the_forge_is_installed() {
    let scene = Scene::new();
    let forged = Forge::HONEST.seal(PROJECT);
    scene.promote(&forged);
    scene.server.install(PROJECT, "prod").done();
    let live = forged.hash().to_string();
    assert_eq!(scene.server.live(PROJECT), Some(live));
    scene.server.run(&["verify", PROJECT]).done();
}

#[test]
fn every_hostile_bundle_is_refused_for_its_own_reason() {
    assert!(ATTACKS.len() >= 25);
    let scene = Scene::new();
    let before = scene.untouched();
    let mut wrong = Vec::new();
    for Attack {
        name,
        reason,
        forge,
    } in ATTACKS
    {
        let forged = forge.seal(PROJECT);
        scene.promote(&forged);
        let run = scene.server.install(PROJECT, "prod");
        if run.status != Some(3) || !run.stderr.contains(reason) {
            wrong.push(format!(
                "{name}: expected status 3 and {reason:?} of\n{run}"
            ));
        }
        assert_eq!(
            scene.server.live(PROJECT).as_deref(),
            Some(&*scene.live),
            "{name}"
        );
        let changed = scene.untouched().differences(&before);
        assert!(changed.is_empty(), "{name} changed {changed:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    scene.server.run(&["verify", PROJECT]).done();
}

#[test]
fn no_two_attacks_are_refused_for_the_same_reason() {
    for (position, attack) in ATTACKS.iter().enumerate() {
        for other in &ATTACKS[..position] {
            assert_ne!(attack.name, other.name);
            assert_ne!(
                attack.reason, other.reason,
                "{} and {}",
                attack.name, other.name
            );
        }
    }
}
