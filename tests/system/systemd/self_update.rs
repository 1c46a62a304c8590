//! The installer as a project of its own: systemd starts what the package installed, and that becomes
//! the program of a release, as long as this one works.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use bulla_tests::{Container, GitCheckout, Transcript, World};

use super::{
    carry, install_package, installer, is_active, is_possible, main_process, packages, wait_until,
};

const PROJECT: &str = "ops/bulla-installer";
const PACKAGED: &str = "/usr/bin/bulla-installer";

/// What a program does that hangs as soon as it is the agent, and one that ends.
const HANGS: &str = "case \" $* \" in *' agent '*) exec sleep 600 ;; esac";
const ENDS: &str = "case \" $* \" in *' agent '*) exit 7 ;; esac";
const IS_OLD: &str = "if [ \"$1\" = --version ]; then echo bulla-installer 0.0.1; exit; fi";

struct Release<'a> {
    machine: &'a Container,
    world: &'a World,
    checkout: GitCheckout,
}

#[test]
fn a_server_with_systemd_keeps_its_own_installer_fresh() {
    if !is_possible() {
        return;
    }
    let world = World::new();
    let machine = Container::boot(&world.path("machines"), "web3", 3);
    install_package(&machine, &packages(&world, "1.0.0"));
    let url = carry(&machine.host(), world.registry.address());
    let enroll = [PACKAGED, "enroll", &url, &world.anchor];
    machine.run(&enroll).done();
    machine.wait_for("the agent", is_active);
    update_itself(&machine, &world, &installer());
}

/// Lets a program that works become the agent, and then programs that do not.
fn update_itself(machine: &Container, world: &World, program: &Path) {
    let mut release = Release {
        machine,
        world,
        checkout: world.git(PROJECT),
    };
    let before = main_process(machine);
    let follow = ["follow", PROJECT, "--channel", "prod", "--installer"];
    let stripped = world.path("stripped");
    let mut strip = Command::new("strip");
    strip
        .arg("--strip-unneeded")
        .arg("-o")
        .arg(&stripped)
        .arg(program);
    Transcript::of(&mut strip).done();
    let good = release.of("good", &fs::read(stripped).unwrap());
    machine.run(&[&[PACKAGED], &follow[..]].concat()).done();
    release.wait_until_agent(&good);
    assert_eq!(main_process(machine), before, "the process stays the same");

    // What is stuck is ended by systemd, and here soon.
    let drop_in = "/etc/systemd/system/bulla-agent.service.d/soon.conf";
    machine.write(
        drop_in,
        "[Service]\nRestartSec=1\nWatchdogSec=3s\nTimeoutStartSec=5s\nTimeoutAbortSec=1s\n",
    );
    machine.run(&["systemctl", "daemon-reload"]).done();
    machine.run(&["systemctl", "restart", "bulla-agent"]).done();
    release.wait_until_agent(&good);
    for (name, begin) in [("hangs", HANGS), ("ends", ENDS)] {
        let text = format!("#!/bin/sh\n# {name}\n{begin}\nexec {PACKAGED} \"$@\"\n");
        let bad = release.of(name, text.as_bytes());
        release.wait_for_return(&bad, &good);
        release.wait_until_agent(&good);
    }
    fs::remove_file(machine.path(drop_in)).unwrap();
    machine.run(&["systemctl", "daemon-reload"]).done();

    // One that cannot be started at all never becomes the agent.
    let before = main_process(machine);
    let bad = release.of("broken", b"\x7fELF of another machine");
    release.wait_for_return(&bad, &good);
    assert_eq!(main_process(machine), before);

    // What the package installed is newer than what is followed.
    let text = format!("#!/bin/sh\n{IS_OLD}\nexec {PACKAGED} \"$@\"\n");
    release.of("old", text.as_bytes());
    wait_until(machine, "the program of the package", |machine| {
        program_of(machine) == PACKAGED
    });
}

impl Release<'_> {
    fn of(&mut self, line: &str, program: &[u8]) -> String {
        self.checkout.write("bin/bulla-installer", program);
        let path = self.checkout.path.join("bin/bulla-installer");
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        self.checkout.commit_change(line);
        self.world.release(&self.checkout.path, PROJECT)
    }

    /// Waits until the agent is the program of a release, and has proved that it works.
    fn wait_until_agent(&self, hash: &str) {
        let hex = hash.trim_start_matches("sha256:");
        let tree = format!("/srv/{PROJECT}/releases/{hex}/");
        wait_until(self.machine, &format!("the program of {hash}"), |machine| {
            let programs = fs::read_to_string(machine.path("/var/lib/bulla/programs"));
            let programs = programs.unwrap_or_default();
            let programs: serde_json::Value = serde_json::from_str(&programs).unwrap_or_default();
            let proved = programs["proved"].as_array().cloned().unwrap_or_default();
            program_of(machine).starts_with(&tree) && proved.iter().any(|one| one["hash"] == hash)
        });
    }

    /// Waits until a release failed and another one is live again.
    fn wait_for_return(&self, bad: &str, good: &str) {
        wait_until(self.machine, &format!("the return to {good}"), |machine| {
            let status = machine.run(&[PACKAGED, "status", PROJECT, "--json"]);
            let status = status.done().json();
            let history = machine.run(&[PACKAGED, "history", PROJECT, "--json"]);
            let history = history.done().json();
            let failed = status[0]["quarantine"].as_array().cloned();
            let failed = failed.unwrap_or_default();
            failed.iter().any(|failed| failed["hash"] == bad)
                && status[0]["live"] == good
                && history.as_array().unwrap().last().unwrap()["hash"] == good
        });
    }
}

/// The file of the program that is the agent.
fn program_of(machine: &Container) -> String {
    let link = format!("/proc/{}/exe", main_process(machine));
    let read = machine.run(&["readlink", &link]);
    read.last_line().to_owned()
}
