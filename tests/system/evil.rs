//! The registry is not trusted: whatever it swaps, hides or reorders is refused, and the live
//! release is untouched.

mod cost;
pub(crate) mod log;
pub(crate) mod registry;

use bulla_schemas::Digest;
use bulla_schemas::manifest::{Descriptor, Manifest};
use bulla_tests::{GitCheckout, Server, Transcript, Tree, World, world};
use bulla_trust::key::SigningKey;

use log::{DoctoredLog, log_key};
use registry::EvilRegistry;

const PROJECT: &str = "acme/billing";

/// A server with the first release live; the second is promoted, and the registry between them
/// is about to lie.
struct Scene {
    world: World,
    evil: EvilRegistry,
    server: Server,
    first: String,
    second: String,
    live: Tree,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let evil = EvilRegistry::before(world.registry.url());
        let mut checkout: GitCheckout = world.git(PROJECT);
        let first = world.release(&checkout.path, PROJECT);
        let server = world.server_at("web1", evil.url());
        server.install(PROJECT, "prod").done();
        let live = server.live_tree(PROJECT);
        checkout.commit_change("two");
        let second = world.release(&checkout.path, PROJECT);
        Self {
            world,
            evil,
            server,
            first,
            second,
            live,
        }
    }

    fn log(&self) -> DoctoredLog {
        DoctoredLog::read(self.world.registry.data())
    }

    fn log_key(&self) -> SigningKey {
        log_key(self.world.registry.data())
    }

    fn manifest_bytes(&self, hash: &str) -> Vec<u8> {
        let url = format!(
            "{}/v2/{PROJECT}/manifests/{hash}",
            self.world.registry.url()
        );
        get(&url)
    }

    fn manifest(&self, hash: &str) -> Manifest {
        Manifest::from_bytes(&self.manifest_bytes(hash)).unwrap()
    }

    fn blob(&self, digest: &Digest) -> Vec<u8> {
        get(&format!(
            "{}/v2/{PROJECT}/blobs/{digest}",
            self.world.registry.url()
        ))
    }

    /// Lets the registry lie about one manifest or blob, send nothing as a delta, which would do
    /// without it, and be honest about everything else.
    fn lie_about(&self, digest: String, lie: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
        self.evil.lie(move |path, bytes| {
            if path.ends_with("/_bulla/delta") {
                Vec::new()
            } else if path.ends_with(&digest) {
                lie(bytes)
            } else {
                bytes
            }
        });
    }

    /// The server refuses with these words and nothing has changed; then, with an honest
    /// registry, the same command works.
    #[track_caller]
    fn is_refused(&self, words: &str) {
        self.server.install(PROJECT, "prod").refused(words);
        assert_eq!(self.server.live(PROJECT).as_deref(), Some(&*self.first));
        assert_eq!(self.server.live_tree(PROJECT), self.live);
        self.server.run(&["verify", PROJECT]).done();
        self.evil.repent();
        self.server.install(PROJECT, "prod").done();
        assert_eq!(self.server.live(PROJECT).as_deref(), Some(&*self.second));
    }
}

fn get(url: &str) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let answer = reqwest::get(url).await.unwrap();
        assert!(answer.status().is_success(), "{url}: {}", answer.status());
        answer.bytes().await.unwrap().to_vec()
    })
}

/// Serves a blob with its last byte flipped, or whatever part of it is asked for.
fn flip(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes
}

/// A1: it can refuse service
#[test]
fn refuses_a_payload_with_other_bytes() {
    let scene = Scene::new();
    let payload = scene.manifest(&scene.second).payload().digest;
    scene.lie_about(payload.to_string(), flip);
    scene.is_refused("sha256:");
}

#[test]
fn refuses_a_manifest_with_other_bytes() {
    let scene = Scene::new();
    scene.lie_about(scene.second.clone(), flip);
    scene.is_refused("manifest");
}

#[test]
fn refuses_the_manifest_of_another_release() {
    let scene = Scene::new();
    let first = scene.manifest_bytes(&scene.first);
    scene.lie_about(scene.second.clone(), move |_| first.clone());
    scene.is_refused("manifest");
}

#[test]
fn refuses_the_index_of_another_release() {
    refuses_a_part_of_another_release(Manifest::index);
}

#[test]
fn refuses_the_frame_table_of_another_release() {
    refuses_a_part_of_another_release(Manifest::frames);
}

#[test]
fn refuses_the_release_document_of_another_release() {
    refuses_a_part_of_another_release(|manifest| &manifest.config);
}

/// Serves the first release's part where the second's is asked for: the refusal names the digest
/// that was promised.
#[track_caller]
fn refuses_a_part_of_another_release(part: fn(&Manifest) -> &Descriptor) {
    let scene = Scene::new();
    let promised = part(&scene.manifest(&scene.second)).digest.to_string();
    let first = scene.blob(&part(&scene.manifest(&scene.first)).digest);
    scene.lie_about(promised.clone(), move |_| first.clone());
    scene.is_refused(&promised);
}

/// A7: the entries do not lead to the root that is known.
#[test]
fn refuses_a_known_log_with_a_statement_swapped() {
    let scene = Scene::new();
    let mut log = scene.log();
    log.entries[1] = log.entries[2].clone();
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    scene.is_refused("log");
}

#[test]
fn refuses_a_log_with_an_entry_dropped() {
    let scene = Scene::new();
    let mut log = scene.log();
    log.entries.remove(1);
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    scene.is_refused("log");
}

#[test]
fn refuses_a_log_with_known_entries_reordered() {
    let scene = Scene::new();
    let mut log = scene.log();
    log.entries.swap(1, 2);
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    scene.is_refused("log");
}

/// A8: one root covers every entry.
#[test]
fn refuses_entries_that_are_not_those_of_the_checkpoint() {
    let scene = Scene::new();
    let mut log = scene.log();
    let last = log.entries.len() - 1;
    log.entries.swap(last - 1, last);
    scene.evil.show_log(log);
    scene.is_refused("root");
}

/// A5: the server stays where it is
#[test]
fn refuses_a_log_that_is_older_than_what_it_knows() {
    let scene = Scene::new();
    let mut log = scene.log();
    log.entries.truncate(2);
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    scene.is_refused("shrank");
}

#[test]
fn refuses_another_log() {
    let scene = Scene::new();
    let other = World::new();
    let checkout = other.git(PROJECT);
    for _ in 0..4 {
        other.publish(&checkout.path);
    }
    let log = DoctoredLog::read(other.registry.data());
    scene.evil.show_log(log);
    scene.is_refused("log");
}

#[test]
fn refuses_a_log_of_another_name() {
    let scene = Scene::new();
    let log = scene.log().sign("releases.example/other", &scene.log_key());
    scene.evil.show_log(log);
    scene.is_refused("releases.example/other");
}

#[test]
fn refuses_a_checkpoint_without_a_signature() {
    let scene = Scene::new();
    let log = scene.log().with_checkpoint(|text| {
        let (text, _) = text.split_once("\n\n").unwrap();
        format!("{text}\n\n")
    });
    scene.evil.show_log(log);
    scene.is_refused("checkpoint");
}

#[test]
fn refuses_a_checkpoint_signed_by_another_key() {
    let scene = Scene::new();
    let log = scene
        .log()
        .sign(world::ORIGIN, &SigningKey::from_seed(&[7; 32]));
    scene.evil.show_log(log);
    scene.is_refused("sign");
}

#[test]
fn refuses_a_checkpoint_with_a_larger_size_than_was_signed() {
    let scene = Scene::new();
    let size = scene.log().entries.len();
    let log = scene.log().with_checkpoint(|text| {
        text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1)
    });
    scene.evil.show_log(log);
    scene.is_refused("root");
}

#[test]
fn a_hidden_promotion_leaves_the_server_where_it_was() {
    let scene = Scene::new();
    let mut log = scene.log();
    // Everything but the newest promotion: a log that the server cannot tell from a slow one.
    log.entries.pop();
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    scene.server.install(PROJECT, "prod").done();
    assert_eq!(scene.server.live(PROJECT).as_deref(), Some(&*scene.first));
    // Once the truth was seen, the shorter log is refused.
    scene.evil.repent();
    scene.server.install(PROJECT, "prod").done();
    let mut log = scene.log();
    log.entries.pop();
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    scene.server.install(PROJECT, "prod").refused("shrank");
    assert_eq!(scene.server.live(PROJECT).as_deref(), Some(&*scene.second));
}

/// A3: nobody with a key of the policy signed it.
#[test]
fn a_forged_promotion_has_no_effect() {
    let scene = Scene::new();
    let mut log = scene.log();
    let real = log.entries.pop().unwrap();
    let mut forged: serde_json::Value = serde_json::from_slice(&real).unwrap();
    let signature = forged["signatures"][0]["sig"].as_str().unwrap().to_owned();
    // Another statement under alice's real signature.
    let other: serde_json::Value = serde_json::from_slice(&log.entries[2]).unwrap();
    forged["payload"] = other["payload"].clone();
    forged["signatures"][0]["sig"] = signature.into();
    log.entries.push(serde_json::to_vec(&forged).unwrap());
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    scene.server.install(PROJECT, "prod");
    assert_eq!(scene.server.live(PROJECT).as_deref(), Some(&*scene.first));
    assert_eq!(scene.server.live_tree(PROJECT), scene.live);
}

#[test]
fn a_new_server_refuses_a_log_that_does_not_reach_its_anchor() {
    let scene = Scene::new();
    let anchor = scene.world.bulla(&["anchor"]).done().last_line().to_owned();
    let mut log = scene.log();
    log.entries.pop();
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    let server = Server::new(&scene.world.path("servers/web2"), &scene.world.home());
    server
        .run(&["enroll", scene.evil.url(), &anchor])
        .refused("anchor");
}

#[test]
fn a_new_server_refuses_a_log_that_differs_from_its_anchor() {
    let scene = Scene::new();
    let anchor = scene.world.bulla(&["anchor"]).done().last_line().to_owned();
    let mut log = scene.log();
    log.entries.swap(1, 2);
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    let server = Server::new(&scene.world.path("servers/web2"), &scene.world.home());
    server
        .run(&["enroll", scene.evil.url(), &anchor])
        .refused("anchor");
}

#[test]
fn an_engineer_who_knows_the_log_refuses_another_one() {
    let scene = Scene::new();
    let through_the_evil_one = |arguments: &[&str]| {
        let mut command = scene.world.bulla_command();
        command.args(arguments).args(["--project", PROJECT]);
        Transcript::of(command.env("BULLA_REGISTRY", scene.evil.url()))
    };
    through_the_evil_one(&["history", "prod"]).done();
    let mut log = scene.log();
    log.entries.swap(1, 2);
    scene
        .evil
        .show_log(log.sign(world::ORIGIN, &scene.log_key()));
    through_the_evil_one(&["history", "prod"]).refused("log");
    let mut promote = scene.world.promote_command(PROJECT, &scene.second, "dev");
    promote.env("BULLA_REGISTRY", scene.evil.url());
    Transcript::of(&mut promote).refused("log");
}
