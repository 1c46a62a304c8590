//! Programs that have nothing to do with Bulla accept the log that a registry serves: Go's
//! transparency log its files, the second replay its entries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bulla_tests::programs::is_installed;
use bulla_tests::{Transcript, World, skip};
use bulla_trust::tile::decode_entries;
use bulla_trust::{LogState, replay};
use serde_json::{Value, json};

const GOPATH: &str = "/usr/share/gocode";

fn oracle(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("oracle")
        .join(path)
}

/// A registry with a policy, a release and a promotion, and these three as it serves them.
fn served() -> (World, Vec<Vec<u8>>) {
    let world = World::new();
    let checkout = world.git("acme/billing");
    world.release(&checkout.path, "acme/billing");
    let url = format!("{}/log/tile/entries/000.p/3", world.registry.url());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bundle = runtime.block_on(async { reqwest::get(url).await?.bytes().await });
    let entries = decode_entries(&bundle.unwrap(), 3).unwrap();
    (world, entries)
}

fn replayed(entries: &[Vec<u8>]) -> LogState {
    let (state, verdicts) = replay(LogState::default(), entries.iter().map(Vec::as_slice)).unwrap();
    assert!(verdicts.iter().all(bulla_trust::Verdict::is_effective));
    state
}

#[test]
fn go_accepts_the_log_that_a_registry_serves() {
    if !is_installed("go") || !Path::new(GOPATH).join("src/golang.org/x/mod").exists() {
        return skip("Go's log needs golang-go and golang-golang-x-mod-dev");
    }
    let (world, entries) = served();
    let log_key = &replayed(&entries).policy().unwrap().log_keys[0].clone();
    let checked = Transcript::of(
        Command::new("go")
            .arg("run")
            .arg(oracle("tlog/main.go"))
            .arg(log_key)
            .arg(format!("{}/log", world.registry.url()))
            .env("GO111MODULE", "off")
            .env("GOPATH", GOPATH)
            .env("GOFLAGS", "")
            .env("GOCACHE", world.path("go")),
    );
    assert!(checked.done().stdout.starts_with("3 entries"));
}

#[test]
fn the_second_replay_comes_to_the_same_head() {
    // The second is Debian's, for which the set-up installs the package.
    let can_run = |python: &&str| {
        let import = Command::new(python)
            .args(["-c", "import cryptography"])
            .output();
        import.is_ok_and(|output| output.status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(can_run) else {
        return skip("the second replay needs python3 and its package cryptography");
    };
    let (world, entries) = served();
    let encoded: Vec<String> = entries.iter().map(|entry| STANDARD.encode(entry)).collect();
    let input = world.path("log.json");
    fs::write(&input, json!(encoded).to_string()).unwrap();
    let said = Transcript::of(
        Command::new(python)
            .arg(oracle("replay.py"))
            .stdin(Stdio::from(fs::File::open(input).unwrap())),
    );
    let there: Value = said.done().json();
    let here = replayed(&entries);
    let project = "acme/billing".parse().unwrap();
    let head = here.head(&project, &"prod".parse().unwrap()).unwrap();
    assert_eq!(there["effective"], "+++");
    assert_eq!(there["root"], here.root().hex());
    let head_there = &there["projects"]["acme/billing"]["channels"]["prod"];
    assert_eq!(head_there["hash"], head.hash.hex());
    assert_eq!(head_there["people"], json!(["alice"]));
}
