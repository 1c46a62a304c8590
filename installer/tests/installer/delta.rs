//! Updates by a delta: what it saves, and what is fetched where it is refused, wrong or of no use.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use bulla_bundle::MemoryTree;
use bulla_installer::Outcome;
use bulla_schemas::Digest;

use crate::world::{World, keeping, noise, request, wide_tree};

/// A tree of 1 MB whose one line stands in the middle of its tar.
fn tree(line: &str) -> MemoryTree {
    wide_tree(120, "one\n")
        .file("src/10/line.txt", line)
        .unwrap()
}

/// A server with a release, and a registry that has the next one and a delta to it.
pub(crate) fn updated() -> (World, Digest, Digest) {
    let mut world = World::new();
    let first = world.release(&tree("one\n"));
    world.install().unwrap();
    let second = world.release(&tree("two\n"));
    world.serve_delta(world.delta(&first, &second));
    world.registry.forget_requests();
    (world, first, second)
}

/// Installs and returns what was downloaded, and what was noted.
pub(crate) fn install(world: &World) -> (u64, String) {
    install_keeping(world, 5)
}

fn install_keeping(world: &World, keep: usize) -> (u64, String) {
    let (installed, notes) = world.install_with(&keeping(keep));
    let Outcome::Written { downloaded, .. } = installed.unwrap().outcome else {
        panic!("nothing was written");
    };
    world.assert_intact();
    (downloaded, notes)
}

/// What was asked of the registry, but for its log.
pub(crate) fn asked(world: &World) -> Vec<String> {
    world.registry.requests("/v2/")
}

/// How much of the payload was asked for.
fn payload_requests(world: &World, hash: &Digest) -> usize {
    world.registry.requests(&world.layer_path(hash, 0)).len()
}

/// What an update costs without a delta.
fn cost_without() -> usize {
    let (world, _, second) = updated();
    let path = world.delta_path();
    world.registry.change(|served| served.files.remove(&path));
    let (downloaded, notes) = install(&world);
    assert!(downloaded > 100_000, "{downloaded}");
    assert_eq!(notes, "");
    assert_eq!(world.live(), Some(second));
    let asked = asked(&world);
    assert_eq!(asked[0], format!("POST {path}"), "{asked:?}");
    assert_eq!(world.registry.requests(&path).len(), 1);
    world.registry.change(|served| served.sent)
}

#[test]
fn a_registry_without_deltas_is_asked_once_and_nothing_is_said() {
    cost_without();
}

#[test]
fn a_delta_is_all_that_an_update_fetches() {
    let (world, first, second) = updated();
    let (downloaded, notes) = install(&world);
    assert_eq!(world.live(), Some(second));
    assert_eq!(asked(&world), [format!("POST {}", world.delta_path())]);
    assert_eq!(downloaded, world.delta(&first, &second).len() as u64);
    assert!(downloaded < 2000, "{downloaded}");
    assert_eq!(notes, "");
    assert_eq!(
        fs::read(world.current().join("src/10/line.txt")).unwrap(),
        b"two\n"
    );
}

#[test]
fn a_recycled_tree_is_updated_by_deltas() {
    let mut world = World::new();
    let mut last = world.release(&tree("line 0\n"));
    install_keeping(&world, 2);
    for number in 1..5 {
        let next = world.release(&tree(&format!("line {number}\n")));
        world.serve_delta(world.delta(&last, &next));
        world.registry.forget_requests();
        let (downloaded, notes) = install_keeping(&world, 2);
        assert!(downloaded < 2000, "{downloaded}");
        assert_eq!(notes, "");
        assert_eq!(asked(&world).len(), 1);
        last = next;
    }
}

#[test]
fn what_is_new_comes_with_the_delta_as_it_stands_in_the_payload() {
    let mut world = World::new();
    let first = world.release(&tree("one\n"));
    world.install().unwrap();
    let new = tree("one\n").file("src/10/new", noise("new", 2_000_000));
    let second = world.release(&new.unwrap());
    world.serve_delta(world.delta(&first, &second));
    world.registry.forget_requests();
    let (downloaded, notes) = install(&world);
    assert_eq!(downloaded, world.delta(&first, &second).len() as u64);
    assert_eq!(asked(&world).len(), 1);
    assert_eq!(notes, "");
}

#[test]
fn a_change_in_a_file_that_is_larger_than_what_is_held_in_memory_comes_by_a_delta_too() {
    let mut content = noise("large", 40_000_000);
    let mut world = World::new();
    let first = world.release(&MemoryTree::default().file("a", content.clone()).unwrap());
    world.install().unwrap();
    for byte in content.iter_mut().step_by(7_000_000) {
        *byte ^= 1;
    }
    let second = world.release(&MemoryTree::default().file("a", content).unwrap());
    let delta = world.delta(&first, &second);
    let size = delta.len() as u64;
    assert!(size < 10_000, "{size}");
    world.serve_delta(delta);
    world.registry.forget_requests();
    let (downloaded, notes) = install(&world);
    assert_eq!(downloaded, size);
    assert_eq!(asked(&world).len(), 1);
    assert_eq!(notes, "");
}

#[test]
fn an_edit_beside_the_changed_line_costs_one_range() {
    // R8: edits made on the server block nothing.
    let (world, _, second) = updated();
    let neighbour = world.current().join("src/10/file-0010.txt");
    fs::set_permissions(&neighbour, fs::Permissions::from_mode(0o644)).unwrap();
    let mut content = fs::read(&neighbour).unwrap();
    content[100] ^= 1;
    fs::write(&neighbour, content).unwrap();
    let (downloaded, notes) = install(&world);
    assert_eq!(payload_requests(&world, &second), 1);
    assert_eq!(asked(&world).len(), 2);
    assert!(downloaded > 100_000, "{downloaded}");
    assert!(!notes.contains("delta"), "{notes}");
}

#[test]
fn an_edit_elsewhere_costs_nothing() {
    let (world, ..) = updated();
    let other = world.current().join("version.txt");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&other, "ONE\n").unwrap();
    let (_, notes) = install(&world);
    // The edited file was to be taken from the live tree.
    let requests = asked(&world);
    assert!(requests.len() <= 2, "{requests:?}");
    assert!(!notes.contains("delta"), "{notes}");
}

#[test]
fn what_is_no_delta_costs_no_more_than_itself() {
    let without = cost_without();
    let (world, first, second) = updated();
    let good = world.delta(&first, &second);
    let of_the_other_way = world.delta(&second, &first);
    let longer = [&good[..], b"more"].concat();
    let wrong = [
        ("nothing", Vec::new()),
        ("garbage", vec![7; 1000]),
        ("a page", b"<html>Welcome!</html>".to_vec()),
        ("half", good[..good.len() / 2].to_vec()),
        ("to another release", of_the_other_way),
        ("with something behind", longer),
        ("too large", vec![0; 33 * 1024 * 1024]),
    ];
    for (name, wrong) in wrong {
        let (world, _, second) = updated();
        let size = wrong.len();
        world.serve_delta(wrong);
        let (_, notes) = install(&world);
        assert_eq!(world.live(), Some(second), "{name}");
        assert_eq!(notes.matches("delta").count(), notes.lines().count() * 2);
        assert_eq!(notes.lines().count(), 1, "{name}: {notes}");
        let sent = world.registry.change(|served| served.sent);
        assert!(sent <= without + size, "{name}: {sent} {without}");
    }
}

#[test]
fn pieces_that_are_wrong_are_fetched_and_it_is_said_once() {
    let without = cost_without();
    let (world, first, second) = updated();
    let mut delta = world.delta(&first, &second);
    // The last piece is the payload's.
    let last = delta.len() - 1;
    delta[last] ^= 1;
    world.serve_delta(delta);
    let (downloaded, notes) = install(&world);
    assert_eq!(world.live(), Some(second));
    assert!(notes.contains("the piece for frame"), "{notes}");
    assert_eq!(notes.lines().count(), 1, "{notes}");
    assert!(downloaded > 100_000, "{downloaded}");
    let sent = world.registry.change(|served| served.sent);
    assert!(sent <= without, "{sent} {without}");
}

#[test]
fn a_delta_that_never_ends_is_given_up() {
    let (world, _, second) = updated();
    let path = world.delta_path();
    world.registry.change(|served| served.endless = Some(path));
    let (_, notes) = install(&world);
    assert_eq!(world.live(), Some(second));
    assert!(notes.contains("is larger than"), "{notes}");
}

#[test]
fn a_server_without_a_release_asks_for_no_delta() {
    let mut world = World::new();
    world.release(&tree("one\n"));
    install(&world);
    let path = world.delta_path();
    assert_eq!(world.registry.requests(&path), [] as [&str; 0]);
}

#[test]
fn a_release_that_is_live_already_is_not_asked_for() {
    let (world, ..) = updated();
    install(&world);
    world.registry.forget_requests();
    world.install_with(&request()).0.unwrap();
    assert_eq!(asked(&world), [] as [&str; 0]);
}

#[test]
fn a_tree_that_is_gone_is_the_beginning_of_no_delta() {
    let (world, first, second) = updated();
    let away = world.folder.path().join("away");
    fs::rename(world.tree(&first), &away).unwrap();
    install(&world);
    assert_eq!(world.live(), Some(second));
    let path = world.delta_path();
    assert_eq!(world.registry.requests(&path), [] as [&str; 0]);
}

#[test]
fn a_tree_that_is_empty_costs_the_payload() {
    let (world, first, second) = updated();
    let away = world.folder.path().join("away");
    fs::rename(world.tree(&first), &away).unwrap();
    fs::create_dir(world.tree(&first)).unwrap();
    let (_, notes) = install(&world);
    assert_eq!(world.live(), Some(second));
    assert!(!notes.contains("delta"), "{notes}");
    let requests = asked(&world);
    let parts = requests.iter().filter(|line| line.contains("/blobs/"));
    let payload = world.layer_path(&second, 0);
    assert!(parts.clone().count() > 0 && parts.clone().all(|line| line.contains(&payload)));
}

#[test]
fn a_kept_index_that_is_cut_off_costs_what_it_is_needed_for() {
    let (world, first, second) = updated();
    let index = world.state().join("bundles").join(first.hex());
    let index = index.join("index.jsonl");
    fs::write(&index, &fs::read(&index).unwrap()[..100]).unwrap();
    install(&world);
    assert_eq!(world.live(), Some(second));
    assert_eq!(payload_requests(&world, &second), 1);
}
