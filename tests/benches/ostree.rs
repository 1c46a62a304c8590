//! `ostree`, as people deploy with it: a repository on each server, from which every release is
//! checked out beside the others, as links to the same files.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_tests::World;
use bulla_tests::programs::hermetic;

use crate::measure::{self, Cost};
use crate::peers::copy;

/// A tree, the repository that it is committed to, and a server's.
pub(crate) struct Ostree {
    tree: PathBuf,
    origin: PathBuf,
    server: PathBuf,
    home: PathBuf,
    releases: usize,
}

impl Ostree {
    /// Commits `tree` and brings it to the server; none where the program is not there.
    pub(crate) fn new(world: &World, tree: &Path) -> Option<Self> {
        if Command::new("ostree").arg("--version").output().is_err() {
            eprintln!("skip: ostree pull, because ostree is not installed (Debian: ostree)");
            return None;
        }
        let directory = world.path("deployed-by-ostree");
        std::fs::create_dir(&directory).expect("a directory");
        let mut ostree = Self {
            tree: directory.join("tree"),
            origin: directory.join("origin"),
            server: directory.join("server"),
            home: world.home(),
            releases: 0,
        };
        copy(tree, &ostree.tree);
        ostree.run(&ostree.origin, &["init", "--mode=archive"]);
        ostree.run(&ostree.server, &["init", "--mode=bare-user-only"]);
        let url = format!("file://{}", ostree.origin.display());
        let add = ["remote", "add", "--no-gpg-verify", "origin", &url];
        ostree.run(&ostree.server, &add);
        ostree.update("");
        Some(ostree)
    }

    /// Commits a change, and returns what it costs to bring it to the server, synced to disk as
    /// `ostree` does.
    pub(crate) fn update(&mut self, line: &str) -> Cost {
        let changed = self.tree.join("public/index.html");
        std::fs::write(changed, line).expect("the tree");
        let tree = self.tree.to_string_lossy();
        let commit = ["commit", "--branch=shop", "--subject=change", &tree];
        self.run(&self.origin, &commit);
        self.releases += 1;
        let release = self.server.with_file_name(self.releases.to_string());
        let pulled = self.run(&self.server, &["pull", "origin", "shop"]);
        let release = release.to_string_lossy();
        let checkout = ["checkout", "--user-mode", "origin:shop", &release];
        pulled.and(self.run(&self.server, &checkout))
    }

    fn run(&self, repository: &Path, arguments: &[&str]) -> Cost {
        let mut command = hermetic("ostree", &self.home);
        command.arg(format!("--repo={}", repository.display()));
        measure::run(command.args(arguments))
    }
}
