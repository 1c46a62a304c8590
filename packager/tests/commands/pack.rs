//! Packing: the hash on stdout, everything else on stderr.

use std::fs::File;

use bulla_bundle::{Limits, read_bundle_file};

use crate::program::Home;

#[test]
fn the_only_line_on_stdout_is_the_hash() {
    let home = Home::with_checkout();
    let ran = home.bulla(&["pack", "checkout"]);
    insta::assert_snapshot!(ran.transcript(), @r"
    HASH
    ! packed acme/billing HASH: 2 files, 48 B, bundle 2.1 kB
    status 0
    ");
    let hash = ran.last_line();
    assert!(hash.parse::<bulla_schemas::Digest>().is_ok(), "{hash}");
    let again = home.bulla(&["pack", "checkout", "--threads", "1"]);
    assert_eq!(again.last_line(), hash);
}

#[test]
fn a_bundle_file_holds_what_the_hash_names() {
    let home = Home::with_checkout();
    let hash = home
        .bulla(&["pack", "checkout", "-o", "one.bulla"])
        .last_line();
    let file = File::open(home.path("one.bulla")).unwrap();
    let file = read_bundle_file(file, &Limits::default()).unwrap();
    assert_eq!(file.bundle().hash().to_string(), hash);
    file.verify_payload().unwrap();
}

#[test]
fn a_file_that_other_commands_would_take_for_a_release_is_warned_about() {
    let home = Home::with_checkout();
    let ran = home.bulla(&["pack", "checkout", "-o", "one.bulla"]);
    assert!(!ran.stderr().contains("warning"), "{}", ran.stderr());
    let ran = home.bulla(&["pack", "checkout", "-o", "release"]);
    let said = ran.stderr();
    assert!(
        said.contains("warning: `release` does not end in `.bulla`"),
        "{said}"
    );
    // As it says, a path works.
    let same = home.bulla(&["diff", "./release", "one.bulla"]);
    assert_eq!(same.status(), 0, "{}", same.stderr());
}

#[test]
fn a_bundle_file_that_cannot_be_written_leaves_nothing() {
    let home = Home::with_checkout();
    let ran = home.bulla(&["pack", "checkout", "-o", "nowhere/one.bulla"]);
    ran.assert_failure(1, &["nowhere"]);
    assert_eq!(ran.stdout(), "");
}

#[test]
fn a_dirty_checkout_is_refused_with_the_files_named() {
    let home = Home::with_checkout();
    let clean = home.bulla(&["pack", "checkout"]).last_line();
    home.write("checkout/index.php", "<?php echo 2;\n");
    let ran = home.bulla(&["pack", "checkout"]);
    ran.assert_failure(3, &["index.php", "--allow-dirty"]);
    let dirty = home.bulla(&["pack", "checkout", "--allow-dirty"]);
    assert_ne!(dirty.last_line(), clean);
    assert!(
        dirty.stderr().contains("cannot be promoted"),
        "{}",
        dirty.stderr()
    );
}

#[test]
fn a_persistent_path_that_may_be_a_file_or_a_directory_is_warned_about() {
    let home = Home::with_checkout();
    let persist = |install: &str| {
        let recipe = format!("[bundle]\nproject = \"acme/billing\"\n[install]\n{install}\n");
        home.write("checkout/bulla.toml", &recipe);
        home.commit("persist");
    };
    let warned = "the persistent path `var/uploads` may be a file or a directory";
    persist("persist = [\"var/uploads\", \"logs/\", \".env\"]");
    for command in ["pack", "check"] {
        let ran = home.bulla(&[command, "checkout"]);
        let said = ran.stderr();
        assert_eq!(ran.status(), 0, "{said}");
        assert_eq!(said.matches(warned).count(), 1, "{said}");
        assert!(said.contains("write `var/uploads/`"), "{said}");
        assert_eq!(said.matches("warning: ").count(), 1, "{said}");
    }
    let examined = home.bulla(&["doctor", "checkout", "--json"]).stdout();
    assert!(examined.contains(warned), "{examined}");
    for clear in [
        "persist = [\"var/uploads/\"]",
        "persist = [\"var/uploads\"]\nrequire = [\"var/uploads\"]",
    ] {
        persist(clear);
        let said = home.bulla(&["pack", "checkout"]).stderr();
        assert!(!said.contains("warning"), "{clear}: {said}");
    }
}

#[test]
fn a_directory_in_no_repository_says_what_was_looked_for() {
    let home = Home::new();
    home.write("plain/file", "x");
    home.bulla(&["pack", "plain"])
        .assert_failure(1, &["plain", ".git", ".svn"]);
}

#[test]
fn another_project_than_the_recipes_is_refused() {
    let home = Home::with_checkout();
    let ran = home.bulla(&["pack", "checkout", "--project", "acme/shop"]);
    ran.assert_failure(2, &["acme/shop", "acme/billing"]);
}
