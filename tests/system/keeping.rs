//! The upkeep of a registry with real programs: releases that nobody promoted go, what is and was live
//! stays, and damage is found before anybody needs what is damaged.

use std::path::PathBuf;

use bulla_tests::programs::hermetic;
use bulla_tests::{GitCheckout, Program, Registry, Transcript, Tree, World};
use serde_json::Value;

const PROJECT: &str = "acme/billing";

/// A registry with five releases of several frames, of which the second and fourth were promoted.
fn five_releases() -> (World, GitCheckout, Vec<String>) {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    let mut hashes = Vec::new();
    for number in 0..5_u64 {
        let mut random = fastrand::Rng::with_seed(number);
        let noise = std::iter::repeat_with(|| random.u8(..)).take(3 << 20);
        checkout.write("noise.bin", noise.collect::<Vec<u8>>());
        checkout.commit(&format!("Release {number}"));
        hashes.push(world.publish(&checkout.path));
        if number % 2 == 1 {
            world.promote(PROJECT, &hashes[hashes.len() - 1], "prod");
        }
    }
    (world, checkout, hashes)
}

fn used(world: &World) -> u64 {
    let du = world.registry.keep(&["du", "--json"]).done();
    du.json()["real"].as_u64().unwrap()
}

/// Runs `gc` until what was published is old enough, with the registry stopped.
fn collect(world: &mut World, arguments: &[&str], goes: &str) -> Value {
    let gc = ["gc", "--json", "--grace", "1s", "--keep-unpromoted", "1s"];
    world.registry.stop();
    for _ in 0..60 {
        let dry = world
            .registry
            .keep(&[&gc[..], &["--dry-run"], arguments].concat());
        let dry = dry.done().json();
        let releases = dry["releases"].as_array().unwrap();
        let release = releases.iter().find(|release| release["hash"] == goes);
        if release.unwrap()["kept"] == false {
            let done = world
                .registry
                .keep(&[&gc[..], arguments].concat())
                .done()
                .json();
            assert_eq!(done["releases"], dry["releases"]);
            assert_eq!(done["freed"], dry["freed"]);
            world.registry.start_again();
            return done;
        }
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    panic!("{goes} stays");
}

#[test]
fn what_nobody_promoted_goes_and_every_head_can_still_be_installed() {
    let (mut world, checkout, hashes) = five_releases();
    let before = used(&world);
    let done = collect(&mut world, &[], &hashes[4]);
    let kept = done["releases"].as_array().unwrap().iter();
    let kept = kept.filter(|release| release["kept"] == true).count();
    assert_eq!(kept, 2, "{done}");
    let after = used(&world);
    let freed = done["freed"].as_u64().unwrap();
    assert!(
        freed > 3 << 20 && before.abs_diff(after + freed) < 2000,
        "{done}"
    );
    world.registry.keep(&["fsck"]).done();

    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT).as_ref(), Some(&hashes[3]));
    let list = ["rollback", "prod", "--list", "--json", "--project", PROJECT];
    let list = world.bulla(&list).done().json();
    assert_eq!(list[0]["hash"], hashes[1].as_str());
    assert_eq!(list[0]["inRegistry"], true, "{list}");
    // The log names all five still.
    let releases = ["releases", "--project", PROJECT, "--json", "--limit", "10"];
    let releases = world.bulla(&releases).done().json();
    assert_eq!(releases.as_array().unwrap().len(), 5);
    // What went comes back as it was.
    assert_eq!(world.publish(&checkout.path), hashes[4]);
    world.promote(PROJECT, &hashes[4], "prod");
    server.install(PROJECT, "prod").done();
    assert_eq!(
        server.live_tree(PROJECT),
        Tree::read(&checkout.path).without(".git")
    );
}

#[test]
fn who_goes_back_to_a_release_that_was_removed_is_told_what_happened() {
    let (mut world, _, hashes) = five_releases();
    collect(&mut world, &["--keep-heads", "1"], &hashes[4]);
    let list = ["rollback", "prod", "--list", "--json", "--project", PROJECT];
    let list = world.bulla(&list).done().json();
    assert_eq!(list[0]["inRegistry"], false, "{list}");
    let rollback = world.bulla(&["rollback", "prod", "--project", PROJECT, "--dry-run"]);
    assert!(
        rollback
            .stderr
            .contains("was removed by `bulla-registry gc`"),
        "{rollback}"
    );
}

#[test]
fn a_registry_moves_to_another_machine_as_the_page_says() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/registry.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("### Moving a registry").unwrap();
    let block = section.split("```").find_map(|b| b.strip_prefix("sh\n"));
    let mut world = World::new();
    let mut checkout = world.git(PROJECT);
    world.release(&checkout.path, PROJECT);
    let (old, new) = (
        world.registry.data().to_owned(),
        world.path("other machine"),
    );
    let mut data = &old;
    let mut ran = 0;
    for line in block.unwrap().lines() {
        let (command, talk) = line.split_once('#').unwrap_or((line, ""));
        if talk.contains("on the other machine") {
            data = &new;
        }
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["bulla-registry", "serve", ..] => {
                world.registry = Registry::serve(data, &world.home());
            }
            ["bulla-registry", ..] => {
                let moved = world.path("moved");
                let words = words[1..].iter().map(|word| match *word {
                    "/var/lib/bulla-registry" => data.as_os_str(),
                    "/mnt/move/registry" => moved.as_os_str(),
                    other => other.as_ref(),
                });
                let mut command = hermetic(Program::Registry.path(), &world.home());
                Transcript::of(command.args(words)).done();
                if ran == 0 {
                    checkout.commit_change("While it is moved");
                    world.release(&checkout.path, PROJECT);
                }
                ran += 1;
            }
            ["systemctl", "stop", "bulla-registry"] => world.registry.stop(),
            [] => {}
            _ => panic!("{line}"),
        }
    }
    assert_eq!((ran, world.registry.data()), (3, &*new));
    let server = world.server("web1");
    server.install(PROJECT, "prod").done();
    let tree = Tree::read(&checkout.path).without(".git");
    assert_eq!(server.live_tree(PROJECT), tree);
    // Its tokens and its log go on there.
    checkout.commit_change("On the other machine");
    let hash = world.release(&checkout.path, PROJECT);
    server.install(PROJECT, "prod").done();
    assert_eq!(server.live(PROJECT), Some(hash));
    world.registry.keep(&["fsck"]).done();
}

fn packs(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.registry.data().join("packs")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn damage_that_nobody_has_read_is_found_and_publishing_again_heals_it() {
    let (world, checkout, hashes) = five_releases();
    world.registry.keep(&["fsck"]).done();
    for pack in packs(&world) {
        let mut bytes = std::fs::read(&pack).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        std::fs::write(&pack, bytes).unwrap();
    }
    let found = world.registry.keep(&["fsck", "--json"]);
    assert_eq!(found.status, Some(1), "{found}");
    let damages = &found.json()["damages"];
    let named = damages.to_string();
    assert!(
        named.contains(&hashes[3]) && named.contains("prod"),
        "{named}"
    );
    world.registry.keep(&["fsck", "--repair"]).fails(1, "left");
    assert_eq!(world.publish(&checkout.path), hashes[4]);
    let left = world.registry.keep(&["fsck", "--json"]);
    assert!(!left.stdout.contains(&hashes[4]), "{left}");
}
