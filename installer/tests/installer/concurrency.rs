//! Two people at once.

use bulla_installer::Outcome;
use bulla_schemas::{Digest, ProjectName};

use crate::world::{Notes, World, install_on, request, small_tree, wide_tree};

#[test]
fn two_installs_of_one_project_wait_for_each_other() {
    let mut world = World::new();
    let hash = world.release(&wide_tree(200, "one\n"));
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| world.install().unwrap().outcome))
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let written = |outcome: &&Outcome| matches!(outcome, Outcome::Written { .. });
    assert_eq!(outcomes.iter().filter(written).count(), 1, "{outcomes:?}");
    assert_eq!(world.live(), Some(hash));
    world.assert_intact();
}

#[test]
fn two_projects_are_installed_side_by_side() {
    let mut world = World::new();
    let billing = world.release(&wide_tree(200, "billing\n"));
    let billing_project = world.project.clone();
    world.project = "acme/shop".parse().unwrap();
    let shop = world.release(&small_tree("shop\n"));
    std::thread::scope(|scope| {
        let one = scope.spawn(|| install_as(&world, &billing_project));
        let other = scope.spawn(|| install_as(&world, &world.project));
        assert_eq!(one.join().unwrap(), billing);
        assert_eq!(other.join().unwrap(), shop);
    });
    let found = world.status(None);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].live, Some(billing));
    assert_eq!(found[1].live, Some(shop));
}

fn install_as(world: &World, project: &ProjectName) -> Digest {
    let installed = install_on(&world.server(), project, &request(), &Notes::default());
    installed.unwrap().hash
}
