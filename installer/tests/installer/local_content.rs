//! Files on this disk that are not what they were: they cost a download, never a release.

use std::fs;
use std::process::Command;

use bulla_installer::Link;
use bulla_schemas::Digest;

use crate::world::{World, request, wide_tree};

const FILE: &str = "src/00/file-0000.txt";

/// Changes a file in place and makes the record believe the new stamp, as a failing disk does.
fn rot(world: &World, hash: &Digest) {
    let file = world.tree(hash).join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    bytes[17] ^= 1;
    fs::write(&file, bytes).unwrap();
    let record = world
        .state()
        .join("projects/acme%2Fbilling/trees")
        .join(hash.hex());
    let text = fs::read_to_string(&record).unwrap();
    let lines = text.lines().map(|line| {
        let mut fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if fields.last().is_some_and(|path| path == FILE) {
            let stamp = Command::new("stat")
                .args(["-c", "%i %s %.9Y %.9Z"])
                .arg(&file)
                .output()
                .unwrap();
            let stamp = String::from_utf8(stamp.stdout).unwrap();
            for (field, value) in fields[1..5].iter_mut().zip(stamp.split_whitespace()) {
                *field = value.replace('.', "");
            }
        }
        fields.join("\t") + "\n"
    });
    let text: String = lines.collect();
    fs::write(record, text).unwrap();
}

fn releases(world: &World) -> usize {
    world.trees().len()
}

#[test]
fn a_rotten_source_is_fetched_instead_and_the_rest_is_taken_once() {
    let mut world = World::new();
    let first = world.release(&wide_tree(60, "0\n"));
    world.install().unwrap();
    rot(&world, &first);
    world.release(&wide_tree(60, "1\n"));
    let (result, notes) = world.install_with(&request());
    result.unwrap();
    assert!(notes.contains(FILE), "{notes}");
    world.assert_intact();
}

#[test]
fn a_rotten_source_costs_no_retained_release_when_the_registry_is_away() {
    let mut world = World::new();
    let mut request = request();
    request.config.keep.count = 3;
    let mut hashes = Vec::new();
    for number in 0..4 {
        // A file that the oldest tree, which is recycled next, does not have: it must come from
        // another.
        let mut tree = wide_tree(60, &format!("{number}\n"));
        if number > 1 {
            tree = tree.file("added", vec![7; 9000]).unwrap();
        }
        hashes.push(world.release(&tree));
        world.install_with(&request).0.unwrap();
    }
    assert_eq!(releases(&world), 3);
    for hash in &hashes[2..] {
        fs::write(world.tree(hash).join("added"), vec![8; 9000]).unwrap();
    }
    let payload_of_next = {
        let tree = wide_tree(60, "4\n").file("added", vec![7; 9000]).unwrap();
        let hash = world.release(&tree);
        world.layer_path(&hash, 0)
    };
    let payload = world
        .registry
        .change(|served| served.files.remove(&payload_of_next).unwrap());
    world.install_with(&request).0.unwrap_err();
    assert_eq!(releases(&world), 3);
    assert_eq!(world.live(), Some(hashes[3]));
    world.rollback(Some(&hashes[1].hex()[..16])).unwrap();
    world.assert_intact();

    world
        .registry
        .change(|served| served.files.insert(payload_of_next, payload));
    request.release_hold = true;
    world.install_with(&request).0.unwrap();
    world.assert_intact();
}

#[test]
fn a_small_file_of_a_large_tree_is_looked_for_in_every_tree_where_nothing_can_be_fetched() {
    let mut world = World::new();
    let mut hashes = Vec::new();
    for (number, has_it) in [true, true, false].into_iter().enumerate() {
        // So many files that reading a record costs more than fetching the small one.
        let mut tree = wide_tree(2000, &format!("{number}\n"));
        if has_it {
            tree = tree.file("added", vec![7; 9]).unwrap();
        }
        hashes.push(world.release(&tree));
        world.install().unwrap();
    }
    let record = world.state().join("projects/acme%2Fbilling/trees");
    let record = fs::metadata(record.join(hashes[0].hex())).unwrap();
    assert!(record.len() > 256 * 1024, "{}", record.len());
    fs::write(world.tree(&hashes[1]).join("added"), vec![8; 9]).unwrap();
    world.rollback(Some(&hashes[1].hex()[..16])).unwrap();
    assert_eq!(fs::read(world.current().join("added")).unwrap(), [7; 9]);
    world.assert_intact();
}

#[test]
fn an_edit_through_a_hard_link_reaches_no_new_release() {
    let mut world = World::new();
    let mut request = request();
    request.config.link = Link::Hard;
    for number in 0..3 {
        world.release(&wide_tree(30, &format!("{number}\n")));
        world.install_with(&request).0.unwrap();
    }
    // In place, same size, old time.
    let path = world.current().join(FILE);
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_modified(time))
        .unwrap();
    assert_eq!(world.differences().len(), 1);
    world.release(&wide_tree(30, "3\n"));
    let (result, notes) = world.install_with(&request);
    result.unwrap();
    assert!(notes.contains(FILE), "{notes}");
    world.assert_intact();
}
