//! `Machine`: a server, and beside it what a careful person would know about it without asking
//! Bulla.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bulla_tests::{Server, Tree, World, write};

use super::hindrance::{Hindrance, Mounted};
use super::project::Project;

/// A server.
pub(crate) struct Machine {
    /// What is in the way of the installer.
    pub(crate) hindrances: Vec<Hindrance>,
    /// The disk that its root lies on, where it is one of its own.
    pub(crate) disk: Option<Mounted>,
    pub(crate) name: &'static str,
    pub(crate) server: Server,
    /// `install --keep`
    pub(crate) keep: usize,
    pub(crate) sites: BTreeMap<&'static str, Site>,
    /// The head of each project when the log was last read.
    pub(crate) heads: BTreeMap<&'static str, String>,
    /// Folders of other people, and what is in them.
    neighbours: Vec<(PathBuf, Tree)>,
}

/// What is known of one project on a server.
#[derive(Default)]
pub(crate) struct Site {
    /// The release that is live.
    pub(crate) live: Option<String>,
    /// The tree that is live, with what people changed.
    pub(crate) tree: Tree,
    /// Every activation, oldest first.
    pub(crate) activations: Vec<String>,
    /// Whether a person rolled back here, and nothing was installed since.
    pub(crate) is_held: bool,
    /// Whether an install was killed: the release that it would give up may be gone.
    pub(crate) is_unfinished: bool,
    /// What people wrote into trees.
    pub(crate) written: Vec<Written>,
    /// What people put into `persist/`, by the path there.
    pub(crate) persist: BTreeMap<String, Vec<u8>>,
}

/// What a person wrote into a tree of a release. It is somewhere below the project's folder, as
/// long as that person has not replaced it.
pub(crate) struct Written {
    pub(crate) content: Vec<u8>,
    /// The release and the path; `None` once the tree was set aside.
    pub(crate) place: Option<(String, String)>,
}

impl Machine {
    /// Lays out a server with neighbours, on a disk of so many megabytes where this user may
    /// mount one.
    pub(crate) fn new(
        world: &World,
        name: &'static str,
        keep: usize,
        megabytes: Option<u32>,
    ) -> Self {
        let server = world.server(name);
        let disk = megabytes.and_then(|megabytes| {
            let options = format!("size={megabytes}m,mode=755");
            let arguments = ["-t", "tmpfs", "-o", &options];
            Mounted::new(&arguments, Path::new("tmpfs"), &server.root)
        });
        let mut machine = Self {
            hindrances: Vec::new(),
            disk,
            name,
            keep,
            sites: BTreeMap::new(),
            heads: BTreeMap::new(),
            neighbours: Vec::new(),
            server,
        };
        for (folder, file) in [("wiki", "index.php"), ("acme/intranet", "releases/notes")] {
            let folder = machine.server.root.join(folder);
            write(&folder, file, "not ours\n");
            machine.watch(folder);
        }
        machine
    }

    /// Expects of a folder that nothing in it changes any more.
    pub(crate) fn watch(&mut self, folder: PathBuf) {
        let tree = Tree::read(&folder);
        self.neighbours.push((folder, tree));
    }

    /// Ends processes, unmounts and frees whatever is in the way.
    pub(crate) fn release_all(&mut self) {
        for hindrance in self.hindrances.drain(..) {
            if let Hindrance::Mounted(mounted) = &hindrance {
                self.neighbours
                    .retain(|(folder, _)| *folder != mounted.point);
            }
        }
    }

    pub(crate) fn assert_neighbours_untouched(&self, context: &str) {
        for (folder, before) in &self.neighbours {
            let changed = Tree::read(folder).differences(before);
            assert!(
                changed.is_empty(),
                "{context}: {changed:?} changed in `{}`",
                folder.display()
            );
        }
    }

    /// Notes that the log was read.
    pub(crate) fn reads_log(&mut self, projects: &BTreeMap<&'static str, Project>) {
        let heads = projects.values();
        self.heads = heads
            .filter_map(|project| Some((project.name, project.head.clone()?)))
            .collect();
    }

    pub(crate) fn site(&self, project: &str) -> &Site {
        &self.sites[project]
    }

    /// Returns the tree of a release.
    pub(crate) fn tree(&self, project: &str, hash: &str) -> PathBuf {
        let name = hash.trim_start_matches("sha256:");
        self.server.project(project).join("releases").join(name)
    }

    /// Returns the live tree itself, not the link.
    pub(crate) fn live_tree(&self, project: &str) -> PathBuf {
        let live = self.site(project).live.as_deref().unwrap();
        self.tree(project, live)
    }

    /// Returns the names of the trees on the disk.
    pub(crate) fn trees(&self, project: &str) -> BTreeSet<String> {
        let folder = self.server.project(project).join("releases");
        fs::read_dir(folder)
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().unwrap().is_dir())
            .map(|entry| format!("sha256:{}", entry.file_name().to_str().unwrap()))
            .collect()
    }

    /// Returns where something is mounted in the live tree, as paths in it.
    pub(crate) fn covered(&self, project: &str) -> Vec<String> {
        let live = self.live_tree(project);
        let points = self.hindrances.iter().filter_map(|hindrance| {
            let Hindrance::Mounted(mounted) = hindrance else {
                return None;
            };
            let path = mounted.point.strip_prefix(&live).ok()?;
            Some(path.to_str().unwrap().to_owned())
        });
        points.collect()
    }
}

impl Site {
    /// Notes that a release is live. Its tree is what was released: one that was edited is kept
    /// elsewhere.
    pub(crate) fn activated(&mut self, hash: &str, tree: &Tree) {
        let was_edited = self.tree != *tree;
        if self.live.as_deref() != Some(hash) || was_edited {
            self.activations.push(hash.to_owned());
        }
        self.repaired(hash, tree);
    }

    /// Notes that a release is live, without an activation.
    pub(crate) fn repaired(&mut self, hash: &str, tree: &Tree) {
        for written in &mut self.written {
            if written.place.as_ref().is_some_and(|(of, _)| of == hash) {
                written.place = None;
            }
        }
        self.live = Some(hash.to_owned());
        self.tree = tree.clone();
    }

    /// Returns the releases that were live, the latest first, each once.
    pub(crate) fn latest_first(&self) -> Vec<&str> {
        let mut latest: Vec<&str> = Vec::new();
        for hash in self.activations.iter().rev() {
            if !latest.contains(&hash.as_str()) {
                latest.push(hash);
            }
        }
        latest
    }
}
