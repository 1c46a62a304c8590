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

#[test]
fn a_key_that_is_not_there_is_named_with_the_command_that_makes_it() {
    let home = Home::with_checkout();
    let registry = ["--registry", "http://127.0.0.1:9"];
    let publish = [&["publish", "checkout", "--key", "ci.key"], &registry[..]].concat();
    insta::assert_snapshot!(home.bulla(&publish).transcript(), @r"
    ! error: there is no key in `ci.key`: it does not exist
    ! hint: name the file of a builder's key; `bulla key generate ci.key` makes a new one, and `bulla builder add NAME ci.key.pub` lets it release
    status 1
    ");
    let witness = [&["witness"], &registry[..]].concat();
    insta::assert_snapshot!(home.bulla(&witness).transcript(), @r"
    ! error: there is no key in `witness.key`: it does not exist
    ! hint: name the file of the witness's key with --key; `bulla witness init NAME --key witness.key` makes a new witness
    status 1
    ");
}

#[test]
fn a_machine_that_publishes_says_once_with_what_it_signs() {
    let home = Home::with_checkout();
    home.bulla(&["key", "generate", "ci.key"]).last_line();
    home.bulla(&["key", "generate", "other.key"]).last_line();
    let publish = ["publish", "checkout", "--registry", "http://127.0.0.1:9"];
    let said = |config: &str, more: &[&str], variables: &[(&str, &str)]| {
        home.write(".config/bulla/config.toml", config);
        home.bulla_with(&[&publish[..], more].concat(), variables)
    };
    // What is wrong with the key is said before the token that lacks.
    let needs_token = &["publishing needs a token"];
    said("", &[], &[]).assert_failure(2, &["no builder's key is named", "`key` of ~/.config"]);
    said("key = \"nowhere.key\"\n", &[], &[]).assert_failure(1, &["`nowhere.key`"]);
    said("key = \"ci.key\"\n", &[], &[]).assert_failure(2, needs_token);
    let named = ["--key", "nowhere.key"];
    said("key = \"ci.key\"\n", &named, &[]).assert_failure(1, &["`nowhere.key`"]);
    let variable = [("BULLA_KEY", "nowhere.key")];
    said("key = \"ci.key\"\n", &[], &variable).assert_failure(1, &["`nowhere.key`"]);
    let text = [("BULLA_KEY_TEXT", "no key")];
    said("key = \"ci.key\"\n", &[], &text).assert_failure(2, &["BULLA_KEY_TEXT"]);
    // A program signs for its own key, and for no other.
    let signer = "key = \"ci.key.pub\"\nsigner = \"sign 'with\"\n";
    said(signer, &[], &[]).assert_failure(2, &["expected a program and its arguments"]);
    said(signer, &["--key", "other.key"], &[]).assert_failure(2, needs_token);
    said("signer = \"sign\"\n", &[], &[]).assert_failure(2, &["public key is not named"]);
    said("key = \"ci.key.pub\"\n", &["--signer", "sign"], &[]).assert_failure(2, needs_token);
}
