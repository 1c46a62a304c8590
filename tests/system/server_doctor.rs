//! `bulla-installer doctor`: each thing that does not work on a server is named, with what to do.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bulla_tests::{Server, World};
use serde_json::Value;

/// A server with a token of its own, and its host file.
fn server(world: &World) -> (Server, PathBuf, PathBuf) {
    let server = world.server("web1");
    let file = world.path("web1.toml");
    let token = world
        .registry
        .token(&["create", "--scope", "pull,report", "--host", "web1"])
        .done();
    let token_file = world.path("web1.token");
    fs::write(&token_file, token.last_line()).unwrap();
    fs::set_permissions(&token_file, Permissions::from_mode(0o600)).unwrap();
    write_host_file(&file, world.registry.url(), &token_file);
    (server, file, token_file)
}

fn write_host_file(file: &Path, url: &str, token: &Path) {
    let text = format!(
        "[[registry]]\nurl = \"{url}\"\ntoken-file = \"{}\"\n\n[project.\"acme/billing\"]\n\
         channel = \"prod\"\n",
        token.display()
    );
    fs::write(file, text).unwrap();
}

/// What the doctor says, and the exit status.
fn examine(server: &Server, file: &Path) -> (Vec<Value>, Option<i32>) {
    let config = file.to_str().unwrap();
    let said = server.run(&["doctor", "--json", "--config", config]);
    (said.json().as_array().unwrap().clone(), said.status)
}

/// Asserts that one finding has this result, step and words, and a hint where it is none that is ok.
#[track_caller]
fn assert_found(found: &[Value], result: &str, step: &str, words: &str) {
    let is_it = |finding: &&Value| {
        finding["result"] == result
            && finding["step"] == step
            && finding["found"].as_str().unwrap().contains(words)
    };
    let finding = found.iter().find(is_it);
    let finding = finding.unwrap_or_else(|| panic!("{result} {step} {words}: {found:#?}"));
    assert_eq!(finding["hint"].is_string(), result != "ok", "{finding}");
}

#[test]
fn a_server_that_works_is_told_so_step_by_step() {
    let world = World::new();
    let (server, file, _) = server(&world);
    let (found, status) = examine(&server, &file);
    for (step, words) in [
        ("configuration", "1 project is followed"),
        ("disk", "can be written"),
        ("disk", "free"),
        ("network", "takes connections"),
        ("registry", "the token is valid: "),
        ("log", "is what this server has verified"),
        ("clock", "agrees with the registry's"),
    ] {
        assert_found(&found, "ok", step, words);
    }
    let failed = found.iter().filter(|finding| finding["result"] == "failed");
    // Whether an agent runs on this machine is nothing that a test decides.
    assert_eq!(
        failed.filter(|finding| finding["step"] != "agent").count(),
        0,
        "{found:#?}"
    );
    assert!(matches!(status, Some(0 | 1)));
    let table = server.run(&["doctor", "--config", file.to_str().unwrap()]);
    assert!(table.stdout.contains("RESULT"), "{table}");
}

#[test]
fn a_registry_that_is_away_is_told_from_a_name_that_means_nothing() {
    let world = World::new();
    let (server, file, token) = server(&world);
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    write_host_file(&file, &format!("http://{free}"), &token);
    let (found, status) = examine(&server, &file);
    assert_found(
        &found,
        "failed",
        "network",
        &format!("no connection: {free}"),
    );
    assert_eq!(status, Some(1));
    write_host_file(&file, "https://registry.invalid", &token);
    let (found, _) = examine(&server, &file);
    assert_found(
        &found,
        "failed",
        "network",
        "the name `registry.invalid` cannot be resolved",
    );
    // Something listens that speaks no TLS.
    let address = world.registry.address();
    write_host_file(&file, &format!("https://{address}"), &token);
    let (found, _) = examine(&server, &file);
    assert_found(&found, "ok", "network", "takes connections");
    assert_found(&found, "failed", "registry", "cannot reach the registry");
}

#[test]
fn a_token_that_others_can_read_or_that_the_registry_refuses_is_named() {
    let world = World::new();
    let (server, file, token) = server(&world);
    fs::set_permissions(&token, Permissions::from_mode(0o644)).unwrap();
    let (found, _) = examine(&server, &file);
    assert_found(
        &found,
        "warning",
        "registry",
        "can be read by others: mode 0644",
    );
    fs::write(&token, "bulla_nothing").unwrap();
    let (found, status) = examine(&server, &file);
    assert!(
        found
            .iter()
            .any(|finding| finding["step"] == "registry" && finding["result"] == "failed"),
        "{found:#?}"
    );
    assert_eq!(status, Some(1));
    fs::write(&token, world.registry.create_token("pull", "*")).unwrap();
    let (found, _) = examine(&server, &file);
    assert_found(&found, "warning", "registry", "the token cannot report");
}

#[test]
fn a_host_file_with_a_mistake_and_a_state_that_others_may_write_are_named() {
    let world = World::new();
    let (server, file, _) = server(&world);
    fs::set_permissions(&server.state, Permissions::from_mode(0o777)).unwrap();
    let (found, _) = examine(&server, &file);
    assert!(
        found
            .iter()
            .any(|finding| finding["step"] == "disk" && finding["result"] == "failed"),
        "{found:#?}"
    );
    fs::write(&file, "rooot = \"/srv\"\n").unwrap();
    let (found, status) = examine(&server, &file);
    assert!(
        found[0]["found"].as_str().unwrap().contains("rooot"),
        "{found:#?}"
    );
    assert_eq!((&found[0]["result"], status), (&"failed".into(), Some(1)));
}
