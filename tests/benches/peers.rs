//! What people use today to keep a tree again after a small change: each has its own copy of the
//! tree, and a store that has seen it before.

use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_tests::World;
use bulla_tests::programs::hermetic;

use crate::measure::{self, Cost};

/// A program and the tree that it keeps.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) tree: PathBuf,
    store: PathBuf,
    home: PathBuf,
}

const NAMES: [&str; 3] = ["restic backup", "casync make", "ostree commit"];

impl Peer {
    /// Gives each peer that is installed a copy of `tree` and lets it keep it once.
    pub(crate) fn all(world: &World, tree: &Path) -> Vec<Self> {
        let mut peers = Vec::new();
        for name in NAMES {
            let program = name.split(' ').next().unwrap_or(name);
            if Command::new(program).arg("--version").output().is_err()
                && Command::new(program).arg("version").output().is_err()
            {
                eprintln!("skip: {name}, because {program} is not installed (Debian: {program})");
                continue;
            }
            let directory = world.path(&format!("peer-{program}"));
            let peer = Self {
                name,
                tree: directory.join("tree"),
                store: directory.join("store"),
                home: world.home(),
            };
            std::fs::create_dir_all(&directory).expect("a directory");
            copy(tree, &peer.tree);
            peer.prepare();
            peer.keep();
            peers.push(peer);
        }
        peers
    }

    fn prepare(&self) {
        std::fs::create_dir_all(&self.store).expect("a directory");
        match self.name {
            "restic backup" => measure::run(self.command("restic").arg("init")),
            "ostree commit" => {
                measure::run(self.command("ostree").args(["init", "--mode=archive"]))
            }
            _ => return,
        };
    }

    /// Keeps the tree as it is now.
    pub(crate) fn keep(&self) -> Cost {
        let mut command = match self.name {
            "restic backup" => self.command("restic"),
            "casync make" => self.command("casync"),
            _ => self.command("ostree"),
        };
        match self.name {
            "restic backup" => command.arg("backup").arg(&self.tree),
            "casync make" => command
                .arg("make")
                .arg(self.store.join("tree.caidx"))
                .arg(&self.tree),
            _ => command
                .args(["commit", "--branch=shop", "--subject=change"])
                .arg(&self.tree),
        };
        measure::run(&mut command)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = hermetic(program, &self.home);
        match program {
            "restic" => command
                .env("RESTIC_PASSWORD", "bench")
                .env("RESTIC_REPOSITORY", &self.store)
                .arg("--quiet"),
            "casync" => command.arg(format!("--store={}", self.store.join("chunks").display())),
            _ => command.arg(format!("--repo={}", self.store.display())),
        };
        command
    }
}

/// Copies a tree without its repository.
pub(crate) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp")
        .args(["-a", "--"])
        .arg(from)
        .arg(to)
        .status()
        .expect("cp");
    assert!(status.success());
    for repository in [".git", ".svn"] {
        let _ = std::fs::remove_dir_all(to.join(repository));
    }
}
