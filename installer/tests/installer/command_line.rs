//! The program as people and scripts see it.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;

use bulla_schemas::install::Install;

use crate::world::{World, small_tree};

#[test]
fn data_goes_to_stdout_talk_to_stderr_and_failures_have_their_status() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    let install = ["install", "acme/billing", "--channel", "prod"];
    let run = world.run(&install);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(run.stdout, format!("{hash}\n"));
    assert!(run.stderr.contains("acme/billing prod"), "{run:?}");
    let run = world.run(&install);
    assert!(run.stderr.contains("live already"), "{run:?}");

    let run = world.run(&["verify", "acme/billing"]);
    assert_eq!((run.status, run.stdout.as_str()), (Some(0), ""));
    std::fs::write(world.current().join("version.txt"), "x").unwrap();
    let run = world.run(&["verify", "acme/billing"]);
    assert_eq!(run.status, Some(1), "{run:?}");
    assert_eq!(run.stdout, "changed    version.txt\n");
    let run = world.run(&["verify", "acme/billing", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["differences"][0]["difference"], "changed");
    std::fs::write(
        world
            .state()
            .join("bundles")
            .join(hash.hex())
            .join("index.jsonl"),
        "",
    )
    .unwrap();
    assert_eq!(world.run(&["verify", "acme/billing"]).status, Some(3));

    let other = world.publish(&small_tree("two\n"), Install::default());
    let run = world.run(&[
        "install",
        "acme/billing",
        "--channel",
        "prod",
        &other.hex()[..8],
    ]);
    assert_eq!(run.status, Some(3), "{run:?}");
    assert!(run.stderr.starts_with("error: "), "{run:?}");
    assert!(run.stderr.contains("hint: "), "{run:?}");
    assert_eq!(run.stdout, "");
    let run = world.run(&["install", "acme/billing", "--channel", "deadbeef"]);
    assert_eq!(run.status, Some(2), "{run:?}");
    world.registry.change(|served| served.down = true);
    assert_eq!(world.run(&install).status, Some(4));
}

#[test]
fn status_and_history_are_tables_for_people_and_json_for_scripts() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let second = world.release(&small_tree("two\n"));
    world.install().unwrap();
    let run = world.run(&["rollback", "acme/billing"]);
    assert_eq!(run.stdout, format!("{first}\n"));
    let run = world.run(&["status"]);
    assert!(run.stdout.contains("STATE"), "{run:?}");
    assert!(run.stdout.contains("held"), "{run:?}");
    assert!(run.stderr.contains("rolled back from"), "{run:?}");
    let run = world.run(&["status", "acme/billing", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json[0]["live"], first.to_string());
    assert_eq!(json[0]["head"], second.to_string());
    assert_eq!(json[0]["standing"], "held");
    let run = world.run(&["history", "acme/billing"]);
    assert_eq!(run.stdout.lines().count(), 4, "{run:?}");
    let run = world.run(&["history", "acme/billing", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json[2]["action"], "rollback");
    let run = world.run(&["rollback", "acme/billing"]);
    assert_eq!(run.status, Some(1));
    assert!(run.stderr.contains(&second.short()), "{run:?}");
}

#[test]
fn a_server_that_is_not_enrolled_says_how() {
    let world = World::new();
    std::fs::remove_dir_all(world.state()).unwrap();
    let run = world.run(&["install", "acme/billing", "--channel", "prod"]);
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.stderr.contains(" enroll URL ANCHOR`"), "{run:?}");
    assert_eq!(world.run(&["status"]).status, Some(0));
    let anchor = world.organisation.anchor().to_string();
    let run = world.run(&["enroll", &world.registry.url(), &anchor]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let run = world.run(&["enroll", &world.registry.url(), &anchor]);
    assert_eq!(run.status, Some(0), "{run:?}");
}

#[test]
fn refuses_an_anchor_of_another_history() {
    let world = World::new();
    std::fs::remove_dir_all(world.state()).unwrap();
    let anchor = world.organisation.anchor().to_string();
    let mut other = anchor[..anchor.len() - 8].to_owned();
    other.push_str("00000000");
    let run = world.run(&["enroll", &world.registry.url(), &other]);
    assert_eq!(run.status, Some(3), "{run:?}");
}

#[test]
fn man_pages_and_completions_come_from_the_help() {
    let world = World::new();
    let directory = world.folder.path().join("man1");
    let run = world.run(&["man-pages", directory.to_str().unwrap()]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(directory.join("bulla-installer.1").exists());
    assert!(directory.join("bulla-installer-install.1").exists());
    let run = world.run(&["completions", "bash"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stdout.contains("rollback"), "{run:?}");
}

#[test]
fn output_that_is_lost_is_a_failure() {
    let mut world = World::new();
    world.release(&small_tree("one\n"));
    world.install().unwrap();
    for arguments in [
        &["status"][..],
        &["history", "acme/billing"],
        &["history", "acme/billing", "--json"],
        &["install", "acme/billing", "--channel", "prod"],
        &["set-aside", "list"],
        &["verify", "acme/billing", "--json"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = world.command(arguments);
        let run = command.stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("cannot write to stdout"), "{said}");
    }
}

#[test]
fn install_says_whether_anything_changed_and_a_dry_run_changes_nothing() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    let install = ["install", "acme/billing", "--channel", "prod"];
    let with = |flags: &[&str]| world.run(&[&install[..], flags].concat());
    let json = |run: &crate::world::Run| -> serde_json::Value {
        assert_eq!(run.status, Some(0), "{run:?}");
        serde_json::from_str(&run.stdout).unwrap()
    };
    let dry = json(&with(&["--dry-run", "--json"]));
    assert_eq!(
        (&dry["changed"], &dry["dryRun"]),
        (&true.into(), &true.into())
    );
    assert_eq!(world.live(), None);
    // What was never installed is not remembered.
    assert_eq!(world.run(&["status", "--json"]).stdout, "[]\n");
    let first = json(&with(&["--json"]));
    assert_eq!(first["hash"], hash.to_string());
    assert_eq!(first["changed"], true);
    assert_eq!(json(&with(&["--json"]))["changed"], false);
    let again = with(&[]);
    assert!(
        again.stderr.starts_with("unchanged: acme/billing prod"),
        "{again:?}"
    );
    let quiet = with(&["-q"]);
    assert_eq!(
        (quiet.stdout, quiet.stderr.as_str()),
        (format!("{hash}\n"), "")
    );
}

#[test]
fn a_server_leaves_its_channel_only_when_asked_to() {
    let mut world = World::new();
    let hash = world.release(&small_tree("one\n"));
    world.install().unwrap();
    let promotion = world.organisation.draft("dev", hash);
    world.organisation.append_promotion(&promotion, &["alice"]);
    world.serve_log();
    let install = ["install", "acme/billing", "--channel", "dev"];
    let run = world.run(&install);
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.stderr.contains("follows the channel `prod`"), "{run:?}");
    assert!(run.stderr.contains("hint: `--switch-channel`"), "{run:?}");
    // The same release: nothing is switched but the channel, which is remembered.
    let run = world.run(&[&install[..], &["--switch-channel"]].concat());
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.stderr.contains("unchanged"), "{run:?}");
    let run = world.run(&install);
    assert_eq!(run.status, Some(0), "{run:?}");
}

#[test]
fn a_rollback_leaves_the_server_on_its_channel() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    let promotion = world.organisation.draft("dev", first);
    world.organisation.append_promotion(&promotion, &["alice"]);
    world.serve_log();
    let run = world.run(&["install", "acme/billing", "--channel", "dev"]);
    assert_eq!(run.status, Some(0), "{run:?}");
    let second = world.release(&small_tree("two\n"));
    let install = ["install", "acme/billing", "--channel", "prod"];
    let switch = [&install[..], &["--switch-channel"]].concat();
    assert_eq!(world.run(&switch).status, Some(0));
    let run = world.run(&["rollback", "acme/billing", "-m", "slow"]);
    assert_eq!(
        (run.status, world.live()),
        (Some(0), Some(first)),
        "{run:?}"
    );
    let run = world.run(&["status", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json[0]["channel"], "prod", "{run:?}");
    assert_eq!(json[0]["standing"], "held", "{run:?}");
    let run = world.run(&[&install[..], &["--release-hold"]].concat());
    assert_eq!(
        (run.status, world.live()),
        (Some(0), Some(second)),
        "{run:?}"
    );
}

#[test]
fn a_tree_that_is_written_again_is_a_change() {
    let mut world = World::new();
    world.install_each(&["one\n"]);
    let install = ["install", "acme/billing", "--channel", "prod"];
    let changed = |options: &[&str]| {
        let run = world.run(&[&install[..], options, &["--json"]].concat());
        assert_eq!(run.status, Some(0), "{run:?}");
        let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        json["changed"].as_bool().unwrap()
    };
    for edit in [
        |tree: &std::path::Path| std::fs::remove_dir_all(tree).unwrap(),
        |tree: &std::path::Path| std::fs::write(tree.join("version.txt"), "edited").unwrap(),
    ] {
        assert!(!changed(&["--dry-run"]));
        edit(&world.current().canonicalize().unwrap());
        assert!(changed(&["--dry-run"]));
        assert!(changed(&[]));
        assert!(!changed(&[]));
    }
}

#[test]
fn what_may_not_be_looked_at_is_not_called_lost() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: another user, because only root becomes one");
        return;
    }
    let mut world = World::new();
    world.install_each(&["one\n"]);
    let everyone = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.folder.path(), everyone).unwrap();
    for (command, why) in [
        (&["status"][..], "you may not read"),
        (&["verify", "acme/billing"], "Permission denied"),
    ] {
        let mut command = world.command_of_anybody(command);
        let output = command.uid(65534).gid(65534).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(!said.contains("lost"), "{said}");
    }
}

#[test]
fn an_empty_reason_is_refused() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    for reason in ["", "  "] {
        let run = world.run(&["rollback", "acme/billing", "-m", reason]);
        assert_eq!(run.status, Some(2), "{run:?}");
        assert_eq!(world.live(), Some(hashes[1]));
    }
}

#[test]
fn the_commands_of_hints_have_the_directories_that_were_given() {
    let mut world = World::new();
    world.install_each(&["one\n"]);
    let flags = format!(
        "`bulla-installer --root '{}' --state '{}' ",
        world.root().display(),
        world.state().display()
    );
    std::fs::remove_file(world.current()).unwrap();
    for command in [&["status"][..], &["verify", "acme/billing"]] {
        let run = world.run(command);
        assert!(run.stderr.contains(&flags), "{run:?}");
    }
    std::fs::remove_dir_all(world.state().join("log")).unwrap();
    for command in [
        &["rollback", "acme/billing"][..],
        &["install", "acme/billing", "--channel", "prod"],
    ] {
        let run = world.run(command);
        assert!(run.stderr.contains(&flags), "{run:?}");
    }
}
