//! A server whose installer is not root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;

use crate::world::{Run, World};

const NOBODY: u32 = 65534;

/// A server that an ordinary user has enrolled.
pub(crate) fn world() -> Option<World> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: nothing is run as another user, because this is not root");
        return None;
    }
    let world = World::new();
    // The enrolment of the world was root's.
    fs::remove_dir_all(world.state()).unwrap();
    fs::set_permissions(world.folder.path(), Permissions::from_mode(0o755)).unwrap();
    for path in [world.root(), world.state()] {
        fs::create_dir_all(&path).unwrap();
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let anchor = world.organisation.anchor().to_string();
    run(&world, &["enroll", &world.registry.url(), &anchor]);
    Some(world)
}

/// Runs the program as that user, and expects that it does what it is asked.
pub(crate) fn run(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command_of_anybody(arguments);
    let run = Run::of(&command.uid(NOBODY).gid(NOBODY).output().unwrap());
    assert_eq!(run.status, Some(0), "{arguments:?}: {run:?}");
    run
}
