//! What the programs print with `--json` fits the schemas in `schemas/json/`.

use std::collections::BTreeSet;
use std::path::Path;

use bulla_tests::{Person, Transcript, World};
use serde_json::Value;

const PROJECT: &str = "acme/billing";

/// Asserts that a document fits a schema.
#[track_caller]
fn fits(schema: &str, said: &Transcript) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/json");
    let text = std::fs::read_to_string(folder.join(format!("{schema}.schema.json"))).unwrap();
    let schema = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    let document = said.json();
    let errors = schema.iter_errors(&document);
    let errors: Vec<_> = errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?} of\n{said}");
    document
}

#[test]
fn every_document_of_bulla_fits_its_schema() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    checkout.commit_change("two");
    let second = world.publish(&checkout.path);
    let path = checkout.path.clone();
    let path = path.to_str().unwrap();
    let key = world.alice.public_key.to_str().unwrap();
    let bulla = |arguments: &[&str]| {
        let more = ["--project", PROJECT, "--json"];
        world.bulla(&[arguments, &more].concat())
    };
    let promote = ["promote", &second, "prod", "--checkout", path];
    let dry = fits(
        "bulla-promote",
        &bulla(&[&promote[..], &["--dry-run"]].concat()).done(),
    );
    let revision = checkout.git(&["rev-parse", "HEAD"]).last_line().to_owned();
    assert_eq!(dry["preview"]["revision"], revision.as_str());
    let signed = [&promote[..], &["-m", "two", "-y", "--ssh-key", key]].concat();
    let promoted = fits("bulla-promote", &bulla(&signed).done());
    // Once more: it is done already.
    assert_eq!(
        fits("bulla-promote", &bulla(&signed).done())["entry"],
        promoted["entry"]
    );

    let back = fits(
        "bulla-promote",
        &bulla(&["rollback", "prod", "--dry-run"]).done(),
    );
    assert_eq!(back["hash"], first.as_str());
    assert_eq!(back["dropped"][0]["hash"], second.as_str());
    let heads = fits(
        "bulla-rollback-list",
        &bulla(&["rollback", "prod", "--list"]).done(),
    );
    assert_eq!(heads[0]["hash"], first.as_str());
    assert_eq!(heads[0]["left"]["hash"], second.as_str());
    assert_eq!(heads[0]["left"]["action"], "promote");

    let status = fits("bulla-status", &bulla(&["status"]).done());
    assert_eq!(status[0]["channels"][0]["hash"], second.as_str());
    let report = format!(
        r#"{{"observedAt":"2026-11-28T06:39:49Z","interval":"24h","installer":"0.1.0",
            "system":"Debian GNU/Linux 13","logSize":3,"projects":[{{"project":"{PROJECT}",
            "channel":"prod","live":"{first}","standing":"up-to-date","drift":0}}]}}"#
    );
    world.registry.report("web1", &report);
    let deployed = fits("bulla-where", &bulla(&["where"]).done());
    assert_eq!(deployed[0]["state"], "behind");
    assert_eq!(deployed[0]["head"], second.as_str());
    let releases = fits("bulla-releases", &bulla(&["releases"]).done());
    assert_eq!(releases[0]["channels"][0], "prod");
    assert_eq!(releases[0]["revision"], revision.as_str());
    let limited = fits(
        "bulla-releases",
        &bulla(&["releases", "--limit", "1"]).done(),
    );
    assert_eq!(limited.as_array().unwrap().len(), 1);
    fits("bulla-history", &bulla(&["history"]).done());
    let audited = fits("bulla-audit", &bulla(&["audit"]).done());
    assert_eq!(audited[0]["kind"], "release");
    assert_eq!(audited[1]["signers"][0]["name"], "alice");
    let shown = fits("bulla-show", &bulla(&["show", "prod"]).done());
    assert_eq!(shown["revision"], revision.as_str());
    fits("diff", &bulla(&["diff", &first, &second]).done());
    fits("bulla-identify", &bulla(&["identify", path]).done());
    fits("bulla-check", &bulla(&["check", path]).done());
    fits(
        "bulla-reproduce",
        &bulla(&["reproduce", &second, "--checkout", path]).done(),
    );
    fits(
        "bulla-doctor",
        &bulla(&["doctor", path, "--ssh-key", key]).done(),
    );
    let second_wave = report.replace(r#""drift":0"#, r#""drift":0,"wave":2"#);
    world.registry.report("web2", &second_wave);
    checkout.commit_change("three");
    let third = world.publish(&checkout.path);
    let in_waves = [
        "promote",
        &third,
        "prod",
        "--checkout",
        path,
        "--waves",
        "10m",
    ];
    let signed = [&in_waves[..], &["-m", "three", "-y", "--ssh-key", key]].concat();
    let promoted = fits("bulla-promote", &bulla(&signed).done());
    assert_eq!(promoted["waves"]["every"], "10m");
    assert_eq!(promoted["servers"][0]["servers"], 1);
    let waves = fits("bulla-wave", &bulla(&["wave"]).done());
    assert_eq!(waves["steps"][0]["mayGo"], true);
    let next = ["wave", "next", "-m", "on", "-y", "--ssh-key", key];
    let widened = fits("bulla-wave", &bulla(&next).done());
    assert_eq!(widened["open"], 2);
    assert_eq!(widened["steps"][1]["mayGo"], true);
    assert!(widened["entry"].as_u64() > promoted["entry"].as_u64());
}

#[test]
fn what_stops_a_release_fits_its_schema() {
    let world = World::new();
    let hash = world.release(&world.git(PROJECT).path, PROJECT);
    let key = world.alice.public_key.to_str().unwrap();
    let signed = |arguments: &[&str]| {
        let more = ["--project", PROJECT, "--json", "-y", "--ssh-key", key];
        world.bulla(&[arguments, &more].concat()).done()
    };
    let paused = fits("bulla-promote", &signed(&["pause", "prod", "-m", "stop"]));
    assert_eq!(paused["hash"], hash.as_str());
    let resumed = fits("bulla-promote", &signed(&["resume", "prod", "-m", "go on"]));
    assert!(resumed["entry"].as_u64() > paused["entry"].as_u64());
    let revoked = fits("bulla-revoke", &signed(&["revoke", &hash, "-m", "lost"]));
    assert!(revoked["entry"].as_u64() > resumed["entry"].as_u64());
    assert_eq!(revoked["releases"][0]["heads"][0], "prod");
    let policy = world.bulla(&["policy", "show", "--json"]).done();
    assert_eq!(fits("policy", &policy)["version"], 1);
    let add = [
        "channel",
        "add",
        "staging",
        "--json",
        "-y",
        "--ssh-key",
        key,
    ];
    assert_eq!(fits("policy", &world.bulla(&add).done())["version"], 2);
    let history = world.bulla(&["policy", "history", "--json"]).done();
    let history = fits("bulla-policy-history", &history);
    assert_eq!(history[1]["signers"][0]["name"], "alice");
    assert!(history[1]["after"].is_string() && history[1].get("before").is_none());
}

#[test]
fn what_waits_for_others_fits_its_schema() {
    let world = World::with_channels(&["prod"]);
    let checkout = world.git(PROJECT);
    let hash = world.publish(&checkout.path);
    let bob = Person::with_new_key("bob", &world.path("people")).public_key;
    let (alice, bob) = (
        world.alice.public_key.to_str().unwrap(),
        bob.to_str().unwrap(),
    );
    let signed = |key: &str, arguments: &[&str]| {
        let more = ["-y", "--ssh-key", key];
        world.bulla(&[arguments, &more].concat()).done()
    };
    signed(alice, &["person", "add", "bob", bob]);
    signed(alice, &["channel", "change", "prod", "--threshold", "2"]);
    let promote = ["promote", &hash, "prod", "-m", "one", "--project", PROJECT];
    signed(alice, &promote);
    let pending = fits("bulla-pending", &world.bulla(&["pending", "--json"]).done());
    assert_eq!(pending[0]["proposedBy"], "alice");
    let id = pending[0]["id"].as_str().unwrap();
    let approved = fits("bulla-approve", &signed(bob, &["approve", id, "--json"]));
    assert_eq!(approved["proposal"]["id"], id, "{approved}");
}

#[test]
fn every_command_that_knows_json_has_a_schema() {
    let world = World::new();
    let help = world.bulla(&["--help"]).done().stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  "));
    let names = names.filter(|line| !line.starts_with(' '));
    let with_json: BTreeSet<String> = names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| world.bulla(&[*name, "--help"]).stdout.contains("--json"))
        .map(str::to_owned)
        .collect();
    let known = [
        "approve",
        "audit",
        "check",
        "diff",
        "doctor",
        "history",
        "identify",
        "pause",
        "pending",
        "promote",
        "releases",
        "reproduce",
        "resume",
        "revoke",
        "rollback",
        "show",
        "status",
        "wave",
        "where",
    ];
    assert_eq!(with_json, known.map(str::to_owned).into());
}

#[test]
fn every_document_of_the_installer_fits_its_schema() {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let first = world.release(&checkout.path, PROJECT);
    let server = world.server("web1");
    let json = |name: &str, arguments: &[&str]| {
        let said = server.run(&[arguments, &["--json"]].concat());
        fits(&format!("bulla-installer-{name}"), &said)
    };
    let install = ["install", PROJECT, "--channel", "prod"];
    let dry = json("install", &[&install[..], &["--dry-run"]].concat());
    assert_eq!(dry["hash"], first.as_str());
    assert_eq!(dry["dryRun"], true);
    assert_eq!(json("install", &install)["changed"], true);
    assert_eq!(json("install", &install)["changed"], false);
    // An edit, a release that replaces the edited one, and a rollback.
    let edited = server.project(PROJECT).join("current/edited");
    std::fs::write(&edited, "by hand").unwrap();
    assert_eq!(
        json("verify", &["verify", PROJECT])["differences"][0]["difference"],
        "added"
    );
    assert_eq!(
        json("status", &["status"])[0]["differences"][0]["path"],
        "edited"
    );
    let all = json("verify-all", &["verify", "--quick"]);
    assert_eq!(all[0]["differences"][0]["path"], "edited");
    json("doctor", &["doctor"]);
    json("install", &install);
    let aside = json("set-aside", &["set-aside", "list", PROJECT]);
    assert_eq!(aside[0]["differences"][0]["path"], "edited");
    checkout.commit_change("two");
    let second = world.release(&checkout.path, PROJECT);
    assert_eq!(json("install", &install)["from"], first.as_str());
    // All that a host file follows: one that can be installed, and one that cannot.
    let file = world.path("server.toml");
    let projects = format!(
        "[project.\"{PROJECT}\"]\nchannel = \"prod\"\n\n[project.shop]\nchannel = \"prod\"\n\
         hooks = {{ activate = [\"/bin/true\"] }}\nkeep = {{ age = \"30d\", quota = \"1GB\" }}\n"
    );
    std::fs::write(&file, projects).unwrap();
    let named = ["--config", file.to_str().unwrap()];
    let all = json("install-followed", &[&["install"][..], &named].concat());
    assert_eq!(all[0]["installed"]["hash"], second.as_str());
    assert_eq!(all[1]["failure"]["status"], 1);
    let shown = json("config", &[&["config", "show"][..], &named].concat());
    assert_eq!(shown["projects"][0]["project"], PROJECT);
    assert_eq!(shown["projects"][1]["ownHooks"]["activate"][0], "/bin/true");
    server.run(&["rollback", PROJECT, "-m", "slow"]).done();
    let status = json("status", &["status", PROJECT]);
    assert_eq!(status[0]["hold"]["left"], second.as_str());
    assert_eq!(status[0]["standing"], "held");
    let history = json("history", &["history", PROJECT]);
    let last = history.as_array().unwrap().last().unwrap();
    assert_eq!(last["reason"], "slow");
    // What is said when nothing can be compared.
    let bundle = server
        .state
        .join("bundles")
        .join(first.trim_start_matches("sha256:"));
    std::fs::remove_dir_all(bundle).unwrap();
    let status = json("status", &["status"]);
    assert!(status[0].get("differences").is_none(), "{status}");
    assert!(status[0]["problem"].is_string(), "{status}");
}

#[test]
fn the_tokens_of_a_registry_fit_their_schema_and_say_nothing_that_is_not_so() {
    let world = World::new();
    let ids = |tokens: &Value| -> Vec<String> {
        let tokens = tokens.as_array().unwrap().iter();
        tokens
            .map(|token| token["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let list = || {
        fits(
            "bulla-registry-token-list",
            &world.registry.token(&["list", "--json"]),
        )
    };
    let before = ids(&list());
    world.registry.create_token("pull", "*");
    let after = list();
    let new = after.as_array().unwrap().iter();
    let new = new.filter(|token| !before.contains(&token["id"].as_str().unwrap().to_owned()));
    let [token] = new.collect::<Vec<_>>()[..] else {
        panic!("{after}");
    };
    for absent in ["name", "expiresAt", "lastUsedAt", "revokedAt"] {
        assert!(token.get(absent).is_none(), "{token}");
    }
    let id = token["id"].as_str().unwrap();
    world.registry.token(&["revoke", id]).done();
    let revoked = list();
    let revoked = revoked
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["id"] == id);
    assert!(revoked.unwrap()["revokedAt"].is_string());
}

#[test]
fn every_command_of_the_installer_that_knows_json_has_a_schema() {
    let world = World::new();
    let server = world.server("web1");
    let knows = |command: &[&str]| {
        let help = server.run(&[command, &["--help"]].concat());
        help.stdout.contains("--json")
    };
    let help = server.run(&["--help"]).done().stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    let with_json: BTreeSet<&str> = names.filter(|name| knows(&[*name])).collect();
    let expected = ["doctor", "history", "install", "status", "verify"];
    assert_eq!(with_json, expected.into());
    assert!(knows(&["set-aside", "list"]) && !knows(&["set-aside", "remove"]));
    assert!(knows(&["config", "show"]) && !knows(&["config", "check"]));
}
