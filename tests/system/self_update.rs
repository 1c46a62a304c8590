//! The installer as a project of its own: its new program becomes the agent once it has proved that
//! it works, and one that does not work is left again. Here the test starts an agent that ended, as
//! systemd does; `systemd.rs` has the real one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bulla_tests::{Agent, GitCheckout, Program, Server, Transcript, World};

const PROJECT: &str = "ops/bulla-installer";

struct Scene {
    world: World,
    checkout: GitCheckout,
    server: Server,
    host_file: PathBuf,
    /// What programs of releases were called with.
    calls: PathBuf,
}

impl Scene {
    fn begin() -> Self {
        let world = World::new();
        let checkout = world.git(PROJECT);
        let (server, host_file) = world.follower("web1", PROJECT);
        let text = fs::read_to_string(&host_file).unwrap();
        fs::write(&host_file, format!("installer = \"{PROJECT}\"\n{text}")).unwrap();
        Self {
            calls: world.path("calls"),
            world,
            checkout,
            server,
            host_file,
        }
    }

    /// Promotes a release whose program does something before it is the one under test.
    fn release(&mut self, line: &str, begin: &str) -> String {
        let program = Program::Installer.path();
        let text = format!(
            "#!/bin/sh\necho \"$@\" >> {}\n{begin}\nexec {} \"$@\"\n",
            self.calls.display(),
            program.display()
        );
        self.release_program(line, text.as_bytes())
    }

    fn release_program(&mut self, line: &str, program: &[u8]) -> String {
        self.checkout.write("bin/bulla-installer", program);
        let path = self.checkout.path.join("bin/bulla-installer");
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        self.checkout.commit_change(line);
        self.world.release(&self.checkout.path, PROJECT)
    }

    fn agent(&self) -> Agent {
        Agent::start(&self.server, &self.host_file)
    }

    fn run(&self, arguments: &[&str]) -> Transcript {
        let config = ["--config", self.host_file.to_str().unwrap()];
        self.server.run(&[arguments, &config].concat())
    }

    /// Waits until a release failed here and another one is live again.
    fn wait_for_return(&self, agent: &mut Agent, bad: &str, good: &str) {
        agent.wait_for("the return", |_| {
            let status = self.run(&["status", PROJECT, "--json"]).done().json();
            let failed = status[0]["quarantine"].as_array().cloned();
            let failed = failed.unwrap_or_default();
            let history = self.run(&["history", PROJECT, "--json"]).done().json();
            let last = history.as_array().unwrap().last().cloned();
            failed.iter().any(|failed| failed["hash"] == bad)
                && status[0]["live"] == good
                && last.is_some_and(|last| last["hash"] == good)
        });
    }
}

fn short(hash: &str) -> &str {
    &hash["sha256:".len()..][..12]
}

fn is_agent_now(hash: &str) -> String {
    format!("the program of {} is the agent now", short(hash))
}

#[test]
fn a_program_that_works_becomes_the_agent_and_one_that_does_not_is_left_once() {
    let mut scene = Scene::begin();
    let good = scene.release("one", "");
    let mut agent = scene.agent();
    agent.wait_until_said(&is_agent_now(&good));

    // People get the same program as the agent.
    fs::write(&scene.calls, "").unwrap();
    scene.run(&["status"]).done();
    let calls = fs::read_to_string(&scene.calls).unwrap();
    assert!(calls.contains("status"), "{calls}");

    // One that ends as soon as it is the agent is tried twice. The one before comes back.
    let ends = scene.release("two", "case \" $* \" in *' agent '*) exit 7 ;; esac");
    for _ in 0..2 {
        assert_eq!(agent.ended(), Some(7), "{}", agent.spoken());
        agent = scene.agent();
    }
    scene.wait_for_return(&mut agent, &ends, &good);
    let history = scene.run(&["history", PROJECT, "--json"]).done().json();
    let history = history.as_array().unwrap();
    let results: Vec<_> = history
        .iter()
        .map(|one| (one["action"].as_str().unwrap(), one["result"].as_str()))
        .collect();
    assert_eq!(
        results,
        [
            ("install", None),
            ("install", None),
            ("install", Some("failed")),
            ("return", None),
        ]
    );
    let why = history[2]["failure"].as_str().unwrap();
    assert!(why.contains("was started as the agent 2 times"), "{why}");

    // One that cannot be started at all never becomes the agent.
    let broken = scene.release_program("three", b"\x7fELF of another machine");
    scene.wait_for_return(&mut agent, &broken, &good);
    let history = scene.run(&["history", PROJECT, "--json"]).done().json();
    let failed = &history[4];
    assert_eq!(failed["hash"], broken, "{history}");
    let why = failed["failure"].as_str().unwrap();
    assert!(why.contains("could not be the agent here"), "{why}");

    // Nor does one that does not say which it is.
    let silent = scene.release_program("silent", b"#!/bin/sh\nexit 0\n");
    scene.wait_for_return(&mut agent, &silent, &good);

    // The next that works does.
    let next = scene.release("four", "# four");
    agent.wait_until_said(&is_agent_now(&next));
    scene.run(&["doctor"]);
    let doctor = scene.run(&["doctor", "--json"]).json();
    let says = format!("it is the program of {} of {PROJECT}", short(&next));
    let found = doctor.as_array().unwrap();
    assert!(found.iter().any(|one| one["found"] == says), "{doctor:#}");
}

#[test]
fn what_is_installed_beside_releases_wins_where_it_is_newer() {
    let mut scene = Scene::begin();
    let old = scene.release(
        "one",
        "if [ \"$1\" = --version ]; then echo bulla-installer 0.0.1; exit; fi",
    );
    let mut agent = scene.agent();
    agent.wait_until_live(&scene.server, PROJECT, &old);
    agent.wait_until_said("its version 0.0.1 is older than");
    let spoken = agent.spoken();
    assert!(!spoken.contains("is tried as the agent"), "{spoken}");
}

#[test]
fn a_first_program_that_fails_is_not_tried_again_before_a_person_says_so() {
    let mut scene = Scene::begin();
    let switch = scene.world.path("works");
    let bad = scene.release(
        "one",
        &format!(
            "case \" $* \" in *' agent '*) [ -e {} ] || exit 7 ;; esac",
            switch.display()
        ),
    );
    let mut agent = scene.agent();
    for _ in 0..2 {
        assert_eq!(agent.ended(), Some(7), "{}", agent.spoken());
        agent = scene.agent();
    }
    // Nothing was live before, so that it stays, and the program of the package is the agent.
    scene.wait_for_return(&mut agent, &bad, &bad);
    fs::write(&switch, "").unwrap();
    scene.run(&["retry", PROJECT]).done();
    agent.wait_until_said(&is_agent_now(&bad));
}

#[test]
fn a_doctor_that_finds_a_broken_program_writes_nothing_down() {
    let mut scene = Scene::begin();
    let hash = scene.release_program("one", b"#!/bin/sh\nexit 0\n");
    // It fails its check, and stays live because nothing was before it.
    scene.run(&["install", PROJECT]);
    scene.run(&["retry", PROJECT]).done();
    let programs = scene.server.state.join("programs");
    let doctor = scene.run(&["doctor", "--json"]).json();
    let says = format!("the program of {} does not run", short(&hash));
    let mut found = doctor.as_array().unwrap().iter();
    let is_said = found.any(|one| one["found"].as_str().unwrap().contains(&says));
    assert!(is_said, "{doctor:#}");
    assert!(!programs.exists());
}

#[test]
fn a_program_that_removes_the_state_is_tried_once_and_again_when_a_person_says_so() {
    let mut scene = Scene::begin();
    let switch = scene.world.path("works");
    // With the anchor in its host file, a server comes back from nothing.
    let url = scene.world.registry.url().to_owned();
    let anchor = scene.world.anchor.clone();
    scene.run(&["enroll", &url, &anchor]).done();
    let bad = scene.release(
        "one",
        &format!(
            "case \" $* \" in *' agent '*) [ -e {} ] || {{ rm -rf {}; exit 7; }} ;; esac",
            switch.display(),
            scene.server.state.display()
        ),
    );
    let mut agent = scene.agent();
    assert_eq!(agent.ended(), Some(7), "{}", agent.spoken());
    let not_tried = format!(
        "the program of {} does not run: this server does not know",
        short(&bad)
    );
    let tries = || {
        let calls = fs::read_to_string(&scene.calls).unwrap();
        let is_agent = |call: &&str| call.split(' ').any(|word| word == "agent");
        calls.lines().filter(is_agent).count()
    };
    assert_eq!(tries(), 1);
    for _ in 0..2 {
        let looked = scene.run(&["agent", "--once"]);
        assert!(looked.stderr.contains(&not_tried), "{looked}");
        assert_eq!(scene.server.live(PROJECT).as_deref(), Some(&*bad));
    }
    assert_eq!(tries(), 1);
    let status = scene.run(&["status", PROJECT]).done();
    assert!(
        status
            .stderr
            .contains("does not know that it passed its check"),
        "{status}"
    );
    assert!(
        status.stderr.contains("retry ops/bulla-installer"),
        "{status}"
    );
    let mut agent = scene.agent();
    // It has made its choice by then, as the first one had.
    agent.wait_for("the agent of the package", |agent| {
        agent.spoken().matches("the agent follows").count() == 2
    });
    fs::write(&switch, "").unwrap();
    scene.run(&["retry", PROJECT]).done();
    agent.wait_until_said(&is_agent_now(&bad));
}

#[test]
fn a_release_without_a_program_stays_live_and_the_package_is_the_agent() {
    let mut scene = Scene::begin();
    let without = |scene: &mut Scene, line: &str| {
        let _ = fs::remove_dir_all(scene.checkout.path.join("bin"));
        scene.checkout.commit_change(line);
        scene.world.release(&scene.checkout.path, PROJECT)
    };
    let none = without(&mut scene, "none");
    let mut agent = scene.agent();
    let says = format!(
        "{}: it carries no program `bin/bulla-installer`",
        short(&none)
    );
    agent.wait_until_said(&says);
    agent.wait_until_live(&scene.server, PROJECT, &none);
    let again = without(&mut scene, "again");
    agent.wait_until_live(&scene.server, PROJECT, &again);
    let status = scene.run(&["status", PROJECT]).done();
    assert!(status.stderr.contains("carries no program"), "{status}");
    let json = scene.run(&["status", PROJECT, "--json"]).done().json();
    assert!(json[0].get("quarantine").is_none(), "{json:#}");
    let doctor = scene.run(&["doctor", "--json"]).json();
    let mut found = doctor.as_array().unwrap().iter();
    let warns = found.any(|one| {
        one["result"] == "warning"
            && one["found"]
                .as_str()
                .unwrap()
                .contains("carries no program")
    });
    assert!(warns, "{doctor:#}");

    // Once releases carried one, a release that has lost it has failed.
    let good = scene.release("one", "");
    agent.wait_until_said(&is_agent_now(&good));
    let lost = without(&mut scene, "lost");
    scene.wait_for_return(&mut agent, &lost, &good);
}

#[test]
fn a_program_that_was_live_before_is_tried_once_the_host_file_names_it() {
    let mut scene = Scene::begin();
    let text = fs::read_to_string(&scene.host_file).unwrap();
    let line = format!("installer = \"{PROJECT}\"\n");
    fs::write(&scene.host_file, text.replace(&line, "")).unwrap();
    let before = scene.release("one", "");
    scene.run(&["install", PROJECT]).done();
    scene
        .run(&["follow", PROJECT, "--channel", "prod", "--installer"])
        .done();
    let mut agent = scene.agent();
    agent.wait_until_said(&is_agent_now(&before));
}

/// A28: the first program and its anchor have to come another way
#[test]
fn a_program_that_others_could_change_does_not_run() {
    let mut scene = Scene::begin();
    let hash = scene.release("one", "");
    let folder = scene.server.project(PROJECT);
    scene.run(&["install", PROJECT]).done();
    open(&folder);
    let mut agent = scene.agent();
    agent.wait_until_said(&format!("the program of {} does not run", short(&hash)));
    assert!(!agent.spoken().contains("is tried as the agent"));
}

fn open(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
}
