//! Servers with a real systemd: the package, `setup`, the agent as a service, its hardening, reboots
//! and the watchdog. `make test-systemd` runs it; it takes minutes and needs root.

mod rollout;
mod self_update;
mod services;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use bulla_tests::{Container, GitCheckout, Transcript, World, programs, skip};

const PROJECT: &str = "acme/billing";

/// What a person of the server has there: a service that serves the live tree, and how it is
/// restarted.
const SERVICE: &str = "[Service]\nExecStart=/usr/bin/python3 -m http.server 8080 --directory \
                       /srv/acme/billing/current/public\nRestart=always\nRestartSec=1\n";
const ACTIVATE: &str = "#!/bin/sh\nif [ -e /root/slow ]; then sleep 300; fi\n\
                        exec systemctl restart billing.service\n";

/// Tells whether the test is wanted and possible.
#[expect(
    clippy::disallowed_methods,
    reason = "how `make test-systemd` asks for it"
)]
fn is_possible() -> bool {
    if std::env::var_os("BULLA_TEST_SYSTEMD").is_none() {
        skip("servers with systemd, because they take minutes; `make test-systemd` runs them");
        return false;
    }
    let missing = Container::missing();
    if let Some(why) = &missing {
        skip(&format!("servers with systemd, because {why}"));
    }
    missing.is_none()
}

/// Carries connections to the registry, which listens on this machine's loopback only.
fn carry(listen: &str, registry: &str) -> String {
    let listener = TcpListener::bind((listen, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let registry = registry.to_owned();
    std::thread::spawn(move || {
        for here in listener.incoming().flatten() {
            let Ok(there) = TcpStream::connect(&registry) else {
                continue;
            };
            for (mut from, mut to) in [
                (here.try_clone().unwrap(), there.try_clone().unwrap()),
                (there, here),
            ] {
                std::thread::spawn(move || {
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    url
}

/// Returns the installer that runs on older systems, as `make dist` builds it; where that cannot be
/// built, the one of the other tests.
fn installer() -> PathBuf {
    let target = format!("{}-unknown-linux-gnu/debug", std::env::consts::ARCH);
    let program = programs::target_directory().join(target);
    let program = program.join("bulla-installer");
    if program.is_file() {
        return program;
    }
    skip("the glibc that the installer needs, because zig is not there to build it");
    programs::Program::Installer.path()
}

/// Makes the package of a version. It is refused where the program needs a newer glibc than that of
/// Debian 11 and Ubuntu 20.04.
fn packages(world: &World, version: &str) -> PathBuf {
    let out = world.path("dist");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = installer();
    let is_for_all = program != programs::Program::Installer.path();
    Transcript::of(
        Command::new(here.join("scripts/dist"))
            .arg(program.parent().unwrap())
            .arg(version)
            .arg(&out)
            .arg(if is_for_all { "2.31" } else { "" })
            .arg("bulla-installer")
            .env("DIST_COMPRESSION", "none"),
    )
    .done();
    let architecture = Transcript::of(Command::new("dpkg").arg("--print-architecture")).done();
    out.join(format!(
        "bulla-installer_{version}_{}.deb",
        architecture.last_line()
    ))
}

fn install_package(machine: &Container, deb: &Path) {
    std::fs::copy(deb, machine.path("/var/cache/bulla.deb")).unwrap();
    machine
        .run(&["dpkg", "--install", "/var/cache/bulla.deb"])
        .done();
}

fn live(machine: &Container) -> Option<String> {
    let link = std::fs::read_link(machine.path("/srv/acme/billing/current")).ok()?;
    let hash = link.file_name()?.to_str()?.to_owned();
    Some(format!("sha256:{hash}"))
}

/// What the service of the machine serves.
fn page(machine: &Container) -> String {
    page_at(machine, 8080)
}

fn page_at(machine: &Container, port: u16) -> String {
    let url = format!(
        "import urllib.request as r; print(r.urlopen('http://127.0.0.1:{port}/').read().decode())"
    );
    let output = machine.command(&["python3", "-c", &url]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
fn wait_until(machine: &Container, what: &str, is_so: impl FnMut(&Container) -> bool) {
    machine.wait_for(what, is_so);
}

#[track_caller]
fn wait_until_live(machine: &Container, hash: &str, line: &str) {
    machine.wait_for(&format!("{hash} with {line}"), |machine| {
        live(machine).as_deref() == Some(hash) && page(machine) == format!("<h1>{line}</h1>")
    });
    // And proven: hooks and checks have ended well.
    machine.wait_for("the end of the activation", |machine| {
        let history = machine.run(&["bulla-installer", "history", PROJECT, "--json"]);
        let history = history.done().json();
        history
            .as_array()
            .unwrap()
            .last()
            .is_some_and(|last| last["hash"] == hash && last["result"] == "healthy")
    });
}

fn property(machine: &Container, unit: &str, name: &str) -> String {
    let name = format!("--property={name}");
    machine.ask(&["systemctl", "show", &name, "--value", unit])
}

fn main_process(machine: &Container) -> String {
    property(machine, "bulla-agent.service", "MainPID")
}

#[track_caller]
fn wait_for_another(machine: &Container, before: &str) {
    machine.wait_for("another agent", |machine| {
        let now = main_process(machine);
        now != "0" && now != before && is_active(machine)
    });
}

fn is_active(machine: &Container) -> bool {
    let state = machine
        .command(&["systemctl", "is-active", "--quiet", "bulla-agent"])
        .status();
    state.unwrap().success()
}

/// From a bare machine to a followed project.
fn follow(machine: &Container, world: &World) {
    let url = carry(&machine.host(), world.registry.address());
    machine.write("/etc/systemd/system/billing.service", SERVICE);
    machine.write("/usr/local/bin/activate", ACTIVATE);
    machine
        .run(&["chmod", "755", "/usr/local/bin/activate"])
        .done();
    machine.run(&["systemctl", "daemon-reload"]).done();
    machine
        .run(&["bulla-installer", "enroll", &url, &world.anchor])
        .done();
    machine
        .run(&["bulla-installer", "follow", PROJECT, "--channel", "prod"])
        .done();
    let file = machine.path("/etc/bulla/server.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        format!(
            "{text}user = \"root\"\n[project.\"{PROJECT}\".hooks]\nactivate = \
             [\"/usr/local/bin/activate\"]\n"
        ),
    )
    .unwrap();
    machine.run(&["bulla-installer", "config", "check"]).done();
}

/// Two servers, one set up by the package and one by `setup`, and what they follow.
struct Day {
    // Switched off before the world is removed, in whose directory their roots are mounted.
    by_package: Container,
    by_setup: Container,
    checkout: GitCheckout,
    world: World,
}

impl Day {
    fn begin() -> Self {
        let world = World::new();
        let checkout = world.git(PROJECT);
        let recipe = format!(
            "[bundle]\nproject = \"{PROJECT}\"\n\n[health]\nsystemd = \"billing.service\"\n\
             http = {{ url = \"http://127.0.0.1:8080/\", status = 200 }}\nsettle = \"100ms\"\n\
             window = \"4s\"\n"
        );
        checkout.write("bulla.toml", recipe);
        let machines = world.path("machines");
        Self {
            by_package: Container::boot(&machines, "web1", 1),
            by_setup: Container::boot(&machines, "web2", 2),
            checkout,
            world,
        }
    }

    fn both(&self) -> [&Container; 2] {
        [&self.by_package, &self.by_setup]
    }

    /// Releases a page that says `line`.
    fn release(&mut self, line: &str) -> String {
        self.checkout.commit_change(line);
        self.world.release(&self.checkout.path, PROJECT)
    }

    /// Releases a page, and waits until both servers serve it.
    #[track_caller]
    fn release_everywhere(&mut self, line: &str) -> String {
        let hash = self.release(line);
        for machine in self.both() {
            wait_until_live(machine, &hash, line);
        }
        hash
    }

    /// Has the release look for the service at another port.
    fn look_at_port(&mut self, port: u16) {
        let recipe = std::fs::read_to_string(self.checkout.path.join("bulla.toml")).unwrap();
        let (before, rest) = recipe.split_once("127.0.0.1:").unwrap();
        let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let recipe = format!("{before}127.0.0.1:{port}{rest}");
        self.checkout.write("bulla.toml", recipe);
    }

    fn set_up(&self) {
        install_package(&self.by_package, &packages(&self.world, "1.0.0"));
        let machine = &self.by_setup;
        std::fs::copy(installer(), machine.path("/usr/local/bin/bulla-installer")).unwrap();
        let unit = "/etc/systemd/system/bulla-agent.service";
        let setup = ["bulla-installer", "setup", "--dry-run"];
        let planned = machine.run(&setup).done().to_string();
        assert!(
            planned.contains(&format!("would write `{unit}`")),
            "{planned}"
        );
        assert!(!machine.path(unit).exists());
        let first = machine.run(&setup[..2]).done().to_string();
        assert!(first.contains(&format!("done: write `{unit}`")), "{first}");
        let again = machine.run(&setup[..2]).done().to_string();
        assert!(!again.contains("done: write"), "{again}");
    }

    fn look_at_units(&self) {
        for machine in self.both() {
            // It waits to be enrolled.
            machine.wait_for("the agent", is_active);
            machine.ask(&["getent", "group", "bulla"]);
            machine.ask(&["systemctl", "is-enabled", "bulla-agent.service"]);
            machine.ask(&["systemctl", "is-active", "bulla-verify.timer"]);
            for unit in ["bulla-agent.service", "bulla-verify.service"] {
                machine
                    .run(&["systemd-analyze", "security", "--threshold=30", unit])
                    .done();
                let file = property(machine, unit, "FragmentPath");
                machine
                    .run(&["systemd-analyze", "verify", "--man=no", &file])
                    .done();
            }
        }
    }

    /// What does not hold goes back by itself, once, and is not tried again.
    fn release_what_fails(&mut self, good: &str, line: &str) {
        self.look_at_port(8081);
        let bad = self.release("bad");
        for machine in self.both() {
            machine.wait_for("the return", |machine| {
                let status = ["bulla-installer", "status", PROJECT, "--json"];
                let status = machine.run(&status).done().json();
                status[0]["quarantine"][0]["hash"] == bad.as_str()
            });
            wait_until_live(machine, good, line);
        }
        self.look_at_port(8080);
    }

    /// A person holds one server; the other goes on.
    fn hold_one(&mut self, good: &str, line: &str) {
        let held = ["bulla-installer", "hold", PROJECT, "-m", "audit"];
        self.by_package.run(&held).done();
        let hash = self.release(line);
        wait_until_live(&self.by_setup, &hash, line);
        assert_eq!(live(&self.by_package).as_deref(), Some(good));
        let release = ["bulla-installer", "release", PROJECT];
        self.by_package.run(&release).done();
        self.by_package
            .run(&["systemctl", "reload", "bulla-agent"])
            .done();
        wait_until_live(&self.by_package, &hash, line);
    }

    /// An agent that dies, or is stuck, is replaced.
    fn lose_agents(&self) {
        let machine = &self.by_package;
        let before = main_process(machine);
        machine.run(&["kill", "-KILL", &before]).done();
        wait_for_another(machine, &before);
        let drop_in = "/etc/systemd/system/bulla-agent.service.d/watchdog.conf";
        machine.write(drop_in, "[Service]\nWatchdogSec=3s\nTimeoutAbortSec=1s\n");
        machine.run(&["systemctl", "daemon-reload"]).done();
        machine.run(&["systemctl", "restart", "bulla-agent"]).done();
        let before = main_process(machine);
        machine.run(&["kill", "-STOP", &before]).done();
        wait_for_another(machine, &before);
        std::fs::remove_file(machine.path(drop_in)).unwrap();
        machine.run(&["systemctl", "daemon-reload"]).done();
    }

    /// The power fails behind the switch, while a hook runs.
    fn lose_power(&mut self, line: &str) {
        self.by_package.write("/root/slow", "");
        let hash = self.release(line);
        self.by_package.wait_for("the switch", |machine| {
            live(machine).as_deref() == Some(&hash)
        });
        self.by_package.cut_power();
        std::fs::remove_file(self.by_package.path("/root/slow")).unwrap();
        self.by_package.switch_on();
        for machine in self.both() {
            wait_until_live(machine, &hash, line);
        }
    }

    /// Members of the group may ask the agent, others may not, and Prometheus has a file.
    fn look_from_outside(&self, hash: &str) {
        for machine in self.both() {
            machine.run(&["useradd", "--groups", "bulla", "ann"]).done();
            machine.run(&["useradd", "ben"]).done();
            let asked = |user: &str, arguments: &[&str]| {
                let program = ["runuser", "-u", user, "--", "bulla-installer"];
                machine.run(&[&program, arguments].concat())
            };
            let status = asked("ann", &["status", "--json"]).done().json();
            assert_eq!(status[0]["live"], hash, "{status}");
            let history = asked("ann", &["history", PROJECT, "--json"]).done().json();
            assert_eq!(history.as_array().unwrap().last().unwrap()["hash"], hash);
            asked("ann", &["history", PROJECT, "--output"]).refused("only root");
            asked("ben", &["status"]).fails(1, "does not answer at");
            // It can look, and change nothing.
            let held = asked("ann", &["hold", PROJECT, "-m", "mine"]);
            assert_ne!(held.status, Some(0), "{held}");

            machine.write("/var/lib/prometheus/empty", "");
            let file = machine.path("/etc/bulla/server.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            let metrics = "metrics = \"/var/lib/prometheus/bulla.prom\"\n";
            std::fs::write(&file, format!("{metrics}{text}")).unwrap();
            machine.run(&["bulla-installer", "setup"]).done();
            machine.wait_for("the file for Prometheus", |machine| {
                let text = std::fs::read_to_string(machine.path("/var/lib/prometheus/bulla.prom"));
                text.is_ok_and(|text| {
                    text.contains(&format!("hash=\"{hash}\"}} 1\n"))
                        && text.contains("bulla_behind{project=\"acme/billing\"} 0\n")
                })
            });
            let found = machine
                .run(&["bulla-installer", "doctor", "--json"])
                .done()
                .json();
            let found = found.as_array().unwrap();
            let is_failed = |step: &str| {
                found
                    .iter()
                    .any(|one| one["step"] == step && one["result"] != "ok")
            };
            assert!(!is_failed("agent") && !is_failed("disk"), "{found:#?}");
        }
    }

    /// People find in the journal what happened to a project.
    fn look_into_the_journal(&self, projects: &[&str]) {
        let machine = &self.by_package;
        for project in projects {
            let found = machine.run(&["journalctl", &format!("BULLA_PROJECT={project}")]);
            assert!(found.done().stdout.contains(project), "{project}");
            let arguments = [
                "journalctl",
                "--output=json",
                "--lines=1",
                &format!("BULLA_PROJECT={project}"),
                "BULLA_EVENT=installed",
            ];
            // Said once the checks of the last release have ended.
            wait_until(machine, "the fields in the journal", |machine| {
                let last = machine.run(&arguments).done().json();
                let is_hash = |field: &str| {
                    let hash = last[field].as_str();
                    hash.is_some_and(|hash| hash.starts_with("sha256:"))
                };
                last["BULLA_CHANNEL"] == "prod"
                    && last["PRIORITY"] == "6"
                    && is_hash("BULLA_HASH")
                    && is_hash("BULLA_PREVIOUS")
            });
        }
    }

    /// An upgrade keeps the agent at work, and a removal what is live.
    fn end(mut self) {
        let before = main_process(&self.by_package);
        install_package(&self.by_package, &packages(&self.world, "1.0.1"));
        wait_for_another(&self.by_package, &before);
        self.release_everywhere("last");
        for action in ["--remove", "--purge"] {
            self.by_package
                .run(&["dpkg", action, "bulla-installer"])
                .done();
        }
        let remove = ["bulla-installer", "setup", "--remove"];
        self.by_setup.run(&remove).done();
        let again = self.by_setup.run(&remove).done().to_string();
        assert!(again.contains("nothing is to be done"), "{again}");
        for machine in self.both() {
            let units = ["systemctl", "list-unit-files", "--no-legend", "bulla*"];
            let units = machine.run(&units);
            assert!(!units.stdout.contains("bulla-"), "{units}");
            assert!(!is_active(machine));
            assert_eq!(page(machine), "<h1>last</h1>");
            assert!(machine.path("/var/lib/bulla/projects").is_dir());
            assert!(machine.path("/etc/bulla/server.toml").is_file());
        }
    }
}

#[test]
fn servers_with_systemd_live_through_a_bad_day() {
    if !is_possible() {
        return;
    }
    let mut day = Day::begin();
    day.set_up();
    day.look_at_units();
    let first = day.release("one");
    for machine in day.both() {
        follow(machine, &day.world);
    }
    for machine in day.both() {
        wait_until_live(machine, &first, "one");
        machine
            .run(&["systemctl", "start", "bulla-verify.service"])
            .done();
    }
    let second = day.release_everywhere("two");
    day.release_what_fails(&second, "two");
    day.hold_one(&second, "three");
    day.lose_agents();
    day.lose_power("four");
    let fifth = rollout::roll_out(&mut day, "five");
    day.look_from_outside(&fifth);
    let mut projects = services::serve_more(&day.by_package, &day.world);
    projects.push(PROJECT);
    day.look_into_the_journal(&projects);
    day.end();
}
