//! Two people promote to the same channel: what each is shown before signing, and what neither
//! takes away from the other without being told.

mod git;
mod missing;
mod names;
mod preview;
mod svn;

use std::path::Path;

use bulla_tests::{Person, Transcript, World};

const PROJECT: &str = "acme/billing";

/// Promotes as somebody, from a directory of theirs.
fn promote(
    world: &World,
    person: &Person,
    checkout: &Path,
    hash: &str,
    reason: &str,
    more: &[&str],
) -> Transcript {
    Transcript::of(
        world
            .bulla_command()
            .current_dir(checkout)
            .args(["promote", hash, "prod", "--project", PROJECT, "-m", reason])
            .args(["--yes", "--ssh-key"])
            .arg(&person.public_key)
            .args(more),
    )
}

/// Publishes one revision of a checkout.
fn publish(world: &World, checkout: &Path, revision: &str) -> String {
    let mut command = world.publish_command(checkout);
    command.args(["--revision", revision]);
    Transcript::of(&mut command).done().last_line().to_owned()
}

/// The first digits that people see.
fn short(hash: &str) -> &str {
    &hash["sha256:".len()..][..12]
}
