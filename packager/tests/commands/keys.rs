//! Keys of builders.

use std::process::Command;

use crate::program::{Home, mode};

#[test]
fn a_new_key_has_two_halves_that_other_programs_read() {
    let home = Home::new();
    let ran = home.bulla(&["key", "generate", "ci.key"]);
    assert!(ran.last_line().starts_with("ssh-ed25519 AAAA"));
    assert_eq!(mode(&home.path("ci.key")), 0o600);
    let listed = Command::new("ssh-keygen")
        .args(["-l", "-f"])
        .arg(home.path("ci.key.pub"))
        .output()
        .unwrap();
    let fingerprint = String::from_utf8(listed.stdout).unwrap();
    let fingerprint = fingerprint.split(' ').nth(1).unwrap();
    assert!(ran.stderr().contains(fingerprint), "{}", ran.stderr());
    let read = Command::new("openssl")
        .args(["pkey", "-noout", "-in"])
        .arg(home.path("ci.key"))
        .status();
    assert!(read.unwrap().success());
}

#[test]
fn a_key_is_never_overwritten() {
    let home = Home::new();
    home.write("ci.key", "precious");
    let ran = home.bulla(&["key", "generate", "ci.key"]);
    ran.assert_failure(2, &["`ci.key` exists", "hint: "]);
    assert_eq!(std::fs::read(home.path("ci.key")).unwrap(), b"precious");
    assert!(!home.path("ci.key.pub").exists());
}

#[test]
fn a_key_without_a_place_says_why() {
    let home = Home::new();
    let ran = home.bulla(&["key", "generate", "nowhere/ci.key"]);
    ran.assert_failure(1, &["cannot write `nowhere/ci.key`", "No such file"]);
}

#[test]
fn another_kind_of_key_is_refused() {
    let home = Home::with_checkout();
    home.write("rsa.key", "-----BEGIN RSA PRIVATE KEY-----\n");
    let arguments = ["publish", "checkout", "--key", "rsa.key"];
    let ran = home.bulla(&[&arguments[..], &["--registry", "http://127.0.0.1:9"]].concat());
    ran.assert_failure(2, &["`rsa.key` is not a builder's key", "key generate"]);
}
