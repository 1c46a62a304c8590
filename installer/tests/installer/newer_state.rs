//! State that a newer installer wrote, after it was rolled back.

use std::fs;

use bulla_installer::{HoldKind, Outcome};

use crate::world::{INSTALL, World, small_tree};

#[test]
fn an_older_installer_changes_nothing_of_a_project_whose_state_it_does_not_understand() {
    let mut world = World::new();
    let live = world.install_each(&["one\n", "two\n"])[1];
    world.release(&small_tree("three\n"));
    let history = world.memory().join("history");
    let before = fs::read_to_string(&history).unwrap();
    for (name, text) in [
        ("hold", format!("{{\"format\":2,\"freeze\":\"{live}\"}}")),
        ("quarantine", "{\"format\":2,\"all\":[]}".to_owned()),
        ("journal", "{\"format\":7}".to_owned()),
        ("rollout", "{\"format\":2}".to_owned()),
        (
            "history",
            format!("{before}{{\"format\":2,\"number\":3}}\n"),
        ),
    ] {
        let path = world.memory().join(name);
        fs::write(&path, &text).unwrap();
        let rollback = ["rollback", "acme/billing", "-m", "an outage"];
        let retry = ["retry", "acme/billing"];
        for command in [&INSTALL[..], &rollback, &retry] {
            let run = world.run(command);
            assert_eq!(run.status, Some(3), "{name}: {run:?}");
            let says = format!("`{}` was written by a newer installer", path.display());
            assert!(run.stderr.contains(&says), "{name}: {run:?}");
            assert!(run.stderr.contains("move it away"), "{name}: {run:?}");
        }
        assert_eq!(world.live(), Some(live));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        if name == "history" {
            fs::write(&path, &before).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
    }
    world.install().unwrap();
    assert_ne!(world.live(), Some(live));
}

#[test]
fn fields_that_an_older_installer_does_not_know_take_no_hold_away() {
    let mut world = World::new();
    let live = world.install_each(&["one\n"])[0];
    world.release(&small_tree("two\n"));
    let text = format!(
        "{{\"kind\":\"hold\",\"hash\":\"{live}\",\"left\":\"{live}\",\
         \"since\":\"2026-11-28T12:00:00Z\",\"ticket\":\"OPS-7\"}}"
    );
    fs::write(world.memory().join("hold"), &text).unwrap();
    let installed = world.install().unwrap();
    let Outcome::Held(held) = installed.outcome else {
        panic!("{installed:?}");
    };
    assert_eq!(held.kind, HoldKind::Hold);
    assert_eq!(world.live(), Some(live));
}
