//! A file system that cannot exchange two names in one step: a changed tree that is not live is
//! replaced by two renames, and a live one stays.

use std::fs;
use std::process::Command;

use crate::world::{INSTALL, Run, World, mode};

/// Installs where the kernel refuses to exchange two names.
fn install(world: &World) -> Option<Run> {
    let trace = world.folder.path().join("trace");
    let strace = || {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=renameat2", "-o"]);
        strace.arg(&trace);
        strace.args(["-e", "inject=renameat2:error=EINVAL"]);
        strace
    };
    let may_trace = strace().arg("true").status();
    if !may_trace.is_ok_and(|status| status.success()) {
        eprintln!("skip: no kernel call is refused, because there is no strace or it may not");
        return None;
    }
    let program = world.command(&INSTALL);
    let mut traced = strace();
    traced.arg(program.get_program()).args(program.get_args());
    let run = Run::of(&traced.env_remove("BULLA_TOKEN").output().unwrap());
    let trace = fs::read_to_string(trace).unwrap();
    assert!(trace.contains("RENAME_EXCHANGE"), "{trace}");
    Some(run)
}

#[test]
fn a_changed_tree_that_is_not_live_is_set_aside_where_names_cannot_be_exchanged() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n", "two\n"]);
    let edited = world.tree(&hashes[0]).join("version.txt");
    fs::write(edited, "fixed on the server\n").unwrap();
    world.promote(hashes[0]);
    let Some(run) = install(&world) else {
        return;
    };
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(world.live(), Some(hashes[0]));
    world.assert_intact();
    let aside = world.set_aside();
    assert_eq!(aside.len(), 1);
    let saved = fs::read_to_string(aside[0].path.join("version.txt")).unwrap();
    assert_eq!(saved, "fixed on the server\n");
    for entry in fs::read_dir(world.site().join("set-aside")).unwrap() {
        let path = entry.unwrap().path();
        assert_ne!(path.extension(), Some("new".as_ref()));
    }
}

#[test]
fn a_changed_live_tree_stays_where_names_cannot_be_exchanged() {
    let mut world = World::new();
    let hashes = world.install_each(&["one\n"]);
    let edited = world.current().join("version.txt");
    fs::write(&edited, "fixed on the server\n").unwrap();
    let Some(run) = install(&world) else {
        return;
    };
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.stderr.contains("cannot exchange"), "{run:?}");
    assert!(run.stderr.contains("hint: move the changed"), "{run:?}");
    assert_eq!(world.live(), Some(hashes[0]));
    let kept = fs::read_to_string(&edited).unwrap();
    assert_eq!(kept, "fixed on the server\n");
    assert_eq!(mode(&world.tree(&hashes[0])), 0o555);
    assert_eq!(world.set_aside(), []);
    world.install().unwrap();
    world.assert_intact();
    assert_eq!(world.set_aside().len(), 1);
}
