//! What the host file says about one project.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bulla_schemas::install::Install;

use crate::host::{BILLING, Host};
use crate::world::small_tree;

#[test]
fn the_channel_of_the_file_counts() {
    let mut host = Host::new();
    let old = host.release("acme/billing", "old\n");
    host.write(&[&host.world.registry], "");
    host.done(&["install", "acme/billing", "--channel", "prod"]);
    let follow = [
        "follow",
        "acme/billing",
        "--channel",
        "staging",
        "--unpromoted",
    ];
    host.done(&follow);
    let status = host.json(&["status"]);
    assert_eq!(
        (&status[0]["channel"], &status[0]["live"]),
        (&"staging".into(), &old.to_string().into())
    );
    let said = host.fails(
        &[
            "install",
            "acme/billing",
            "--channel",
            "prod",
            "--switch-channel",
        ],
        2,
    );
    assert!(
        said.contains("follows the channel `staging` of `acme/billing`, not `prod`"),
        "{said}"
    );
    assert!(
        said.contains("follow acme/billing --channel prod` changes the host file"),
        "{said}"
    );
    // The new channel needs no second word.
    let said = host.fails(&["install"], 1);
    assert!(
        said.contains("`staging` of `acme/billing` points to no release"),
        "{said}"
    );
    let staged = host
        .world
        .publish(&small_tree("staged\n"), Install::default());
    let verdict = host
        .world
        .organisation
        .promote("staging", staged, &["alice"]);
    assert_eq!(verdict, bulla_trust::Verdict::Effective);
    host.world.serve_log();
    host.done(&["install"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(staged.hex()));
}

#[test]
fn every_command_finds_a_project_that_lies_elsewhere() {
    let mut host = Host::new();
    let own = host.path("own");
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}root = \"{}\"\n", own.display()),
    );
    let one = host.release("acme/billing", "one\n");
    host.done(&["install"]);
    let two = host.release("acme/billing", "two\n");
    host.done(&["install"]);
    assert_eq!(host.live("own", "acme/billing"), Some(two.hex()));
    host.done(&["verify", "acme/billing"]);
    assert_eq!(
        host.json(&["history", "acme/billing"])[1]["hash"],
        two.to_string()
    );
    fs::write(own.join("acme/billing/current/version.txt"), "edited").unwrap();
    assert_eq!(host.run(&["verify", "acme/billing"]).status, Some(1));
    host.done(&["rollback", "acme/billing", "-m", "slow"]);
    assert_eq!(host.live("own", "acme/billing"), Some(one.hex()));
    // The edited tree is made again, and what was edited is set aside there.
    host.done(&["install", "--release-hold"]);
    let aside = host.json(&["set-aside", "list"]);
    let path = Path::new(aside[0]["path"].as_str().unwrap());
    assert!(
        path.starts_with(own.join("acme/billing/set-aside")),
        "{aside}"
    );
    assert!(!host.path("hosted").exists());
    // Also where the state is lost.
    fs::remove_dir_all(host.path("host-state")).unwrap();
    assert_eq!(host.json(&["status"])[0]["live"], two.to_string());
}

#[test]
fn an_edited_live_tree_is_left_only_when_the_file_or_a_person_allows_it() {
    // R8: edits made on the server block the deployment.
    let mut host = Host::new();
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}drift = \"block\"\n"),
    );
    let one = host.release("acme/billing", "one\n");
    host.done(&["install"]);
    // A tree that was not edited stops nothing.
    let two = host.release("acme/billing", "two\n");
    host.done(&["install"]);
    fs::write(host.path("hosted/acme/billing/current/by-hand"), "").unwrap();
    let three = host.release("acme/billing", "three\n");
    for install in [&["install"][..], &["install", "acme/billing", "--dry-run"]] {
        let said = host.fails(install, 3);
        assert!(
            said.contains("by-hand") && said.contains("--over-edits"),
            "{said}"
        );
    }
    assert_eq!(host.live("hosted", "acme/billing"), Some(two.hex()));
    host.done(&["install", "--over-edits"]);
    assert_eq!(host.live("hosted", "acme/billing"), Some(three.hex()));
    let left = host.path("hosted/acme/billing/releases").join(two.hex());
    assert!(left.join("by-hand").exists());
    assert_ne!(one, two);
}

#[test]
fn retention_goes_by_the_file_and_the_command_line_wins() {
    let mut host = Host::new();
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}keep = {{ count = 3 }}\n"),
    );
    let trees = |host: &Host| {
        let releases = fs::read_dir(host.path("hosted/acme/billing/releases")).unwrap();
        releases
            .filter(|entry| entry.as_ref().unwrap().path().is_dir())
            .count()
    };
    for version in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
        host.release("acme/billing", version);
        host.done(&["install"]);
    }
    assert_eq!(trees(&host), 3);
    host.write(
        &[&host.world.registry],
        &format!("{BILLING}keep = {{ quota = \"1MB\" }}\n"),
    );
    host.done(&["install"]);
    assert_eq!(trees(&host), 3);
    host.done(&["install", "acme/billing", "--keep", "2"]);
    assert_eq!(trees(&host), 2);
}

#[test]
fn persistent_directories_get_the_owner_and_mode_of_the_file() {
    let mut host = Host::new();
    let is_root = fs::metadata(host.world.folder.path()).unwrap().uid() == 0;
    let owner = if is_root {
        "owner = \"12345:54321\", "
    } else {
        ""
    };
    let rest = format!("{BILLING}persist = {{ {owner}mode = \"2770\" }}\n");
    host.write(&[&host.world.registry], &rest);
    let install: Install = serde_json::from_str(r#"{"persist":["var/uploads/"]}"#).unwrap();
    let hash = host.world.publish(&small_tree("one\n"), install);
    host.world.promote(hash);
    host.done(&["install"]);
    for path in ["var", "var/uploads"] {
        let found = fs::metadata(host.path("hosted/acme/billing/persist").join(path)).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o2770, "{path}");
        if is_root {
            assert_eq!((found.uid(), found.gid()), (12_345, 54_321), "{path}");
        }
    }
    if !is_root {
        eprintln!("skip: the owner, because only root gives directories away");
    }
}
