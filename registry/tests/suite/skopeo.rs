//! `skopeo copy` out of a registry and into a second one: the digest stays.

use std::path::Path;
use std::process::{Command, Output};

use bulla_bundle::Bundle;
use bulla_schemas::Digest;
use reqwest::StatusCode;

use crate::support::{BILLING, Registry, bundle, bundle_of_noise};

async fn skopeo(arguments: Vec<String>) {
    let output = run(arguments).await;
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
}

/// On another thread: the registry answers on this one.
async fn run(arguments: Vec<String>) -> Output {
    let run = move || Command::new("skopeo").args(arguments).output().unwrap();
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[expect(clippy::print_stdout, reason = "a skipped test says so aloud")]
fn is_installed() -> bool {
    let found = Command::new("skopeo").arg("--version").output().is_ok();
    if !found {
        println!("SKIPPED: skopeo is not installed");
    }
    found
}

fn docker(registry: &Registry, reference: &str) -> String {
    let host = registry.url.strip_prefix("http://").unwrap();
    format!("docker://{host}/{BILLING}{reference}")
}

#[tokio::test]
async fn copies_a_bundle_both_ways() {
    if !is_installed() {
        return;
    }
    // Of one file each in the registry, and of packs.
    for bundle in [bundle("one"), bundle_of_noise(BILLING, "one")] {
        copy_both_ways(&bundle).await;
    }
}

async fn copy_both_ways(bundle: &Bundle) {
    let (one, two) = (Registry::start().await, Registry::start().await);
    one.push_bundle(BILLING, bundle).await;
    let hash = bundle.hash();
    let layout = one.data.path().join("layout");
    let oci = format!("oci:{}:copy", layout.display());
    let copy = |words: &[&str]| {
        let words = ["copy", "--preserve-digests"].iter().chain(words);
        words.map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };
    skopeo(copy(&[
        "--src-tls-verify=false",
        "--src-creds",
        &format!("x:{}", one.token),
        &docker(&one, &format!("@{hash}")),
        &oci,
    ]))
    .await;
    assert_is_in_layout(&layout, &hash);
    skopeo(copy(&[
        "--dest-tls-verify=false",
        "--dest-creds",
        &format!("x:{}", two.token),
        &oci,
        &docker(&two, ":v1"),
    ]))
    .await;
    let path = format!("/v2/{BILLING}/manifests/v1");
    let served = two.get(&path).await;
    assert_eq!(served.status(), StatusCode::OK);
    assert_eq!(Digest::of(&served.bytes().await.unwrap()), hash);
    let payload = bundle.manifest().payload().digest;
    let served = two.get(&format!("/v2/{BILLING}/blobs/{payload}")).await;
    assert_eq!(Digest::of(&served.bytes().await.unwrap()), payload);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn logs_in() {
    if !is_installed() {
        return;
    }
    let registry = Registry::start().await;
    let file = registry.data.path().join("auth.json");
    let login = |token: &str| {
        let host = registry.url.strip_prefix("http://").unwrap();
        ["login", "--tls-verify=false", "--authfile"]
            .into_iter()
            .chain([file.to_str().unwrap(), "-u", "x", "-p", token, host])
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    skopeo(login(&registry.token)).await;
    let refused = run(login("wrong")).await;
    assert!(!refused.status.success());
    registry.stop().await;
}

fn assert_is_in_layout(layout: &Path, hash: &Digest) {
    let manifest = std::fs::read(layout.join("blobs/sha256").join(hash.hex())).unwrap();
    assert_eq!(Digest::of(&manifest), *hash);
}
