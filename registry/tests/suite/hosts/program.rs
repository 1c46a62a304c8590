//! What an operator does about hosts with the program.

use std::path::Path;
use std::process::Command;

use bulla_registry::Settings;
use bulla_schemas::api::{HostSummary, Page};
use reqwest::StatusCode;
use serde_json::Value;

use crate::hosts::{WHERE, billing, registry_with_releases, report, say, send};
use crate::support::Registry;

/// Runs the real program on a data directory.
fn run(command: &[&str], data: &Path) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bulla-registry"));
    let output = program.args(command).arg("--data").arg(data).output();
    let output = output.unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    (output.status.code().unwrap(), stdout, stderr)
}

#[tokio::test]
async fn an_operator_gives_a_host_its_token_and_forgets_it_when_it_is_gone() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    let data = registry.data.path();
    let create = [
        "token",
        "create",
        "--scope",
        "pull,report",
        "--host",
        "web1",
    ];
    let (status, stdout, stderr) = run(&create, data);
    assert_eq!(status, 0, "{stderr}");
    let body = report(&[billing(one)]);
    let response = send(&registry, stdout.trim(), "web1", &body).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let (_, list, _) = run(&["token", "list", "--json"], data);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list[1]["host"], "web1");
    for (command, said) in [
        (&["token", "create", "--scope", "report"][..], "--host"),
        (
            &["token", "create", "--scope", "pull", "--host", "web1"],
            "`report`",
        ),
        (
            &["token", "create", "--scope", "report", "--host", "WEB 1"],
            "a host is",
        ),
    ] {
        let (status, _, stderr) = run(command, data);
        assert_eq!(status, 2, "{command:?}");
        assert!(stderr.contains(said), "{stderr}");
    }
    assert_eq!(run(&["host", "remove", "web1"], data).0, 0);
    let page: Page<HostSummary> = registry.json("/api/v1/hosts").await;
    assert!(page.items.is_empty());
    let (status, _, stderr) = run(&["host", "remove", "web1"], data);
    assert_eq!(status, 1);
    assert!(stderr.contains("no host `web1` has reported"), "{stderr}");
    registry.stop().await;
}

#[tokio::test]
async fn reindex_says_that_it_leaves_reports_and_does() {
    let (registry, [one, _]) = registry_with_releases(Settings::default()).await;
    say(&registry, "web1", &report(&[billing(one)])).await;
    let before: Value = registry.json(WHERE).await;
    let data = registry.stop().await;
    let (status, _, stderr) = run(&["reindex"], data.path());
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("host reports stay"), "{stderr}");
    let registry = Registry::start_in(data, Settings::default()).await;
    assert_eq!(registry.json::<Value>(WHERE).await, before);
    registry.stop().await;
}
