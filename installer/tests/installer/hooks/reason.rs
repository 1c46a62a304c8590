//! A command that fails says in a line of its own why, and that line goes where its output never
//! goes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bulla_schemas::outcome::Outcome as _;

use super::{ACTIVATE, PREPARE, tree_with};
use crate::host::{BILLING, Host};
use crate::world::{World, request, small_tree};

const TOLD: &str = "echo secret; echo 'no table `orders`' > \"$BULLA_REASON\"; exit 1";

/// What the sentence about a hook says after its status.
fn reason_of(error: &str) -> Option<&str> {
    let (_, rest) = error.split_once("ended with status 1")?;
    rest.strip_prefix(": ")
}

#[test]
fn the_reason_of_a_hook_is_in_status_history_and_attempt_and_its_output_is_not() {
    let mut world = World::new();
    let first = world.release(&small_tree("one\n"));
    world.install().unwrap();
    world.release_with(&tree_with(&world, "two", TOLD), PREPARE);
    let error = world.install().unwrap_err();
    assert_eq!(reason_of(&error.to_string()), Some("no table `orders`"));
    let attempt = world.status(None)[0].attempt.clone().unwrap();
    assert!(
        attempt
            .reason
            .ends_with("ended with status 1: no table `orders`"),
        "{attempt:?}"
    );

    world.release_with(&tree_with(&world, "three", TOLD), ACTIVATE);
    let error = world.install().unwrap_err().to_string();
    assert!(
        error.contains("ended with status 1: no table `orders`; "),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
    assert_eq!(world.live(), Some(first));
    let failed = world.history()[1].failure.clone().unwrap();
    assert_eq!(reason_of(&failed), Some("no table `orders`"));
    assert_eq!(world.status(None)[0].quarantine[0].reason, failed);
    let kept = bulla_installer::output(&world.server(), &world.project, Some(2));
    let (_, kept) = kept.unwrap().unwrap();
    assert!(kept.contains("s: no table `orders`\n"), "{kept}");
    assert!(!world.site().join(".reason").exists());
}

#[test]
fn a_check_and_the_commands_of_a_load_balancer_have_a_reason_too() {
    let mut world = World::new();
    let wants = r#"{"health":{"command":["bin/hook"],"settle":"0s","window":"100ms"}}"#;
    world.release_with(&tree_with(&world, "one", TOLD), wants);
    let error = world.install().unwrap_err().to_string();
    let says = "the health check `bin/hook` ended with status 1: no table `orders`; ";
    assert!(error.contains(says), "{error}");

    let mut host = Host::new();
    let user = rustix::process::geteuid().is_root();
    let user = if user { "user = \"root\"\n" } else { "" };
    let drain = "load-balancer = { drain = [\"/bin/sh\", \"-c\", \"echo the peer is out too > $BULLA_REASON; exit 1\"], undrain = [\"/bin/true\"] }\n";
    host.release("acme/billing", "one\n");
    host.write(&[&host.world.registry], &format!("{BILLING}{user}{drain}"));
    let said = host.fails(&["install"], 1);
    assert!(
        said.contains("ended with status 1: the peer is out too"),
        "{said}"
    );
}

#[test]
fn a_hook_that_took_too_long_may_have_said_why() {
    let mut world = World::new();
    let tree = tree_with(&world, "one", "echo it waits > $BULLA_REASON; sleep 600");
    let wants = r#"{"hooks":{"prepare":["bin/hook"],"timeout":"300ms"}}"#;
    world.release_with(&tree, wants);
    let error = world.install().unwrap_err().to_string();
    assert!(error.ends_with("and was killed: it waits"), "{error}");
}

#[test]
fn a_reason_without_failure_is_not_told_and_one_without_words_is_none() {
    for commands in [
        "echo all is well > $BULLA_REASON",
        "echo all is well > $BULLA_REASON; exit 1",
        ": > $BULLA_REASON; exit 1",
        "exit 1",
    ] {
        let mut world = World::new();
        world.release_with(&tree_with(&world, "one", commands), PREPARE);
        let (result, notes) = world.install_with(&request());
        assert!(!notes.contains("well"), "{notes}");
        let said = result.err().map(|error| error.to_string());
        let reason = said.as_deref().and_then(reason_of);
        let is_told = commands.contains("well") && commands.contains("exit");
        assert_eq!(reason.is_some(), is_told, "{commands}: {said:?}");
    }
}

#[test]
fn whatever_a_hook_does_to_the_file_of_its_reason_the_installer_reads_a_line_or_nothing() {
    for (commands, expected) in [
        // More than anyone wants to read, and none of it a line.
        ("truncate -s 1G $BULLA_REASON", None),
        ("yes | head -c 16777216 > $BULLA_REASON", Some("y")),
        (
            r"printf 'a\033[2Jb\tc\n\nd' > $BULLA_REASON",
            Some(r"a\u{1b}[2Jb c"),
        ),
        (
            r"printf '\377\376' > $BULLA_REASON",
            Some("\u{fffd}\u{fffd}"),
        ),
        ("rm $BULLA_REASON; ln -s /etc/passwd $BULLA_REASON", None),
        ("rm $BULLA_REASON; ln /etc/passwd $BULLA_REASON", None),
        ("rm $BULLA_REASON; mkfifo $BULLA_REASON", None),
        ("rm $BULLA_REASON; mkdir $BULLA_REASON", None),
        ("rm -r $(dirname $BULLA_REASON)", None),
        (
            "d=$(dirname $BULLA_REASON); rm -r $d; ln -s /etc $d; true",
            None,
        ),
        (
            "echo held > $BULLA_REASON; chmod 0 $BULLA_REASON",
            Some("held"),
        ),
        // A child that goes on writing is not waited for.
        (
            "echo first > $BULLA_REASON; (while sleep 1; do echo more >> $BULLA_REASON; done) &",
            Some("first"),
        ),
    ] {
        let mut world = World::new();
        let script = format!("{commands}\nexit 1");
        world.release_with(&tree_with(&world, "one", &script), PREPARE);
        let error = world.install().unwrap_err().to_string();
        assert_eq!(reason_of(&error), expected, "{commands}: {error}");
        super::hostile::end_what_works_in(&world);
        // Neither the next hook nor what a link led to is the worse for it.
        assert!(fs::read_to_string("/etc/passwd").unwrap().contains("root"));
        let second = world.release_with(&tree_with(&world, "two", "true"), PREPARE);
        world.install().unwrap();
        assert_eq!(world.live(), Some(second), "{commands}");
    }
}

#[test]
fn only_the_user_of_a_hook_can_say_its_reason() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: the reason of another user's hook, because this is not root");
        return;
    }
    let mut world = World::new();
    fs::set_permissions(world.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let tree = tree_with(
        &world,
        "one",
        "stat -c '%U %a %F' $BULLA_REASON; stat -c '%U %a %F' $(dirname $BULLA_REASON)\n\
         rm -f $BULLA_REASON && echo removed\n\
         mv $BULLA_REASON $BULLA_REASON-2 && echo renamed\n\
         id -un > $BULLA_REASON; exit 1",
    );
    world.release_with(&tree, PREPARE);
    let mut request = request();
    request.hooks.user = Some("daemon".parse().unwrap());
    let error = world.install_with(&request).0.unwrap_err();
    assert_eq!(reason_of(&error.to_string()), Some("daemon"));
    let output = error.output().unwrap();
    let lines: Vec<_> = output
        .lines()
        .filter_map(|line| line.strip_prefix("out| "))
        .collect();
    assert_eq!(
        lines,
        ["daemon 600 regular empty file", "root 711 directory"]
    );
}

#[test]
fn a_hook_runs_where_no_file_for_its_reason_can_be_made() {
    let mut world = World::new();
    let tree = tree_with(&world, "one", "test -z \"$BULLA_REASON\" && exit 3");
    world.release_with(&tree, PREPARE);
    fs::create_dir_all(world.site()).unwrap();
    let kept = world.site().join(".reason");
    fs::write(&kept, "a person's").unwrap();
    let error = world.install().unwrap_err().to_string();
    assert!(error.ends_with("ended with status 3"), "{error}");
    assert_eq!(fs::read_to_string(kept).unwrap(), "a person's");
}
