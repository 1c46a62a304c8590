//! The pipelines of `docs/ci/`: their shell is taken out of the files as it stands there and run,
//! as the CI would run it, against a real registry with real git and svn.

mod github;
mod gitlab;
mod jenkins;
mod svn;

use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_tests::programs::{hermetic, is_installed, search_path};
use bulla_tests::{GitCheckout, Transcript, World, skip};
use serde_json::Value;

const PROJECT: &str = "acme/billing";

/// Returns a file of `docs/ci/`.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/ci")
        .join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// Reads YAML with `PyYAML`, which has YAML's own ideas of what is a boolean; `None` without it.
fn yaml(name: &str) -> Option<Value> {
    const PROGRAM: &str =
        "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    for python in ["python3", "/usr/bin/python3"] {
        let output = Command::new(python)
            .args(["-c", PROGRAM])
            .arg(file(name))
            .output();
        if let Ok(output) = output
            && output.status.success()
        {
            return Some(serde_json::from_slice(&output.stdout).unwrap());
        }
    }
    skip("the pipelines in YAML, because PyYAML is not installed");
    None
}

/// A world with a published history, of which a CI clones the newest commit.
struct Scene {
    world: World,
    checkout: GitCheckout,
    clone: PathBuf,
}

fn scene() -> Scene {
    let world = World::new();
    let mut checkout = world.git(PROJECT);
    checkout.commit_change("two");
    checkout.commit_change("three");
    let clone = world.path("clone");
    let url = format!("file://{}", checkout.path.display());
    checkout.git(&["clone", "-q", "--depth", "1", &url, clone.to_str().unwrap()]);
    assert_eq!(
        checkout
            .git(&["-C", clone.to_str().unwrap(), "rev-list", "--count", "HEAD"])
            .last_line(),
        "1"
    );
    Scene {
        world,
        checkout,
        clone,
    }
}

impl Scene {
    /// Runs a script in the clone with nothing of this process' environment.
    fn run(&self, script: &str, bash: &[&str], environment: &[(&str, &str)]) -> Transcript {
        let path = self.world.path("script");
        std::fs::write(&path, script).unwrap();
        Transcript::of(
            hermetic("bash", &self.world.home())
                .args(bash)
                .arg(path)
                .current_dir(&self.clone)
                .env("PATH", search_path())
                .envs(environment.iter().copied()),
        )
    }

    fn key_text(&self) -> String {
        std::fs::read_to_string(self.world.builder_key()).unwrap()
    }

    /// Checks that the log has the newest commit as `hash`, the same as from the whole history.
    fn assert_published(&self, hash: &str, run: &str) {
        let packed = self
            .world
            .bulla(&["pack", self.checkout.path.to_str().unwrap()])
            .done();
        assert_eq!(packed.last_line(), hash);
        let mut show = self.world.bulla_command();
        show.args(["show", hash, "--project", PROJECT, "--json"]);
        let shown = Transcript::of(&mut show).done().json();
        assert_eq!(shown["statements"][0]["builders"][0], "ci", "{shown}");
        let statement = self.last_entry();
        assert!(statement.contains(run), "{run:?} of {statement}");
    }

    /// The newest statement of the log, as text.
    fn last_entry(&self) -> String {
        let state = self.world.registry.data();
        let mut newest = String::new();
        let mut directories = vec![state.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    newest.push_str(&decoded(&bytes));
                }
            }
        }
        newest
    }
}

/// What stands in the envelopes of a file, whose payloads are base64.
fn decoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    let text = String::from_utf8_lossy(bytes);
    let payloads = text.split("\"payload\":\"").skip(1);
    let payloads = payloads.filter_map(|rest| rest.split('"').next());
    let standard = base64::engine::general_purpose::STANDARD;
    payloads
        .filter_map(|payload| standard.decode(payload).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

#[test]
fn what_is_a_shell_script_or_yaml_has_nothing_that_checkers_dislike() {
    let check = |program: &str, arguments: &[&str], name: &str| {
        if is_installed(program) {
            Transcript::of(Command::new(program).args(arguments).arg(file(name))).done();
        } else {
            skip(&format!(
                "the check of {name}, because {program} is not installed"
            ));
        }
    };
    check("shellcheck", &[], "svn-post-commit");
    let rules = "{extends: default, rules: {line-length: {max: 110}}}";
    for name in ["github-actions.yml", "gitlab-ci.yml"] {
        check("yamllint", &["--strict", "-d", rules], name);
    }
}
