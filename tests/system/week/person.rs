//! What people do on a server with trees that are not theirs to change.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use bulla_tests::{Node, Transcript};
use sha2::{Digest as _, Sha256};

use super::Week;
use super::machine::Written;

/// A change of a live tree.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    /// Other content in a file of the release.
    Changed,
    /// Other content of the same length, and the time that the file had.
    Disguised,
    /// A file that the release does not have.
    Added,
    /// A file of the release is gone.
    Missing,
}

/// What is done to a tree and changes nothing in it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Care {
    Chown,
    Chmod,
    Touch,
    /// Packed by tar, removed and unpacked.
    Restore,
    /// Copied by cp, and the copy put in its place.
    Copy,
}

impl Week {
    /// Changes the live tree as people do who are in a hurry.
    pub(crate) fn edit(&mut self, machine: &str, project: &str, edit: Edit) {
        let step = self.context(&format!("{edit:?} in {project} on {machine}"));
        let (path, content) = {
            let site = self.machines[machine].site(project);
            let covered = self.machines[machine].covered(project);
            let pages: Vec<&String> = (site.tree.0.keys())
                .filter(|path| path.contains("/page-"))
                .filter(|path| !covered.iter().any(|point| path.starts_with(point)))
                .collect();
            let path = (*self.dice.pick(&pages)).clone();
            self.edits += 1;
            let note = format!("a person wrote this on {machine}: {}\n", self.edits);
            (path, note.into_bytes())
        };
        let machine = self.machines.get_mut(machine).unwrap();
        let tree = machine.live_tree(project);
        let site = machine.sites.get_mut(project).unwrap();
        let live = site.live.clone().unwrap();
        let (path, content) = match edit {
            Edit::Changed => (path, Some(content)),
            Edit::Added => (format!("{path}.orig"), Some(content)),
            Edit::Missing => (path, None),
            Edit::Disguised => {
                let length = fs::metadata(tree.join(&path)).unwrap().len();
                let mut disguised = content;
                disguised.resize(usize::try_from(length).unwrap(), b'.');
                (path, Some(disguised))
            }
        };
        make_writable(tree.join(&path).parent().unwrap());
        let place = Some((live, path.clone()));
        site.written.retain(|written| written.place != place);
        if let Some(content) = content {
            put(&tree.join(&path), &content, edit);
            let executable = false;
            let digest = Sha256::digest(&content).into();
            site.tree.0.insert(path, Node::File { executable, digest });
            site.written.push(Written { content, place });
        } else {
            fs::remove_file(tree.join(&path)).unwrap();
            site.tree.0.remove(&path);
        }
        self.audit(&step);
    }

    /// Puts a file into `persist/`.
    pub(crate) fn put_into_persist(&mut self, machine: &str, project: &str, path: &str) {
        let step = self.context(&format!("{path} into persist of {project} on {machine}"));
        self.edits += 1;
        let content = format!("{path} of {machine}, {}\n", self.edits).into_bytes();
        let machine = self.machines.get_mut(machine).unwrap();
        let folder = machine.server.project(project).join("persist");
        bulla_tests::write(&folder, path, &content);
        let site = machine.sites.entry(self.projects[project].name);
        let persist = &mut site.or_default().persist;
        persist.insert(path.to_owned(), content);
        self.audit(&step);
    }

    /// Does something to the live tree that is no edit.
    pub(crate) fn care_for(&mut self, machine: &str, project: &str, care: Care) {
        let live = self.machines[machine].site(project).live.clone().unwrap();
        self.care_for_release(machine, project, &live, care);
    }

    /// Does something to the tree of a release that is no edit.
    pub(crate) fn care_for_release(
        &mut self,
        machine: &str,
        project: &str,
        hash: &str,
        care: Care,
    ) {
        let step = self.context(&format!("{care:?} of {project} on {machine}"));
        let tree = self.machines[machine].tree(project, hash);
        let aside = self.world.path("aside");
        match care {
            Care::Chown if !rustix::process::geteuid().is_root() => {
                bulla_tests::skip("a chown in the week, because this is not root");
            }
            Care::Chown => run("chown", &["-R".as_ref(), "65534:65534".as_ref(), &tree]),
            Care::Chmod => run("chmod", &["-R".as_ref(), "u+w,o-r".as_ref(), &tree]),
            Care::Touch => {
                let touch = ["-exec", "touch", "-h", "{}", "+"].map(Path::new);
                run("find", &[&[tree.as_path()], &touch[..]].concat());
            }
            Care::Restore => {
                run(
                    "tar",
                    &["-cf".as_ref(), &aside, "-C".as_ref(), &tree, ".".as_ref()],
                );
                run("chmod", &["-R".as_ref(), "u+w".as_ref(), &tree]);
                fs::remove_dir_all(&tree).unwrap();
                fs::create_dir(&tree).unwrap();
                run("tar", &["-xf".as_ref(), &aside, "-C".as_ref(), &tree]);
                fs::remove_file(&aside).unwrap();
            }
            Care::Copy => {
                run("cp", &["-a".as_ref(), tree.as_path(), &aside]);
                run("chmod", &["-R".as_ref(), "u+w".as_ref(), &tree]);
                fs::remove_dir_all(&tree).unwrap();
                // The copy may lie on another disk.
                run("cp", &["-a".as_ref(), aside.as_path(), &tree]);
                bulla_tests::make_removable(&aside);
                fs::remove_dir_all(&aside).unwrap();
            }
        }
        self.audit(&step);
    }
}

fn put(path: &Path, content: &[u8], edit: Edit) {
    let before = fs::metadata(path).ok();
    if before.is_some() {
        fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    }
    fs::write(path, content).unwrap();
    if let (Edit::Disguised, Some(before)) = (edit, before) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
    }
}

fn make_writable(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}

#[track_caller]
fn run(program: &str, arguments: &[&Path]) {
    Transcript::of(Command::new(program).args(arguments)).done();
}
