//! Hostile bundles, properly signed and promoted, served by a registry that checks nothing: the
//! installer refuses each for its own reason, and nothing outside its staging area changes.

mod attacks;

use std::cell::RefCell;

use bulla_bundle::testing::hostile::ForgedBundle;
use bulla_schemas::media_type::IN_TOTO;
use bulla_schemas::statement::ReleaseStatement;
use bulla_tests::{Server, Tree, World, world};
use bulla_trust::statement::{self, to_payload};
use bulla_trust::{LogState, SignedEnvelope, SigningKey, attach_sshsig, pae, replay, sign};

use crate::evil::log::{DoctoredLog, log_key};
use crate::evil::registry::EvilRegistry;
use attacks::{Attack, attacks, honest};

const PROJECT: &str = "acme/billing";

/// A server with an honest release live, and a registry that serves whatever it is given.
struct Scene {
    world: World,
    evil: EvilRegistry,
    server: Server,
    live: String,
    honest: ReleaseStatement,
    log: RefCell<DoctoredLog>,
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
        let release = SignedEnvelope::from_bytes(&log.entries[1]).unwrap();
        let honest = serde_json::from_slice(release.payload()).unwrap();
        Self {
            world,
            evil,
            server,
            live,
            honest,
            log: RefCell::new(log),
        }
    }

    /// Lets the builder and alice sign, as if both had been tricked, and the registry show a log
    /// with that.
    fn promote(&self, forged: &ForgedBundle) {
        let blobs = forged.blobs().map(|(_, bytes)| bytes);
        let mut size = 0;
        for part in blobs.into_iter().chain([&*forged.served.manifest]) {
            size += part.len() as u64;
            self.evil.keep(part.to_vec());
        }
        let mut log = self.log.borrow_mut();
        let mut release = self.honest.clone();
        release.subject[0].digest.sha256 = forged.hash;
        release.subject[0].annotations.size = size;
        let pem = std::fs::read_to_string(self.world.builder_key()).unwrap();
        let builder = SigningKey::from_pem(&pem).unwrap();
        let envelope = sign(IN_TOTO, &to_payload(&release), &builder).unwrap();
        log.entries.push(envelope.to_bytes());

        let entries = log.entries.iter().map(Vec::as_slice);
        let (state, _) = replay(LogState::default(), entries).unwrap();
        let promotion = to_payload(&statement::promote(
            &state,
            &PROJECT.parse().unwrap(),
            &"prod".parse().unwrap(),
            forged.hash,
            "tricked".to_owned(),
            release.predicate.run_details.metadata.finished_on,
        ));
        let signature = self.world.alice.sign("bulla", &pae(IN_TOTO, &promotion));
        let promotion = attach_sshsig(IN_TOTO, &promotion, &signature).unwrap();
        log.entries.push(promotion.to_bytes());
        let key = log_key(self.world.registry.data());
        self.evil.show_log(log.clone().sign(world::ORIGIN, &key));
    }

    /// Everything on the server that no refused release may change: all but what the log said,
    /// when it was read, and who held the lock.
    fn untouched(&self) -> Tree {
        let server = self.server.root.parent().unwrap();
        let project = format!("state/projects/{}", PROJECT.replace('/', "%2F"));
        Tree::read(server)
            .without("state/log")
            .without("state/synced")
            .without(&format!("{project}/lock"))
            // Why it could not begin, for reports and `status`.
            .without(&format!("{project}/attempt"))
    }
}

#[test]
fn an_honest_bundle_of_the_forge_is_installed() {
    let scene = Scene::new();
    let forged = honest().build();
    scene.promote(&forged);
    scene.server.install(PROJECT, "prod").done();
    let live = forged.hash.to_string();
    assert_eq!(scene.server.live(PROJECT), Some(live));
    scene.server.run(&["verify", PROJECT]).done();
}

/// A25: root on the server can do anything there
#[test]
fn every_hostile_bundle_is_refused_for_its_own_reason() {
    let attacks = attacks();
    assert!(attacks.len() >= 25);
    let scene = Scene::new();
    let before = scene.untouched();
    let mut wrong = Vec::new();
    for Attack {
        name,
        reason,
        forge,
    } in attacks
    {
        let forged = forge.build();
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
    let attacks = attacks();
    for (position, attack) in attacks.iter().enumerate() {
        for other in &attacks[..position] {
            assert_ne!(attack.name, other.name);
            assert_ne!(
                attack.reason, other.reason,
                "{} and {}",
                attack.name, other.name
            );
        }
    }
}
