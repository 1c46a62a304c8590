//! Why a server has not taken the head, and the one word for it: the table of `docs/engineer.md`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bulla_schemas::statement::Severity;
use bulla_trust::statement::pause;

use super::{CLOSED, prod, promote_in};
use crate::world::{World, now};

const PLAIN: &str = "{}";
const HOOK: &str = r#"{"hooks":{"prepare":["true"]}}"#;
const BAD_HOOK: &str = r#"{"hooks":{"prepare":["false"]}}"#;
const BAD_ACTIVATE: &str = r#"{"hooks":{"activate":["false"]}}"#;
const GONE_PROGRAM: &str = r#"{"hooks":{"activate":["no-such-program"]}}"#;
const VARIABLE: &str = r#"{"environment":["DATABASE_URL"],"hooks":{"prepare":["true"]}}"#;
const REQUIRED: &str = r#"{"persist":["app.conf"],"require":["app.conf"]}"#;

/// What happens before the server looks.
type Before = fn(&mut World);

/// What the release wants, what the project's section says, what happens, and then the word and why.
type Case = (
    &'static str,
    &'static str,
    Before,
    &'static str,
    &'static str,
);

const CASES: [Case; 15] = [
    (BAD_HOOK, USER, nothing, "failed", "hook `prepare`"),
    (BAD_ACTIVATE, USER, nothing, "failed", "hook `activate`"),
    (GONE_PROGRAM, USER, nothing, "failed", "no-such-program"),
    (VARIABLE, USER, nothing, "failed", "DATABASE_URL"),
    (
        HOOK,
        "hooks = \"forbid\"",
        nothing,
        "failed",
        "forbids that",
    ),
    (HOOK, "", nothing, "failed", "names no user"),
    (REQUIRED, "", nothing, "failed", "app.conf"),
    (PLAIN, "drift = \"block\"", edit, "failed", "was edited"),
    (PLAIN, "", lose, "failed", "404"),
    (PLAIN, "", revoke, "failed", "broken"),
    (PLAIN, "", hold, "held", "an audit"),
    (PLAIN, "", pause_it, "waiting", "paused by bob"),
    (PLAIN, CLOSED, nothing, "waiting", "waits for the window"),
    (PLAIN, "wave = 2", nothing, "waiting", "waits as wave 2"),
    (PLAIN, "", go_away, "behind", ""),
];

/// Stands for the user who runs the tests.
const USER: &str = "USER";

fn nothing(_: &mut World) {}

fn edit(world: &mut World) {
    let file = world.current().join("version.txt").canonicalize().unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(file, "edited").unwrap();
}

fn hold(world: &mut World) {
    let run = world.run(&["hold", "acme/billing", "-m", "an audit"]);
    assert_eq!(run.status, Some(0), "{run:?}");
}

fn pause_it(world: &mut World) {
    let state = &world.organisation.state;
    let pausing = pause(state, &world.project, &prod(), "an audit".to_owned(), now());
    let verdict = world
        .organisation
        .append_promotion(&pausing.unwrap(), &["bob"]);
    assert!(verdict.is_effective(), "{verdict:?}");
    world.serve_log();
}

fn revoke(world: &mut World) {
    let head = world.organisation.state.head(&world.project, &prod());
    let hash = head.unwrap().hash;
    let verdict = world.organisation.revoke(hash, Severity::Block, "alice");
    assert!(verdict.is_effective(), "{verdict:?}");
    world.serve_log();
}

fn lose(world: &mut World) {
    let head = world.organisation.state.head(&world.project, &prod());
    let path = format!("/v2/acme/billing/manifests/{}", head.unwrap().hash);
    world.registry.change(|served| served.files.remove(&path));
}

fn go_away(world: &mut World) {
    let run = world.run(&["install", "acme/billing", "--channel", "prod", "--dry-run"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    world.registry.change(|served| served.down = true);
}

#[test]
fn one_word_says_why_a_server_has_not_taken_the_head() {
    let is_root = rustix::process::geteuid().is_root();
    for (wants, section, before, word, why) in CASES {
        // Only root's installer needs to be told whose the hooks are.
        if (wants, section) == (HOOK, "") && !is_root {
            eprintln!("skip: hooks need no user, because this is not root");
            continue;
        }
        let mut world = World::new();
        world.install_each(&["old\n"]);
        promote_in(&mut world, "new\n", wants, "manual", false);
        let user = if is_root { "user = \"root\"" } else { "" };
        let section = section.replace(USER, user);
        let host = format!("[project.\"acme/billing\"]\nchannel = \"prod\"\n{section}\n");
        let path = world.folder.path().join("server.toml");
        fs::write(&path, host).unwrap();
        before(&mut world);
        let config = ["--config", path.to_str().unwrap()];
        let run = world.run(&[&["install", "acme/billing"], &config[..]].concat());
        assert!(run.stderr.contains(why), "{why}: {run:?}");
        // Also when a person lets it be tried again: nothing is proved by that.
        for again in [false, true] {
            if again {
                world.run(&[&["retry", "acme/billing"], &config[..]].concat());
            }
            let status = world.run(&[&["status", "--json"], &config[..]].concat());
            let found: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
            assert_eq!(found[0]["standing"], word, "{why}: {status:?}");
        }
        let said = world.run(&[&["status"], &config[..]].concat());
        let is_retried = why == "hook `activate`";
        assert!(is_retried || said.stderr.contains(why), "{why}: {said:?}");
    }
}
