//! Load: many clients that push, pull, fetch deltas, publish, promote and install at once, while content
//! is collected and the registry is killed and started again. What it has acknowledged must be there
//! afterwards, and no client may ever get other bytes than were pushed.
//!
//! What a client was not told to have succeeded counts for nothing, so that a kill at any moment is fair.

mod clients;
mod http;
mod ledger;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::{GitCheckout, Transcript, World};
use clients::Client;
pub use ledger::Figures;
use ledger::Ledger;

/// How long the work goes on at the most where some of it does not come about.
const MOST: Duration = Duration::from_mins(10);

/// How much of it there is.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Clients that speak HTTP themselves: three of eight push, four pull, one fetches deltas.
    pub clients: usize,
    /// Projects that are published, promoted and installed with the real programs.
    pub projects: usize,
    /// How often the registry is killed.
    pub kills: usize,
    /// How long it is left alone before that.
    pub between: Duration,
}

/// What all of them share.
struct Scene<'a> {
    world: &'a RwLock<World>,
    ledger: &'a Ledger,
    is_over: &'a AtomicBool,
}

/// Puts a registry under load, and checks what it holds then.
pub fn run(mut world: World, load: &Load) -> (World, Figures) {
    let projects: Vec<String> = (0..load.projects)
        .map(|n| format!("acme/load{n}"))
        .collect();
    let checkouts: Vec<_> = projects.iter().map(|name| world.git(name)).collect();
    let servers: Vec<_> = projects
        .iter()
        .map(|name| world.server(name.trim_start_matches("acme/")))
        .collect();
    let address = world.registry.address().to_owned();
    let token = world.token.clone();
    let ledger = Ledger::default();
    let is_over = AtomicBool::new(false);
    let shared = RwLock::new(world);
    let scene = Scene {
        world: &shared,
        ledger: &ledger,
        is_over: &is_over,
    };
    std::thread::scope(|threads| {
        let scene = &scene;
        for number in 0..load.clients {
            let client = Client::new(number as u64, &address, &token, scene.ledger);
            threads.spawn(move || scene.repeat(client, Client::work));
        }
        for (project, checkout) in projects.iter().zip(checkouts) {
            threads.spawn(move || {
                scene.repeat(checkout, |checkout| scene.publish(project, checkout));
            });
        }
        for (project, server) in projects.iter().zip(&servers) {
            threads.spawn(move || {
                scene.repeat((), |()| clients::install(scene.ledger, project, server));
            });
        }
        threads.spawn(move || {
            scene.repeat((), |()| {
                clients::collect(&reading(scene.world), scene.ledger);
            });
        });
        scene.kill(load);
        is_over.store(true, Ordering::SeqCst);
    });
    world = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    world.registry.keep(&["fsck"]).done();
    let mut client = Client::new(u64::MAX, &address, &token, &ledger);
    client.check_pushed();
    for (project, server) in projects.iter().zip(&servers) {
        let history = client.history(project);
        for hash in ledger.promoted(project) {
            assert!(history.contains(&hash), "{project}: {hash} is lost");
        }
        server.install(project, "prod").done();
        // One may have been promoted without its client being told.
        assert_eq!(server.live(project).as_ref(), history.first(), "{project}");
    }
    (world, ledger.figures())
}

impl Scene<'_> {
    /// Works until it is over.
    fn repeat<T>(&self, mut with: T, work: impl Fn(&mut T)) {
        // Whatever goes wrong in one thread ends all of them, and fails the test.
        let _ended = Ending(self.is_over);
        while !self.is_over.load(Ordering::SeqCst) {
            work(&mut with);
        }
    }

    /// Publishes a change and promotes it. Where one of both does not succeed, it is as if it had not
    /// been tried.
    fn publish(&self, project: &str, checkout: &mut GitCheckout) {
        checkout.commit_change(&format!("Release {}", fastrand::u64(..)));
        // The world is not held while they run, so that kills come in between.
        let mut publish = reading(self.world).publish_command(&checkout.path);
        let published = Transcript::of(&mut publish);
        let hash = published.last_line().to_owned();
        let is_promoted = published.status == Some(0) && {
            let mut promote = reading(self.world).promote_command(project, &hash, "prod");
            Transcript::of(&mut promote).status == Some(0)
        };
        if is_promoted {
            self.ledger.promote(project, hash);
        } else {
            self.ledger.count(|figures| figures.repeated += 1);
        }
    }

    /// Kills the registry again and again, and starts it again.
    fn kill(&self, load: &Load) {
        let began = Instant::now();
        for _ in 0..load.kills {
            self.pause(load.between);
            if self.is_over.load(Ordering::SeqCst) {
                return;
            }
            let mut world = writing(self.world);
            world.registry.kill();
            // Only where nothing serves may so much go.
            let grace = ["gc", "--grace", "2s", "--keep-unpromoted", "2s"];
            world.registry.keep(&grace).done();
            world.registry.start_again();
            drop(world);
            self.ledger.killed();
        }
        self.pause(load.between);
        // A machine may be slow: each kind of work must have come about.
        while !self.ledger.figures().has_everything() && !self.is_over.load(Ordering::SeqCst) {
            assert!(began.elapsed() < MOST, "{:?}", self.ledger.figures());
            self.pause(Duration::from_millis(200));
        }
    }

    fn pause(&self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time && !self.is_over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Says that it is over when its thread panics.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

fn reading(world: &RwLock<World>) -> RwLockReadGuard<'_, World> {
    world.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing(world: &RwLock<World>) -> RwLockWriteGuard<'_, World> {
    world.write().unwrap_or_else(PoisonError::into_inner)
}
