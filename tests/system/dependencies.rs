//! The dependency table of ARCHITECTURE.md: who may know whom.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each of our packages may depend on, beyond other people's crates.
const TABLE: &[(&str, &[&str])] = &[
    ("bulla-schemas", &[]),
    ("bulla-bundle", &["bulla-schemas"]),
    ("bulla-files", &["bulla-schemas"]),
    ("bulla-svn", &["bulla-files", "bulla-schemas"]),
    ("bulla-terminal", &["bulla-bundle", "bulla-schemas"]),
    ("bulla-trust", &["bulla-schemas"]),
    (
        "bulla-registry-client",
        &[
            "bulla-bundle",
            "bulla-files",
            "bulla-schemas",
            "bulla-trust",
        ],
    ),
    (
        "bulla-packager",
        &[
            "bulla-bundle",
            "bulla-files",
            "bulla-registry-client",
            "bulla-schemas",
            "bulla-svn",
            "bulla-terminal",
            "bulla-trust",
        ],
    ),
    (
        "bulla-registry",
        &[
            "bulla-bundle",
            "bulla-files",
            "bulla-registry-client",
            "bulla-schemas",
            "bulla-terminal",
            "bulla-trust",
        ],
    ),
    (
        "bulla-installer",
        &[
            "bulla-bundle",
            "bulla-files",
            "bulla-registry-client",
            "bulla-schemas",
            "bulla-terminal",
            "bulla-trust",
        ],
    ),
];

/// Packages of the vocabulary and the formats: no network, no runtime.
const SYNCHRONOUS: [&str; 6] = [
    "bulla-schemas",
    "bulla-bundle",
    "bulla-files",
    "bulla-svn",
    "bulla-terminal",
    "bulla-trust",
];

/// What none of our packages may bring in, at any depth.
const BANNED: [&str; 4] = ["git2", "libgit2-sys", "native-tls", "openssl-sys"];

#[test]
fn packages_depend_only_on_those_below_them() {
    let metadata = metadata();
    for (package, allowed) in TABLE {
        for dependency in ours(&metadata, package) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{package} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn every_package_stands_in_the_table() {
    let metadata = metadata();
    let known: BTreeSet<&str> = TABLE.iter().map(|(package, _)| *package).collect();
    let found: BTreeSet<&str> = packages(&metadata)
        .filter(|package| package["source"].is_null())
        .map(|package| package["name"].as_str().unwrap())
        .filter(|name| *name != "bulla-tests")
        .collect();
    assert_eq!(found, known);
}

#[test]
fn the_formats_know_no_network() {
    let metadata = metadata();
    for package in SYNCHRONOUS {
        let reached = reached(&metadata, package);
        for runtime in ["tokio", "hyper", "reqwest"] {
            assert!(!reached.contains(runtime), "{package} reaches {runtime}");
        }
    }
}

#[test]
fn nothing_banned_and_nothing_from_elsewhere_is_built_in() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let name = package["name"].as_str().unwrap();
        assert!(!BANNED.contains(&name), "{name} is banned");
        if let Some(source) = package["source"].as_str() {
            assert!(
                source.starts_with("registry+") || source.starts_with("sparse+"),
                "{name} does not come from the package registry but from {source}"
            );
        }
    }
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().unwrap().iter()
}

/// Returns the dependencies of `package` that are our own, those of its tests left out.
fn ours(metadata: &Value, package: &str) -> Vec<String> {
    packages(metadata)
        .find(|found| found["name"] == package)
        .unwrap_or_else(|| panic!("there is no package {package}"))["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|dependency| dependency["kind"] != "dev")
        .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
        .filter(|name| name.starts_with("bulla-"))
        .collect()
}

/// Returns the names of everything that `package` is built from.
fn reached(metadata: &Value, package: &str) -> BTreeSet<String> {
    let names: BTreeMap<&str, &str> = packages(metadata)
        .map(|package| {
            (
                package["id"].as_str().unwrap(),
                package["name"].as_str().unwrap(),
            )
        })
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let mut open: Vec<&str> = names
        .iter()
        .filter(|(_, name)| **name == package)
        .map(|(id, _)| *id)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let dependencies = nodes[id]["deps"].as_array().unwrap();
            open.extend(
                dependencies
                    .iter()
                    .filter(|dependency| is_built_in(dependency))
                    .map(|dependency| dependency["pkg"].as_str().unwrap()),
            );
        }
    }
    seen.into_iter().map(|id| names[id].to_owned()).collect()
}

fn is_built_in(dependency: &Value) -> bool {
    dependency["dep_kinds"]
        .as_array()
        .unwrap()
        .iter()
        .any(|kind| kind["kind"].is_null())
}
