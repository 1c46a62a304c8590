//! `bulla doctor`: each thing that does not work is named, with what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_tests::{Person, Transcript, World, write};
use serde_json::Value;

const PROJECT: &str = "acme/billing";

#[test]
fn nothing_is_wrong_where_publishing_and_promoting_work() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let examined = examine(&mut doctor(&world, &checkout.path));
    assert!(
        examined.iter().all(|(result, ..)| result == "ok"),
        "{examined:?}"
    );
    let mut steps: Vec<_> = examined.iter().map(|(_, step, ..)| step.as_str()).collect();
    steps.dedup();
    let order = [
        "configuration",
        "recipe",
        "tools",
        "registry",
        "clock",
        "keys",
        "cache",
    ];
    assert_eq!(steps, order);

    let said = Transcript::of(&mut doctor(&world, &checkout.path)).done();
    let mut lines = said.stdout.lines();
    let is_recipe = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        words.starts_with(&["ok", "recipe", "acme/billing:", "valid;"])
    };
    assert!(lines.any(is_recipe), "{said}");
    assert!(said.stdout.contains("alice's"), "{said}");
}

#[test]
fn a_machine_that_has_nothing_is_told_all_that_is_missing() {
    let world = World::new();
    let checkout = world.svn(PROJECT);
    let mut command = doctor(&world, &checkout.path);
    command
        .env("PATH", "/nonexistent")
        .env("BULLA_CACHE", "/dev/null/cache")
        .env_remove("BULLA_REGISTRY");
    let examined = examine(&mut command);
    assert_found(
        &examined,
        "warning",
        "tools",
        "`svn` is not installed",
        "subversion",
    );
    assert_found(
        &examined,
        "warning",
        "tools",
        "`ssh-keygen` is not installed",
        "openssh-client",
    );
    assert_found(&examined, "warning", "cache", "/dev/null/cache", "writable");
    assert_found(
        &examined,
        "failed",
        "registry",
        "registry",
        "BULLA_REGISTRY",
    );
}

#[test]
fn a_ci_machine_needs_no_anchor() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    world.publish(&checkout.path);
    let home = world.path("ci-home");
    fs::create_dir(&home).unwrap();
    let mut command = world.bulla_command();
    command
        .arg("doctor")
        .arg(&checkout.path)
        .env("HOME", &home)
        .env_remove("BULLA_ANCHOR");
    let mut with_key = world.bulla_command();
    with_key
        .arg("doctor")
        .arg(&checkout.path)
        .arg("--key")
        .arg(world.builder_key())
        .env("HOME", &home)
        .env_remove("BULLA_ANCHOR");
    let examined = examine(&mut with_key);
    assert!(
        examined.iter().all(|(result, ..)| result == "ok"),
        "{examined:?}"
    );
    assert_found(
        &examined,
        "ok",
        "registry",
        "publishing does not need it",
        "",
    );
    assert_found(&examined, "ok", "keys", "the builder ci's", "");
    // A person is told what is missing to them.
    command.arg("--ssh-key").arg(&world.alice.public_key);
    assert_found(
        &examine(&mut command),
        "warning",
        "registry",
        "not verified",
        "--anchor",
    );
}

#[test]
fn a_wrong_recipe_does_not_hide_a_registry_that_is_gone() {
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    checkout.write(
        "bulla.toml",
        "[bundle]\nproject = \"acme/billing\"\ncolour = 1\n",
    );
    checkout.commit("wrong");
    world.registry.stop();
    let examined = examine(&mut doctor(&world, &checkout.path));
    assert_found(
        &examined,
        "failed",
        "recipe",
        "line 3, column 1, `bundle.colour`",
        "",
    );
    assert_found(&examined, "failed", "registry", world.registry.url(), "");
    let said = Transcript::of(&mut doctor(&world, &checkout.path));
    said.fails(1, "2 things failed");
}

#[test]
fn what_would_not_be_in_a_release_is_a_warning() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let recipe = format!(
        "[bundle]\nproject = \"{PROJECT}\"\ninclude = [\"/**\", \"dist/**\"]\nexclude = [\"*.orig\"]\n"
    );
    checkout.write("bulla.toml", recipe);
    checkout.commit("patterns");
    checkout.write("public/index.html", "not committed");
    checkout.write("forgotten.txt", "not added");
    let examined = examine(&mut doctor(&world, &checkout.path));
    for found in [
        "the pattern `dist/**` of `include`",
        "the pattern `*.orig` of `exclude`",
        "changes that are in no revision",
        "`forgotten.txt` is not tracked",
    ] {
        assert_found(&examined, "warning", "recipe", found, "");
    }
}

#[test]
fn keys_that_the_policy_does_not_know_or_others_can_read() {
    let world = World::with_others(&["bob"]);
    let checkout = world.git(PROJECT);
    let key = world.builder_key();
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let stranger = world.path("stranger.pem");
    world
        .bulla(&["key".as_ref(), "generate".as_ref(), stranger.as_os_str()])
        .done();
    let with_key = |key: &Path| {
        let mut command = doctor(&world, &checkout.path);
        command.arg("--key").arg(key);
        examine(&mut command)
    };
    let chmod = format!("chmod 600 {}", key.display());
    assert_found(&with_key(&key), "failed", "keys", "mode 0644", &chmod);
    assert_found(
        &with_key(&stranger),
        "failed",
        "keys",
        "the policy does not name the key",
        "",
    );
    assert_found(
        &with_key(&world.path("none.pem")),
        "failed",
        "keys",
        "none.pem",
        "",
    );
    let mut command = world.bulla_command();
    command.arg("doctor").arg(&checkout.path);
    command.arg("--ssh-key").arg(other_key(&world));
    assert_found(
        &examine(&mut command),
        "failed",
        "keys",
        "the policy does not name the key",
        "",
    );
}

/// The public half of an SSH key that no policy names.
fn other_key(world: &World) -> PathBuf {
    Person::with_new_key("mallory", &world.path("strangers")).public_key
}

#[test]
fn a_token_for_less_says_what_it_is_not_for() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let with_token = |token: &str| {
        let mut command = doctor(&world, &checkout.path);
        examine(command.env("BULLA_TOKEN", token))
    };
    let pull = world.registry.create_token("pull", "*");
    assert_found(
        &with_token(&pull),
        "warning",
        "registry",
        "cannot publish or promote",
        "token create",
    );
    let other = world.registry.create_token("push,pull", "acme/other");
    assert_found(
        &with_token(&other),
        "failed",
        "registry",
        "not for acme/billing",
        "",
    );
    assert_found(&with_token("bulla_wrong"), "failed", "registry", "", "");
}

#[test]
fn a_configuration_that_cannot_be_read_is_named_with_its_line() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    write(
        &world.home(),
        ".config/bulla/config.toml",
        "registry = \"https://x.example\"\nregistri = 1\n",
    );
    let examined = examine(&mut doctor(&world, &checkout.path));
    assert_found(&examined, "failed", "configuration", "line 2", "");
}

/// Result, step, what was found and what to do.
type Examined = Vec<(String, String, String, String)>;

fn doctor(world: &World, checkout: &Path) -> Command {
    let mut command = world.bulla_command();
    command
        .arg("doctor")
        .arg(checkout)
        .arg("--ssh-key")
        .arg(&world.alice.public_key);
    command
}

fn examine(command: &mut Command) -> Examined {
    let said = Transcript::of(command.arg("--json"));
    let found = said.json();
    let found = found.as_array().unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let examined: Examined = found
        .iter()
        .map(|finding| {
            (
                text(finding, "result"),
                text(finding, "step"),
                text(finding, "found"),
                text(finding, "hint"),
            )
        })
        .collect();
    let has_failed = examined.iter().any(|(result, ..)| result == "failed");
    assert_eq!(said.status, Some(i32::from(has_failed)), "{said}");
    examined
}

#[track_caller]
fn assert_found(examined: &Examined, result: &str, step: &str, found: &str, hint: &str) {
    let is_it = |finding: &&(String, String, String, String)| {
        finding.0 == result
            && finding.1 == step
            && finding.2.contains(found)
            && finding.3.contains(hint)
    };
    assert!(
        examined.iter().find(is_it).is_some(),
        "{result} {step} {found:?} {hint:?} is not in {examined:#?}"
    );
}
