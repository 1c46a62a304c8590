//! The keys that people have: in an agent, behind a passphrase, in a security key; and those that do not
//! count.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bulla_tests::programs::hermetic;
use bulla_tests::{Person, SoftwareToken, SshAgent, Transcript, World};

const PROJECT: &str = "acme/billing";

/// A world with a release, and a command that promotes it.
struct Scene {
    world: World,
    hash: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let checkout = world.git(PROJECT);
        let hash = world.publish(&checkout.path);
        Self { world, hash }
    }

    fn add(&self, person: &Person) {
        let key = person.public_key.to_str().unwrap();
        let mut command = self.world.bulla_command();
        command.args(["person", "add", &person.name, key, "--yes", "--ssh-key"]);
        Transcript::of(command.arg(&self.world.alice.public_key)).done();
    }

    fn promote(&self, key: &Path, channel: &str, variables: &[(&str, &str)]) -> Transcript {
        let mut command = self.world.bulla_command();
        let promote = [
            "promote",
            &self.hash,
            channel,
            "--project",
            PROJECT,
            "--yes",
        ];
        command
            .args(promote)
            .args(["-m", "go", "--ssh-key"])
            .arg(key);
        Transcript::of(command.envs(variables.iter().copied()))
    }
}

/// Returns a short directory: the path of a socket has at most 107 bytes.
fn short() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("b")
        .tempdir_in("/tmp")
        .unwrap()
}

#[test]
fn a_key_in_the_agent_signs_without_its_file() {
    let scene = Scene::new();
    let directory = short();
    let agent = SshAgent::start(directory.path());
    let key = &scene.world.alice.public_key;
    agent.add(&scene.world.alice);
    std::fs::rename(key.with_extension(""), scene.world.path("away")).unwrap();
    scene.promote(key, "dev", &[]).fails(1, "made no signature");
    let socket = agent.socket.to_str().unwrap();
    scene
        .promote(key, "dev", &[("SSH_AUTH_SOCK", socket)])
        .done();

    // Whoever names another key is told which of theirs the policy has.
    let elsewhere = Person::with_new_key("elsewhere", &scene.world.path("elsewhere"));
    let variables = [("SSH_AUTH_SOCK", socket)];
    let refused = scene.promote(&elsewhere.public_key, "prod", &variables);
    let refused = refused.refused("does not name the key SHA256:");
    assert!(
        refused.stderr.contains("as alice's, which your agent has"),
        "{refused}"
    );
    let beside = Person::with_new_key("beside", &scene.world.path("people"));
    let refused = scene.promote(&beside.public_key, "prod", &[]).refused("(`");
    let hint = format!("`{}` as alice's: give --ssh-key", key.display());
    assert!(refused.stderr.contains(&hint), "{refused}");
    let refused = scene
        .promote(&elsewhere.public_key, "prod", &[])
        .refused("SHA256:");
    assert!(refused.stderr.contains("those of alice"), "{refused}");
    assert!(
        refused.stderr.contains("bulla key add NAME KEY.pub"),
        "{refused}"
    );
}

#[test]
fn a_key_behind_a_passphrase_is_opened_by_ssh_keygen_alone() {
    let scene = Scene::new();
    let key = &scene.world.alice.public_key;
    let mut lock = hermetic("ssh-keygen", &scene.world.home());
    lock.args(["-q", "-p", "-P", "", "-N", "correct horse", "-f"]);
    Transcript::of(lock.arg(key.with_extension(""))).done();
    let ask = |name: &str, answer: &str| {
        let path = scene.world.path(name);
        std::fs::write(&path, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    };
    let (right, wrong) = (ask("right", "correct horse"), ask("wrong", "battery"));
    let asked = |program: &Path| {
        let program = program.to_str().unwrap();
        let variables = [("SSH_ASKPASS", program), ("SSH_ASKPASS_REQUIRE", "force")];
        scene.promote(key, "dev", &variables)
    };
    asked(&wrong).fails(1, "made no signature");
    asked(&right).done();
}

#[test]
fn a_security_key_counts_when_somebody_touched_it() {
    let scene = Scene::new();
    let directory = short();
    let touched = SoftwareToken::start("touched", directory.path(), 41, 1);
    let untouched = SoftwareToken::start("untouched", directory.path(), 42, 0);
    scene.add(&touched.person);
    scene.add(&untouched.person);
    let promote = |token: &SoftwareToken| {
        let socket = token.socket.to_str().unwrap();
        scene.promote(
            &token.person.public_key,
            "dev",
            &[("SSH_AUTH_SOCK", socket)],
        )
    };
    let refused = promote(&untouched).refused("without a touch");
    assert!(refused.stderr.contains("no-touch-required"), "{refused}");
    promote(&touched).done();
    let audit = scene.world.bulla(&["audit", "--person", "touched"]).done();
    assert!(
        audit.stdout.contains("promote of acme/billing on dev"),
        "{audit}"
    );
}

#[test]
fn keys_that_do_not_count_are_refused_with_the_reason() {
    let scene = Scene::new();
    let people = scene.world.path("people");
    let make = |arguments: &[&str]| {
        let mut command = hermetic("ssh-keygen", &scene.world.home());
        Transcript::of(command.current_dir(&people).args(arguments)).done()
    };
    for (kind, file) in [("rsa", "rsa"), ("ecdsa", "ecdsa")] {
        make(&["-q", "-t", kind, "-N", "", "-f", file]);
        let refused = scene.promote(&people.join(file).with_extension("pub"), "dev", &[]);
        let refused = refused.fails(2, "is not a public key that can be used");
        assert!(
            refused.stderr.contains("can be written in several ways"),
            "{refused}"
        );
    }
    make(&[
        "-q",
        "-s",
        "alice",
        "-I",
        "alice",
        "-n",
        "alice",
        "alice.pub",
    ]);
    let refused = scene.promote(&people.join("alice-cert.pub"), "dev", &[]);
    let refused = refused.fails(2, "is not a public key that can be used");
    assert!(
        refused.stderr.contains("this is a certificate"),
        "{refused}"
    );
}

#[test]
fn a_pipe_or_a_device_is_no_key_and_is_not_waited_for() {
    let scene = Scene::new();
    let pipe = scene.world.path("pipe.pub");
    let mut mkfifo = hermetic("mkfifo", &scene.world.home());
    Transcript::of(mkfifo.arg(&pipe)).done();
    for (file, found) in [
        (pipe.as_path(), "a named pipe"),
        (Path::new("/dev/zero"), "a device"),
    ] {
        scene.promote(file, "dev", &[]).fails(1, found);
        let file = file.to_str().unwrap();
        scene.world.bulla(&["audit", "--key", file]).fails(1, found);
        let mut publish = scene.world.bulla_command();
        publish
            .args(["publish", "--key", file])
            .arg(scene.world.path("git").join(PROJECT));
        Transcript::of(&mut publish).fails(1, found);
    }
}
