//! A server that its host file describes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use bulla_schemas::Digest;
use serde_json::Value;

use crate::registry::Registry;
use crate::world::{Run, World, small_tree};

pub(crate) const BILLING: &str = "[project.\"acme/billing\"]\nchannel = \"prod\"\n";
pub(crate) const SHOP: &str = "[project.\"acme/shop\"]\nchannel = \"prod\"\n";

/// A server that nothing but its host file describes.
pub(crate) struct Host {
    pub(crate) world: World,
}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            world: World::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.world.folder.path().join(name)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path("server.toml")
    }

    /// Writes the file: directories, anchor and registries first.
    pub(crate) fn write(&self, registries: &[&Registry], rest: &str) {
        let folder = self.world.folder.path().display();
        let anchor = self.world.organisation.anchor();
        let mut text = format!(
            "root = \"{folder}/hosted\"\nstate = \"{folder}/host-state\"\nanchor = \"{anchor}\"\n"
        );
        for registry in registries {
            text.extend(["\n[[registry]]\nurl = \"", &registry.url(), "\"\n"]);
        }
        fs::write(self.file(), format!("{text}\n{rest}")).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla-installer"));
        command.args(arguments).arg("--config").arg(self.file());
        command.env_remove("BULLA_TOKEN").env_remove("BULLA_CONFIG");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().unwrap())
    }

    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.status, Some(0), "{arguments:?}: {run:?}");
        run
    }

    /// Runs a command that fails, and returns what it said.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], status: i32) -> String {
        let run = self.run(arguments);
        assert_eq!(run.status, Some(status), "{arguments:?}: {run:?}");
        run.stderr
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&run.stdout).unwrap()
    }

    /// Releases a version of a project and promotes it to `prod`.
    pub(crate) fn release(&mut self, project: &str, version: &str) -> Digest {
        self.world.project = project.parse().unwrap();
        let hash = self.world.release(&small_tree(version));
        self.world.project = "acme/billing".parse().unwrap();
        hash
    }

    /// Which release of a project is live below a directory.
    pub(crate) fn live(&self, root: &str, project: &str) -> Option<String> {
        let current = self.path(root).join(project).join("current");
        let target = fs::read_link(current).ok()?;
        Some(target.strip_prefix("releases").ok()?.display().to_string())
    }

    /// Serves at another address what the first registry serves.
    pub(crate) fn mirror(&self) -> Registry {
        let mirror = Registry::start();
        let files = self.world.registry.change(|served| served.files.clone());
        mirror.change(|served| served.files = files);
        mirror
    }
}
