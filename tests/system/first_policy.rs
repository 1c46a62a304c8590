//! `bulla init`: the first policy of a registry, and who signs it.

use std::process::Command;

use bulla_tests::{Person, Registry, Transcript, World, on_terminal};

/// A registry without a policy, and two people.
struct Beginning {
    world: World,
    registry: Registry,
    token: String,
    bob: Person,
}

impl Beginning {
    fn new() -> Self {
        let world = World::new();
        let registry = Registry::serve(&world.path("registry-2"), &world.home());
        let token = registry.create_token("push,pull", "*");
        let bob = Person::with_new_key("bob", &world.path("people"));
        Self {
            world,
            registry,
            token,
            bob,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.bulla_command();
        command
            .args(arguments)
            .env("BULLA_REGISTRY", self.registry.url())
            .env("BULLA_TOKEN", &self.token)
            .env_remove("BULLA_ANCHOR");
        command
    }

    /// `bulla init`, signed by some of the two.
    fn init(&self, arguments: &[&str], signers: &[&Person]) -> Command {
        let mut command = self.command(&["init", "--origin", "releases.example/team"]);
        for person in [&self.world.alice, &self.bob] {
            command.args(["--person", &person.as_argument()]);
        }
        command.args(["--channel", "staging"]).args(arguments);
        for signer in signers {
            command.arg("--ssh-key").arg(&signer.public_key);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Transcript {
        Transcript::of(&mut self.command(arguments))
    }
}

#[test]
fn two_decide_from_the_first_policy_on() {
    let team = Beginning::new();
    let (alice, bob) = (&team.world.alice, &team.bob);
    let init = |arguments: &[&str], signers: &[&Person]| {
        Transcript::of(&mut team.init(arguments, signers))
    };
    let two = ["--threshold", "2", "--channel", "prod=2"];
    let words = "--threshold 2 needs 2 signatures, and 1 person signs here";
    init(&two, &[alice]).fails(2, words);
    init(&two, &[alice, alice]).fails(2, words);
    let words = "--channel prod needs 3 people, and 2 are named";
    init(&["--channel", "prod=3"], &[alice]).fails(2, words);
    let began = init(&two, &[alice, bob]).done();
    for line in [
        "policy   changed by 2 people",
        "channel  prod, moved by 2 people",
        "channel  staging, moved by 1 person",
    ] {
        assert!(began.stdout.lines().any(|one| one == line), "{began}");
    }
    let anchor = began.last_line();
    assert!(anchor.starts_with("releases.example/team+1+"), "{began}");
    assert_eq!(team.run(&["anchor"]).done().last_line(), anchor);
    let history = team.run(&["policy", "history"]).done();
    assert!(history.stdout.contains("alice"), "{history}");
    assert!(history.stdout.contains("bob"), "{history}");

    let carol = Person::with_new_key("carol", &team.world.path("people"));
    let add = ["person", "add", "carol", carol.public_key.to_str().unwrap()];
    let mut add = team.command(&add);
    add.args(["--yes", "--ssh-key"]).arg(&alice.public_key);
    let proposed = Transcript::of(&mut add).done();
    let waits = "not in effect: 1 of 2 signed (alice); bob may";
    assert!(proposed.stderr.contains(waits), "{proposed}");
}

#[test]
fn on_a_terminal_it_is_shown_and_asked_for_before_it_is_signed() {
    let team = Beginning::new();
    let init = team.init(&["--channel", "prod"], &[&team.world.alice]);
    let no = on_terminal(&init, 80, "n\n");
    assert_eq!(no.status, Some(1), "{no}");
    let (shown, _) = no.stdout.split_once("Sign it? [y/N]").unwrap();
    assert!(shown.contains("channel  prod, moved by 1 person"), "{no}");
    team.run(&["anchor", "--trust-first-use"])
        .fails(1, "has no policy yet");
    let yes = on_terminal(&init, 80, "y\n");
    assert_eq!(yes.status, Some(0), "{yes}");
    team.run(&["anchor"]).done();
}
