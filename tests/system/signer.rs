//! Releases that a program signs, and a key that is in a variable.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use bulla_tests::programs::{is_installed, search_path};
use bulla_tests::{Transcript, World, skip};

const PROJECT: &str = "acme/billing";

fn script(world: &World, name: &str, text: &str) -> PathBuf {
    let path = world.path(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// The signer of docs/ci.md, with OpenSSL in the place of a key service.
#[test]
fn a_program_signs_a_release_with_a_key_that_it_reaches() {
    if !is_installed("openssl") {
        skip("a signer, because openssl is not installed");
        return;
    }
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let sign = "env >told; cat >bytes\n\
                openssl pkeyutl -sign -rawin -inkey \"$1\" -in bytes | base64 -w 0";
    let signer = script(&world, "sign", sign);
    let key = world.builder_key();
    let publish = |key: &std::path::Path, public: &str| {
        let mut command = world.bulla_command();
        command
            .arg("publish")
            .arg(&checkout.path)
            .args(["--key", public]);
        let line = format!("{} {}", signer.display(), key.display());
        Transcript::of(command.args(["--signer", &line]))
    };
    let public = format!("{}.pub", key.display());
    let hash = publish(&key, &public).done().last_line().to_owned();
    let told = std::fs::read_to_string(world.path("told")).unwrap();
    for told_of in [
        format!("BULLA_SIGN_PROJECT={PROJECT}"),
        format!("BULLA_SIGN_RELEASE={hash}"),
        "BULLA_SIGN_KEY=SHA256:".to_owned(),
    ] {
        assert!(told.contains(&told_of), "{told_of} of {told}");
    }
    assert!(!told.contains("BULLA_TOKEN"), "{told}");
    let bytes = std::fs::read(world.path("bytes")).unwrap();
    assert!(bytes.starts_with(b"DSSEv1 28 application/vnd.in-toto+json "));
    world.promote(PROJECT, &hash, "prod");

    // Another key than the one that was named, or none.
    checkout.commit_change("two");
    let other = world.path("other.pem");
    world
        .bulla(&["key", "generate", other.to_str().unwrap()])
        .done();
    let mut publish = world.bulla_command();
    publish.arg("publish").arg(&checkout.path);
    let line = format!("{} {}", signer.display(), other.display());
    publish.env("BULLA_SIGNER", &line).env("BULLA_KEY", &public);
    Transcript::of(&mut publish).refused("expected an Ed25519 signature by SHA256:");
    publish.env("BULLA_SIGNER", "false");
    Transcript::of(&mut publish).fails(1, "the signer `false` made no signature");
    publish.env_remove("BULLA_KEY");
    Transcript::of(&mut publish).fails(2, "public key is not named");
}

#[test]
fn a_key_in_a_variable_is_given_to_no_program_that_is_started() {
    let world = World::new();
    let checkout = world.git(PROJECT);
    let real = search_path();
    let spy = format!(
        "env >>'{}'; PATH='{real}' exec git \"$@\"",
        world.path("told").display()
    );
    std::fs::create_dir(world.path("bin")).unwrap();
    script(&world, "bin/git", &spy);
    let key = std::fs::read_to_string(world.builder_key()).unwrap();
    let mut publish = world.bulla_command();
    publish
        .arg("publish")
        .arg(&checkout.path)
        .args(["--revision", "HEAD~0"]);
    publish.env("BULLA_KEY_TEXT", &key);
    publish.env("PATH", format!("{}:{real}", world.path("bin").display()));
    Transcript::of(&mut publish).done();
    let told = std::fs::read_to_string(world.path("told")).unwrap();
    assert!(
        told.contains("LC_ALL=") && !told.contains("BULLA_TOKEN"),
        "{told}"
    );
    assert!(
        !told.contains("PRIVATE KEY") && !told.contains("BULLA_KEY_TEXT"),
        "{told}"
    );
    publish.env("BULLA_KEY_TEXT", "ssh-ed25519 AAAA");
    Transcript::of(&mut publish).fails(
        2,
        "`BULLA_KEY_TEXT` is not a builder's key: found a public key",
    );
    publish.env_remove("BULLA_KEY_TEXT");
    Transcript::of(&mut publish).fails(2, "no builder's key is named");
}
