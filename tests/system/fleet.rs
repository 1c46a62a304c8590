//! Fifty servers that follow three projects through a network that cuts, delays and corrupts: all
//! of them come to the heads of the log, none ever serves a mixture, and `bulla where` says what is
//! on the disks.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread::{scope, sleep};
use std::time::Duration;

use bulla_tests::{ChaosProxy, Direction, Fault, GitCheckout, Program, Server, Transcript, World};

const SERVERS: usize = 50;
const PROJECTS: [&str; 3] = ["acme/billing", "acme/shop", "acme/search"];
/// Files of a release that all say which one it is.
const PARTS: usize = 12;
/// Agents at once.
const AT_ONCE: usize = 4;

/// Which version each release is of, by its hash.
type Versions = RwLock<HashMap<String, String>>;

/// A server whose agent looks when it is told to.
struct Host {
    name: String,
    server: Server,
    config: PathBuf,
    token: String,
}

impl Host {
    /// Writes a host file, which is all that a server needs.
    fn new(world: &World, number: usize, url: &str) -> Self {
        let name = format!("web{number:02}");
        let server = Server::new(&world.path("servers").join(&name), &world.home());
        let followed =
            PROJECTS.map(|project| format!("[project.\"{project}\"]\nchannel = \"prod\"\n"));
        let config = world.path(&format!("{name}.toml"));
        let text = format!(
            "name = \"{name}\"\nanchor = \"{}\"\n[[registry]]\nurl = \"{url}\"\n{}",
            world.anchor,
            followed.concat()
        );
        fs::write(&config, text).unwrap();
        let arguments = ["create", "--scope", "pull,report", "--host", &name];
        let token = world
            .registry
            .token(&arguments)
            .done()
            .last_line()
            .to_owned();
        Self {
            name,
            server,
            config,
            token,
        }
    }

    fn look(&self) -> Transcript {
        let mut command = self
            .server
            .command(Program::Installer, &["agent", "--once"]);
        command.arg("--config").arg(&self.config);
        Transcript::of(command.env("BULLA_TOKEN", &self.token))
    }

    fn live(&self) -> BTreeMap<&'static str, Option<String>> {
        let live = PROJECTS.map(|project| (project, self.server.live(project)));
        live.into_iter().collect()
    }

    /// Reads a live tree as whatever serves it would, through one look at `current`. Tells whether
    /// there was one that stayed until it was read.
    fn is_whole(&self, project: &str, versions: &Versions) -> bool {
        let Ok(tree) = File::open(self.server.project(project).join("current")) else {
            return false;
        };
        let tree = format!("/proc/self/fd/{}", tree.as_raw_fd());
        let read = |part: usize| fs::read_to_string(format!("{tree}/part-{part}.txt"));
        let parts: io::Result<Vec<String>> = (0..PARTS).map(read).collect();
        // Where it lies now: a tree that is no release's any more is not served.
        let (Ok(parts), Ok(place)) = (parts, fs::read_link(&tree)) else {
            return false;
        };
        let hash = format!("sha256:{}", place.file_name().unwrap().to_str().unwrap());
        let Some(version) = versions.read().unwrap().get(&hash).cloned() else {
            return false;
        };
        assert!(
            parts.iter().all(|part| *part == version),
            "{} serves a mixture as {version}: {parts:?}",
            self.name
        );
        true
    }
}

/// A project's checkout, and the next version of it.
struct Source {
    project: &'static str,
    checkout: GitCheckout,
    number: usize,
}

impl Source {
    fn new(world: &World, project: &'static str) -> Self {
        Self {
            project,
            checkout: world.git(project),
            number: 0,
        }
    }

    /// Publishes the next version, and returns its hash.
    fn publish(&mut self, world: &World, versions: &Versions) -> String {
        self.number += 1;
        let version = format!("{} {}\n", self.project, self.number);
        for part in 0..PARTS {
            self.checkout.write(&format!("part-{part}.txt"), &version);
        }
        self.checkout.commit(&version);
        let hash = world.publish(&self.checkout.path);
        versions.write().unwrap().insert(hash.clone(), version);
        hash
    }
}

/// What the network does one after the other, while releases are made.
fn faults() -> [Fault; 5] {
    [
        Fault::Truncate { after: 3000 },
        Fault::Corrupt { every: 2000 },
        Fault::Delay(Duration::from_millis(20)),
        Fault::Away {
            direction: Direction::FromRegistry,
            after: 200_000,
        },
        Fault::Corrupt { every: 700 },
    ]
}

fn roll_back(world: &World, project: &str) {
    let mut command = world.bulla_command();
    command.args(["rollback", "prod", "--project", project, "-m", "worse"]);
    command.args(["--yes", "--ssh-key"]);
    Transcript::of(command.arg(&world.alice.public_key)).done();
}

/// Publishes and promotes through all faults. Returns what each project is to be in the end.
fn make_releases(
    world: &World,
    sources: &mut [Source],
    versions: &Versions,
    proxy: &ChaosProxy,
) -> BTreeMap<&'static str, Option<String>> {
    let mut heads = BTreeMap::new();
    let mut faults = faults().into_iter().cycle();
    for round in 0..2 {
        for source in &mut *sources {
            proxy.set(faults.next().unwrap());
            let before = heads.get(source.project).cloned();
            let hash = source.publish(world, versions);
            world.promote(source.project, &hash, "prod");
            heads.insert(source.project, Some(hash));
            if let (1, "acme/shop", Some(before)) = (round, source.project, before) {
                roll_back(world, source.project);
                heads.insert(source.project, before);
            }
        }
    }
    heads
}

#[test]
fn fifty_servers_come_to_the_heads_of_the_log_and_none_ever_serves_a_mixture() {
    let world = World::new();
    let proxy = ChaosProxy::before(world.registry.address());
    let versions = Versions::default();
    let mut sources = PROJECTS.map(|project| Source::new(&world, project));
    for source in &mut sources {
        let hash = source.publish(&world, &versions);
        world.promote(source.project, &hash, "prod");
    }
    let hosts: Vec<Host> = (0..SERVERS)
        .map(|number| Host::new(&world, number, &proxy.url()))
        .collect();

    let (is_healed, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    let next = AtomicUsize::new(0);
    let looks = Mutex::new(0);
    let heads = scope(|threads| {
        let watching = threads.spawn(|| {
            let mut whole = 0;
            while !is_over.load(Ordering::Relaxed) {
                for host in &hosts {
                    let found = PROJECTS.map(|project| host.is_whole(project, &versions));
                    whole += found.into_iter().filter(|whole| *whole).count();
                }
                // Leaves the processors to the agents.
                sleep(Duration::from_millis(5));
            }
            whole
        });
        let agents: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                threads.spawn(|| {
                    // In turns, whatever comes of it, until the network works again.
                    while !is_healed.load(Ordering::Relaxed) {
                        let turn = next.fetch_add(1, Ordering::Relaxed);
                        hosts[turn % SERVERS].look();
                        *looks.lock().unwrap() += 1;
                    }
                })
            })
            .collect();
        let heads = make_releases(&world, &mut sources, &versions, &proxy);
        is_healed.store(true, Ordering::Relaxed);
        proxy.heal();
        for agent in agents {
            agent.join().unwrap();
        }
        // One look is enough then, whatever happened before.
        next.store(0, Ordering::Relaxed);
        let last: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                threads.spawn(|| {
                    while let Some(host) = hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        host.look().done();
                    }
                })
            })
            .collect();
        for agent in last {
            agent.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(watching.join().unwrap() > SERVERS * PROJECTS.len());
        heads
    });
    assert!(*looks.lock().unwrap() > 0);

    for host in &hosts {
        assert_eq!(host.live(), heads, "{}", host.name);
        for project in PROJECTS {
            assert!(host.is_whole(project, &versions), "{} {project}", host.name);
        }
    }
    let found = world.bulla(&["where", "--json"]).done().json();
    let mut said: BTreeMap<&str, BTreeMap<&str, Option<String>>> = BTreeMap::new();
    for item in found.as_array().unwrap() {
        assert_eq!(item["state"], "current", "{item}");
        let report = &item["report"];
        let live = report["live"].as_str().map(str::to_owned);
        let of_host = said.entry(item["host"].as_str().unwrap()).or_default();
        of_host.insert(report["project"].as_str().unwrap(), live);
    }
    let disks: BTreeMap<_, _> = hosts
        .iter()
        .map(|host| (host.name.as_str(), host.live()))
        .collect();
    assert_eq!(said, disks);
}
