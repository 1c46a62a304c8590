//! What people do to an old release while its tree is about to become the next one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bulla_bundle::Progress;
use bulla_installer::Observer;
use bulla_schemas::Digest;

use crate::obstacles::{Mount, Process};
use crate::world::{Notes, World, install_on, request, wide_tree};

/// Does something once when the size of the download is known, and keeps the notes.
struct Meanwhile<'a> {
    notes: Notes,
    act: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl Progress for Meanwhile<'_> {
    fn start(&self, _: Option<u64>) {
        if let Some(act) = self.act.lock().unwrap().take() {
            act();
        }
    }
}

impl Observer for Meanwhile<'_> {
    fn note(&self, sentence: &str) {
        self.notes.note(sentence);
    }
}

/// Installs a release that would be made of an old tree, and meanwhile does something to that.
/// Returns the server, the old release and what was said.
fn install_while(act: impl FnOnce(&Path) + Send) -> (World, Digest, String) {
    let mut world = World::new();
    let mut request = request();
    request.config.keep.count = 2;
    let mut hashes = Vec::new();
    for number in 0..3 {
        hashes.push(world.release(&wide_tree(60, &format!("{number}\n"))));
        world.install_with(&request).0.unwrap();
    }
    let tree = wide_tree(60, "4\n").file("added/file", "added").unwrap();
    let last = world.release(&tree);
    let old = world.tree(&hashes[1]);
    let meanwhile = Meanwhile {
        notes: Notes::default(),
        act: Mutex::new(Some(Box::new(|| act(&old)))),
    };
    install_on(&world.server(), &world.project, &request, &meanwhile).unwrap();
    assert!(meanwhile.act.lock().unwrap().is_none());
    assert_eq!(world.live(), Some(last));
    world.assert_intact();
    assert!(!world.site().join(".staging").exists());
    let said = meanwhile.notes.text();
    assert!(said.contains("cannot be recycled"), "{said}");
    (world, hashes[1], said)
}

fn only_set_aside(world: &World) -> PathBuf {
    let [tree] = &world.set_aside()[..] else {
        panic!("not one tree is set aside");
    };
    tree.path.clone()
}

#[test]
fn a_file_that_is_added_to_an_old_release_during_the_download_is_kept() {
    let (world, old, said) = install_while(|tree| {
        fs::write(tree.join("src/01/precious"), "precious").unwrap();
    });
    assert!(said.contains("was changed"), "{said}");
    assert!(!world.tree(&old).exists());
    let kept = only_set_aside(&world);
    assert_eq!(fs::read(kept.join("src/01/precious")).unwrap(), b"precious");
    assert!(kept.join("version.txt").exists());
}

#[test]
fn a_file_that_is_edited_in_an_old_release_during_the_download_is_kept() {
    let (world, _, _) = install_while(|tree| {
        let path = tree.join("version.txt");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "edited").unwrap();
    });
    let kept = only_set_aside(&world);
    assert_eq!(fs::read(kept.join("version.txt")).unwrap(), b"edited");
}

#[test]
fn an_edit_of_what_would_have_stayed_in_place_does_not_reach_the_new_release() {
    let (world, _, _) = install_while(|tree| {
        let path = tree.join("src/01/file-0001.txt");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "edited").unwrap();
    });
    let kept = only_set_aside(&world).join("src/01/file-0001.txt");
    assert_eq!(fs::read(kept).unwrap(), b"edited");
}

#[test]
fn an_old_release_that_a_process_goes_to_during_the_download_stays() {
    let process = Mutex::new(None);
    let (world, old, said) = install_while(|tree| {
        *process.lock().unwrap() = Some(Process::script("cd \"$1/src\"", tree));
    });
    let process = process.into_inner().unwrap().unwrap();
    let id = process.0.id();
    assert!(said.contains(&format!("process {id}")), "{said}");
    assert!(world.tree(&old).join("src/01/file-0001.txt").exists());
    let works_in = fs::read_link(format!("/proc/{id}/cwd")).unwrap();
    assert_eq!(works_in, world.tree(&old).join("src"));
}

#[test]
fn an_old_release_that_something_is_mounted_in_during_the_download_stays() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skip: nothing is mounted, because this is not root");
        return;
    }
    let _alone = crate::in_use::alone();
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("kept"), "kept").unwrap();
    let mount = Mutex::new(None);
    let (world, old, said) = install_while(|tree| {
        *mount.lock().unwrap() = Mount::bind(data.path(), &tree.join("src/01"));
    });
    let mount = mount.into_inner().unwrap().unwrap();
    let point = world.tree(&old).join("src/01");
    assert_eq!(fs::read(point.join("kept")).unwrap(), b"kept");
    assert!(said.contains("is mounted on"), "{said}");
    drop(mount);
    assert!(point.join("file-0001.txt").exists());
}
