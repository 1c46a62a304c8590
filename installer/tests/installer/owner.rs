//! A server whose installer is not root.

use std::os::unix::process::CommandExt as _;

use crate::world::{Run, World, small_tree};

const NOBODY: u32 = 65534;

#[test]
fn an_ordinary_user_installs_updates_rolls_back_and_collects() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: nothing is run as another user, because this is not root");
        return;
    }
    let mut world = World::new();
    // The enrolment of the world was root's.
    std::fs::remove_dir_all(world.state()).unwrap();
    for path in [world.folder.path().to_owned(), world.root(), world.state()] {
        std::fs::create_dir_all(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let run = |arguments: &[&str]| {
        let output = world_command(&world, arguments);
        assert_eq!(output.status, Some(0), "{arguments:?}: {output:?}");
    };
    run(&[
        "enroll",
        &world.registry.url(),
        &world.organisation.anchor().to_string(),
    ]);
    let mut hashes = Vec::new();
    for number in 0..4 {
        hashes.push(world.release(&small_tree(&format!("{number}\n"))));
        let output = world_command(
            &world,
            &[
                "install",
                "acme/billing",
                "--channel",
                "prod",
                "--keep",
                "2",
            ],
        );
        assert_eq!(output.status, Some(0), "{output:?}");
        assert_eq!(world.live(), hashes.last().copied());
    }
    assert!(!world.tree(&hashes[0]).exists() && !world.tree(&hashes[1]).exists());
    for arguments in [
        ["verify", "acme/billing"],
        ["rollback", "acme/billing"],
        ["verify", "acme/billing"],
    ] {
        let output = world_command(&world, &arguments);
        assert_eq!(output.status, Some(0), "{arguments:?}: {output:?}");
    }
    assert_eq!(world.live(), Some(hashes[2]));
}

fn world_command(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command_of_anybody(arguments);
    command.uid(NOBODY).gid(NOBODY);
    Run::of(&command.output().unwrap())
}
